package openai

import "strings"

// add takes what a delta adds: reasoning, text, tool calls, in the order in which a model makes
// them.
func (d *chatAnswer) add(v *delta) {
	if v.empty() || d.w.Stopped() {
		return
	}
	d.thinking(v)
	if v.content != nil {
		d.parts(v.content, thought(v.extra))
	}
	if v.refusal != nil {
		if s := words(v.refusal); s != "" {
			d.leave()
			d.w.Refusal(s)
			d.thinks = false
		}
	}
	if v.calls != nil || v.call != nil {
		d.leave()
		d.tags.fresh = true
		d.toolPieces(v)
	}
}

// thinking takes the reasoning. Where a provider says the same in two fields, one of them counts.
func (d *chatAnswer) thinking(v *delta) {
	if v.reasoning == nil && v.details == nil {
		return
	}
	d.leave()
	inDetails := d.details.add(v.details)
	d.held += len(v.details)
	if s := words(v.reasoning); s != "" {
		d.write(s, true)
	} else {
		d.write(inDetails, true)
	}
}

// parts takes content: a string, or parts of it.
func (d *chatAnswer) parts(v []byte, thinking bool) {
	r := reader{b: v}
	switch r.peek() {
	case '"':
		d.prose(words(v), thinking)
	case '{':
		d.part(&r)
	case '[':
		r.enter('[')
		for r.item() {
			if r.peek() == '"' {
				d.prose(r.string(), thinking)
				continue
			}
			d.part(&r)
		}
	}
}

// prose takes text. Google's compatible endpoint marks the reasoning in it from outside, and puts
// tags around it nevertheless.
func (d *chatAnswer) prose(s string, thinking bool) {
	switch {
	case thinking:
		d.write(strings.TrimSuffix(strings.TrimPrefix(s, "<thought>"), "</thought>"), true)
	case d.thinks:
		d.content(strings.TrimPrefix(s, "</thought>"))
	default:
		d.content(s)
	}
}

// part takes a part of content. Mistral puts the reasoning there, in parts again.
func (d *chatAnswer) part(r *reader) {
	var typ, text string
	var thinking []byte
	if !r.enter('{') {
		return
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			typ = r.string()
		case "text":
			text = r.string()
		case "refusal":
			text = r.string()
		case "thinking", "reasoning":
			thinking = r.value()
		default:
			r.skip()
		}
	}
	switch typ {
	case "thinking", "reasoning":
		d.leave()
		d.write(text+partsText(thinking), true)
	case "refusal":
		d.leave()
		d.w.Refusal(text)
	default:
		d.content(text)
	}
}

// partsText is the text of parts, or of a string.
func partsText(v []byte) string {
	r := reader{b: v}
	if r.peek() != '[' {
		return words(v)
	}
	var b strings.Builder
	r.enter('[')
	for r.item() {
		if r.peek() == '"' {
			b.WriteString(r.string())
			continue
		}
		b.WriteString(words(r.field("text")))
	}
	return b.String()
}

// thought tells whether a delta is marked as reasoning, as Google's compatible endpoint does it. Texts
// are signed there too, behind their end; only the signatures of calls are wanted back.
func thought(extra []byte) bool {
	return string(google(extra, "thought")) == "true"
}

// google reads a member of extra_content.google.
func google(extra []byte, name string) []byte {
	if extra == nil {
		return nil
	}
	r := reader{b: extra}
	in := r.field("google")
	if in == nil {
		return nil
	}
	r = reader{b: in}
	return r.field(name)
}

// stopReason maps a finish_reason. fault is the type of the error where it is one. Google's endpoint
// lets its own reasons through, some behind a word of OpenAI's, as in "content_filter: SPII".
func stopReason(finish string) (reason, fault string) {
	word, _, _ := strings.Cut(strings.ToLower(finish), ":")
	switch word {
	case "tool_calls", "function_call", "tool_use":
		return "tool_use", ""
	case "length", "max_tokens":
		return "max_tokens", ""
	case "model_length": // Mistral
		return "model_context_window_exceeded", ""
	case "content_filter", "safety", "recitation", "refusal", "sensitive",
		"prohibited_content", "spii", "blocklist", "language", "image_safety", "image_prohibited_content", "image_recitation":
		return "refusal", ""
	case "insufficient_system_resource": // DeepSeek
		return "", "overloaded_error"
	case "error", "abort", "network_error",
		"function_call_filter", "malformed_function_call", "unexpected_tool_call", "too_many_tool_calls":
		return "", "api_error"
	}
	return "end_turn", ""
}

// reasonWord tells whether a provider says with s why it stopped, and not at which sequence.
func reasonWord(s string) bool {
	switch s {
	case "stop", "end_turn", "eos", "eos_token", "abort", "length", "max_tokens", "tool_calls", "tool_use", "stop_sequence":
		return true
	}
	return false
}

// failure ends the answer with an error that the provider reports in it. Behind an answer that is done,
// the usage at most is lost.
func (d *chatAnswer) failure(raw []byte) {
	if d.reason == "max_tokens" || d.reason != "" && !d.calls.halfOpen() {
		d.complete()
		return
	}
	d.w.Refuse(StreamFailure(raw, d.r.Prompt))
}
