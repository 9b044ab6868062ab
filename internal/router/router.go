package router

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"prism/config"
	"prism/internal/pricing"
	"prism/internal/upstream"
)

// Options configures a Router.
type Options struct {
	// Timeouts bounds the phases of an attempt; a profile may set its own first byte and
	// idle bounds.
	Timeouts upstream.Timeouts

	// Proxy tells the outbound HTTP proxy for a URL; nil = from the environment.
	Proxy func(*http.Request) (*url.URL, error)

	// Changed is called with every change of a profile's health, one after the other; nil = nobody
	// wants to know. It must not wait.
	Changed func(Change)
}

// Router holds the live table.
type Router struct {
	opt   Options
	table atomic.Pointer[Table]

	mu     sync.Mutex
	pools  map[poolKey]*upstream.Pool // guarded by mu
	health map[string]*Health         // by profile name; guarded by mu
}

// poolKey is what two profiles must agree on to share connections.
type poolKey struct {
	origin   string
	trust    [32]byte
	timeouts upstream.Timeouts
}

// New returns a Router without a table.
func New(opt Options) *Router {
	return &Router{opt: opt, pools: map[poolKey]*upstream.Pool{}, health: map[string]*Health{}}
}

// Table returns the live table, or nil before the first swap. A request calls it once and
// keeps what it got.
func (r *Router) Table() *Table { return r.table.Load() }

// Source is what a table is compiled from.
type Source struct {
	Generation uint64
	Hash       string // of the file's text
	Profiles   *config.Profiles
	Active     string // overrides Profiles.Active if not empty
	Book       *pricing.Book
}

// ProfileError is a profile that cannot be compiled.
type ProfileError struct {
	Profile string
	Err     error
}

// Error implements error.
func (e *ProfileError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ProfileError) Unwrap() error { return e.Err }

// Compile builds a table without touching the live one. All profiles that fail are reported,
// each as a [*ProfileError].
func (r *Router) Compile(src Source) (*Table, error) {
	t := &Table{
		Generation: src.Generation, Hash: src.Hash, Book: src.Book, Config: src.Profiles,
		routes: make(map[string]*Route, len(src.Profiles.Profiles)),
	}
	var errs []error
	for i := range src.Profiles.Profiles {
		p := &src.Profiles.Profiles[i]
		route, err := r.route(p)
		if err != nil {
			errs = append(errs, &ProfileError{Profile: p.Name, Err: err})
			continue
		}
		t.routes[p.Name] = route
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	name := src.Active
	if name == "" {
		name = src.Profiles.Active
	}
	if t.active = t.routes[name]; t.active == nil {
		return nil, fmt.Errorf("active profile %q is not in the file", name)
	}
	for i := range src.Profiles.Rules {
		rule := &src.Profiles.Rules[i]
		to := t.routes[rule.Use]
		if to == nil {
			return nil, fmt.Errorf("rule %d: profile %q is not in the file", i+1, rule.Use)
		}
		t.rules = append(t.rules, compileRule(rule, to, i+1))
	}
	t.token = src.Profiles.ClientToken
	t.redactor = newRedactor(src.Profiles)
	return t, nil
}

func (r *Router) route(p *config.Profile) (*Route, error) {
	target, err := upstream.NewTarget(p)
	if err != nil {
		return nil, err
	}
	timeouts := r.opt.Timeouts
	if p.Timeouts.FirstByte > 0 {
		timeouts.FirstByte = p.Timeouts.FirstByte
	}
	if p.Timeouts.Idle > 0 {
		timeouts.Idle = p.Timeouts.Idle
	}
	key := poolKey{origin: p.Origin(), trust: target.Trust, timeouts: timeouts}
	up, err := upstream.New(upstream.Options{Profile: p, Pool: r.pool(key, target), Proxy: r.opt.Proxy})
	if err != nil {
		return nil, err
	}
	return &Route{Profile: p, Lanes: []*Lane{{Upstream: up}}, Health: r.Health(p.Name), pool: key}, nil
}

func (r *Router) pool(key poolKey, target upstream.Target) *upstream.Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.pools[key]; p != nil {
		return p
	}
	p := upstream.NewPool(target, key.timeouts)
	r.pools[key] = p
	return p
}

// Health returns what is known of the profile of that name.
func (r *Router) Health(profile string) *Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.health[profile]
	if h == nil {
		h = &Health{}
		r.health[profile] = h
	}
	return h
}

// Swap makes t the live table and returns the one before, or nil. Exchanges under way keep
// the table they began with; connections to origins that are no longer named are closed once
// idle.
func (r *Router) Swap(t *Table) *Table {
	old := r.table.Swap(t)
	used := make(map[poolKey]bool, len(t.routes))
	for _, route := range t.routes {
		used[route.pool] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, p := range r.pools {
		if !used[key] {
			p.Retire()
			delete(r.pools, key)
		}
	}
	return old
}

// Close retires all connection pools.
func (r *Router) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, p := range r.pools {
		p.Retire()
		delete(r.pools, key)
	}
}
