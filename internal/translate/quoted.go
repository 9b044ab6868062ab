package translate

import (
	"math/bits"
	"unicode/utf8"
)

// Quoted is a string as it stands in JSON, in the spelling of this package: it is written as it is.
type Quoted struct {
	Raw  []byte // what stands between the quotes
	Size int    // of what it says, in bytes
}

// ReadQuoted reads a string up to the quote behind it. ok is false where this package would spell it
// otherwise, and where the quote does not come.
func ReadQuoted(b []byte) (q Quoted, ok bool) {
	escapes := 0
	for i := unescaped(b); i < len(b); i += unescaped(b[i:]) {
		switch c := b[i]; {
		case c == '"':
			return Quoted{b[:i], i - escapes}, true
		case c == '\\' && i+1 < len(b) && short(b[i+1]):
			escapes++
			i += 2
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return Quoted{}, false
			}
			i += n
		default:
			return Quoted{}, false
		}
	}
	return Quoted{}, false
}

// short tells whether an escape is one that [appendEscape] writes with this letter.
func short(c byte) bool {
	switch c {
	case '"', '\\', 'n', 't', 'r':
		return true
	}
	return false
}

// unescaped returns how many bytes of ASCII s begins with that stand for themselves in JSON. Most of
// an answer is of that kind, so they are looked at eight at a time.
func unescaped[T string | []byte](s T) int {
	const ones = 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		p := s[i : i+8]
		x := uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 |
			uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
		quote, slash := x^ones*'"', x^ones*'\\'
		// The highest bit of a byte is set where it was, or where subtracting made it negative. The
		// lowest such bit is right; above it, a borrow may have set others.
		if odd := ((x - ones*' ') | (quote - ones) | (slash - ones) | x) & (ones << 7); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// TextQuoted does what [Writer.Text] does, where there is nothing to think about: q goes on with what is
// being written. Else it does nothing and returns false.
func (w *Writer) TextQuoted(q *Quoted) bool { return w.quoted(w.current(blockText), q) }

// ThinkingQuoted is for thinking what [Writer.TextQuoted] is for text.
func (w *Writer) ThinkingQuoted(q *Quoted) bool { return w.quoted(w.current(blockThinking), q) }

// ArgsQuoted is for the input of a tool call what [Writer.TextQuoted] is for text.
func (w *Writer) ArgsQuoted(key int, q *Quoted) bool { return w.quoted(w.tools[key], q) }

func (w *Writer) quoted(b *block, q *Quoted) bool {
	if b == nil || b.over || b.delta == nil || len(q.Raw) == 0 || w.closed() || w.lead != "" || len(w.stops.stops) > 0 {
		return false
	}
	w.written += int64(q.Size)
	w.out = append(append(append(w.out, b.delta...), q.Raw...), deltaEnd...)
	return true
}
