package simulator

import (
	"bytes"
	"strconv"
)

const (
	bom        = "\ufeff"
	streamType = "text/event-stream; charset=utf-8"
	jsonType   = "application/json"
)

// message is what of an answer depends on the request.
type message struct {
	id, model  string
	seed, seq  uint64
	usage      *Usage
	safeguards bool // the request wants verdicts on its tool calls

	// Of other dialects.
	created      int64 // seconds since 1970
	reportsUsage bool  // the request wants the usage in its stream
	encrypts     bool  // it wants encrypted reasoning
}

// rendering is the body of one answer and where its events end. It is reused.
type rendering struct {
	out    []byte
	ends   []int   // of the events, in out
	events []Event // may be shared: read only, once rendered
	own    []Event // the memory of events that are not shared
	arena  []byte  // what the Data of the events points into
}

// stop returns the stop reason; "" is null.
func (p *plan) stop() string {
	if p.stopReason != nil {
		return *p.stopReason
	}
	for i := range p.blocks {
		if p.blocks[i].tool {
			return "tool_use"
		}
	}
	return "end_turn"
}

// live renders every event of the stream.
func (r *rendering) live(p *plan, m *message) {
	r.list(p, m)
	r.events = r.own
	for _, edit := range p.edits {
		r.events = edit(r.events)
	}
	if p.frame.bom {
		r.out = append(r.out, bom...)
	}
	for i := range r.events {
		r.out = p.frame.append(r.out, &r.events[i])
		r.ends = append(r.ends, len(r.out))
	}
	if p.frame.noLast && len(r.ends) > 0 {
		r.out = bytes.TrimSuffix(r.out, []byte(p.frame.end()))
		r.ends[len(r.ends)-1] = len(r.out)
	}
}

// json renders the answer as one JSON message: one event, as far as cuts and usage go.
func (r *rendering) json(p *plan, m *message) {
	r.out = p.appendMessage(r.out, m, false)
	r.own = append(r.own, Event{said: m.usage, whole: true, form: m.usage.InStart})
	r.events = r.own
	r.ends = append(r.ends, len(r.out))
}

// raw renders a body that is given.
func (r *rendering) raw(body []byte) {
	r.out = append(r.out, body...)
	r.own = append(r.own, Event{})
	r.events = r.own
	r.ends = append(r.ends, len(r.out))
}

// reset empties r for the next answer.
func (r *rendering) reset() {
	clear(r.own)
	r.out, r.ends, r.events, r.own, r.arena = r.out[:0], r.ends[:0], nil, r.own[:0], r.arena[:0]
}

// add makes the event whose data was appended to the arena from start on.
func (r *rendering) add(name string, start int) *Event {
	r.own = append(r.own, Event{Name: name, Data: r.arena[start:len(r.arena):len(r.arena)]})
	return &r.own[len(r.own)-1]
}

// list makes the events of the answer in the order of the provider.
func (r *rendering) list(p *plan, m *message) {
	started := m.usage.started()
	e := r.begin(p, m)
	e.said, e.whole, e.form = &started, true, m.usage.InStart

	if p.interleave {
		r.interleaved(p, m)
	} else {
		for i := range p.blocks {
			r.start(p, m, i)
			for _, d := range p.blocks[i].deltas {
				r.delta(p, i, d)
			}
			r.stop(p, i)
		}
	}

	start := len(r.arena)
	r.arena = p.appendDelta(r.arena, m)
	e = r.add("message_delta", start)
	e.said, e.form = m.usage, m.usage.InDelta
	start = len(r.arena)
	r.arena = append(r.arena, `{"type":"message_stop"}`...)
	r.add("message_stop", start)
}

// begin makes message_start.
func (r *rendering) begin(p *plan, m *message) *Event {
	r.arena = append(r.arena, `{"type":"message_start","message":`...)
	r.arena = append(p.appendMessage(r.arena, m, true), '}')
	return r.add("message_start", 0)
}

// interleaved makes the events of all blocks, all of them open at once.
func (r *rendering) interleaved(p *plan, m *message) {
	most := 0
	for i := range p.blocks {
		r.start(p, m, i)
		most = max(most, len(p.blocks[i].deltas))
	}
	for n := range most {
		for i := range p.blocks {
			if n < len(p.blocks[i].deltas) {
				r.delta(p, i, p.blocks[i].deltas[n])
			}
		}
	}
	for i := range p.blocks {
		r.stop(p, i)
	}
}

