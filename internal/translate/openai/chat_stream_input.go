package openai

import (
	"hash/crc32"

	"prism/internal/translate"
)

// toolInput is the input of a tool call as far as it has come. What was written is not kept: its
// length and its checksum tell whether it comes once more.
type toolInput struct {
	waits   []byte // all of it, until it is written
	sent    bool
	size    int
	sum     uint32
	balance balance
	scratch []byte
}

func (in *toolInput) add(s []byte) {
	in.balance.feed(s)
	in.keep(s)
}

// addQuoted adds a string as it stands in JSON. Where nothing is escaped in it, no quote ends a
// string that it goes on with.
func (in *toolInput) addQuoted(q *translate.Quoted) {
	switch raw := q.Raw; {
	case q.Size != len(raw):
		in.scratch = translate.Unescape(in.scratch[:0], raw)
		in.add(in.scratch)
	case in.balance.quoted && !in.balance.escaped:
		in.keep(raw)
	default:
		in.add(raw)
	}
}

func (in *toolInput) keep(s []byte) {
	in.size += len(s)
	in.sum = crc32.Update(in.sum, crc32.MakeTable(crc32.Castagnoli), s)
	if !in.sent {
		in.waits = append(in.waits, s...)
	}
}

// take returns what waits, as it is written now.
func (in *toolInput) take() string {
	s := string(in.waits)
	in.sent, in.waits = true, nil
	return s
}

// is tells whether s is the input.
func (in *toolInput) is(s []byte) bool {
	return len(s) == in.size && crc32.Checksum(s, crc32.MakeTable(crc32.Castagnoli)) == in.sum
}

// nothing tells that there is no input so far, in whatever words. It may be all there is, so it is
// not written before the end.
func (in *toolInput) nothing() bool {
	switch string(in.waits) {
	case "", "{}", "null":
		return !in.sent
	}
	return false
}

// whole tells whether the input has come to its end.
func (in *toolInput) whole() bool { return in.balance.whole() }

// balance follows the brackets of JSON that comes in pieces.
type balance struct {
	depth           int
	quoted, escaped bool
	closed          bool // an outermost bracket was closed
}

func (b *balance) feed(s []byte) {
	for _, c := range s {
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
