package openai

import "strings"

// balance follows the brackets of JSON that comes in pieces.
type balance struct {
	depth           int
	quoted, escaped bool
	closed          bool // an outermost bracket was closed
}

func (b *balance) feed(s string) {
	if b.quoted && !b.escaped && strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\\') < 0 {
		return // it goes on within a string, as most pieces do
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped = c == '\\'
			b.quoted = c != '"'
		case c == '"':
			b.quoted = true
		case c == '{', c == '[':
			b.depth++
		case c == '}', c == ']':
			b.depth--
			b.closed = b.closed || b.depth == 0
		}
	}
}

// whole tells whether all brackets are closed.
func (b *balance) whole() bool { return b.closed && b.depth == 0 && !b.quoted }
