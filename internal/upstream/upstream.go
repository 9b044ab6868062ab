package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"prism/config"
)

// Options says what an upstream is made of.
type Options struct {
	Profile *config.Profile
	Pool    *Pool // connections to the profile's origin; see [NewTarget]

	// Proxy tells the outbound HTTP proxy for a URL; nil = [http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error)

	// Clouds makes the credentials of a profile whose auth is sigv4 or google; nil = there can be
	// no such profile.
	Clouds func(*config.Profile) (Authorizer, error)
}

// Upstream is a profile in its running form. It is immutable and safe for concurrent use.
type Upstream struct {
	name    string
	base    *url.URL
	prefix  string // path of the base URL without a trailing slash
	address string // host or host:port, as the Host header says it
	server  string // host without port, for the ledger
	auth    config.Auth
	key     config.Secret
	pool    *Pool
	via     *http.Transport // only behind an outbound proxy
	loop    bool            // the origin is on this machine: mark the request against loops

	translator *translator // nil where the upstream speaks Anthropic itself
	wrapper    *wrapper    // nil where it has no other doors to it
	authorizer Authorizer  // nil where the key is the credential
}

// NewTarget returns where p connects to. The error names what is wrong with its ca_file.
func NewTarget(p *config.Profile) (Target, error) {
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return Target{}, fmt.Errorf("base_url of profile %s: %w", p.Name, err)
	}
	port := u.Port()
	if u.Scheme == "http" {
		if port == "" {
			port = "80"
		}
		return Target{Address: net.JoinHostPort(u.Hostname(), port)}, nil
	}
	if port == "" {
		port = "443"
	}
	conf := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	target := Target{Address: net.JoinHostPort(u.Hostname(), port), TLS: conf}
	if p.CAFile != "" {
		pem, err := os.ReadFile(p.CAFile)
		if err != nil {
			return Target{}, fmt.Errorf("ca_file of profile %s: %w", p.Name, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return Target{}, fmt.Errorf("ca_file of profile %s: no certificate in %s", p.Name, p.CAFile)
		}
		target.Trust = sha256.Sum256(pem)
	}
	return target, nil
}

// New returns the upstream of a profile that was validated.
func New(opt Options) (*Upstream, error) {
	p := opt.Profile
	base, err := url.Parse(p.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url of profile %s: %w", p.Name, err)
	}
	u := &Upstream{
		name: p.Name, base: base, prefix: strings.TrimSuffix(base.EscapedPath(), "/"), address: base.Host, server: base.Hostname(),
		auth: p.Auth, key: p.APIKey, pool: opt.Pool,
		loop: isLoopback(base.Hostname()),
	}
	proxy := opt.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	via, err := proxy(&http.Request{URL: base})
	if err != nil {
		return nil, fmt.Errorf("outbound proxy for profile %s: %w", p.Name, err)
	}
	if via != nil {
		u.via = u.transport(via)
	}
	if u.authorizer, err = authorizerOf(&opt); err != nil {
		return nil, err
	}
	u.translator, u.wrapper = newTranslator(p, opt.Pool, u), newWrapper(p, opt.Pool, u)
	return u, nil
}

// Name returns the name of the profile.
func (u *Upstream) Name() string { return u.name }

// Server returns the host that is called, without a port.
func (u *Upstream) Server() string { return u.server }

// RoundTrip implements [http.RoundTripper]. Of the request it takes the method, the path
// and query of the URL, the headers that may travel, and the body, which must be a [*Body]
// or nil. Redirects come back as they are. Failures are an [*Error].
func (u *Upstream) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := bodyOf(req)
	if err != nil {
		return nil, err
	}
	if u.translator != nil {
		return u.translator.roundTrip(req, body)
	}
	if u.wrapper != nil {
		return u.wrapper.roundTrip(req, body)
	}
	return u.send(req, body)
}

