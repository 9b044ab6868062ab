package simulator

import "strconv"

// stream makes the events.
func (w *response) stream() {
	w.event("message_start", "response.created", `"response":`+w.object("in_progress"))
	w.event("in_progress", "response.in_progress", `"response":`+w.object("in_progress"))
	var each [][]func()
	n := 0
	for i := range w.p.blocks {
		if w.p.blocks[i].kind == kindNone {
			continue
		}
		each = append(each, w.block(i, n))
		n++
	}
	if w.p.interleave {
		each = [][]func(){inTurns(each)}
	}
	for _, list := range each {
		for _, f := range list {
			f()
		}
	}
	kind := "response." + w.status()
	e := w.event("message_delta", kind, `"response":`+w.object(w.status()))
	e.said = w.usage
}

// event makes one event. Its name is that of the Messages API, its type the dialect's.
func (w *response) event(name, kind, members string) *Event {
	r := w.r
	start := len(r.arena)
	r.arena = appendString(append(r.arena, `{"type":`...), kind)
	r.arena = append(append(append(r.arena, ','), members...), `,"sequence_number":`...)
	r.arena = append(strconv.AppendInt(r.arena, int64(w.seq), 10), '}')
	w.seq++
	e := r.add(name, start)
	e.line = kind
	return e
}

// block returns what makes the events of block i, which is item n.
func (w *response) block(i, n int) []func() {
	b := &w.p.blocks[i]
	at := `"output_index":` + strconv.Itoa(n)
	steps := []func(){func() {
		w.event("content_block_start", "response.output_item.added", at+`,"item":`+w.item(i, "in_progress", false))
	}}
	switch b.kind {
	case kindThinking:
		steps = append(steps, w.reasoning(i, at)...)
	case kindTool:
		steps = append(steps, w.call(i, at)...)
	case kindText, kindNone:
		steps = append(steps, w.text(i, at)...)
	}
	return append(steps, func() {
		w.event("content_block_stop", "response.output_item.done", at+`,"item":`+w.item(i, "completed", true))
	})
}

// text makes the events of a message.
func (w *response) text(i int, at string) []func() {
	b := &w.p.blocks[i]
	at = `"item_id":"` + w.id("msg_", i) + `",` + at + `,"content_index":0`
	kind, whole := "output_text", `"text":`
	if w.h.refusal {
		kind, whole = "refusal", `"refusal":`
	}
	steps := []func(){func() { w.event("content_part", "response.content_part.added", at+`,"part":`+w.part("")) }}
	for piece := range pieces(b.text, b.piece) {
		steps = append(steps, func() {
			w.event("content_block_delta", "response."+kind+".delta", at+`,"delta":`+quoted(piece))
		})
	}
	return append(steps,
		func() { w.event("content_part", "response."+kind+".done", at+`,`+whole+quoted(b.text)) },
		func() { w.event("content_part", "response.content_part.done", at+`,"part":`+w.part(b.text)) })
}

// reasoning makes the events of a reasoning item.
func (w *response) reasoning(i int, at string) []func() {
	b := &w.p.blocks[i]
	if w.h.reasoning == ReasoningNowhere || b.text == "" {
		return nil
	}
	at = `"item_id":"` + w.id("rs_", i) + `",` + at + `,"summary_index":0`
	part := func(text string) string { return `,"part":{"type":"summary_text","text":` + quoted(text) + `}` }
	steps := []func(){func() { w.event("content_part", "response.reasoning_summary_part.added", at+part("")) }}
	for piece := range pieces(b.text, b.piece) {
		steps = append(steps, func() {
			w.event("content_block_delta", "response.reasoning_summary_text.delta", at+`,"delta":`+quoted(piece))
		})
	}
	return append(steps,
		func() {
			w.event("content_part", "response.reasoning_summary_text.done", at+`,"text":`+quoted(b.text))
		},
		func() { w.event("content_part", "response.reasoning_summary_part.done", at+part(b.text)) })
}

// call makes the events of a function call.
func (w *response) call(i int, at string) []func() {
	b := &w.p.blocks[i]
	at = `"item_id":"` + w.id("fc_", i) + `",` + at
	var steps []func()
	if !w.h.doneOnly {
		for piece := range pieces(b.text, b.piece) {
			steps = append(steps, func() {
				w.event("content_block_delta", "response.function_call_arguments.delta", at+`,"delta":`+quoted(piece))
			})
		}
	}
	return append(steps, func() {
		w.event("arguments", "response.function_call_arguments.done", at+`,"arguments":`+quoted(b.text)+`,"name":`+quoted(b.name))
	})
}
