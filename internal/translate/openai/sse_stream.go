package openai

import (
	"errors"
	"io"

	"prism/internal/translate"
)

// eventStream reads an answer that comes as server-sent events, of either dialect.
type eventStream struct {
	frames frames
	w      *translate.Writer
	to     eventReader
}

// eventReader is an answer that is told of its events.
type eventReader interface {
	// again takes an event that p begins with, if it is like the last one, and returns what follows
	// it.
	again(p []byte) (rest []byte, ok bool)

	event(e event)

	// over ends the answer where the connection did.
	over(err error) error

	tooLong()
}

// Feed implements [translate.Decoder].
func (s *eventStream) Feed(p []byte) {
	for len(p) > 0 && !s.w.Ended() {
		if s.frames.between() {
			if rest, ok := s.to.again(p); ok {
				p = rest
				continue
			}
		}
		e, rest, ok := s.frames.next(p)
		if !ok {
			break
		}
		s.to.event(e)
		p = rest
	}
	if s.frames.long {
		s.to.tooLong()
	}
}

// End implements [translate.Decoder].
func (s *eventStream) End(err error) error {
	if errors.Is(err, io.EOF) && !s.w.Ended() {
		if e, ok := s.frames.last(); ok {
			s.to.event(e)
		}
	}
	return s.to.over(err)
}
