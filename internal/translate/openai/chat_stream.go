package openai

import (
	"bytes"
	"errors"
	"io"

	"prism/internal/translate"
)

// chatStream reads the server-sent events of a Chat Completions answer. Providers agree on little
// beyond the usual chunk; what they do otherwise is taken as it was meant.
type chatStream struct {
	chatAnswer
	frames frames
}

// Stream reads the server-sent events of an answer.
func (Chat) Stream(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &chatStream{chatAnswer: newChatAnswer(r, w)}
}

// Feed implements [translate.Decoder].
func (d *chatStream) Feed(p []byte) {
	for len(p) > 0 && !d.w.Ended() {
		if d.frames.between() {
			if rest, ok := d.againAt(p); ok {
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
func (d *chatStream) End(err error) error {
	if errors.Is(err, io.EOF) && !d.w.Ended() {
		if e, ok := d.frames.last(); ok {
			d.event(e)
		}
	}
	return d.over(err)
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
	case !d.again(data):
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
	if r.bad && !d.w.Ended() {
		d.w.Fail("api_error", "the provider sent an event that is not JSON")
	}
}
