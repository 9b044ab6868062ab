package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"prism/config"
	"prism/internal/stream"
	"prism/internal/translate"
	"prism/internal/translate/openai"
)

// translator makes an upstream of another dialect speak Anthropic.
type translator struct {
	up       *Upstream
	codec    translate.Codec
	models   []config.ModelRule
	quirks   config.Quirks
	provider string // whose state its answers carry; see [translate.Envelope]
	dialect  config.Dialect
	known    *knowledge
}

// newTranslator returns nil for a profile whose provider speaks Anthropic.
func newTranslator(p *config.Profile, pool *Pool, up *Upstream) *translator {
	codec := codecOf(p.Dialect)
	if codec == nil {
		return nil
	}
	t := translatorOf(p, pool, up)
	t.codec = codec
	return t
}

// translatorOf returns a translator that has no codec yet.
func translatorOf(p *config.Profile, pool *Pool, up *Upstream) *translator {
	t := &translator{up: up, models: p.Models, quirks: p.Quirks, provider: p.Provider, dialect: p.Dialect}
	if t.provider == "" {
		t.provider = up.server
	}
	if pool != nil {
		t.known = &pool.known
	} else {
		t.known = &knowledge{}
	}
	return t
}

func codecOf(d config.Dialect) translate.Codec {
	switch d {
	case config.DialectOpenAI:
		return openai.Chat{}
	case config.DialectResponses:
		return openai.Responses{}
	default:
		return nil
	}
}

// roundTrip answers what it can by itself, and translates the rest.
func (t *translator) roundTrip(req *http.Request, body *Body) (*http.Response, error) {
	switch path := req.URL.Path; {
	case path == "/v1/messages" && req.Method == http.MethodPost:
		return t.messages(req, body)
	case path == "/v1/messages/count_tokens" && req.Method == http.MethodPost:
		return t.countTokens(req, body)
	case path == "/v1/models" || strings.HasPrefix(path, "/v1/models/"):
		return t.listModels(req)
	default:
		f := &translate.Failure{
			Status: http.StatusNotFound, Type: "not_found_error", Retry: "false",
			Message: "prism: profile " + t.up.name + " does not speak Anthropic; it has no " + path,
		}
		return t.said(req, f, stream.Told{Local: true}), nil
	}
}

// messages translates a request of the Messages API, and the answer to it.
func (t *translator) messages(req *http.Request, body *Body) (*http.Response, error) {
	call, guess := t.call(body)
	out, err := t.codec.Request(&call)
	var ref *translate.Refusal
	switch {
	case errors.As(err, &ref):
		f := &translate.Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Retry: "false", Message: "prism: profile " + t.up.name + ": " + ref.Message}
		return t.said(req, f, stream.Told{Local: true}), nil
	case err != nil:
		return nil, &Error{Kind: KindProtocol, Err: err}
	}
	told := stream.Told{Notes: out.Notes}
	if out.Path == "" {
		return t.nothing(req, &out.Reply, told), nil
	}
	resp, err := t.up.plain(t.request(req, out), &Body{Pieces: [3][]byte{out.Body}, Size: int64(len(out.Body)), Fresh: body.Fresh, FirstByte: body.FirstByte})
	if err != nil {
		return nil, err
	}
	resp.Request = req
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return t.failed(resp, &call, out), nil
	case resp.StatusCode >= http.StatusMultipleChoices || html(resp):
		return resp, nil
	case encoded(resp):
		_ = resp.Body.Close()
		f := &translate.Failure{Status: http.StatusBadGateway, Type: translate.ErrorAPI, Message: "the provider compressed its answer in a way that it was not asked for"}
		return t.said(req, f, told), nil
	}
	of := replyOf{t: t, model: call.Model, guess: guess, told: told, id: body.Exchange, quirks: call.Quirks, state: out.State}
	return t.answered(resp, &out.Reply, of), nil
}

// call is what there is to translate; guess is how many tokens the prompt has before what is known
// of the model corrects it.
func (t *translator) call(body *Body) (call translate.Call, guess int64) {
	raw := body.joined()
	k := t.keyOf(body.Model)
	guess = translate.Estimate(raw)
	return translate.Call{
		Body: raw, Model: body.Model, Session: body.Session, Provider: t.provider,
		Quirks: t.known.quirks(k, t.quirksOf(body.Model)), Prompt: t.known.correct(k, guess),
		Refused: func(state string) bool { return t.known.refuses(t.up.name, state) },
	}, guess
}

// quirksOf are the quirks of a model as the file knows them.
func (t *translator) quirksOf(model string) config.Quirks {
	q := t.quirks
	for _, m := range t.models {
		if m.Use != model {
			continue
		}
		if m.MaxOutput > 0 {
			q.MaxOutput = m.MaxOutput
		}
		if m.ContextWindow > 0 {
			q.ContextWindow = m.ContextWindow
		}
		break
	}
	return q
}

