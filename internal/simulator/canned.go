package simulator

import (
	"slices"
	"sync"
)

// canned is all of a stream but its message_start, rendered ahead.
type canned struct {
	once   sync.Once
	tail   []byte
	ends   []int // from the start of tail; the first is 0, for message_start
	events []Event
}

// cannable tells whether nothing after message_start depends on the request.
func (p *plan) cannable() bool {
	return p.usage != nil && len(p.edits) == 0 && !p.frame.noLast &&
		!slices.ContainsFunc(p.blocks, func(b block) bool { return b.tool || b.server })
}

// fill renders the stream once, for any message.
func (c *canned) fill(p *plan, m *message) {
	var r rendering
	r.live(p, m)
	c.tail = r.out[r.ends[0]:]
	for _, e := range r.ends {
		c.ends = append(c.ends, e-r.ends[0])
	}
	c.events = r.events
}

// stream renders the answer as server-sent events.
func (r *rendering) stream(p *plan, m *message) {
	c := p.canned
	if c == nil {
		r.live(p, m)
		return
	}
	c.once.Do(func() { c.fill(p, m) })
	if p.frame.bom {
		r.out = append(r.out, bom...)
	}
	r.begin(p, m)
	r.out = p.frame.append(r.out, &r.own[0])
	head := len(r.out)
	r.out = append(r.out, c.tail...)
	for _, e := range c.ends {
		r.ends = append(r.ends, head+e)
	}
	r.events = c.events
}
