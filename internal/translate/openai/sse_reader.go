package openai

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"prism/internal/translate"
)

// reader reads JSON from left to right without building anything. What a provider sends is of a
// thousand makes: a field may be of another type than the specification says, and such a value is
// passed over instead of refusing all of it. It follows strings and brackets and is no validator;
// numbers and words are not looked at, NaN included.
type reader struct {
	b    []byte
	i    int
	from int  // where the value begins that was read last
	bad  bool // this is not JSON: nothing more is read
}

// peek returns the first byte of what comes next, or 0 at the end.
func (r *reader) peek() byte {
	for r.i < len(r.b) {
		switch c := r.b[r.i]; c {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return c
		}
	}
	return 0
}

// more tells whether another value follows the one that was read.
func (r *reader) more() bool { return !r.bad && r.peek() != 0 }

// enter steps into an object or an array. Any other value is passed over, and false returned.
func (r *reader) enter(bracket byte) bool {
	if r.bad {
		return false
	}
	if r.peek() != bracket {
		r.skip()
		return false
	}
	r.i++
	return true
}

// key reads the next key of an object and goes to its value, which must be read or skipped. At the
// end of the object it steps out of it and returns nil.
func (r *reader) key() []byte {
	if !r.separate('}') {
		return nil
	}
	if r.peek() != '"' {
		r.bad = true
		return nil
	}
	key := r.quoted()
	if r.peek() != ':' {
		r.bad = true
		return nil
	}
	r.i++
	if key == nil {
		return []byte{}
	}
	return key
}

// item goes to the next value of an array. At its end it steps out of it and returns false.
func (r *reader) item() bool { return r.separate(']') }

// separate passes a comma. At the closing bracket it passes that and returns false. It does not
// insist on commas.
func (r *reader) separate(bracket byte) bool {
	if r.bad {
		return false
	}
	c := r.peek()
	if c == ',' {
		r.i++
		c = r.peek()
	}
	switch c {
	case bracket:
		r.i++
		return false
	case 0, ']', '}':
		r.bad = true
		return false
	}
	return true
}

// quoted reads a string and returns what stands between its quotes.
func (r *reader) quoted() []byte {
	start := r.i + 1
	n := endOfString(r.b[start:])
	if n < 0 {
		r.bad = true
		return nil
	}
	r.i = start + n + 1
	return r.b[start : start+n]
}

// endOfString returns where the string that p is inside of ends, or -1.
func endOfString(p []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(p[i:], '"')
		if n < 0 {
			return -1
		}
		end, slashes := i+n, 0
		for end-slashes > i && p[end-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end
		}
		i = end + 1
	}
}

// skip passes over a value.
func (r *reader) skip() {
	depth := 0
	for !r.bad {
		switch c := r.peek(); c {
		case 0:
			r.bad = true
		case '"':
			r.quoted()
		case '{', '[':
			r.i++
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				r.bad = true
				return
			}
			r.i++
			depth--
		case ',', ':':
			if depth == 0 {
				r.bad = true
				return
			}
			r.i++
			continue
		default:
			r.word()
		}
		if depth == 0 {
			return
		}
	}
}

// word passes over a number, true, false, null, or something like them.
func (r *reader) word() []byte {
	start := r.i
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\n', '\r', ',', ':', ']', '}', '"', '{', '[':
			return r.b[start:r.i]
		}
		r.i++
	}
	return r.b[start:r.i]
}

// value returns the bytes of a value; nil where it is null.
func (r *reader) value() []byte {
	r.peek()
	r.from = r.i
	r.skip()
	if v := r.b[r.from:r.i]; !r.bad && string(v) != "null" {
		return v
	}
	return nil
}

// string reads a string; a value of another type is none.
func (r *reader) string() string { return words(r.value()) }

// int reads a whole number, also one that stands in a string. ok is false where there is none.
func (r *reader) int() (n int64, ok bool) { return wholeNumber(r.value()) }

// words returns the string that v is; a value of another type is none.
func words(v []byte) string {
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	return unquote(v[1 : len(v)-1])
}

// wholeNumber reads a number of tokens or an index.
func wholeNumber(v []byte) (n int64, ok bool) {
	if len(v) > 1 && v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(string(v), 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), true
	}
	return 0, false
}

// said returns what a value says in words: a string as it is, anything else as JSON without the
// spaces in it, null as nothing.
func said(v []byte) string {
	if len(v) > 1 && v[0] == '"' {
		return unquote(v[1 : len(v)-1])
	}
	var b bytes.Buffer
	if json.Compact(&b, v) == nil {
		return b.String()
	}
	return string(v)
}

// unquote decodes what stands between the quotes of a string.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(translate.Unescape(make([]byte, 0, len(raw)), raw))
}
