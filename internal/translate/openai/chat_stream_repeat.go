package openai

import (
	"bytes"
	"strings"
)

// repeated is what the chunk that was read last has around the one string that it brings. Most
// chunks of an answer differ in that string alone, and in the padding that OpenAI adds: what
// follows is then known without reading the rest again.
type repeated struct {
	on       bool
	thinking bool      // the string is reasoning
	call     *toolCall // whose input the string is; nil = it is text
	padding  int       // where the padding of the chunk begins; 0 = it has none
	padded   bool

	head, middle, tail []byte // before the string, up to the padding, behind it

	said slab
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
		s.scratch = appendUnquoted(s.scratch[:0], raw)
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

// learn remembers the chunk that was read, if all it did was to bring one string.
func (d *chatAnswer) learn(r *reader, start int, c *chunk) {
	p := &d.repeat
	p.on = false
	if start != 0 || r.i != len(r.b) || len(d.choices) != 1 || c.usage != nil {
		return
	}
	one := &d.choices[0]
	v := &one.delta
	if v.n != 1 || one.whole || one.finish != "" || one.usage != nil {
		return
	}
	switch {
	case v.content != nil, v.reasoning != nil:
		p.call = nil
	case v.calls == nil || p.call == nil:
		return
	}
	if r.b[v.at] != '"' {
		return
	}
	rest := r.b[v.at+1:]
	n := endOfString(rest)
	p.on, p.thinking = true, v.reasoning != nil
	p.head = append(p.head[:0], r.b[:v.at+1]...)
	p.middle, p.tail = append(p.middle[:0], rest[n:]...), p.tail[:0]
	if p.padded = p.padding > v.at+n; p.padded {
		pad := p.padding + 1 - (v.at + 1 + n) // within middle
		p.tail = append(p.tail, p.middle[pad+endOfString(p.middle[pad:]):]...)
		p.middle = p.middle[:pad]
	}
}

// again takes an event that differs from the last one in its string alone.
func (d *chatAnswer) again(data []byte) bool {
	s, rest, ok := d.repeat.match(data)
	if ok = ok && len(rest) == 0; ok {
		d.more(d.repeat.said.unquote(s))
	}
	return ok
}

// againAt does the same for an event that a stream goes on with. It returns what follows it.
func (d *chatAnswer) againAt(p []byte) (rest []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(p, []byte("data: ")); !ok {
		return p, false
	}
	s, rest, ok := d.repeat.match(rest)
	if !ok {
		return p, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte("\n\n")); !ok {
		return p, false
	}
	d.more(d.repeat.said.unquote(s))
	return rest, true
}

// match returns the string of a chunk that is like the last one, and what follows the chunk.
func (p *repeated) match(data []byte) (s, rest []byte, ok bool) {
	if !p.on {
		return nil, nil, false
	}
	if rest, ok = bytes.CutPrefix(data, p.head); !ok {
		return nil, nil, false
	}
	n := endOfString(rest)
	if n < 0 {
		return nil, nil, false
	}
	s = rest[:n]
	if rest, ok = bytes.CutPrefix(rest[n:], p.middle); !ok || !p.padded {
		return s, rest, ok
	}
	if n = endOfString(rest); n < 0 {
		return nil, nil, false
	}
	rest, ok = bytes.CutPrefix(rest[n:], p.tail)
	return s, rest, ok
}

// more takes the string of a chunk that is like the last one.
func (d *chatAnswer) more(s string) {
	p := &d.repeat
	switch {
	case s == "" || d.w.Stopped():
	case p.call != nil:
		d.input(p.call, s)
	case p.thinking:
		d.leave()
		d.write(s, true)
	default:
		d.prose(s, false)
	}
	if d.held > maxFrame {
		d.tooLong()
	}
}
