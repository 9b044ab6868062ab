package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errSyntax says that a line is not what the encoder writes.
var errSyntax = errors.New("not a journal record")

// maxNames bounds the texts a lexer remembers.
const maxNames = 4096

// maxDepth bounds how deep skipped values may be nested.
const maxDepth = 64

// lexer reads JSON as the encoder writes it, without reflection: the fold decodes every row.
// It is lenient where leniency costs nothing, since the checksum has vouched for the bytes;
// it never reads outside the line, whatever it is given.
type lexer struct {
	buf   []byte
	pos   int
	bad   bool
	names map[string]string // texts that repeat from row to row
	tmp   []byte
}

func newLexer(line []byte) *lexer {
	return &lexer{buf: line, names: make(map[string]string)}
}

func (x *lexer) reset(line []byte) { x.buf, x.pos, x.bad = line, 0, false }

// fail returns the error of a record that could not be decoded.
func (x *lexer) fail(r *Record) error {
	if !x.bad {
		return nil
	}
	return fmt.Errorf("decode %s record at %s+%d: %w", r.Kind, r.Segment, r.Start, errSyntax)
}

func (x *lexer) peek() byte {
	for x.pos < len(x.buf) {
		switch c := x.buf[x.pos]; c {
		case ' ', '\t', '\n', '\r':
			x.pos++
		default:
			return c
		}
	}
	return 0
}

// open steps into an object or a list, or past a null.
func (x *lexer) open(c byte) bool {
	switch x.peek() {
	case c:
		x.pos++
		return true
	case 'n':
		x.pos += len("null")
		return false
	}
	x.bad = true
	return false
}

// more tells whether another member follows before the end character, which it steps over.
func (x *lexer) more(end byte) bool {
	if x.bad {
		return false
	}
	c := x.peek()
	if c == ',' {
		x.pos++
		c = x.peek()
	}
	if c == end {
		x.pos++
		return false
	}
	if c == 0 {
		x.bad = true
		return false
	}
	return true
}

// key reads the name of a member and its colon.
func (x *lexer) key() []byte {
	k := x.bytes()
	if x.peek() != ':' {
		x.bad = true
		return nil
	}
	x.pos++
	return k
}

// bytes reads a string. The result is valid until the next call.
func (x *lexer) bytes() []byte {
	if x.peek() != '"' {
		x.bad = true
		return nil
	}
	x.pos++
	start := x.pos
	for x.pos < len(x.buf) {
		switch x.buf[x.pos] {
		case '"':
			x.pos++
			return x.buf[start : x.pos-1]
		case '\\':
			return x.unescape(start)
		}
		x.pos++
	}
	x.bad = true
	return nil
}

// unescape reads the rest of a string that holds escape sequences.
func (x *lexer) unescape(start int) []byte {
	out := append(x.tmp[:0], x.buf[start:x.pos]...)
	for x.pos < len(x.buf) {
		c := x.buf[x.pos]
		x.pos++
		switch c {
		case '"':
			x.tmp = out
			return out
		case '\\':
			out = x.escape(out)
		default:
			out = append(out, c)
		}
	}
	x.bad = true
	return nil
}

func (x *lexer) escape(out []byte) []byte {
	if x.pos >= len(x.buf) {
		x.bad = true
		return out
	}
	c := x.buf[x.pos]
	x.pos++
	switch c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'u':
		r := x.hex4()
		if utf16.IsSurrogate(r) && x.pos+1 < len(x.buf) && x.buf[x.pos] == '\\' && x.buf[x.pos+1] == 'u' {
			x.pos += 2
			r = utf16.DecodeRune(r, x.hex4())
		}
		return utf8.AppendRune(out, r)
	}
	return append(out, c)
}

func (x *lexer) hex4() rune {
	if x.pos+4 > len(x.buf) {
		x.bad = true
		return utf8.RuneError
	}
	v, err := strconv.ParseUint(string(x.buf[x.pos:x.pos+4]), 16, 32)
	if err != nil {
		x.bad = true
		return utf8.RuneError
	}
	x.pos += 4
	return rune(v)
}
