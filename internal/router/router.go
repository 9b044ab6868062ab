package router

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

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

	// Clouds makes the credentials of profiles whose auth is sigv4 or google; nil = there are none.
	Clouds func(*config.Profile) (upstream.Authorizer, error)

	// Changed is called with every change of a profile's health, one after the other; nil = nobody
	// wants to know. It must not wait, nor call the router.
	Changed func(Change)

	// Affinity is how long a session stays with the fallback that took over, also when the
	// profile it was sent to is well again; 0 = five minutes, less = not at all.
	Affinity time.Duration
	// FailoverShare is how many attempts beyond the first may be made at other upstreams, in
	// percent of the requests of ten seconds; three may always be. 0 = 20, less = no more than three.
	FailoverShare int
}

// Router holds the live table.
type Router struct {
	opt   Options
	table atomic.Pointer[Table]

	began   time.Time // moments are counted from here
	budget  budget
	seats   seats
	telling sync.Mutex // held while a change is told

	mu     sync.Mutex
	pools  map[poolKey]*upstream.Pool // guarded by mu
	health map[healthID]*Health       // of the live table; guarded by mu
}

// poolKey is what two profiles must agree on to share connections.
type poolKey struct {
	origin   string
	trust    [32]byte
	timeouts upstream.Timeouts
}

// New returns a Router without a table.
func New(opt Options) *Router {
	if opt.Affinity == 0 {
		opt.Affinity = defaultAffinity
	}
	if opt.FailoverShare == 0 {
		opt.FailoverShare = budgetShare
	}
	r := &Router{opt: opt, began: time.Now(), pools: map[poolKey]*upstream.Pool{}, health: map[healthID]*Health{}}
	r.budget.share = int64(max(opt.FailoverShare, 0))
	return r
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
		c, err := compileRule(rule, to, i+1)
		if err != nil {
			return nil, err
		}
		t.rules = append(t.rules, c)
		t.weighs = t.weighs || c.over > 0 || c.under > 0
	}
	for _, route := range t.routes {
		t.tongues = t.tongues || route.Lanes[0].Upstream.Translates()
		route.chain = t.chainOf(route)
	}
	t.token = src.Profiles.ClientToken
	t.redactor = newRedactor(secretsOf(src.Profiles))
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
	lanes, err := lanesOf(p, upstream.Options{Pool: r.pool(key, target), Proxy: r.opt.Proxy, Clouds: r.opt.Clouds})
	if err != nil {
		return nil, err
	}
	route := &Route{Profile: p, Lanes: lanes, pool: key}
	r.attach(route)
	return route, nil
}

// lanesOf makes an upstream for each key of a profile. They share the connections, which carry no
// credential of their own, so that a session that goes to another key finds a warm one.
func lanesOf(p *config.Profile, opt upstream.Options) ([]*Lane, error) {
	keys := p.AllKeys()
	if !p.Auth.NeedsKey() || len(keys) == 0 {
		keys = []config.Key{{Secret: p.APIKey}}
	}
	lanes := make([]*Lane, len(keys))
	for i, key := range keys {
		one := *p
		one.APIKey, opt.Profile = key.Secret, &one
		up, err := upstream.New(opt)
		if err != nil {
			return nil, err
		}
		lanes[i] = &Lane{Upstream: up, Key: key.Name}
	}
	return lanes, nil
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

// Swap makes t the live table and returns the one before, or nil. Exchanges under way keep
// the table they began with; connections to origins that are no longer named are closed once
// idle.
func (r *Router) Swap(t *Table) *Table {
	old := r.table.Swap(t)
	r.settle(old, t)
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
