package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"prism/config"
	"prism/internal/stream"
	"prism/internal/translate"
	"prism/internal/translate/cloud"
)

// wrapper makes an upstream speak the Messages API that has Claude behind the doors of a cloud. It
// changes no more than the wrapping, so that for everybody else this is an upstream of Anthropic's
// dialect.
type wrapper struct {
	*translator // what is answered here, and what is known of the provider; its codec is nil
	platform    cloud.Platform
}

// newWrapper returns nil for a profile whose provider is no cloud.
func newWrapper(p *config.Profile, pool *Pool, up *Upstream) *wrapper {
	w := &wrapper{}
	switch p.Dialect {
	case config.DialectBedrock:
		w.platform = cloud.Bedrock
	case config.DialectVertex:
		w.platform = cloud.Vertex
	default:
		return nil
	}
	w.translator = translatorOf(p, pool, up)
	return w
}

// roundTrip answers what the cloud cannot, and wraps the rest.
func (w *wrapper) roundTrip(req *http.Request, body *Body) (*http.Response, error) {
	switch path := req.URL.Path; {
	case path == "/v1/messages" && req.Method == http.MethodPost && body.File == nil:
		return w.wrapped(req, body)
	case path == "/v1/messages/count_tokens" && req.Method == http.MethodPost && body.File == nil:
		return w.counted(req, body)
	case (path == "/v1/models" || strings.HasPrefix(path, "/v1/models/")) && len(w.models) > 0:
		return w.listModels(req)
	}
	f := &translate.Failure{
		Status: http.StatusNotFound, Type: "not_found_error", Retry: "false",
		Message: "prism: profile " + w.up.name + " has messages only; it has no " + req.URL.Path,
	}
	return w.said(req, f, stream.Told{Local: true}), nil
}

// wrapped sends a request of the Messages API.
func (w *wrapper) wrapped(req *http.Request, body *Body) (*http.Response, error) {
	call := w.asked(req, body)
	out, err := w.platform.Messages(&call)
	if err != nil {
		return w.refused(req, err)
	}
	resp, err := w.up.plain(w.request(req, out), &Body{Pieces: [3][]byte{out.Body}, Size: int64(len(out.Body)), Fresh: body.Fresh, FirstByte: body.FirstByte})
	if err != nil {
		return nil, err
	}
	resp.Request = req
	told := stream.Told{Notes: out.Notes}
	if resp.StatusCode >= http.StatusBadRequest {
		return w.failed(resp, &out.Sent, body.Model, told), nil
	}
	if id := requestID(resp.Header); id != "" {
		resp.Header.Set("Request-Id", id)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), cloud.EventStream) {
		resp.Header.Set("Content-Type", "text/event-stream")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
		resp.Body = &unframed{src: resp.Body, told: told, buf: make([]byte, replyBuffer)}
		return resp, nil
	}
	resp.Body = &tellingBody{resp.Body, told}
	return resp, nil
}

// asked is what there is to wrap.
func (w *wrapper) asked(req *http.Request, body *Body) cloud.Call {
	raw := body.joined()
	if body.Model == "" {
		r, _ := stream.Peek(raw)
		body.Model = r.Model
	}
	return cloud.Call{Body: raw, Header: req.Header, Quirks: w.known.quirks(w.keyOf(body.Model), w.quirksOf(body.Model))}
}

// refused answers a request that cannot be wrapped.
func (w *wrapper) refused(req *http.Request, err error) (*http.Response, error) {
	var ref *translate.Refusal
	if !errors.As(err, &ref) {
		return nil, &Error{Kind: KindProtocol, Err: err}
	}
	f := &translate.Failure{Status: http.StatusBadRequest, Type: "invalid_request_error", Retry: "false", Message: ref.Message}
	return w.said(req, f, stream.Told{Local: true}), nil
}

// request is what the cloud is sent instead of req. Of the client's headers only its name travels.
func (w *wrapper) request(req *http.Request, out *cloud.Request) *http.Request {
	r := req.Clone(req.Context())
	path, err := url.PathUnescape(out.Path)
	if err != nil {
		path = out.Path
	}
	r.URL = &url.URL{Path: path, RawPath: out.Path}
	r.Header = out.Header
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if agent := req.Header.Get("User-Agent"); agent != "" {
		r.Header.Set("User-Agent", agent)
	}
	return r
}

