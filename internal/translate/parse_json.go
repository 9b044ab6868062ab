package translate

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The walkers below pass over JSON without decoding it, so that what a client wrote keeps its
// order and its spelling. They expect valid JSON: of anything else they give what can be told
// apart, and never read outside of it.

// Fields yields the members of an object in the order of raw; nothing where raw is none.
func Fields(raw []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for key, value := range walk(raw) {
			if !yield(string(key), value) {
				return
			}
		}
	}
}

// walk yields the same, with keys that are parts of raw where they can be.
func walk(raw []byte) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		i := space(raw, 0)
		if i >= len(raw) || raw[i] != '{' {
			return
		}
		for i = space(raw, i+1); i < len(raw) && raw[i] == '"'; i = space(raw, i+1) {
			end := skip(raw, i)
			key := keyOf(raw[i:end])
			start := space(raw, end)
			if start >= len(raw) || raw[start] != ':' {
				return
			}
			start = space(raw, start+1)
			end = skip(raw, start)
			if end == start || !yield(key, raw[start:end:end]) {
				return
			}
			if i = space(raw, end); i >= len(raw) || raw[i] != ',' {
				return
			}
		}
	}
}

func keyOf(raw []byte) []byte {
	raw = bytes.TrimSuffix(raw[1:], []byte{'"'})
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return Unescape(make([]byte, 0, len(raw)), raw)
}

// Items yields the elements of an array; nothing where raw is none.
func Items(raw []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		i := space(raw, 0)
		if i >= len(raw) || raw[i] != '[' {
			return
		}
		for i = space(raw, i+1); i < len(raw) && raw[i] != ']'; i = space(raw, i+1) {
			end := skip(raw, i)
			if end == i || !yield(raw[i:end:end]) {
				return
			}
			if i = space(raw, end); i >= len(raw) || raw[i] != ',' {
				return
			}
		}
	}
}

// Field returns the first member of that name, or nil.
func Field(raw []byte, name string) json.RawMessage {
	var buf [12]member
	return open(buf[:0], raw).get(name)
}

// object is a JSON object taken apart.
type object []member

type member struct {
	key   []byte
	value json.RawMessage
}

// open appends the members of raw to o.
func open(o object, raw []byte) object {
	for key, value := range walk(raw) {
		o = append(o, member{key, value})
	}
	return o
}

// get returns the first member of that name, or nil.
func (o object) get(name string) json.RawMessage {
	for i := range o {
		if string(o[i].key) == name {
			return o[i].value
		}
	}
	return nil
}

// text returns the member of that name where it is a string.
func (o object) text(name string) string {
	s, _ := Text(o.get(name))
	return s
}

// Text decodes a string; ok is false where raw is none.
func Text(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return "", false
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	return string(Unescape(make([]byte, 0, len(raw)), raw)), true
}

// Unescape appends what stands between the quotes of a string, decoded. What is no escape stays as
// it is; half a surrogate pair becomes U+FFFD, as everywhere in Go.
func Unescape(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 == len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := unicodeEscape(raw)
			dst = utf8.AppendRune(dst, r)
			raw = raw[n:]
			continue
		}
		dst = append(dst, c)
	}
}

// unicodeEscape reads what follows a \u, and the second half of a pair behind it.
func unicodeEscape(raw []byte) (r rune, n int) {
	if r = hex4(raw); r < 0 {
		return utf8.RuneError, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		if whole := utf16.DecodeRune(r, hex4(raw[6:])); whole != utf8.RuneError {
			return whole, 10
		}
	}
	return utf8.RuneError, 4
}

// hex4 reads four hexadecimal digits; -1 = there are none.
func hex4(raw []byte) rune {
	if len(raw) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[:4]), 16, 32)
	if err != nil {
		return -1
	}
	return rune(n)
}

// word returns what a string holds, without a copy where it can be; nil where raw is none.
func word(raw []byte) []byte {
	if !Is(raw, '"') {
		return nil
	}
	return keyOf(raw)
}

// Is tells what raw is by its first byte: an object {, an array [, a string ".
func Is(raw []byte, first byte) bool { return len(raw) > 0 && raw[0] == first }

// Quote appends s as a JSON string. Only what JSON demands is escaped; what is not UTF-8 becomes
// U+FFFD.
func Quote(dst []byte, s string) []byte { return appendString(dst, s) }

// Compact appends raw without the white space between its tokens.
func Compact(dst []byte, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			end := skip(raw, i)
			dst = append(dst, raw[i:end]...)
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// space returns the index of the next byte that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skip returns the index after the value that begins at i.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipContainer(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ':', ' ', '\n', '\t', '\r', '"', '{', '[':
			return i
		}
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); {
		end := bytes.IndexByte(b[i:], '"')
		if end < 0 {
			return len(b)
		}
		i += end
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
	return i
}

func skipContainer(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}
