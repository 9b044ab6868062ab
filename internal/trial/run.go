package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"prism/config"
	"prism/internal/stream"
	"prism/internal/upstream"
)

const (
	messagesPath = "/v1/messages"
	countPath    = "/v1/messages/count_tokens"
)

// run is a [Result] in the making.
type run struct {
	Result
	opt   Options
	notes *notes
	cause string // why there is no answer; "" = there is one
}

// end returns the result with its steps.
func (t *run) end() Result {
	detail := t.cause
	if t.Status > 0 {
		detail = fmt.Sprintf("HTTP %d", t.Status)
	}
	t.Steps = t.notes.end(Step{Name: t.Step, OK: t.OK, Detail: detail})
	return t.Result
}

// upstream makes the way to the provider; retire closes it.
func (t *run) upstream() (up *upstream.Upstream, retire func(), err error) {
	target, err := upstream.NewTarget(t.Profile)
	if err != nil {
		return nil, nil, err
	}
	limit := t.opt.Within
	pool := upstream.NewPool(target, upstream.Timeouts{Dial: limit, TLS: limit, Write: limit, FirstByte: limit, Idle: limit})
	opt := upstream.Options{Profile: t.Profile, Pool: pool}
	if t.opt.Clouds != nil {
		opt.Clouds = func(p *config.Profile) (upstream.Authorizer, error) {
			a, err := t.opt.Clouds(p)
			return noted{a, t.notes}, err
		}
	}
	if up, err = upstream.New(opt); err != nil {
		pool.Retire()
		return nil, nil, err
	}
	return up, pool.Retire, nil
}

// ask sends the request, and again where a refusal taught how to.
func (t *run) ask(ctx context.Context, up *upstream.Upstream, path string) {
	ctx = httptrace.WithClientTrace(ctx, t.notes.trace())
	for again, left := true, rounds; again && left > 0; left-- {
		again = t.once(ctx, up, path)
	}
	t.Connect = t.notes.connected()
	if t.Status > 0 {
		t.Total = time.Since(t.notes.began)
	}
}

// once sends the request once, and tells whether it is worth sending again.
func (t *run) once(ctx context.Context, up *upstream.Upstream, path string) (again bool) {
	resp, err := up.RoundTrip(t.request(ctx, path))
	if err != nil {
		t.unreached(ctx, err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	t.Status = resp.StatusCode
	var told stream.Told
	if teller, ok := resp.Body.(stream.Teller); ok {
		told = teller.Told()
	}
	switch {
	case told.Learned:
		t.refused(resp, body)
		return true
	case resp.StatusCode >= http.StatusMultipleChoices:
		t.refused(resp, body)
	case err != nil:
		t.fail(StepAnswer, fmt.Sprintf("prism test %s, once more", t.Profile.Name), fmt.Sprintf("the answer broke off: %s", err))
	case path == countPath:
		t.counted(resp, body)
	default:
		t.answered(resp, body, told.Model)
	}
	return false
}

// request is the request of a client for one word.
func (t *run) request(ctx context.Context, path string) *http.Request {
	ask := map[string]any{"model": t.Sent, "messages": []map[string]string{{"role": "user", "content": "hello"}}}
	if path != countPath {
		ask["max_tokens"] = output
	}
	text, _ := json.Marshal(ask) // texts and numbers: it cannot fail
	h := http.Header{"Content-Type": {"application/json"}, "Anthropic-Version": {"2023-06-01"}}
	if t.opt.Agent != "" {
		h.Set("User-Agent", t.opt.Agent)
	}
	return (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: path}, Header: h,
		Body: &upstream.Body{Pieces: [3][]byte{text}, Size: int64(len(text)), Model: t.Sent},
	}).WithContext(ctx)
}

// counted reads a count of tokens. Many a server answers 200 with a page of its own whatever is asked,
// and with whichever key: that is no count.
func (t *run) counted(resp *http.Response, body []byte) {
	var count struct {
		Input *int64 `json:"input_tokens"`
	}
	if err := json.Unmarshal(body, &count); err != nil || count.Input == nil {
		t.strange(resp)
		return
	}
	t.answers(t.taken())
}

// answered reads a message.
func (t *run) answered(resp *http.Response, body []byte, model string) {
	var m struct {
		Type    string          `json:"type"`
		Model   string          `json:"model"`
		Content json.RawMessage `json:"content"`
		Usage   Usage           `json:"usage"`
	}
	err := json.Unmarshal(body, &m)
	switch {
	case err == nil && m.Type == "error":
		t.refused(resp, body)
	case err != nil || m.Content == nil:
		t.strange(resp)
	default:
		t.Served, t.Usage = cmp.Or(model, m.Model), m.Usage
		t.answers(t.taken())
	}
}

// strange says that what came is not what was asked for.
func (t *run) strange(resp *http.Response) {
	kind, _, _ := strings.Cut(cmp.Or(resp.Header.Get("Content-Type"), "without a type"), ";")
	t.fail(StepAnswer, fmt.Sprintf("prism edit, and look at base_url and dialect of profile %s", t.Profile.Name), fmt.Sprintf("answers %d, but no message (%s)", resp.StatusCode, kind))
}

func (t *run) answers(what string) {
	t.OK, t.Step, t.Fix, t.What = true, StepAnswer, "", what
}

func (t *run) fail(step, fix, what string) {
	t.OK, t.Step, t.Fix, t.What = false, step, fix, what
}
