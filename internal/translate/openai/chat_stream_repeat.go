package openai

import (
	"bytes"

	"prism/internal/translate"
)

// repeated is what a chunk does that brings one string and nothing else but what was used so far, as
// most do. The chunk that follows usually does the same.
type repeated struct {
	like     alike
	gaps     gaps      // of the chunk that is read
	thinking bool      // the string is reasoning
	call     *toolCall // whose input the string is; nil = it is text
	id       moving    // of the chunk
	created  moving
	counts   int    // how far in front of its first number what was used begins
	unread   []byte // what was used by the last chunk that told it, and what stands behind that
}

// moving is a part of a chunk that most providers have the same in all of an answer, and some another
// one in each chunk.
type moving struct {
	value []byte // of the chunk that is read; nil = it has none
	at    int    // where that begins
	last  []byte // of the chunk before it
	moves bool
}

func (m *moving) read(r *reader) []byte {
	m.value = r.value()
	m.at = r.from
	return m.value
}

// learn adds a gap where the part moves.
func (m *moving) learn(g *gaps, kind gapKind) {
	if m.value == nil {
		return
	}
	m.moves = m.moves || len(m.last) > 0 && !bytes.Equal(m.last, m.value)
	m.last = append(m.last[:0], m.value...)
	if m.moves {
		g.add(kind, m.at, m.value)
	}
}

// begin forgets what is known of the chunk that was read.
func (p *repeated) begin() {
	p.gaps, p.id.value, p.created.value = gaps{}, nil, nil
}

// learn remembers the chunk that was read, if it is of that kind.
func (d *chatAnswer) learn(r *reader, start int, c *chunk) {
	p := &d.repeat
	p.like.on = false
	if start != 0 || r.i != len(r.b) || len(d.choices) != 1 || d.reason != "" || c.usageAt < 0 {
		return
	}
	one := &d.choices[0]
	v := &one.delta
	if v.n != 1 || one.whole || one.usage != nil || r.b[v.at] != '"' {
		return
	}
	switch {
	case v.content != nil, v.reasoning != nil:
		p.call = nil
	case v.calls == nil || p.call == nil:
		return
	}
	p.thinking = v.reasoning != nil
	p.gaps.add(gapText, v.at, r.b[v.at:v.at+endOfString(r.b[v.at+1:])+2])
	p.counts = bytes.IndexAny(c.usage, "0123456789")
	p.gaps.addNumbers(c.usageAt, c.usage)
	p.id.learn(&p.gaps, gapPadding)
	p.created.learn(&p.gaps, gapDigits)
	p.like.learn(nil, r.b, &p.gaps)
}

// more takes the string of a chunk that is like the last one.
func (d *chatAnswer) more() {
	p := &d.repeat
	if len(p.like.raw) > 0 && !d.w.Stopped() && (!p.like.same || !d.copied(&p.like.quoted)) {
		d.say(p.like.said())
	}
	if p.like.number >= 0 {
		p.unread = append(p.unread[:0], p.like.data[p.like.number-p.counts:]...)
	}
	if d.w.Stopped() {
		d.count()
	}
	if d.held > maxFrame {
		d.tooLong()
	}
}

// copied writes a string as it stands, if that is all there is to do.
func (d *chatAnswer) copied(q *translate.Quoted) bool {
	p := &d.repeat
	switch {
	case p.call != nil:
		c := p.call
		if !c.input.sent || c.input.whole() || !d.w.ArgsQuoted(c.key, q) {
			return false
		}
		c.input.addQuoted(q)
		return true
	case p.thinking:
		return d.thinks && !d.tags.on && d.w.ThinkingQuoted(q)
	default:
		return !d.thinks && !d.tags.on && d.echo.left == "" && d.w.TextQuoted(q)
	}
}

func (d *chatAnswer) say(s string) {
	p := &d.repeat
	switch {
	case p.call != nil:
		d.input(p.call, s)
	case p.thinking:
		d.leave()
		d.write(s, true)
	default:
		d.prose(s, false)
	}
}

// count reads what was used by the last chunk that told it. Of each count the last one holds, so it
// need not be read of every chunk that is alike.
func (d *chatAnswer) count() {
	p := &d.repeat
	if len(p.unread) == 0 {
		return
	}
	d.use(p.unread)
	p.unread = p.unread[:0]
}