// failed reads an error, and remembers what it says of the provider. One in the words of the
// Messages API passes as it is: the client repairs itself by them.
func (w *wrapper) failed(resp *http.Response, sent *cloud.Sent, model string, told stream.Told) *http.Response {
	body := readFailure(resp.Body)
	f := w.platform.Failure(resp.StatusCode, resp.Header, body, sent)
	switch {
	case f.Stale && w.up.authorizer != nil && w.up.authorizer.Renew():
		told.Learned = true
	case w.known.learn(w.keyOf(model), f.Lesson, sent.Quirks):
		told.Learned = true
		told.Notes = append(told.Notes, f.Lesson.Name)
	}
	out := w.said(resp.Request, f.Failure, told)
	if f.Own {
		out.Body = &answer{Reader: bytes.NewReader(body), told: told}
	}
	if id := requestID(resp.Header); id != "" {
		out.Header.Set("Request-Id", id)
	}
	return out
}

// maxCount bounds the answer to a count.
const maxCount = 64 << 10

// counted asks the cloud to count. Where it does not count, or not for this model, the answer is
// an estimate.
func (w *wrapper) counted(req *http.Request, body *Body) (*http.Response, error) {
	call := w.asked(req, body)
	out, err := w.platform.CountTokens(&call)
	if err != nil {
		return w.refused(req, err)
	}
	resp, err := w.up.plain(w.request(req, out), &Body{Pieces: [3][]byte{out.Body}, Size: int64(len(out.Body)), Fresh: body.Fresh, FirstByte: body.FirstByte})
	if err != nil {
		return nil, err
	}
	resp.Request = req
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
	case status == http.StatusBadRequest && w.platform == cloud.Vertex, status == http.StatusTooManyRequests, status == http.StatusUnauthorized, status >= 500 && status != http.StatusNotImplemented:
		return w.failed(resp, &out.Sent, body.Model, stream.Told{}), nil
	default:
		_ = resp.Body.Close()
		return w.countTokens(req, body)
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxCount))
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	if said, ok := w.platform.Counted(said); ok {
		return respond(req, http.StatusOK, "application/json", &answer{Reader: bytes.NewReader(said)}), nil
	}
	return w.countTokens(req, body)
}

// tellingBody is a body that passes as it is.
type tellingBody struct {
	io.ReadCloser
	told stream.Told
}

// Await waits as the body of the provider does.
func (b *tellingBody) Await(d time.Duration) bool {
	src, ok := b.ReadCloser.(interface{ Await(time.Duration) bool })
	return !ok || src.Await(d)
}

// Told implements [stream.Teller].
func (b *tellingBody) Told() stream.Told { return b.told }

// unframed is the body of an answer of Bedrock: the events without Amazon's framing. It reads the
// provider's as it is read itself, and has no goroutine.
type unframed struct {
	src    io.ReadCloser
	told   stream.Told
	events cloud.Events
	buf    []byte
	out    []byte // of events, not handed out yet
	err    error  // that ends the body, once out is empty
}

// Read implements io.Reader.
func (u *unframed) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// Await waits until something can be read, or d has passed, and returns false in the last case. A
// part of a frame is not something.
func (u *unframed) Await(d time.Duration) bool {
	src, ok := u.src.(interface{ Await(time.Duration) bool })
	until := time.Now().Add(d)
	for ok && len(u.out) == 0 && u.err == nil {
		if !src.Await(max(time.Until(until), time.Millisecond)) {
			return false
		}
		u.fill()
	}
	return true
}

// fill reads once from the provider.
func (u *unframed) fill() {
	n, err := u.src.Read(u.buf)
	u.events.Feed(u.buf[:n])
	switch bad := u.events.Err(); {
	case bad != nil:
		u.err = &Error{Kind: KindProtocol, Sent: true, Head: true, Err: bad}
	case err != nil:
		if u.err = u.events.End(err); errors.Is(u.err, translate.ErrCut) {
			u.err = &Error{Kind: KindEOF, Sent: true, Head: true, Err: u.err}
		}
	}
	u.out = u.events.Take()
}

// Close implements io.Closer.
func (u *unframed) Close() error { return u.src.Close() }

// Told implements [stream.Teller].
func (u *unframed) Told() stream.Told { return u.told }
