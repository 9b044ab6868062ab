package openai

import (
	"bytes"
	"errors"
	"io"

	"prism/internal/translate"
)

// responsesMessage reads an answer that is one JSON body. It is read like the last event of a
// stream of which nothing else has come.
type responsesMessage struct {
	responsesAnswer
	body []byte
}

// Message reads an answer that is one JSON body.
func (Responses) Message(r *translate.Reply, w *translate.Writer) translate.Decoder {
	return &responsesMessage{responsesAnswer: newResponsesAnswer(r, w)}
}

// Feed implements [translate.Decoder].
func (d *responsesMessage) Feed(p []byte) {
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
func (d *responsesMessage) End(err error) error {
	if d.w.Ended() || !errors.Is(err, io.EOF) {
		return d.over(err)
	}
	body := bytes.TrimSpace(bytes.TrimPrefix(d.body, []byte("\xef\xbb\xbf")))
	b := parseResponse(body)
	switch {
	case b.bad:
		return translate.ErrCut
	case !b.any && b.fault == nil:
		d.report(body)
	default:
		d.name(b.id, b.model)
		d.end(&b)
	}
	return nil
}
