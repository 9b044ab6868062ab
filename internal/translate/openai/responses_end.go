package openai

import "prism/internal/translate"

// responseBody is a response as far as it matters at its end.
type responseBody struct {
	id, model, status string
	reason            string // why it is not complete
	output, usage     []byte
	fault             []byte
	any               bool // it is a response at all
	bad               bool // it is not whole
}

func parseResponse(raw []byte) responseBody {
	var b responseBody
	r := reader{b: raw}
	if raw == nil || !r.enter('{') {
		return b
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "id":
			b.id = r.string()
		case "model":
			b.model = r.string()
		case "status":
			b.status = r.string()
		case "output":
			b.output = r.value()
			b.any = b.any || b.output != nil
		case "usage":
			b.usage = r.value()
		case "error":
			if v := r.value(); !nothing(v) {
				b.fault = v
			}
		case "incomplete_details":
			b.reason = words(r.field("reason"))
		default:
			r.skip()
		}
	}
	b.bad = r.bad
	return b
}

// finish takes the end of an answer.
func (d *responsesAnswer) finish(response []byte) {
	b := parseResponse(response)
	d.end(&b)
}

// end completes the message.
func (d *responsesAnswer) end(b *responseBody) {
	if b.fault != nil || b.status == "failed" || b.status == "cancelled" {
		d.fault(b.fault, nil)
		return
	}
	d.name(b.id, b.model)
	d.cut = b.reason != "" || b.status == "incomplete"
	d.output(b.output)
	u := d.use(b.usage)
	d.settle()
	if d.w.Ended() {
		return
	}
	reason := "end_turn"
	switch {
	case b.reason == "content_filter":
		reason = "refusal"
	case d.cut:
		reason = "max_tokens"
		if d.r.Window > 0 && u.Prompt > 0 && u.Prompt+max(u.Output, 0) >= d.r.Window {
			reason = "model_context_window_exceeded"
		}
	}
	d.w.Reason(reason, "")
	d.w.End()
}

// output takes what the end of an answer repeats of it: the items that have not ended, and all of
// them where none has come.
func (d *responsesAnswer) output(list []byte) {
	r := reader{b: list}
	if list == nil || !r.enter('[') {
		return
	}
	fresh := len(d.items) == 0
	for i := int64(0); r.item() && !d.w.Ended(); i++ {
		b := parseItem(r.value())
		switch it := d.same(&b); {
		case b.kind == 0:
		case fresh:
			d.complete(d.create(&responsesEvent{index: i, indexed: true}, b.kind, b.id), &b)
		case it != nil && !it.over:
			d.complete(it, &b)
		}
	}
}

// same returns the item that a body is of: by its id, or by that of the call.
func (d *responsesAnswer) same(b *itemBody) *responsesItem {
	if it := d.ids[b.id]; it != nil && it.kind == b.kind {
		return it
	}
	for _, it := range d.queue {
		if b.call != "" && it.call == b.call {
			return it
		}
	}
	return nil
}

// settle ends all items.
func (d *responsesAnswer) settle() {
	d.final = true
	for _, it := range d.queue {
		it.over = true
	}
	d.advance()
	d.w.CloseBlocks()
}

// use takes the usage.
func (d *responsesAnswer) use(raw []byte) translate.Usage {
	t := newTokens()
	r := reader{b: raw}
	if raw != nil && r.peek() == '{' {
		t.parse(&r)
	}
	t.tell(d.w, &d.r.Quirks)
	return t.usage(d.r.Quirks.ReasoningOutside)
}

// done takes an end that is none of a response: a mark that some providers borrow from Chat
// Completions. A tool call that is not whole is no answer.
func (d *responsesAnswer) done() {
	for _, it := range d.queue {
		if it.kind == itemCall && !it.over {
			d.w.Fail("api_error", "the provider ended its answer in the middle of a tool call")
			return
		}
	}
	if len(d.items) == 0 {
		d.w.Fail("overloaded_error", "the provider ended its answer before it had begun")
		return
	}
	d.finish(nil)
}

// failed takes the end of an answer that has failed.
func (d *responsesAnswer) failed(response []byte) {
	b := parseResponse(response)
	d.use(b.usage)
	d.name(b.id, b.model)
	d.fault(b.fault, nil)
}

// fault ends the answer with an error that the provider reports in it. raw is what reports it,
// where it is not known to be in a place of its own.
func (d *responsesAnswer) fault(fault, raw []byte) {
	if fault == nil {
		fault = raw
	}
	if fault == nil {
		d.w.Fail("api_error", "the provider's answer has failed; it does not say why")
		return
	}
	d.report(append(append([]byte(`{"error":`), fault...), '}'))
}

func (d *responsesAnswer) report(raw []byte) {
	d.w.Refuse(StreamFailure(raw, d.r.Prompt))
}
