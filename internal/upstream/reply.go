package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"prism/config"
	"prism/internal/stream"
	"prism/internal/translate"
)

// pingAfter is how long the client hears nothing until what the provider sends without saying
// anything, comments for example, is passed on as a ping.
const pingAfter = 10 * time.Second

// ping is the event of the Messages API that means nothing.
const ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n"

// replyBuffer is what is read of a provider at once.
const replyBuffer = 16 << 10

// replyOf is what a reply belongs to.
type replyOf struct {
	t     *translator
	model string
	guess int64 // tokens of the prompt as they were estimated, nothing corrected
	told  stream.Told

	id     string        // of the exchange
	quirks config.Quirks // that it was asked with
	state  []string      // of the provider, that went back to it
}

// learn remembers what an error says of the provider, and whether that is news.
func (of *replyOf) learn(f *translate.Failure) {
	switch t := of.t; {
	case f.State:
		of.told.Learned = t.known.refuse(t.up.name, of.state)
	case t.known.learn(t.keyOf(of.model), f.Lesson, of.quirks):
		of.told.Learned = true
		of.told.Notes = append(of.told.Notes, f.Lesson.Name)
	}
}

// reply is the body of a translated answer. It reads the provider's as it is read itself, and has
// no goroutine.
type reply struct {
	of   replyOf
	src  io.ReadCloser
	call *translate.Reply
	w    *translate.Writer
	dec  translate.Decoder // nil until the first byte has told what comes

	buf  []byte
	out  []byte // of w, not handed out yet
	err  error  // that ends the body, once out is empty
	last time.Time
	by   time.Time // when the provider is waited for no longer; zero = it has not said that it is done
}

// answered wraps an answer that is none of the errors.
func (t *translator) answered(resp *http.Response, r *translate.Reply, of replyOf) *http.Response {
	w := translate.NewWriter(translate.Opening{
		ID: translate.MessageID(of.id), Model: r.Model, Provider: r.Provider, Prompt: r.Prompt, Stops: r.Stops, Exchange: of.id, ToolIDs: r.ToolIDs,
	}, r.Stream)
	w.Name(requestID(resp.Header), r.Prompt)
	body := &reply{of: of, src: resp.Body, call: r, w: w, buf: make([]byte, replyBuffer), last: time.Now()}
	out := respond(resp.Request, http.StatusOK, contentType(r.Stream), body)
	if id := requestID(resp.Header); id != "" {
		out.Header.Set("Request-Id", id)
	}
	return out
}

// Read implements io.Reader.
func (r *reply) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// Await waits until something can be read, or d has passed, and returns false in the last case.
// What the provider sends without saying anything is not something.
func (r *reply) Await(d time.Duration) bool {
	src, ok := r.src.(interface{ Await(time.Duration) bool })
	until := time.Now().Add(d)
	for len(r.out) == 0 && r.err == nil {
		soon := !r.by.IsZero() && r.by.Before(until) // then the end comes by itself
		if ok && !soon && !src.Await(max(time.Until(until), time.Millisecond)) {
			return false
		}
		r.fill()
		if !ok || len(r.out) == 0 && r.err == nil && !time.Now().Before(until) {
			break
		}
	}
	return len(r.out) > 0 || r.err != nil
}

// usageWait is how long a message whose stop reason is known is held open: its usage may follow. Some
// providers send none, and neither say that this was all nor close the connection.
const usageWait = 2 * time.Second

// late tells whether nothing came of a provider in the time that it had after its stop reason.
func (r *reply) late() bool {
	src, ok := r.src.(interface{ Await(time.Duration) bool })
	return ok && !r.by.IsZero() && !src.Await(max(time.Until(r.by), time.Millisecond))
}

// fill reads once from the provider.
func (r *reply) fill() {
	n, err := 0, io.EOF
	if r.late() {
		_ = r.src.Close()
	} else {
		n, err = r.src.Read(r.buf)
	}
	if n > 0 {
		r.feed(r.buf[:n])
		if r.w.Begun() {
			r.of.state = nil // it may be large, and was taken
		}
	}
	if r.w.Reasoned() && (r.by.IsZero() || r.w.Waiting()) {
		r.by = time.Now().Add(usageWait) // anew with whatever it still has to say
	}
	switch {
	case r.w.Stopped() && !r.w.Ended():
		r.w.End()
		r.end(io.EOF)
		_ = r.src.Close() // nothing of what follows is wanted, nor to be paid
	case r.w.Ended():
		r.end(io.EOF)
		r.finish()
	case err != nil:
		r.over(err)
	}
	r.out = r.w.Take()
	if len(r.out) > 0 {
		r.last = time.Now()
	} else if n > 0 && r.err == nil && r.call.Stream && time.Since(r.last) > pingAfter {
		r.out, r.last = append(r.out, ping...), time.Now()
	}
}

// feed gives bytes to the decoder that fits the first of them: some providers answer with a body
// where a stream was asked for, or the other way round.
func (r *reply) feed(p []byte) {
	if r.dec == nil {
		p = trimSpace(bytes.TrimPrefix(trimSpace(p), []byte("\ufeff")))
		if len(p) == 0 {
			return
		}
		if p[0] == '{' || p[0] == '[' {
			r.dec = r.of.t.codec.Message(r.call, r.w)
		} else {
			r.dec = r.of.t.codec.Stream(r.call, r.w)
		}
	}
	r.dec.Feed(p)
}

// over ends a reply whose source has ended.
func (r *reply) over(err error) {
	if r.dec == nil {
		if err == io.EOF { //nolint:errorlint // the bare EOF of a whole body
			err = &Error{Kind: KindEOF, Sent: true, Head: true, Err: io.ErrUnexpectedEOF}
		}
		r.end(err)
		return
	}
	switch said := r.dec.End(err); {
	case said == nil:
		r.end(io.EOF)
	case errors.Is(said, translate.ErrCut):
		r.end(&Error{Kind: KindEOF, Sent: true, Head: true, Err: said})
	default:
		r.end(said)
	}
}

func (r *reply) end(err error) {
	if r.err == nil {
		r.err = err
		if f := r.w.Failure(); f != nil {
			r.of.learn(f)
		}
	}
	if r.w.Ended() {
		r.of.t.known.observe(r.of.t.keyOf(r.of.model), r.of.guess, r.w.Prompt())
	}
}

// finish reads what stands behind the end of the message, usually nothing but the end of the
// body, so that the connection can be used again.
func (r *reply) finish() {
	src, ok := r.src.(interface{ Await(time.Duration) bool })
	for range 4 {
		if !ok || !src.Await(finishWait) {
			break
		}
		if _, err := r.src.Read(r.buf); err != nil {
			break
		}
	}
	_ = r.src.Close()
}

// finishWait is how long the end of a body may be behind the end of its message.
const finishWait = 5 * time.Millisecond

// Close implements io.Closer.
func (r *reply) Close() error { return r.src.Close() }

// Told implements [stream.Teller].
func (r *reply) Told() stream.Told {
	told, aside, reported := r.of.told, r.w.Told(), r.w.Usage().Counts()
	told.Model, told.ID, told.Cost, told.Reported = aside.Model, aside.ID, aside.Cost, &reported
	told.Estimated = aside.Estimated || !reported.Input.Known() // message_start has said something all the same
	if f := r.w.Failure(); f != nil {
		told.Retry, told.After = f.Retry, f.After
		told.Refused = f.Status < http.StatusInternalServerError
	}
	return told
}

func trimSpace(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\n' || p[0] == '\r' || p[0] == '\t') {
		p = p[1:]
	}
	return p
}
