package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
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
	out := req.Clone(req.Context())
	out.URL = &url.URL{Scheme: u.base.Scheme, Host: u.base.Host, Path: u.base.Path, RawQuery: req.URL.RawQuery}
	out.URL = out.URL.JoinPath(req.URL.Path)
	out.Host, out.RequestURI = u.address, ""
	out.Header = make(http.Header, len(req.Header))
	eachHeader(req.Header, out.Header.Add)
	out.Header.Set("Accept-Encoding", "identity")
	if name, value := u.credential(req.Header); name != "" {
		out.Header.Set(name, value)
	}
	body.Rewind()
	out.Body, out.ContentLength = body, body.Size
	if body.Size == 0 {
		out.Body = http.NoBody
	}
	resp, err := u.via.RoundTrip(out)
	if err != nil {
		return nil, &Error{Kind: kindOf(req.Context(), err), Sent: true, Err: err}
	}
	resp.Body = &viaBody{ReadCloser: resp.Body, ctx: req.Context(), idle: u.pool.timeouts.Idle}
	return resp, nil
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
	if err == nil || err == io.EOF { //nolint:errorlint // only the bare EOF is a clean end
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
