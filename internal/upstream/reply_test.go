package upstream

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/translate"
	"prism/internal/translate/openai"
)

// piece is a part of an answer, and how long it takes until it comes.
type piece struct {
	after time.Duration
	text  string
}

// paused is a body that comes in pieces and does not end by itself.
type paused struct {
	pieces []piece
	next   time.Time // when the next piece is there
	closed bool
}

func slowly(pieces ...piece) *paused {
	return &paused{pieces: pieces, next: time.Now().Add(pieces[0].after)}
}

// Await waits for the next piece.
func (p *paused) Await(d time.Duration) bool {
	if len(p.pieces) == 0 || time.Until(p.next) > d {
		time.Sleep(d)
		return false
	}
	time.Sleep(time.Until(p.next))
	return true
}

// Read implements io.Reader. Where nothing comes any more it waits for as long as a connection does.
func (p *paused) Read(b []byte) (int, error) {
	if p.closed || !p.Await(240*time.Second) {
		return 0, &Error{Kind: KindTimeout, Err: io.ErrUnexpectedEOF}
	}
	n := copy(b, p.pieces[0].text)
	if p.pieces = p.pieces[1:]; len(p.pieces) > 0 {
		p.next = time.Now().Add(p.pieces[0].after)
	}
	return n, nil
}

// Close implements io.Closer.
func (p *paused) Close() error {
	p.closed = true
	return nil
}

// replyTo is what the client gets of an answer in a dialect.
func replyTo(codec translate.Codec, src io.ReadCloser, stream bool) *reply {
	t := &translator{up: &Upstream{name: "work"}, codec: codec, known: &knowledge{}}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"X-Request-Id": {"req_1"}}, Body: src}
	r, _ := t.answered(resp, &translate.Reply{Model: "claude-opus-5-5", Stream: stream, Asked: true, Prompt: 7}, replyOf{t: t, model: "m", guess: 7}).Body.(*reply)
	return r
}

const (
	chatText   = `data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}` + "\n\n"
	chatFinish = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	chatUsage  = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105}}` + "\n\n"

	responsesText = `data: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i"}}` + "\n\n" +
		`data: {"type":"response.output_text.delta","output_index":0,"item_id":"i","delta":"hello"}` + "\n\n"
	responsesEnd = `data: {"type":"response.completed","response":{"id":"r","status":"completed","usage":{"input_tokens":100,"output_tokens":5}}}` + "\n\n"
)

// TestIDsThatOtherAnswersHaveAreToldApart: some servers have one id for all answers and number the calls
// of each anew. The client would take two answers for one, and lose the second of two calls.
func TestIDsThatOtherAnswersHaveAreToldApart(t *testing.T) {
	const answer = `{"id":"chatcmpl-A1","choices":[{"index":0,"message":{"tool_calls":[{"id":"call_0","function":{"name":"Ls","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`
	tr := &translator{up: &Upstream{name: "work"}, codec: openai.Chat{}, known: &knowledge{}}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}
	r := tr.answered(resp, &translate.Reply{Model: "m", ToolIDs: []string{"call_0"}}, replyOf{t: tr, model: "m", id: "01EXCHANGE"})
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"id":"msg_chatcmpl-A1_01EXCHANGE"`, `"id":"call_0-2"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s:\n%s", want, got)
		}
	}
}

