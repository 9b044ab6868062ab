package simulator

import (
	"encoding/base64"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string, with nothing escaped that need not be: text beyond
// ASCII stays as it is, so that streams carry runes that a chunk may cut in two.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}

// quoted returns s as a JSON string.
func quoted(s string) string { return string(appendString(make([]byte, 0, len(s)+8), s)) }

// signatureOf makes the signature of a thinking block. It names its maker, so that a simulator
// can refuse the signatures of another one, as providers do.
func signatureOf(server, text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum(nil)
	return base64.StdEncoding.EncodeToString(append([]byte("sim1:"+server+":"), sum...))
}

// signedBy tells whether signature was made by the simulator of that name.
func signedBy(server, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && strings.HasPrefix(string(raw), "sim1:"+server+":")
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendID appends n characters that look random. The first 11 are a bijection of seq, so ids
// of 11 characters and more are unique.
func appendID(dst []byte, seed, seq uint64, n int) []byte {
	x := seq ^ seed
	for i := range n {
		if i%11 == 0 {
			seq = mix(x + uint64(i))
			x = seq
		}
		dst = append(dst, alphabet[x%62])
		if x /= 62; i%11 == 10 {
			x = seq
		}
	}
	return dst
}

// mix is the finaliser of splitmix64, a bijection of 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
