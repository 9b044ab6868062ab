package upstream

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"prism/config"
)

// Authorizer makes the credential of each single request to a cloud.
type Authorizer interface {
	// Authorize returns the headers that say whose request r is. Of r it takes the method, the URL
	// and the headers as they are sent; sum is the SHA-256 of the body. It may ask the cloud's
	// login for a new credential first, and gives up with the context of r.
	Authorize(r *http.Request, sum func() [sha256.Size]byte) (http.Header, error)

	// Renew forgets a credential that was refused. It tells whether another one is to be had.
	Renew() bool
}

var errNoClouds = errors.New("nothing here makes the credentials of clouds")

// authorizerOf returns what makes the credentials of a profile, nil where its key is one.
func authorizerOf(opt *Options) (Authorizer, error) {
	p := opt.Profile
	if p.Auth != config.AuthSigV4 && p.Auth != config.AuthGoogle {
		return nil, nil
	}
	if opt.Clouds == nil {
		return nil, fmt.Errorf("auth %s of profile %s: %w", p.Auth, p.Name, errNoClouds)
	}
	a, err := opt.Clouds(p)
	if err != nil {
		return nil, fmt.Errorf("auth %s of profile %s: %w", p.Auth, p.Name, err)
	}
	return a, nil
}

// authorize makes the credential of one request.
func (u *Upstream) authorize(req *http.Request, body *Body) error {
	if u.authorizer == nil {
		return nil
	}
	path := strings.TrimSuffix(u.base.Path, "/") + req.URL.Path
	as := (&http.Request{
		Method: req.Method, Host: u.address, Header: http.Header{}, ContentLength: body.Size,
		URL: &url.URL{Scheme: u.base.Scheme, Host: u.address, Path: path, RawPath: u.prefix + req.URL.EscapedPath(), RawQuery: req.URL.RawQuery},
	}).WithContext(req.Context())
	h, err := u.authorizer.Authorize(as, body.sum)
	if err != nil {
		kind := KindCredential
		if req.Context().Err() != nil {
			kind = KindCanceled
		}
		return &Error{Kind: kind, Err: err}
	}
	body.credential = h
	return nil
}

// sum is the SHA-256 of the body. It does not move what Read has read.
func (b *Body) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	if b.File != nil {
		_, _ = io.Copy(h, io.NewSectionReader(b.File, 0, b.Size))
	}
	for _, piece := range b.Pieces {
		_, _ = h.Write(piece)
	}
	h.Sum(sum[:0])
	return sum
}