// Translates tells whether requests are written anew for this upstream: then the body is the
// client's own, and [Body.Model] says what is asked for.
func (u *Upstream) Translates() bool { return u.translator != nil }

// send sends a request in the dialect of the upstream.
func (u *Upstream) send(req *http.Request, body *Body) (*http.Response, error) {
	if err := u.authorize(req, body); err != nil {
		return nil, err
	}
	if u.via != nil {
		return u.roundTripVia(req, body)
	}
	ctx := req.Context()
	c, err := u.pool.get(ctx, body.Fresh)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.close)
	c.head = u.appendHead(c.head[:0], req, body)
	sendErr := c.send(body)
	wait := u.pool.timeouts.FirstByte
	if body.FirstByte > 0 {
		wait = body.FirstByte
	}
	if sendErr != nil && (wait <= 0 || wait > afterFailedWrite) {
		wait = afterFailedWrite
	}
	resp, err := c.response(req, wait)
	if err != nil {
		stop()
		c.close()
		return nil, &Error{Kind: kindOf(ctx, errors.Join(err, sendErr, c.failed)), Reused: c.reused, Sent: true, Head: c.got, Err: err}
	}
	rb := &respBody{c: c, body: resp.Body, ctx: ctx, stop: stop, chunked: len(resp.TransferEncoding) > 0}
	rb.keep = sendErr == nil && !resp.Close && resp.ProtoAtLeast(1, 1)
	if resp.ContentLength == 0 || req.Method == http.MethodHead {
		rb.done = true
		rb.release()
	}
	resp.Body = rb
	return resp, nil
}

var errBody = errors.New("upstream: the request body must be an *upstream.Body")

func bodyOf(req *http.Request) (*Body, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return &Body{}, nil
	}
	b, ok := req.Body.(*Body)
	if !ok {
		return nil, errBody
	}
	return b, nil
}

// appendHead renders the head of the request.
func (u *Upstream) appendHead(b []byte, req *http.Request, body *Body) []byte {
	b = append(b, req.Method...)
	b = append(b, ' ')
	b = append(b, u.prefix...)
	b = append(b, req.URL.EscapedPath()...)
	if q := req.URL.RawQuery; q != "" {
		b = append(append(b, '?'), q...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, u.address...)
	b = append(b, "\r\n"...)
	eachHeader(req.Header, func(name, value string) { b = appendHeader(b, name, value) })
	b = appendHeader(b, "Accept-Encoding", "identity")
	if u.loop {
		b = appendHeader(b, "Via", loopMark)
	}
	if body.Size > 0 || (req.Method != http.MethodGet && req.Method != http.MethodHead) {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, body.Size, 10)
		b = append(b, "\r\n"...)
	}
	if name, value := u.credential(req.Header); name != "" {
		b = appendHeader(b, name, value)
	}
	for name, values := range body.credential {
		b = appendHeader(b, name, values[0])
	}
	return append(b, "\r\n"...)
}

// loopMark is the Via value that a prism on this machine recognises.
const loopMark = "1.1 prism"

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// credential returns the one header that authenticates the request: the profile's, or with
// passthrough the client's own. The name is empty where there is none.
func (u *Upstream) credential(client http.Header) (name, value string) {
	switch u.auth {
	case config.AuthBearer:
		return "Authorization", "Bearer " + u.key.Reveal()
	case config.AuthAPIKey:
		return "Api-Key", u.key.Reveal()
	case config.AuthPassthrough:
		for _, name := range []string{"Authorization", "X-Api-Key"} {
			if v := client.Get(name); v != "" && clean(v) {
				return name, v
			}
		}
		return "", ""
	case config.AuthNone, config.AuthSigV4, config.AuthGoogle:
		return "", ""
	default:
		return "X-Api-Key", u.key.Reveal()
	}
}

// Retains tells whether the memory of the request's body may still be read after RoundTrip
// returned, with an error as well, so that it must not be used again.
func (u *Upstream) Retains() bool { return u.via != nil }
