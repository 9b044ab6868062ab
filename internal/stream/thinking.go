package stream

import "hash/maphash"

// Cut says which bytes of a request body are left out so that some of its thinking blocks are
// gone, and nothing else is.
type Cut struct {
	Signatures []Signature // of the blocks, in their order
	spans      []Span      // in their order; they do not touch
}

// FindThinking finds the thinking blocks of body, redacted ones included, whose signature foreign
// does not accept. A message that would be empty goes as a whole. It returns false where there is
// nothing to cut, and where what is left would be no conversation: without a message, beginning
// with a system message, or with one before another turn than the assistant's.
func FindThinking(body []byte, r *Request, seed maphash.Seed, foreign func(Signature) bool) (Cut, bool) {
	f := finder{body: body, seed: seed, foreign: foreign}
	var messages, blocks run
	last, orphan := "", false
	ok := r.Messages.End > 0 && eachElement(body, r.Messages, func(at Span) bool {
		blocks = run{spans: blocks.spans[:0]}
		role, kept, ok := f.message(at, &blocks)
		if !ok {
			return false
		}
		if !kept {
			messages.drop(at)
			return true
		}
		if messages.dropping() {
			orphan = orphan || last == "" && role == roleSystem || last == roleSystem && role == roleUser
		}
		last = role
		messages.keep(at)
		messages.spans = append(messages.spans, blocks.spans...)
		return true
	})
	if !ok || orphan || last == "" || len(f.found) == 0 {
		return Cut{}, false
	}
	messages.end()
	return Cut{Signatures: f.found, spans: messages.spans}, true
}

const (
	roleAssistant = "assistant"
	roleSystem    = "system"
	roleUser      = "user"
	roleOther     = "other" // what no message should have
)

// roleOf returns a role that matters, or roleOther.
func roleOf(raw []byte) string {
	switch string(textOf(raw)) {
	case roleAssistant:
		return roleAssistant
	case roleSystem:
		return roleSystem
	case roleUser:
		return roleUser
	}
	return roleOther
}

// Size returns how long body is without what is cut.
func (c *Cut) Size(body []byte) int { return c.Shift(len(body)) }

// Append appends body to dst, without what is cut.
func (c *Cut) Append(dst, body []byte) []byte {
	from := 0
	for _, s := range c.spans {
		dst = append(dst, body[from:s.Start]...)
		from = s.End
	}
	return append(dst, body[from:]...)
}

// Shift returns where a byte that stood at index i, outside of what is cut, stands afterwards.
func (c *Cut) Shift(i int) int {
	gone := 0
	for _, s := range c.spans {
		if s.End > i {
			break
		}
		gone += s.End - s.Start
	}
	return i - gone
}

// finder looks for the blocks to cut.
type finder struct {
	body    []byte
	seed    maphash.Seed
	foreign func(Signature) bool
	found   []Signature
}

// message looks at one message. kept is false where none of its blocks would be left; ok is false
// where it cannot be understood.
func (f *finder) message(at Span, blocks *run) (role string, kept, ok bool) {
	content := Span{}
	role = roleOther
	w := walk(f.body[at.Start:at.End])
	for {
		key, start, end, more := w.next()
		if !more {
			break
		}
		switch string(key) {
		case "role":
			role = roleOf(w.b[start:end])
		case "content":
			content = Span{at.Start + start, at.Start + end}
		}
	}
	if w.err != nil {
		return "", false, false
	}
	if role != roleAssistant || content.End == 0 || f.body[content.Start] != '[' {
		return role, true, true
	}
	n := 0
	ok = eachElement(f.body, content, func(at Span) bool {
		sig, thinking, ok := f.block(at)
		if !ok {
			return false
		}
		if thinking && f.foreign(sig) {
			f.found = append(f.found, sig)
			blocks.drop(at)
			return true
		}
		n++
		blocks.keep(at)
		return true
	})
	kept = n > 0 || !blocks.dropping()
	if kept {
		blocks.end()
	}
	return role, kept, ok
}

// block reads what a content block is signed with, if it is one of thinking.
func (f *finder) block(at Span) (sig Signature, thinking, ok bool) {
	if f.body[at.Start] != '{' {
		return 0, false, true
	}
	var typ, signature, data []byte
	w := walk(f.body[at.Start:at.End])
	for {
		key, start, end, more := w.next()
		if !more {
			break
		}
		switch value := w.b[start:end]; string(key) {
		case "type":
			typ = value
		case "signature":
			signature = value
		case "data":
			data = value
		}
	}
	if w.err != nil {
		return 0, false, false
	}
	switch string(textOf(typ)) {
	case "thinking":
		return signatureOf(f.seed, signature), true, true
	case "redacted_thinking":
		return signatureOf(f.seed, data), true, true
	}
	return 0, false, true
}

// run collects what is to be cut out of one JSON array, so that its commas stay right: with what
// is dropped goes the comma behind it, and at the end of the array the one before it.
type run struct {
	spans   []Span
	open    bool // elements were dropped since the last that was kept
	start   int  // of the first of them
	stop    int  // after the last of them
	keptEnd int  // after the last element that was kept
}

func (r *run) dropping() bool { return r.open }

func (r *run) drop(at Span) {
	if !r.open {
		r.open, r.start = true, at.Start
	}
	r.stop = at.End
}

func (r *run) keep(at Span) {
	if r.open {
		r.spans = append(r.spans, Span{r.start, at.Start})
	}
	r.open, r.keptEnd = false, at.End
}

// end ends the array, of which at least one element was kept.
func (r *run) end() {
	if r.open {
		r.spans = append(r.spans, Span{r.keptEnd, r.stop})
	}
	r.open = false
}

// eachElement calls visit with the place of every element of the JSON array at a part of b. It
// returns false where there is no array, where it is broken, and where visit does.
func eachElement(b []byte, array Span, visit func(Span) bool) bool {
	w := members{b: b[:array.End], i: array.Start}
	if w.space() != '[' {
		return false
	}
	w.i++
	if w.space() == ']' {
		return true
	}
	for {
		start, end := w.i, w.value()
		if end < 0 || !visit(Span{start, end}) {
			return false
		}
		w.i = end
		switch w.space() {
		case ',':
			w.i++
			w.space()
		case ']':
			return true
		default:
			return false
		}
	}
}