// keyOf tells the models of one origin apart, which may have several services and speak several
// dialects: what one of them refuses may be what another one wants.
func (t *translator) keyOf(model string) string {
	return string(t.dialect) + " " + t.up.prefix + " " + model
}

// request is what the provider is sent instead of req. Of the client's headers only its name
// travels: the rest means nothing there, and says much.
func (t *translator) request(req *http.Request, out *translate.Request) *http.Request {
	r := req.Clone(req.Context())
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = out.Path, "", ""
	if path, query, ok := strings.Cut(out.Path, "?"); ok {
		r.URL.Path, r.URL.RawQuery = path, query
	}
	accept := "application/json"
	if out.Reply.Asked {
		accept = "text/event-stream"
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}}
	if agent := req.Header.Get("User-Agent"); agent != "" {
		r.Header.Set("User-Agent", agent)
	}
	return r
}

// html tells whether an answer is none of the provider's: a login page, for example.
func html(resp *http.Response) bool {
	return strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/html")
}

// nothing answers a request that asks for no answer.
func (t *translator) nothing(req *http.Request, r *translate.Reply, told stream.Told) *http.Response {
	w := translate.NewWriter(translate.Opening{ID: translate.MessageID("empty"), Model: r.Model, Provider: t.provider}, r.Stream)
	w.Use(translate.Usage{Prompt: 0, CacheRead: 0, CacheWrite: 0, Output: 0, Reasoning: -1})
	w.Reason("max_tokens", "")
	w.End()
	told.Local, told.Reported = true, &stream.Usage{} // nobody was asked
	return respond(req, http.StatusOK, contentType(r.Stream), &answer{Reader: bytes.NewReader(bytes.Clone(w.Take())), told: told})
}

// said is an answer that nobody had to be asked for.
func (t *translator) said(req *http.Request, f *translate.Failure, told stream.Told) *http.Response {
	resp := respond(req, f.Status, "application/json", &answer{Reader: bytes.NewReader(f.Body()), told: told})
	if f.Retry != "" {
		resp.Header.Set("X-Should-Retry", f.Retry)
	}
	if f.After != "" {
		resp.Header.Set("Retry-After", f.After)
	}
	return resp
}

// respond makes a response of a body that is there already.
func respond(req *http.Request, status int, contentType string, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: body, ContentLength: -1, Request: req,
	}
}

func contentType(stream bool) string {
	if stream {
		return "text/event-stream"
	}
	return "application/json"
}

// answer is a body that is there already.
type answer struct {
	*bytes.Reader
	told stream.Told
}

// Close implements [io.Closer].
func (a *answer) Close() error { return nil }

// Await tells that there is nothing to wait for.
func (a *answer) Await(time.Duration) bool { return true }

// Told implements [stream.Teller].
func (a *answer) Told() stream.Told { return a.told }

// Limits on an error of a provider: it is read whole before its status can be known.
const (
	maxFailure  = 1 << 20
	failureWait = 10 * time.Second
)

// failed translates an error, and remembers what it says of the provider.
func (t *translator) failed(resp *http.Response, call *translate.Call, sent *translate.Request) *http.Response {
	body := readFailure(resp.Body)
	f := t.codec.Failure(resp.StatusCode, resp.Header, body, call.Prompt)
	of := replyOf{t: t, model: call.Model, told: stream.Told{Notes: sent.Notes}, quirks: call.Quirks, state: sent.State}
	of.learn(f)
	out := t.said(resp.Request, f, of.told)
	if id := requestID(resp.Header); id != "" {
		out.Header.Set("Request-Id", id)
	}
	return out
}

// readFailure reads an error body as far as it comes in time.
func readFailure(body io.ReadCloser) []byte {
	defer body.Close()
	var b []byte
	buf := make([]byte, 4<<10)
	until := time.Now().Add(failureWait)
	for len(b) < maxFailure {
		if w, ok := body.(interface{ Await(time.Duration) bool }); ok && !w.Await(max(time.Until(until), time.Millisecond)) {
			break
		}
		n, err := body.Read(buf)
		b = append(b, buf[:n]...)
		if err != nil {
			break
		}
	}
	return b
}

// requestID is the name that the provider has for the request, whatever it calls it.
func requestID(h http.Header) string {
	for _, name := range []string{"Request-Id", "X-Request-Id", "X-Ms-Request-Id", "X-Generation-Id", "X-Amzn-Requestid", "Cf-Ray"} {
		if v := h.Get(name); v != "" && clean(v) {
			return v
		}
	}
	return ""
}
