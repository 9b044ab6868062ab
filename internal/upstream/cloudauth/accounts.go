// Package cloudauth makes the credentials of clouds with the clouds' own libraries: signatures for
// Amazon and access tokens for Google. Nothing is looked up before the first request that needs
// it, and nothing is ever written down or logged.
package cloudauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"prism/config"
	"prism/internal/upstream"
)

// Options configures Accounts. The zero value finds what the clouds' own tools would find.
type Options struct {
	Now func() time.Time // nil = time.Now; it dates signatures
}

// Accounts are the cloud accounts of this machine's user. Profiles of one cloud share them, and
// so do the tables of a swap: a credential is fetched once.
type Accounts struct {
	now func() time.Time

	mu     sync.Mutex
	amazon map[string]*amazon // guarded by mu; by region
	google *google            // guarded by mu
}

// New returns accounts of which nothing is known yet.
func New(opt Options) *Accounts {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Accounts{now: opt.Now, amazon: map[string]*amazon{}}
}

var (
	errHost   = errors.New("the credential of this cloud does not go to that host")
	errRegion = errors.New("no region is known")
	errAuth   = errors.New("this is no credential of a cloud")
)

// Of returns what makes the credentials of a profile.
func (a *Accounts) Of(p *config.Profile) (upstream.Authorizer, error) {
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	host := strings.ToLower(u.Hostname())
	a.mu.Lock()
	defer a.mu.Unlock()
	switch p.Auth {
	case config.AuthSigV4:
		if !isLoopback(host) && !within(host, "amazonaws.com", "amazonaws.com.cn", "api.aws") {
			return nil, fmt.Errorf("%s: %w", host, errHost)
		}
		if p.Region == "" {
			return nil, errRegion
		}
		one := a.amazon[p.Region]
		if one == nil {
			one = &amazon{region: p.Region, now: a.now}
			a.amazon[p.Region] = one
		}
		return &signer{account: one, service: serviceOf(host)}, nil
	case config.AuthGoogle:
		if !isLoopback(host) && !within(host, "googleapis.com") {
			return nil, fmt.Errorf("%s: %w", host, errHost)
		}
		if a.google == nil {
			a.google = &google{now: a.now}
		}
		return a.google, nil
	case config.AuthXAPIKey, config.AuthBearer, config.AuthAPIKey, config.AuthPassthrough, config.AuthNone:
	}
	return nil, errAuth
}

// within tells whether host lies below one of the domains.
func within(host string, domains ...string) bool {
	for _, d := range domains {
		if strings.HasSuffix(host, "."+d) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// loginTimeout bounds what a login may take: the files, a helper program, the cloud's servers.
const loginTimeout = 20 * time.Second

// renewAfter is how old a credential must be until a refusal is a reason to fetch another one.
const renewAfter = time.Minute

// detached is the context of a login: who waits next for the same credential must not fail because
// the first one has left.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), loginTimeout)
}
