package openai

import (
	"bytes"
	"errors"
	"io"

	"prism/internal/translate"
)

// chatMessage reads an answer that is one JSON body. It is read like a stream of one chunk.
type chatMessage struct {
	chatAnswer
	body []byte
}

// Message reads an answer that is one JSON body.
func (Chat) Message(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &chatMessage{chatAnswer: newChatAnswer(r, w)}
}

// Feed implements [translate.Decoder].
func (d *chatMessage) Feed(p []byte) {
	if d.w.Ended() {
		return
	}
	if len(d.body)+len(p) > maxFrame {
		d.tooLong()
		return
	}
	d.body = append(d.body, p...)
}

// End implements [translate.Decoder].
func (d *chatMessage) End(err error) error {
	if d.w.Ended() || !errors.Is(err, io.EOF) {
		return d.over(err)
	}
	r := reader{b: bytes.TrimPrefix(d.body, []byte("\xef\xbb\xbf"))}
	switch r.peek() {
	case '{':
		d.chunk(&r)
	case '[':
		d.list(&r)
	default:
		d.failure(d.body)
	}
	switch {
	case d.w.Ended():
		return nil
	case r.bad:
		return translate.ErrCut
	case !d.chosen:
		d.failure(d.body)
		return nil
	}
	d.complete()
	return nil
}