// index appends the number of block i.
func (p *plan) index(dst []byte, i int) []byte {
	return strconv.AppendInt(dst, int64(i*max(p.stride, 1)), 10)
}

func (r *rendering) start(p *plan, m *message, i int) {
	start := len(r.arena)
	r.arena = append(r.arena, `{"type":"content_block_start","index":`...)
	r.arena = append(p.index(r.arena, i), `,"content_block":`...)
	b := &p.blocks[i]
	r.arena = b.append(r.arena, b.head, b.tail, m, i)
	r.arena = append(r.arena, '}')
	r.add("content_block_start", start)
}

func (r *rendering) delta(p *plan, i int, delta string) {
	start := len(r.arena)
	r.arena = append(r.arena, `{"type":"content_block_delta","index":`...)
	r.arena = append(p.index(r.arena, i), `,"delta":`...)
	r.arena = append(append(r.arena, delta...), '}')
	r.add("content_block_delta", start)
}

func (r *rendering) stop(p *plan, i int) {
	start := len(r.arena)
	r.arena = append(r.arena, `{"type":"content_block_stop","index":`...)
	r.arena = append(p.index(r.arena, i), '}')
	r.add("content_block_stop", start)
}

// append appends the block, with its id between head and tail.
func (b *block) append(dst []byte, head, tail string, m *message, i int) []byte {
	dst = append(dst, head...)
	if b.tool || b.server {
		dst = b.appendToolID(dst, m, i)
	}
	return append(dst, tail...)
}

// appendToolID appends the id of tool block i: its own, or one that is unique to the message.
func (b *block) appendToolID(dst []byte, m *message, i int) []byte {
	if b.id != "" {
		return append(dst, b.id...)
	}
	prefix := "toolu_01"
	if b.server {
		prefix = "srvtoolu_01"
	}
	return appendID(append(dst, prefix...), m.seed+1, m.seq<<16|uint64(i), 22)
}

// appendMessage appends the message object: as message_start has it, or finished.
func (p *plan) appendMessage(dst []byte, m *message, starting bool) []byte {
	dst = append(dst, `{"model":`...)
	dst = appendString(dst, m.model)
	dst = append(dst, `,"id":"`...)
	dst = append(dst, m.id...)
	dst = append(dst, `","type":"message","role":"assistant","content":[`...)
	if !starting {
		for i := range p.blocks {
			if i > 0 {
				dst = append(dst, ',')
			}
			b := &p.blocks[i]
			dst = b.append(dst, b.wholeHead, b.wholeTail, m, i)
		}
	}
	dst = append(dst, ']')
	usage := *m.usage
	if starting {
		dst = append(dst, `,"stop_reason":null,"stop_sequence":null,"stop_details":null`...)
		usage = usage.started()
	} else {
		dst = p.appendStop(append(dst, ','))
	}
	if usage.InStart != UsageAbsent {
		dst = append(dst, `,"usage":`...)
		dst = usage.appendUsage(dst, usage.InStart, true)
	}
	return append(dst, `,"diagnostics":null,"container":null}`...)
}

// appendStop appends the three members that say why the message ends.
func (p *plan) appendStop(dst []byte) []byte {
	dst = appendOrNull(append(dst, `"stop_reason":`...), p.stop())
	dst = appendOrNull(append(dst, `,"stop_sequence":`...), p.stopSequence)
	dst = append(dst, `,"stop_details":`...)
	if p.stopDetails == "" {
		return append(dst, "null"...)
	}
	return append(dst, p.stopDetails...)
}

// appendOrNull appends s as a JSON string, null where it is empty.
func appendOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

// appendDelta appends the data of the final message_delta.
func (p *plan) appendDelta(dst []byte, m *message) []byte {
	dst = append(dst, `{"type":"message_delta","delta":{`...)
	dst = append(p.appendStop(dst), `,"container":null`...)
	if m.safeguards {
		dst = append(dst, `,"safeguard_results":[{"type":"dangerous_tool_use","status":{"type":"available","tool_uses":{`...)
		first := true
		for i := range p.blocks {
			if !p.blocks[i].tool {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = p.blocks[i].appendToolID(append(dst, '"'), m, i)
			dst = append(dst, `":{"type":"evaluated","outcome":"not_flagged"}`...)
		}
		dst = append(dst, `}}}]`...)
	}
	dst = append(dst, '}')
	if m.usage.InDelta != UsageAbsent {
		dst = append(dst, `,"usage":`...)
		dst = m.usage.appendUsage(dst, m.usage.InDelta, false)
	}
	return append(dst, '}')
}
