package upstream

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// transport is the leg through an outbound proxy. It speaks HTTP/1.1 only, so that one
// exchange has one connection there as well.
func (u *Upstream) transport(via *url.URL) *http.Transport {
	t := u.pool.timeouts
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyURL(via),
		DialContext:         (&net.Dialer{Timeout: t.Dial, Control: func(_, _ string, rc syscall.RawConn) error { return giveUpAfter(rc, deadPeer) }}).DialContext,
		TLSClientConfig:     u.pool.target.TLS,
		TLSHandshakeTimeout: t.TLS,
		DisableCompression:  true,
		// A kept connection that the peer closes makes the Transport send again by itself;
		// without keep-alive there is none.
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHead,
		Protocols:              &protocols,
	}
}

func (u *Upstream) roundTripVia(req *http.Request, body *Body) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	var sent atomic.Bool
	wrote := make(chan struct{})
	whole := sync.OnceFunc(func() { close(wrote) })
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }, WroteRequest: func(httptrace.WroteRequestInfo) { whole() }}
	headed := make(chan struct{})
	send, head := u.bounds(body) // the body is the caller's again once the head is there
	// A request whose head does not come in time, counted from its last byte, is given up. The
	// Transport has one bound for all requests, but this one has its own.
	go func() {
		if within(send, wrote, headed, cancel) {
			within(head, headed, headed, cancel)
		}
	}()
	resp, err := u.via.RoundTrip(u.requestVia(req, body).WithContext(httptrace.WithClientTrace(ctx, trace)))
	close(headed)
	if err != nil {
		kind := kindVia(req.Context(), err, sent.Load())
		if errors.Is(context.Cause(ctx), errNoHead) {
			kind = KindTimeout
		}
		cancel(nil)
		return nil, &Error{Kind: kind, Sent: sent.Load(), Err: err}
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		cancel(nil)
		return nil, &Error{Kind: KindProtocol, Sent: true, Head: true, Err: errSwitching}
	}
	resp.Body = &viaBody{ReadCloser: resp.Body, ctx: req.Context(), cancel: cancel, idle: u.pool.timeouts.Idle}
	return resp, nil
}

var errNoHead = errors.New("no response head in time")

// bounds are how long a request may take to be sent, connecting included, and its head to come
// after that; 0 lifts a bound.
func (u *Upstream) bounds(body *Body) (send, head time.Duration) {
	t := &u.pool.timeouts
	if head = t.FirstByte; body.FirstByte > 0 {
		head = body.FirstByte
	}
	if send = sendWithin(t.Write, body.Size); send > 0 {
		send += t.Dial + t.TLS
	}
	return send, head
}

// within waits for a step of a request and tells whether it came; what does not come in time is
// given up. 0 lifts the bound.
func within(d time.Duration, step, over <-chan struct{}, cancel context.CancelCauseFunc) bool {
	var late <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-step:
		return true
	case <-over:
	case <-late:
		cancel(errNoHead)
	}
	return false
}

// requestVia is what appendHead renders, as a request for the Transport.
func (u *Upstream) requestVia(req *http.Request, body *Body) *http.Request {
	out := &http.Request{Method: req.Method, Host: u.address, Header: make(http.Header, len(req.Header)), ContentLength: body.Size, Body: http.NoBody}
	out.URL = &url.URL{
		Scheme: u.base.Scheme, Host: u.base.Host, RawQuery: req.URL.RawQuery,
		Path: strings.TrimSuffix(u.base.Path, "/") + req.URL.Path, RawPath: u.prefix + req.URL.EscapedPath(),
	}
	out.Header["User-Agent"] = nil // keeps the Transport from naming itself
	eachHeader(req.Header, out.Header.Add)
	out.Header.Set("Accept-Encoding", "identity")
	if u.loop {
		out.Header.Set("Via", loopMark)
	}
	if name, value := u.credential(req.Header); name != "" {
		out.Header.Set(name, value)
	}
	maps.Copy(out.Header, body.credential)
	if body.Size > 0 {
		// The Transport may go on reading after RoundTrip has returned, while the caller uses
		// its Body and the spliced value for something else.
		out.Body = &Body{Pieces: [3][]byte{body.Pieces[0], slices.Clone(body.Pieces[1]), body.Pieces[2]}, File: body.File, Size: body.Size}
	}
	return out
}

// kindVia sorts an error of the Transport. What fails before the request's head was written is
// a connection that could not be made.
func kindVia(ctx context.Context, err error, sent bool) Kind {
	kind := kindOf(ctx, err)
	if !sent && kind != KindCanceled && kind != KindDNS && kind != KindTLS {
		return KindDial
	}
	return kind
}

// viaBody bounds the silence within a body, which the Transport does not.
type viaBody struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // a body belongs to one request
	cancel context.CancelCauseFunc
	idle   time.Duration

	buf   []byte       // what is read ahead goes here; nil until Await was called
	ahead chan viaRead // a read that Await began and that has not ended yet
	rest  []byte       // of buf, not handed out yet
	err   error        // that came with it
}

// viaRead is what a read ahead came to.
type viaRead struct {
	n   int
	err error
}

// viaAhead is how much is read ahead: as much as the relay reads at once.
const viaAhead = 16 << 10

// Close implements io.Closer.
func (b *viaBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// Await is [respBody.Await]. The Transport cannot be asked whether something is there, so that a
// piece is read ahead.
func (b *viaBody) Await(d time.Duration) bool {
	if b.waiting() {
		return true
	}
	if b.ahead == nil {
		if b.buf == nil {
			b.buf = make([]byte, viaAhead)
		}
		ahead := make(chan viaRead, 1)
		b.ahead = ahead
		go func() {
			n, err := b.ReadCloser.Read(b.buf)
			ahead <- viaRead{n, err}
		}()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case r := <-b.ahead:
		b.ahead, b.rest, b.err = nil, b.buf[:r.n], r.err
		return true
	case <-t.C:
		return false
	}
}

// Read implements io.Reader.
func (b *viaBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.ahead != nil && !b.Await(b.bound()) {
		_ = b.Close()
		<-b.ahead
		b.ahead = nil
		return 0, &Error{Kind: KindTimeout, Sent: true, Head: true, Err: os.ErrDeadlineExceeded}
	}
	if b.waiting() {
		n := copy(p, b.rest)
		b.rest = b.rest[n:]
		if len(b.rest) > 0 || b.err == nil || b.err == io.EOF && n > 0 { //nolint:errorlint // the bare EOF of a whole body
			return n, nil
		}
		if b.err == io.EOF { //nolint:errorlint // see above
			return 0, io.EOF
		}
		return n, &Error{Kind: kindOf(b.ctx, b.err), Sent: true, Head: true, Err: b.err}
	}
	silent := func() bool { return false }
	if b.idle > 0 {
		t := time.AfterFunc(b.idle, func() { _ = b.Close() })
		silent = func() bool { return !t.Stop() }
	}
	n, err := b.ReadCloser.Read(p)
	fired := silent()
	if err == nil || err == io.EOF {
		return n, err
	}
	kind := kindOf(b.ctx, err)
	if fired && kind != KindCanceled {
		kind = KindTimeout
	}
	return n, &Error{Kind: kind, Sent: true, Head: true, Err: err}
}

// waiting tells whether a read ahead is to be handed out.
func (b *viaBody) waiting() bool { return len(b.rest) > 0 || b.err != nil }

// bound is how long silence may last: for ever is a day.
func (b *viaBody) bound() time.Duration {
	if b.idle > 0 {
		return b.idle
	}
	return 24 * time.Hour
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
