package ledger

import (
	"strconv"
	"time"

	"prism/internal/stream"
)

// text reads a string or null.
func (x *lexer) text() string {
	if x.null() {
		return ""
	}
	return string(x.bytes())
}

// name reads a string that is likely to come again, without allocating it anew.
func (x *lexer) name() string {
	if x.null() {
		return ""
	}
	b := x.bytes()
	if s, ok := x.names[string(b)]; ok {
		return s
	}
	if len(x.names) >= maxNames {
		clear(x.names)
	}
	s := string(b)
	x.names[s] = s
	return s
}

func (x *lexer) null() bool {
	if x.peek() == 'n' {
		x.pos += len("null")
		return true
	}
	return false
}

// token reads a number or a word.
func (x *lexer) token() []byte {
	x.peek()
	start := x.pos
	for x.pos < len(x.buf) {
		switch x.buf[x.pos] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return x.buf[start:x.pos]
		}
		x.pos++
	}
	return x.buf[min(start, len(x.buf)):]
}

func (x *lexer) int() int64 {
	t := x.token()
	neg := len(t) > 0 && t[0] == '-'
	if neg {
		t = t[1:]
	}
	var v uint64
	for _, c := range t {
		if c < '0' || c > '9' || v > (1<<63)/10 {
			x.bad = true
			return 0
		}
		v = v*10 + uint64(c-'0')
	}
	if len(t) == 0 {
		x.bad = true
	}
	if neg {
		return -int64(v)
	}
	return int64(v)
}

func (x *lexer) count() stream.Count {
	if x.null() {
		return stream.Unknown
	}
	return stream.Count(max(x.int(), int64(stream.Unknown)))
}

func (x *lexer) bool() bool {
	t := x.token()
	return string(t) == "true"
}

func (x *lexer) share() float64 {
	v, err := strconv.ParseFloat(string(x.token()), 64)
	if err != nil {
		x.bad = true
		return -1
	}
	return v
}

// money reads dollars with up to ten decimals.
func (x *lexer) money() Money {
	if x.null() {
		return NoMoney
	}
	b := x.bytes()
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	var v uint64
	decimals := -1
	for _, c := range b {
		switch {
		case c == '.' && decimals < 0:
			decimals = 0
		case c >= '0' && c <= '9' && decimals < 10 && v <= (1<<63)/10:
			v = v*10 + uint64(c-'0')
			if decimals >= 0 {
				decimals++
			}
		default:
			x.bad = true
			return NoMoney
		}
	}
	for decimals = max(decimals, 0); decimals < 10 && v <= (1<<63)/10; decimals++ {
		v *= 10
	}
	if neg {
		return Money(-int64(v))
	}
	return Money(v)
}

// time reads an instant as the encoder writes it, else in any form of RFC 3339.
func (x *lexer) time() time.Time {
	if x.null() {
		return time.Time{}
	}
	b := x.bytes()
	if len(b) == len("2006-01-02T15:04:05.000000Z") && b[26] == 'Z' {
		t := time.Date(digits(b[0:4]), time.Month(digits(b[5:7])), digits(b[8:10]),
			digits(b[11:13]), digits(b[14:16]), digits(b[17:19]), digits(b[20:26])*1000, time.UTC)
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		x.bad = true
	}
	return t.UTC()
}

func digits(b []byte) int {
	v := 0
	for _, c := range b {
		v = v*10 + int(c-'0')
	}
	return v
}

// raw reads any value and returns its bytes.
func (x *lexer) raw() []byte {
	x.peek()
	start := x.pos
	x.skip(0)
	return x.buf[min(start, len(x.buf)):min(x.pos, len(x.buf))]
}

// skip steps over any value.
func (x *lexer) skip(depth int) {
	if depth > maxDepth {
		x.bad = true
		return
	}
	switch x.peek() {
	case '"':
		x.bytes()
	case '{':
		x.pos++
		for x.more('}') {
			x.key()
			x.skip(depth + 1)
		}
	case '[':
		x.pos++
		for x.more(']') {
			x.skip(depth + 1)
		}
	default:
		if len(x.token()) == 0 {
			x.bad = true
		}
	}
}

func (x *lexer) texts(into []string) []string {
	into = into[:0]
	if !x.open('[') {
		return into
	}
	for x.more(']') {
		into = append(into, x.name())
	}
	return into
}
