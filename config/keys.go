package config

import (
	"math"
	"regexp"
	"strings"
)

var (
	// secretField matches a field that holds a secret, up to its value.
	secretField = regexp.MustCompile(`(?:^|[\s{,"'-])(?:api_key|client_token)["']?\s*:\s*(\S)`)
	// secretKey matches the name of such a field.
	secretKey = regexp.MustCompile(`(?:^|[\s{,"'-])(?:api_key|client_token)["']?\s*:`)
	// knownKey matches the shapes of keys that providers hand out.
	knownKey = regexp.MustCompile(`\b(?:sk-(?:ant-)?|sk_|xai-|gsk_|AIza|AKIA|ghp_|github_pat_|eyJ|AGE-SECRET-KEY-1)[A-Za-z0-9_.\-]{12,}`)
	// word matches what may be a key without a known shape.
	word = regexp.MustCompile(`[A-Za-z0-9_+/\-]{32,}={0,2}`)
	// userInfo matches the name and password in a URL.
	userInfo = regexp.MustCompile(`://[^/\s@]*@`)
	// sealedText matches what sops made of a value or a comment.
	sealedText = regexp.MustCompile(`ENC\[[^\]\s]*\]`)
)

// keyIn returns the first thing in text that looks like a key, or "".
func keyIn(text string) string {
	text = sealedText.ReplaceAllString(text, "")
	if key := knownKey.FindString(text); key != "" {
		return key
	}
	for _, w := range word.FindAllString(text, -1) {
		if looksRandom(w) {
			return w
		}
	}
	return ""
}

// keyPrefix is what may be shown of a key so that the user finds it: sk-ant-….
func keyPrefix(key string) string {
	if strings.HasPrefix(key, "sk-ant-") {
		return "sk-ant-…"
	}
	return key[:3] + "…"
}

// redactKeys replaces what looks like a key.
func redactKeys(text string) string {
	text = sealedText.ReplaceAllString(text, "ENC[…]")
	text = userInfo.ReplaceAllString(text, "://"+redacted+"@")
	text = knownKey.ReplaceAllString(text, redacted)
	return word.ReplaceAllStringFunc(text, func(w string) string {
		if looksRandom(w) {
			return redacted
		}
		return w
	})
}

// looksRandom tells whether w has the mix and the entropy of a generated key: words, paths
// and age recipients (lower case only) do not.
func looksRandom(w string) bool {
	var digits, lower, upper int
	var counts [128]int
	for i := range len(w) {
		c := w[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z':
			lower++
		case c >= 'A' && c <= 'Z':
			upper++
		}
		counts[c&127]++
	}
	if digits < 3 || lower+upper < 3 {
		return false
	}
	if upper == 0 && strings.HasPrefix(w, "age1") {
		return false
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(w))
			bits -= p * math.Log2(p)
		}
	}
	return bits > 3.5 && (upper > 0 && lower > 0 || isHex(w))
}

func isHex(w string) bool {
	return strings.Trim(w, "0123456789abcdef") == "" || strings.Trim(w, "0123456789ABCDEF") == ""
}

// show quotes a value of the file for a message: short, printable, and without keys.
func show(text string) string {
	text = redactKeys(text)
	runes := []rune(text)
	if len(runes) > 60 {
		runes = append(runes[:60:60], '…')
	}
	return quote(string(runes))
}
