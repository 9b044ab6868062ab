package openai

import (
	"bytes"

	"prism/internal/translate"
)

// responsesStream reads the events of a Responses answer.
type responsesStream struct {
	responsesAnswer
	like alike          // the event that was read last, if it added a text:
	it   *responsesItem // to this item,
	what pieceKind      // as this,
	part int64          // to this part of it
}

// Stream reads the server-sent events of an answer.
func (Responses) Stream(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &eventStream{w: w, to: &responsesStream{responsesAnswer: newResponsesAnswer(r, w)}}
}

// again implements [eventReader].
func (d *responsesStream) again(p []byte) (rest []byte, ok bool) {
	if rest, ok = d.like.event(p); ok {
		d.more()
	}
	return rest, ok
}

// more takes the text of an event that is like the last one.
func (d *responsesStream) more() {
	if !d.like.same || !d.copied(&d.like.quoted) {
		d.put(d.it, d.what, d.part, d.like.said())
	}
}

// copied writes a text as it stands, if that is all there is to do.
func (d *responsesStream) copied(q *translate.Quoted) bool {
	if d.it.over || d.part >= d.it.parts || d.queue[0] != d.it {
		return false
	}
	switch d.what {
	case pieceText:
		return d.w.TextQuoted(q)
	case d.it.source: // of reasoning
		return d.w.ThinkingQuoted(q)
	case pieceArgs:
		return d.w.ArgsQuoted(d.it.key, q)
	default:
		return false
	}
}

// event reads one event.
func (d *responsesStream) event(e event) {
	data := bytes.TrimSpace(e.data)
	if d.like.whole(data) {
		d.more()
		return
	}
	d.like.on = false
	if string(e.name) == "error" && len(data) > 0 && data[0] != '{' {
		d.report(data)
		return
	}
	d.values(e.name, data)
}

// values reads the JSON of an event. It is one object; where the blank lines between events are
// missing it is several.
func (d *responsesStream) values(name, data []byte) {
	r := reader{b: data}
	for r.more() && !d.w.Ended() {
		start := r.i
		if bytes.HasPrefix(data[start:], []byte("[DONE]")) {
			d.done()
			return
		}
		if data[start] != '{' { // a word that keeps the connection alive
			return
		}
		e := parseResponsesEvent(&r)
		if r.bad {
			d.w.Fail("api_error", "the provider sent an event that is not JSON")
			return
		}
		typed := e.kind != nil && string(name) != "error"
		if !typed {
			e.kind = name
		}
		d.take(&e, data[start:r.i])
		if typed && e.it != nil && start == 0 && r.i == len(data) {
			d.it, d.what, d.part = e.it, e.what, e.part
			d.like.learn(name, data, &e.gaps)
		}
	}
}

// responsesEvent is one event. The bytes are those of the event, as JSON; nil stands for null.
type responsesEvent struct {
	kind     []byte // without quotes
	index    int64  // of the item
	indexed  bool
	id       []byte // of the item
	part     int64  // of the item that the event belongs to
	text     []byte // what is added, or all of it
	name     []byte
	item     []byte
	piece    []byte // a part of an item, whole
	cited    []byte // a page that a text names
	response []byte
	fault    []byte
	gaps     gaps           // what differs from event to event
	it       *responsesItem // that it adds to; nil = it is none that adds something
	what     pieceKind
}

func parseResponsesEvent(r *reader) responsesEvent {
	var e responsesEvent
	if !r.enter('{') {
		return e
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			e.kind = bytes.Trim(r.value(), `"`)
		case "output_index":
			e.index, e.indexed = r.int()
		case "item_id":
			e.id = r.value()
		case "content_index", "summary_index":
			e.part, _ = r.int()
		case "delta":
			e.text = r.value()
			e.gaps.add(gapText, r.from, e.text)
		case "sequence_number":
			v := r.value()
			e.gaps.add(gapNumber, r.from, v)
		case "obfuscation":
			v := r.value()
			e.gaps.add(gapPadding, r.from, v)
		case "text", "arguments", "refusal":
			e.text = r.value()
		case "name":
			e.name = r.value()
		case "item":
			e.item = r.value()
		case "part":
			e.piece = r.value()
		case "annotation":
			e.cited = r.value()
		case "response":
			e.response = r.value()
		case "error":
			if v := r.value(); !nothing(v) {
				e.fault = v
			}
		default:
			r.skip()
		}
	}
	return e
}

// take does what an event says. raw is all of it. Unknown events say nothing.
func (d *responsesAnswer) take(e *responsesEvent, raw []byte) {
	if kind, what := deltaKind(e.kind); what != 0 {
		d.delta(e, kind, what)
		return
	}
	switch string(e.kind) {
	case "response.output_item.added":
		d.added(e)
	case "response.output_item.done":
		d.itemDone(e)
	case "response.created", "response.in_progress", "response.queued":
		d.begin(e.response)
	case "response.completed", "response.incomplete", "response.done":
		d.finish(e.response)
	case "response.failed", "response.cancelled":
		d.failed(e.response)
	case "error":
		d.fault(e.fault, raw)
	default:
		d.whole(e, raw)
	}
}

// deltaKind tells what a delta adds to what; 0 = it is none.
func deltaKind(event []byte) (itemKind, pieceKind) {
	switch string(event) {
	case "response.output_text.delta":
		return itemMessage, pieceText
	case "response.function_call_arguments.delta":
		return itemCall, pieceArgs
	case "response.reasoning_summary_text.delta", "response.reasoning_summary.delta":
		return itemReasoning, pieceSummary
	case "response.reasoning_text.delta", "response.reasoning.delta":
		return itemReasoning, pieceThought
	case "response.refusal.delta":
		return itemMessage, pieceRefusal
	}
	return 0, 0
}

// whole takes what other events say: the whole of something, which counts where its parts did not
// come, or an error that has no name.
func (d *responsesAnswer) whole(e *responsesEvent, raw []byte) {
	switch string(e.kind) {
	case "response.output_text.done":
		d.late(e, itemMessage, pieceText)
	case "response.function_call_arguments.done":
		d.late(e, itemCall, pieceArgs)
	case "response.reasoning_summary_text.done":
		d.late(e, itemReasoning, pieceSummary)
	case "response.reasoning_text.done":
		d.late(e, itemReasoning, pieceThought)
	case "response.refusal.done":
		d.late(e, itemMessage, pieceRefusal)
	case "response.content_part.done":
		d.latePart(e)
	case "response.output_text.annotation.added":
		d.cited(e.cited)
	default:
		if e.fault != nil {
			d.fault(e.fault, raw)
		}
	}
}
