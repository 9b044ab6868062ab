package openai

import (
	"bytes"
	"errors"
	"io"

	"prism/internal/translate"
)

// responsesStream reads the server-sent events of a Responses answer.
type responsesStream struct {
	responsesAnswer
	frames frames
	alike  alike
}

// Stream reads the server-sent events of an answer.
func (Responses) Stream(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &responsesStream{responsesAnswer: newResponsesAnswer(r, w)}
}

// Feed implements [translate.Decoder].
func (d *responsesStream) Feed(p []byte) {
	for len(p) > 0 && !d.w.Ended() {
		if d.frames.between() {
			if text, rest, ok := d.alike.event(p); ok {
				d.again(text)
				p = rest
				continue
			}
		}
		e, rest, ok := d.frames.next(p)
		if !ok {
			break
		}
		d.event(e)
		p = rest
	}
	if d.frames.long {
		d.tooLong()
	}
}

// End implements [translate.Decoder].
func (d *responsesStream) End(err error) error {
	if errors.Is(err, io.EOF) && !d.w.Ended() {
		if e, ok := d.frames.last(); ok {
			d.event(e)
		}
	}
	return d.over(err)
}

// event reads one event.
func (d *responsesStream) event(e event) {
	data := bytes.TrimSpace(e.data)
	if text, rest, ok := d.alike.match(data); ok && len(rest) == 0 {
		d.again(text)
		return
	}
	d.alike.on = false
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
			d.alike.learn(name, data, &e)
		}
	}
}

// again takes the text of an event that is like the last one.
func (d *responsesStream) again(text []byte) {
	d.put(d.alike.it, d.alike.what, d.alike.part, d.alike.said.unquote(text))
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
		case "response":
			e.response = r.value()
		case "error":
			e.fault = r.value()
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
	default:
		if e.fault != nil {
			d.fault(e.fault, raw)
		}
	}
}
