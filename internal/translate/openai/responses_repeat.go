package openai

import (
	"bytes"
	"slices"
)

// alike is the event that was read last, as far as the next one usually says the same. Most events
// of an answer differ in their number, in the text that they bring and in the padding that OpenAI
// adds: such an event is known without reading all of it.
type alike struct {
	on   bool
	it   *responsesItem // that it added to
	what pieceKind
	part int64
	line []byte // in front of the data, where the event has a name
	gaps gaps
	text [maxGaps + 1][]byte // what stands around the gaps

	said slab
}

// maxGaps is how many parts of an event may differ from those of the last one.
const maxGaps = 3

// gapKind is what stands in a gap.
type gapKind int

const (
	gapText    gapKind = iota + 1 // the string that counts
	gapPadding                    // any string
	gapNumber
)

// gaps are the places of an event where something else may stand, in order.
type gaps struct {
	kinds  [maxGaps]gapKind
	starts [maxGaps]int
	ends   [maxGaps]int
	n      int // more than maxGaps: there are too many
}

// add notes that a value begins at a place. Of a string, its quotes are no part of the gap.
func (g *gaps) add(kind gapKind, at int, v []byte) {
	start, end := at, at+len(v)
	if kind != gapNumber {
		start, end = start+1, end-1
	}
	if len(v) == 0 || (v[0] == '"') != (kind != gapNumber) {
		return
	}
	if g.n < maxGaps {
		g.kinds[g.n], g.starts[g.n], g.ends[g.n] = kind, start, end
	}
	g.n++
}

func (g *gaps) has(kind gapKind) bool {
	return slices.Contains(g.kinds[:min(g.n, maxGaps)], kind)
}

// learn remembers an event that brings a text. data is all of it, and must be one line: a line break
// in a stream means something else than one that joins two lines.
func (a *alike) learn(name, data []byte, e *responsesEvent) {
	if a.on = e.gaps.n <= maxGaps && e.gaps.has(gapText) && bytes.IndexByte(data, '\n') < 0; !a.on {
		return
	}
	a.it, a.what, a.part, a.gaps = e.it, e.what, e.part, e.gaps
	if a.line = a.line[:0]; len(name) > 0 {
		a.line = append(append(append(a.line, "event: "...), name...), '\n')
	}
	at := 0
	for i := range a.gaps.n {
		a.text[i] = append(a.text[i][:0], data[at:a.gaps.starts[i]]...)
		at = a.gaps.ends[i]
	}
	a.text[a.gaps.n] = append(a.text[a.gaps.n][:0], data[at:]...)
}

// event takes an event that a stream goes on with. It returns its text, and what follows it.
func (a *alike) event(p []byte) (text, rest []byte, ok bool) {
	if !a.on || !bytes.HasPrefix(p, a.line) {
		return nil, nil, false
	}
	if rest, ok = bytes.CutPrefix(p[len(a.line):], []byte("data: ")); !ok {
		return nil, nil, false
	}
	if text, rest, ok = a.match(rest); !ok {
		return nil, nil, false
	}
	rest, ok = bytes.CutPrefix(rest, []byte("\n\n"))
	return text, rest, ok
}

// match returns the text of an event that is like the last one, and what follows the event.
func (a *alike) match(data []byte) (text, rest []byte, ok bool) {
	if !a.on {
		return nil, nil, false
	}
	for i := range a.gaps.n {
		if data, ok = bytes.CutPrefix(data, a.text[i]); !ok {
			return nil, nil, false
		}
		n := a.gaps.kinds[i].length(data)
		if n < 0 {
			return nil, nil, false
		}
		if a.gaps.kinds[i] == gapText {
			text = data[:n]
		}
		data = data[n:]
	}
	rest, ok = bytes.CutPrefix(data, a.text[a.gaps.n])
	return text, rest, ok
}

// length is how long what stands in a gap is, or -1 where it is something else.
func (k gapKind) length(data []byte) int {
	n := 0
	if k != gapNumber {
		if n = endOfString(data); n >= 0 && bytes.IndexByte(data[:n], '\n') < 0 && bytes.IndexByte(data[:n], '\r') < 0 {
			return n
		}
		return -1 // a string has no line breaks: this one goes on in another event
	}
	for n < len(data) && data[n] >= '0' && data[n] <= '9' {
		n++
	}
	if n == 0 {
		return -1
	}
	return n
}
