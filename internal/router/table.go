package router

import (
	"errors"
	"net/http"
	"strconv"

	"prism/config"
	"prism/internal/pricing"
	"prism/internal/upstream"
)

// Table is the routes of one generation. It is immutable: no goroutines, no connections, no
// locks. An exchange holds one table from its selection to its last attempt.
type Table struct {
	Generation uint64
	Hash       string // of the file's text
	Book       *pricing.Book
	Config     *config.Profiles

	routes   map[string]*Route
	active   *Route
	rules    []rule
	token    config.Secret
	redactor *redactor
}

// Route is one profile of a table.
type Route struct {
	Profile *config.Profile
	Lanes   []*Lane // one for each key, in the order of the file; one without a key where none is sent
	Health  *Health

	pool poolKey
}

// Lane is one way to call a profile: its upstream with one of its keys.
type Lane struct {
	Upstream *upstream.Upstream
	Key      string // name of the key in the file; "" where the profile has a single one
}

// Server returns the host that is called, without a port.
func (r *Route) Server() string { return r.Lanes[0].Upstream.Server() }

type rule struct {
	model  string
	path   string
	header string // canonical name
	match  string
	to     *Route
	reason string
}

// compileRule compiles rule n of the file, counted from 1.
func compileRule(r *config.Rule, to *Route, n int) rule {
	c := rule{model: r.Model, path: r.Path, to: to, reason: "rule " + strconv.Itoa(n)}
	if r.Header != nil {
		c.header, c.match = http.CanonicalHeaderKey(r.Header.Name), r.Header.Match
	}
	return c
}

// matches tells whether every condition of the rule holds.
func (r *rule) matches(q *Query) bool {
	if r.model != "" && (q.Model == "" || !config.Glob(r.model, q.Model)) {
		return false
	}
	if r.path != "" && !config.Glob(r.path, q.Path) {
		return false
	}
	if r.header != "" {
		return config.Glob(r.match, q.Header.Get(r.header))
	}
	return true
}

// Query is what a selection looks at.
type Query struct {
	Prefix string // NAME of a /p/NAME/ path, or ""
	Named  string // the X-Prism-Profile header, or ""
	Model  string // as asked; "" where the request names none
	Path   string // without the prefix
	Header http.Header
}

// Plan is the routes that may answer a request, in order: the one that was chosen, then the
// fallbacks of its profile.
type Plan struct {
	Routes []*Route
	Reason string // path, header, rule N, active: the ledger's route_reason for the first route
}

// ErrNoProfile means that a request named a profile that the table does not have. It never
// falls back to the active one: what was asked for by name is not to be guessed.
var ErrNoProfile = errors.New("no such profile")

// Select returns the plan for a request. The order is: path prefix, header, first matching
// rule, active profile.
func (t *Table) Select(q *Query) (Plan, error) {
	name, reason := q.Prefix, "path"
	if name == "" {
		name, reason = q.Named, "header"
	}
	if name != "" {
		route := t.routes[name]
		if route == nil {
			return Plan{}, ErrNoProfile
		}
		return t.plan(route, reason), nil
	}
	for i := range t.rules {
		if r := &t.rules[i]; r.matches(q) {
			return t.plan(r.to, r.reason), nil
		}
	}
	return t.plan(t.active, "active"), nil
}

func (t *Table) plan(first *Route, reason string) Plan {
	p := Plan{Routes: []*Route{first}, Reason: reason}
	for _, name := range first.Profile.Fallback {
		if r := t.routes[name]; r != nil {
			p.Routes = append(p.Routes, r)
		}
	}
	return p
}

// Active returns the active route.
func (t *Table) Active() *Route { return t.active }

// Route returns the route of a profile, or nil.
func (t *Table) Route(profile string) *Route { return t.routes[profile] }

// Token returns what clients must present; it is zero where none is set.
func (t *Table) Token() config.Secret { return t.token }

// Redact returns s with every secret of the table replaced, in clear and in the encodings in
// which secrets travel.
func (t *Table) Redact(s string) string { return t.redactor.text(s) }

// RedactBytes is Redact for a body; it returns b itself where there is nothing to replace.
func (t *Table) RedactBytes(b []byte) []byte { return t.redactor.bytes(b) }
