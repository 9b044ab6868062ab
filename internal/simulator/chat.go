package simulator

import "strconv"

// chatFace is Chat Completions.
type chatFace struct{}

func (chatFace) failure(p *plan) (status int, body []byte) { return otherFailure(p) }

// chat writes one answer as Chat Completions.
type chat struct {
	r     *rendering
	p     *plan
	m     *message
	h     *habits
	usage *Usage // as it is reported; nil = it is not
	sent  int64  // tokens told so far, where every chunk counts them
	calls int    // tool calls so far
}

func (chatFace) write(r *rendering, p *plan, m *message, stream bool) {
	c := &chat{r: r, p: p, m: m, h: &p.habits}
	if !silent(m.usage, c.h) {
		c.usage = otherUsage(m.usage, c.h)
	}
	if !stream {
		r.out = c.appendCompletion(r.out)
		r.own = append(r.own, Event{said: c.usage})
		r.events = r.own
		r.ends = append(r.ends, len(r.out))
		return
	}
	c.stream()
	f := p.frame
	f.noName = true
	r.finish(p, &f, func(e *Event) { e.Data = c.failed(e) })
}

// finish edits and frames the events of another dialect. fail renders errors.
func (r *rendering) finish(p *plan, f *frame, fail func(e *Event)) {
	r.events = r.own
	for _, edit := range p.edits {
		r.events = edit(r.events)
	}
	if f.bom {
		r.out = append(r.out, bom...)
	}
	for i := range r.events {
		if e := &r.events[i]; e.fails != "" && e.Raw == nil {
			fail(e)
		}
		r.out = f.append(r.out, &r.events[i])
		r.ends = append(r.ends, len(r.out))
	}
}

// failed renders an error within the stream.
func (c *chat) failed(e *Event) []byte {
	status, typ, code := otherError(500, e.fails)
	if c.h.numericErrors {
		if e.fails == "rate_limit_error" {
			status = 429
		}
		return []byte(`{"id":"` + c.id() + `","object":"chat.completion.chunk","choices":[],"error":{"code":` +
			strconv.Itoa(status) + `,"message":` + quoted(e.why) + `}}`)
	}
	return append(appendOtherError([]byte(`{"error":`), typ, code, e.why, ""), '}')
}

func (c *chat) id() string { return otherID(DialectChat, c.m.id) }

// stream makes the chunks.
func (c *chat) stream() {
	if c.h.emptyChoices {
		c.chunk("role", `"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]`)
	}
	c.delta("message_start", `{"role":"assistant","content":""}`, "")
	list := c.deltas()
	for i, d := range list {
		finish := ""
		if c.h.finishEarly && i == len(list)-1 {
			finish = c.finish()
		}
		c.delta("content_block_delta", d.json, finish).ends = d.ends
		if finish != "" {
			c.r.own[len(c.r.own)-1].Name = "message_delta"
			c.tellUsage(&c.r.own[len(c.r.own)-1])
		}
	}
	if !c.h.finishEarly || len(list) == 0 {
		c.tellUsage(c.delta("message_delta", "{}", c.finish()))
	}
	if c.usage != nil && c.h.usageIn == UsageSeparate && c.m.reportsUsage || c.usage != nil && c.h.usageIn == UsageEverywhere {
		e := c.chunk("usage", `"choices":[],"usage":`+c.usageJSON(c.usage))
		e.said = c.usage
	}
	c.r.own = append(c.r.own, Event{Name: "message_stop", Data: []byte("[DONE]")})
}

// tellUsage marks the chunk that finishes as the one with the usage, where it is.
func (c *chat) tellUsage(e *Event) {
	switch c.h.usageIn {
	case UsageInFinish, UsageInChoice, UsageInXGroq:
		e.said = c.usage
	}
}

// chunkDelta is one delta.
type chunkDelta struct {
	json string
	ends bool // the last one of its block, and not the only one
}

// deltas returns the deltas of all blocks in the order they are sent.
func (c *chat) deltas() []chunkDelta {
	var each [][]chunkDelta
	for i := range c.p.blocks {
		var list []chunkDelta
		for _, d := range c.block(i) {
			list = append(list, chunkDelta{json: d})
		}
		if len(list) > 1 {
			list[len(list)-1].ends = true
		}
		each = append(each, list)
	}
	if c.p.interleave {
		return inTurns(each)
	}
	var all []chunkDelta
	for _, list := range each {
		all = append(all, list...)
	}
	return all
}

// inTurns takes one of each list after the other.
func inTurns[T any](lists [][]T) []T {
	var all []T
	for n, more := 0, true; more; n++ {
		more = false
		for _, list := range lists {
			if n < len(list) {
				all, more = append(all, list[n]), true
			}
		}
	}
	return all
}

// block returns the deltas of one block.
func (c *chat) block(i int) []string {
	b := &c.p.blocks[i]
	var list []string
	switch b.kind {
	case kindThinking:
		for piece := range c.thinking(b) {
			list = append(list, c.reasoning(piece))
		}
	case kindText:
		for piece := range pieces(b.text, b.piece) {
			list = append(list, c.text(piece))
		}
	case kindTool:
		c.calls++
		return c.call(b, i, c.calls-1)
	case kindNone:
	}
	return list
}

// thinking yields the pieces of a thinking block.
func (c *chat) thinking(b *block) func(func(string) bool) {
	switch c.h.reasoning {
	case ReasoningNowhere:
		return pieces("", 1)
	case ReasoningTags:
		return pieces("<think>"+b.text+"</think>", 5) // so that tags are cut in two
	}
	return pieces(b.text, b.piece)
}

// reasoning is a delta of thinking.
func (c *chat) reasoning(piece string) string {
	s := quoted(piece)
	detail := `"reasoning_details":[{"type":"reasoning.text","text":` + s + `,"format":"unknown","index":0}]`
	switch c.h.reasoning {
	case ReasoningField:
		return `{"reasoning":` + s + `}`
	case ReasoningDetails:
		return `{` + detail + `}`
	case ReasoningBoth:
		return `{"content":"","reasoning":` + s + `,` + detail + `}`
	case ReasoningParts:
		return `{"content":[{"type":"thinking","thinking":[{"type":"text","text":` + s + `}]}]}`
	case ReasoningTags:
		return `{"content":` + s + `}`
	}
	return `{"content":null,"reasoning_content":` + s + `}`
}

// text is a delta of text.
func (c *chat) text(piece string) string {
	d := `{"content":` + quoted(piece)
	if c.h.refusal {
		d = `{"refusal":` + quoted(piece)
	}
	if c.h.emptyTools {
		d += `,"tool_calls":[]`
	}
	return d + `}`
}

// finish returns finish_reason; "" is null.
func (c *chat) finish() string {
	if c.h.finish != "" {
		return c.h.finish
	}
	return finishReason(c.p)
}

// finishReason returns the stop reason in the words of Chat Completions.
func finishReason(p *plan) string {
	switch reason := p.stop(); reason {
	case "end_turn", "stop_sequence", "pause_turn":
		return "stop"
	case "tool_use":
		return "tool_calls"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "refusal":
		return "content_filter"
	default:
		return reason
	}
}
