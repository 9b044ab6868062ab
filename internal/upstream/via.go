package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
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
		DialContext:         (&net.Dialer{Timeout: t.Dial}).DialContext,
		TLSClientConfig:     u.pool.target.TLS,
		TLSHandshakeTimeout: t.TLS,
		DisableCompression:  true,
		// A kept connection that the peer closes makes the Transport send again by itself;
		// without keep-alive there is none.
		DisableKeepAlives:      true,
		ResponseHeaderTimeout:  t.FirstByte,
		MaxResponseHeaderBytes: maxHead,
		Protocols:              &protocols,
	}
}

func (u *Upstream) roundTripVia(req *http.Request, body *Body) (*http.Response, error) {
	ctx := req.Context()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	resp, err := u.via.RoundTrip(u.requestVia(req, body).WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		return nil, &Error{Kind: kindVia(ctx, err, sent.Load()), Sent: sent.Load(), Err: err}
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return nil, &Error{Kind: KindProtocol, Sent: true, Head: true, Err: errSwitching}
	}
	resp.Body = &viaBody{ReadCloser: resp.Body, ctx: ctx, idle: u.pool.timeouts.Idle}
	return resp, nil
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
	ctx  context.Context //nolint:containedctx // a body belongs to one request
	idle time.Duration
}

// Read implements io.Reader.
func (b *viaBody) Read(p []byte) (int, error) {
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

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
