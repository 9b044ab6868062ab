package openai

import (
	"bytes"

	"prism/internal/translate"
)

// chatStream reads the events of a Chat Completions answer. Providers agree on little beyond the
// usual chunk; what they do otherwise is taken as it was meant.
type chatStream struct{ chatAnswer }

// Stream reads the server-sent events of an answer.
func (Chat) Stream(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &eventStream{w: w, to: &chatStream{newChatAnswer(r, w)}}
}

// again implements [eventReader].
func (d *chatStream) again(p []byte) (rest []byte, ok bool) {
	if rest, ok = d.repeat.like.event(p); ok {
		d.more()
	}
	return rest, ok
}

// event reads one event.
func (d *chatStream) event(e event) {
	data := bytes.TrimSpace(e.data)
	switch {
	case len(data) == 0:
	case string(data) == "[DONE]":
		d.done()
	case string(e.name) == "error":
		d.failure(data)
	case d.repeat.like.whole(data):
		d.more()
	default:
		d.values(data)
	}
}

// values reads the JSON of an event. It is one object; where the blank lines between events are
// missing it is several, and some report an error in an array.
func (d *chatStream) values(data []byte) {
	r := reader{b: data}
	for r.more() && !d.w.Ended() {
		if bytes.HasPrefix(data[r.i:], []byte("[DONE]")) {
			d.done()
			return
		}
		switch r.peek() {
		case '{':
			d.chunk(&r)
		case '[':
			d.list(&r)
		default: // a word that keeps the connection alive
			return
		}
	}
	if r.bad && d.reason == "" && !d.w.Ended() { // else the usage at most is lost
		d.w.Fail("api_error", "the provider sent an event that is not JSON")
	}
}
