package openai

import (
	"bytes"
	"slices"
	"strings"

	"prism/internal/translate"
)

// alike is the event that was read last, as far as the next one usually says the same. Most events
// of an answer differ in the text that they bring, in their number and in the padding that OpenAI
// adds: such an event is known without reading all of it.
type alike struct {
	on   bool
	gaps gaps
	text [maxGaps + 1][]byte // what stands around the gaps
	head []byte              // of the event up to the first gap, in a stream

	data   []byte // of the event that was matched last, to its end
	number int    // where the first of its numbers that count begins; -1 = it has none
	raw    []byte // the string that it brings: what stands between its quotes
	quoted translate.Quoted
	same   bool // quoted is that string
	slab   slab
}

// maxGaps is how many parts of an event may differ from those of the last one.
const maxGaps = 16

// gapKind is what stands in a gap.
type gapKind int

const (
	gapText    gapKind = iota + 1 // the string that counts
	gapPadding                    // any string
	gapNumber                     // one that counts
	gapDigits                     // any number
)

// gaps are the places of an event where something else may stand, in order.
type gaps struct {
	list [maxGaps]gap
	n    int // more than maxGaps: there are too many
}

type gap struct {
	kind       gapKind
	start, end int
}

// add notes that a value begins at a place. Of a string, its quotes are no part of the gap.
func (g *gaps) add(kind gapKind, at int, v []byte) {
	quoted := kind == gapText || kind == gapPadding
	if len(v) == 0 || (v[0] == '"') != quoted {
		return
	}
	one := gap{kind, at, at + len(v)}
	if quoted {
		one.start, one.end = one.start+1, one.end-1
	}
	if g.n < maxGaps {
		i := g.n
		for ; i > 0 && g.list[i-1].start > at; i-- {
			g.list[i] = g.list[i-1]
		}
		g.list[i] = one
	}
	g.n++
}

// addNumbers notes the digits in a value that begins at a place.
func (g *gaps) addNumbers(at int, v []byte) {
	for i := 0; i < len(v); i++ {
		if n := digits(v[i:]); n > 0 {
			g.add(gapNumber, at+i, v[i:i+n])
			i += n
		}
	}
}

func (g *gaps) has(kind gapKind) bool {
	return slices.ContainsFunc(g.list[:min(g.n, maxGaps)], func(one gap) bool { return one.kind == kind })
}

// learn remembers an event that brings a text. data is all of it, and must be one line: a line break
// in a stream means something else than one that joins two lines.
func (a *alike) learn(name, data []byte, g *gaps) {
	if a.on = g.n <= maxGaps && g.has(gapText) && bytes.IndexByte(data, '\n') < 0; !a.on {
		return
	}
	a.gaps = *g
	at := 0
	for i, one := range a.gaps.list[:a.gaps.n] {
		a.text[i] = append(a.text[i][:0], data[at:one.start]...)
		at = one.end
	}
	a.text[a.gaps.n] = append(a.text[a.gaps.n][:0], data[at:]...)
	if a.head = a.head[:0]; len(name) > 0 {
		a.head = append(append(append(a.head, "event: "...), name...), '\n')
	}
	a.head = append(append(a.head, "data: "...), a.text[0]...)
}

// event takes an event that a stream goes on with, and returns what follows it.
func (a *alike) event(p []byte) (rest []byte, ok bool) {
	if !a.on || !bytes.HasPrefix(p, a.head) {
		return nil, false
	}
	n := a.match(p, len(a.head))
	if n < 0 || !bytes.HasPrefix(p[n:], []byte("\n\n")) {
		return nil, false
	}
	return p[n+2:], true
}

// whole tells whether data is that of an event like the last one.
func (a *alike) whole(data []byte) bool {
	return a.on && bytes.HasPrefix(data, a.text[0]) && a.match(data, len(a.text[0])) == len(data)
}

// match returns where the event ends whose first gap is at n; -1 = it is not like the last one.
func (a *alike) match(p []byte, n int) int {
	a.number = -1
	for i := range a.gaps.n {
		length := 0
		switch kind := a.gaps.list[i].kind; kind {
		case gapText, gapPadding:
			length = a.string(kind, p[n:])
		default:
			if length = digits(p[n:]); kind == gapNumber && a.number < 0 {
				a.number = n
			}
		}
		if length < 0 {
			return -1
		}
		n += length
		if !bytes.HasPrefix(p[n:], a.text[i+1]) {
			return -1
		}
		n += len(a.text[i+1])
	}
	a.data = p[:n]
	return n
}

// string returns how long a string is, and takes it where it is the one that counts; -1 = there is
// none.
func (a *alike) string(kind gapKind, b []byte) int {
	quoted, same := translate.ReadQuoted(b)
	n := len(quoted.Raw)
	if !same {
		n = lineEndOfString(b)
	}
	if kind == gapText && n >= 0 {
		a.raw, a.quoted, a.same = b[:n], quoted, same
	}
	return n
}

// said is what the string of the event that was matched last says.
func (a *alike) said() string { return a.slab.unquote(a.raw) }

// lineEndOfString does what endOfString does for a string that ends in its line. A string has no line
// breaks: one that has goes on in another event.
func lineEndOfString(b []byte) int {
	n := endOfString(b)
	if n >= 0 && bytes.ContainsAny(b[:n], "\r\n") {
		return -1
	}
	return n
}

// digits is how many digits b begins with; -1 = it begins with none.
func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n == 0 {
		return -1
	}
	return n
}

// slab cuts the strings of deltas, which are short and many, from larger pieces of memory.
type slab struct {
	piece   strings.Builder
	scratch []byte
}

const slabSize = 4 << 10

// unquote does what the function of this name does.
func (s *slab) unquote(raw []byte) string {
	if len(raw) > slabSize/8 {
		return unquote(raw)
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		s.scratch = translate.Unescape(s.scratch[:0], raw)
		raw = s.scratch
	}
	if s.piece.Cap()-s.piece.Len() < len(raw) {
		s.piece = strings.Builder{}
		s.piece.Grow(slabSize)
	}
	start := s.piece.Len()
	s.piece.Write(raw)
	return s.piece.String()[start:]
}