// TestAProviderThatIsDoneAndStaysSilentHoldsNobody: it sends its stop reason and then neither its
// usage nor the end of the stream, and keeps the connection open.
func TestAProviderThatIsDoneAndStaysSilentHoldsNobody(t *testing.T) {
	for _, c := range []struct {
		name      string
		codec     translate.Codec
		pieces    []piece
		stream    bool
		takes     time.Duration // until the client has all of it
		says      string
		estimated bool
	}{
		{"silent", openai.Chat{}, []piece{{0, chatText}, {0, chatFinish}}, true, usageWait, `"input_tokens":7`, true},
		{"silent, no stream", openai.Chat{}, []piece{{0, chatText}, {0, chatFinish}}, false, usageWait, `"input_tokens":7`, true},
		{"comments only", openai.Chat{}, []piece{{0, chatText}, {0, chatFinish}, {time.Second, ": wait\n\n"}, {1500 * time.Millisecond, ": wait\n\n"}}, true, usageWait, `"input_tokens":7`, true},
		{"late usage", openai.Chat{}, []piece{{0, chatText}, {0, chatFinish}, {1500 * time.Millisecond, chatUsage}}, true, 1500*time.Millisecond + finishWait, `"input_tokens":100`, false},
		{"text behind the reason", openai.Chat{}, []piece{{0, chatFinish}, {1500 * time.Millisecond, chatText}, {1500 * time.Millisecond, ": wait\n\n"}}, true, 1500*time.Millisecond + usageWait, `"input_tokens":7`, true},
		{"usage cut short", openai.Chat{}, []piece{{0, chatText}, {0, chatFinish}, {0, `data: {"id":"c","choi`}}, true, usageWait, `"input_tokens":7`, true},
		{"responses", openai.Responses{}, []piece{{0, responsesText}, {0, responsesEnd}}, true, finishWait, `"input_tokens":100`, false},
		{"responses, no stream", openai.Responses{}, []piece{{0, responsesText}, {0, responsesEnd}}, false, finishWait, `"input_tokens":100`, false},
	} {
		for _, awaits := range []bool{false, true} { // as the proxy reads, which keeps the client waiting meanwhile
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					src := slowly(c.pieces...)
					r := replyTo(c.codec, src, c.stream)
					start, got, err := time.Now(), "", error(nil)
					for buf := make([]byte, 512); err == nil; {
						for awaits && !r.Await(300*time.Millisecond) {
						}
						var n int
						n, err = r.Read(buf)
						got += string(buf[:n])
					}
					if took := time.Since(start); !errors.Is(err, io.EOF) || took != c.takes {
						t.Errorf("it took %s and ended with %v: %s", took, err, got)
					}
					if !strings.Contains(got, `"stop_reason":"end_turn"`) || !strings.Contains(got, c.says) || c.stream != strings.HasSuffix(got, "data: {\"type\":\"message_stop\"}\n\n") {
						t.Errorf("the client got %s", got)
					}
					if r.Told().Estimated != c.estimated || !src.closed {
						t.Errorf("estimated %t, closed %t", r.Told().Estimated, src.closed)
					}
				})
			})
		}
	}
}

// TestAProviderThatIsNotDoneIsWaitedFor: silence in the middle is no end.
func TestAProviderThatIsNotDoneIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replyTo(openai.Chat{}, slowly(piece{0, chatText}, piece{90 * time.Second, chatText}, piece{0, chatFinish}, piece{0, chatUsage}), true)
		got, err := io.ReadAll(r)
		if err != nil || strings.Count(string(got), `"text":"hello"`) != 2 || time.Since(r.last) > time.Second {
			t.Errorf("%v: %s", err, got)
		}
	})
}

// TestAnAnswerThatNeverEndsIsGivenUp: one JSON body is kept until it is whole, up to a limit.
func TestAnAnswerThatNeverEndsIsGivenUp(t *testing.T) {
	for _, codec := range []translate.Codec{openai.Chat{}, openai.Responses{}} {
		src := &endless{head: `{"id":"`}
		got, err := io.ReadAll(replyTo(codec, src, false))
		if err != nil || !strings.Contains(string(got), `"api_error"`) || src.n > 40<<20 || !src.closed {
			t.Errorf("%v after %d bytes, closed %t: %s", err, src.n, src.closed, got)
		}
	}
}

// endless is a body without an end.
type endless struct {
	head   string
	n      int
	closed bool
}

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	if e.closed || e.n > 64<<20 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	copy(p, e.head)
	e.head = ""
	e.n += len(p)
	return len(p), nil
}

// Close implements io.Closer.
func (e *endless) Close() error {
	e.closed = true
	return nil
}

// TestABodyBehindAMarkOfItsEncodingIsRead: the first byte tells what comes, and such a mark is none.
func TestABodyBehindAMarkOfItsEncodingIsRead(t *testing.T) {
	for name, body := range map[string]string{
		"JSON": `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`,
		"SSE":  chatText + chatFinish + "data: [DONE]\n\n",
	} {
		got, err := io.ReadAll(replyTo(openai.Chat{}, io.NopCloser(strings.NewReader("\ufeff"+body)), true))
		if err != nil || !strings.Contains(string(got), "hello") || !strings.Contains(string(got), "message_stop") {
			t.Errorf("%s: %v, %s", name, err, got)
		}
	}
}
