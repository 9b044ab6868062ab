package cloud

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"prism/internal/translate"
)

// EventStream is the media type of what [Events] reads.
const EventStream = "application/vnd.amazon.eventstream"

// Events makes the server-sent events of the Messages API of an event stream of Bedrock. The
// events themselves pass as they are. The zero value is ready. It is not safe for concurrent use.
type Events struct {
	in    []byte // that came and is no whole frame yet
	out   []byte
	err   error
	usage usage
	held  []byte // a message_delta: what comes behind it may complete its usage
	data  []byte // of the event under way
	over  bool   // an error has ended it
}

// Feed takes the next bytes, split anywhere. p is not kept.
func (e *Events) Feed(p []byte) {
	if e.err != nil || e.over {
		return
	}
	b := p
	if len(e.in) > 0 {
		e.in = append(e.in, p...)
		b = e.in
	}
	whole := len(b)
	for e.err == nil && !e.over {
		f, n, err := nextFrame(b)
		if err != nil {
			e.err = err
			break
		}
		if n == 0 {
			break
		}
		e.take(&f)
		b = b[n:]
	}
	if len(e.in) == 0 || len(b) < whole { // else all of it waits already
		e.in = append(e.in[:0], b...)
	}
}

// Take returns what was made since the last call. It is valid until the next call of any method.
func (e *Events) Take() []byte {
	b := e.out
	e.out = e.out[:0]
	return b
}

// Err returns [ErrFrame] once the stream cannot be read any further.
func (e *Events) Err() error { return e.err }

// End says that nothing comes any more: [io.EOF] where the stream came to its end, else what broke
// it off. It returns what ended it: io.EOF, [translate.ErrCut] within a frame, or the error.
func (e *Events) End(err error) error {
	e.release()
	switch {
	case e.err != nil:
		return e.err
	case errors.Is(err, io.EOF) && len(e.in) > 0 && !e.over:
		return translate.ErrCut
	}
	return err
}

// take turns one frame into an event.
func (e *Events) take(f *frame) {
	switch string(f.kind) {
	case "event":
		if string(f.event) == "chunk" {
			e.chunk(f.payload)
		}
	case "exception":
		e.fail(string(f.exception), saidIn(f.payload).message)
	case "error":
		e.fail(string(f.code), string(f.message))
	default:
		e.err = ErrFrame
	}
}

// fail ends the stream with an error.
func (e *Events) fail(name, message string) {
	e.release()
	e.over = true
	status, typ := Bedrock.meaning(500, name)
	if name == "validationException" || name == "ValidationException" {
		status, typ = 400, "invalid_request_error"
	}
	if message == "" {
		message = "the provider broke off its answer"
	}
	failure := translate.Failure{Status: status, Type: typ, Message: message}
	e.write([]byte("error"), failure.Body())
}

// chunk takes an event out of its wrapping.
func (e *Events) chunk(payload []byte) {
	var ok bool
	if e.data, ok = unwrap(e.data[:0], payload); !ok {
		e.err = ErrFrame
		return
	}
	data := e.data
	typ := typeOf(data)
	switch string(typ) {
	case "":
		e.err = ErrFrame
	case "message_start":
		e.release()
		e.usage.start(data)
		e.write(typ, data)
	case "message_delta":
		e.release()
		e.usage.delta(data)
		e.held = append(e.held, data...)
	case "message_stop":
		if len(e.held) > 0 {
			e.held = e.usage.complete(e.held, data)
		}
		e.release()
		e.out = append(e.out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
	default:
		e.release()
		e.write(typ, data)
	}
}

// release writes what was held.
func (e *Events) release() {
	if len(e.held) > 0 {
		e.write([]byte("message_delta"), e.held)
		e.held = e.held[:0]
	}
}

// write writes an event. Line breaks can only be white space between the tokens of data.
func (e *Events) write(typ, data []byte) {
	e.out = append(append(append(e.out, "event: "...), typ...), "\ndata: "...)
	start := len(e.out)
	e.out = append(e.out, data...)
	for i := start; i < len(e.out); i++ {
		n := bytes.IndexAny(e.out[i:], "\r\n")
		if n < 0 {
			break
		}
		i += n
		e.out[i] = ' '
	}
	e.out = append(e.out, "\n\n"...)
}

// unwrap appends the event that a chunk holds to b.
func unwrap(b, payload []byte) ([]byte, bool) {
	if rest, ok := bytes.CutPrefix(payload, []byte(`{"bytes":"`)); ok {
		if n := bytes.IndexAny(rest, `"\`); n >= 0 && rest[n] == '"' {
			data, err := base64.StdEncoding.AppendDecode(b, rest[:n])
			return data, err == nil
		}
	}
	var v struct {
		Bytes []byte `json:"bytes"`
	}
	err := json.Unmarshal(payload, &v)
	return append(b, v.Bytes...), err == nil
}

// typeOf returns the type of an event; nil where it has none that can be told on a line.
func typeOf(data []byte) []byte {
	if rest, ok := bytes.CutPrefix(data, []byte(`{"type":"`)); ok {
		if n := bytes.IndexByte(rest, '"'); n >= 0 && word(rest[:n]) {
			return rest[:n]
		}
	}
	var v struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(data, &v) != nil || !word([]byte(v.Type)) {
		return nil
	}
	return []byte(v.Type)
}

// word tells whether b is letters and underscores, at least one.
func word(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return len(b) > 0
}
