package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Errors of [Peek].
var (
	ErrNotObject = errors.New("not a JSON object")
	ErrSyntax    = errors.New("not valid JSON")
	ErrDuplicate = errors.New("a field occurs twice")
)

// members walks the members of one JSON object from left to right, without allocating and
// without decoding what it passes. It checks that strings end and brackets balance, which is
// enough to find the members of every valid object; it is not a validator.
type members struct {
	b    []byte
	i    int
	more bool // a member was read: a comma or the end must follow
	ttl  ttls // what the cache_control marks inside the values said
	err  error
}

// walk begins at the object that b holds.
func walk(b []byte) members {
	w := members{b: b}
	if w.space() != '{' {
		w.err = ErrNotObject
	}
	w.i++
	return w
}

// next returns the key, decoded, and where its value is: b[start:end]. At the end of the object,
// or of what can be understood of it (err), ok is false.
func (w *members) next() (key []byte, start, end int, ok bool) {
	if key, ok = w.key(); !ok {
		return nil, 0, 0, false
	}
	start = w.i
	if !w.pass() {
		return nil, 0, 0, false
	}
	return key, start, w.i, true
}

// key reads the next key and goes to the start of its value.
func (w *members) key() ([]byte, bool) {
	if w.err != nil {
		return nil, false
	}
	c := w.space()
	if c == '}' {
		w.i++
		if w.space(); w.i < len(w.b) {
			w.err = ErrSyntax
		}
		return nil, false
	}
	if w.more {
		if c != ',' {
			return w.fail()
		}
		w.i++
		c = w.space()
	}
	if c != '"' {
		return w.fail()
	}
	end := endOfString(w.b, w.i)
	if end < 0 {
		return w.fail()
	}
	key := w.b[w.i+1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		name, valid := unquote(w.b[w.i:end])
		if !valid {
			return w.fail()
		}
		key = []byte(name)
	}
	w.i = end
	if w.space() != ':' {
		return w.fail()
	}
	w.i++
	w.space()
	return key, true
}

// pass goes to the end of the value at i.
func (w *members) pass() bool {
	end := w.value()
	if end < 0 {
		w.err = ErrSyntax
		return false
	}
	w.i, w.more = end, true
	return true
}

func (w *members) fail() ([]byte, bool) {
	w.err = ErrSyntax
	return nil, false
}

// space skips white space and returns the byte after it, or 0 at the end.
func (w *members) space() byte {
	for w.i < len(w.b) {
		switch c := w.b[w.i]; c {
		case ' ', '\t', '\n', '\r':
			w.i++
		default:
			return c
		}
	}
	return 0
}

// value returns the index after the value at i, or -1.
func (w *members) value() int {
	if w.i >= len(w.b) {
		return -1
	}
	switch w.b[w.i] {
	case '"':
		return endOfString(w.b, w.i)
	case '{', '[':
		return w.container()
	default:
		return endOfScalar(w.b, w.i)
	}
}

// container returns the index after the object or array at i, or -1. It is where the bulk of
// a body is passed, and so it also looks for the marks of prompt caching.
func (w *members) container() int {
	b, depth := w.b, 0
	for i := w.i; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := endOfString(b, i)
			if end < 0 {
				return -1
			}
			if end-i == len(`"cache_control"`) && string(b[i+1:end-1]) == "cache_control" {
				w.ttl |= markedTTL(b[end:])
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// endOfString returns the index after the string whose opening quote is b[i], or -1.
func endOfString(b []byte, i int) int {
	n, closed, _ := restOfString(b[i+1:], false)
	if !closed {
		return -1
	}
	return i + 1 + n + 1
}

// escaped tells whether the byte after the string bytes b is escaped: an odd number of
// backslashes precedes it. If they fill b, carry says whether b's own first byte is escaped.
func escaped(b []byte, carry bool) bool {
	i := len(b)
	for i > 0 && b[i-1] == '\\' {
		i--
	}
	odd := (len(b)-i)%2 == 1
	return odd != (carry && i == 0)
}

// restOfString returns how many of b's bytes belong to the JSON string that b continues, and
// whether its closing quote follows them. If not, next says whether the byte after b is escaped;
// carry is that of the bytes before.
func restOfString(b []byte, carry bool) (n int, closed, next bool) {
	for i := 0; ; {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return len(b), false, escaped(b[i:], carry)
		}
		if !escaped(b[i:i+q], carry) {
			return i + q, true, false
		}
		i += q + 1
		carry = false
	}
}

// endOfScalar returns the index after the number, true, false or null at b[i], or -1.
func endOfScalar(b []byte, i int) int {
	end := i
	for end < len(b) && ('a' <= b[end] && b[end] <= 'z' || isNumeric(b[end])) {
		end++
	}
	switch string(b[i:end]) {
	case "true", "false", "null":
		return end
	}
	for _, c := range b[i:end] {
		if !isNumeric(c) {
			return -1
		}
	}
	if end == i {
		return -1
	}
	return end
}

// isNumeric tells whether c may stand in a number.
func isNumeric(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// member returns the bytes of the value of one member, or nil.
func member(object []byte, name string) []byte {
	w := walk(object)
	for {
		key, start, end, ok := w.next()
		if !ok {
			return nil
		}
		if string(key) == name {
			return object[start:end]
		}
	}
}

// unquote decodes a JSON string with its quotes; false means that it is none.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if s, ok := unescape(raw[1 : len(raw)-1]); ok {
		return s, true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// unescape decodes the inside of a JSON string if that is simple: valid UTF-8 and no escapes of
// more than two characters.
func unescape(b []byte) (string, bool) {
	if !utf8.Valid(b) {
		return "", false
	}
	i := bytes.IndexByte(b, '\\')
	if i < 0 {
		return string(b), true
	}
	var out strings.Builder
	for out.Grow(len(b)); i >= 0; i = bytes.IndexByte(b, '\\') {
		if i+1 == len(b) {
			return "", false
		}
		n := strings.IndexByte(`"\/bfnrt`, b[i+1])
		if n < 0 {
			return "", false
		}
		out.Write(b[:i])
		out.WriteByte("\"\\/\b\f\n\r\t"[n])
		b = b[i+2:]
	}
	out.Write(b)
	return out.String(), true
}
