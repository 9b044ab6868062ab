package router

import (
	"errors"
	"net/http"
	"time"

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
	weighs   bool // a rule asks for the size of the prompt
	tongues  bool // an upstream translates
	token    config.Secret
	redactor *redactor
}

// Route is one profile of a table.
type Route struct {
	Profile *config.Profile
	Lanes   []*Lane // one for each key, in the order of the file; one without a key where none is sent
	Health  *Health

	pool  poolKey
	chain []*Route // itself and its fallbacks: the routes of its plans
}

// Lane is one way to call a profile: its upstream with one of its keys.
type Lane struct {
	Upstream *upstream.Upstream
	Key      string // name of the key in the file; "" where the profile has a single one

	health *keyHealth
}

// Translates tells whether a profile has a dialect that requests are translated to.
func (t *Table) Translates() bool { return t.tongues }

// Alone returns the route with its first key only. What one account keeps, such as a file, is not
// to be looked for in another.
func (r *Route) Alone() *Route {
	alone := *r
	alone.Lanes = r.Lanes[:1]
	return &alone
}

// Server returns the host that is called, without a port.
func (r *Route) Server() string { return r.Lanes[0].Upstream.Server() }

// Query is what a selection looks at.
type Query struct {
	Prefix string // NAME of a /p/NAME/ path, or ""
	Named  string // the X-Prism-Profile header, or ""
	Model  string // as asked; "" where the request names none
	Path   string // without the prefix
	Header http.Header

	Session      string            // the client's session; "" if it names none
	Agent        string            // the sub-agent; "" in the main conversation
	Tags         map[string]string // of X-Prism-Tags
	Now          time.Time         // in the zone whose clock the rules go by
	PromptTokens int64             // see [PromptTokens], [Table.WeighsPrompts]; 0 = the request has no prompt
}

// Plan is the routes that may answer a request, in order: the one that was chosen, then the
// fallbacks of its profile.
type Plan struct {
	Routes []*Route // of the table: not to be changed
	Reason string   // path, header, rule N, active, fallback: the ledger's route_reason for the first route
}

// Chosen tells whether a route is that of the profile which was chosen for the request, and not one
// of its fallbacks. A plan that a budget has made begin with a fallback has no such route.
func (p Plan) Chosen(route *Route) bool { return p.Reason != whyFallback && route == p.Routes[0] }

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
		return Plan{Routes: route.chain, Reason: reason}, nil
	}
	for i := range t.rules {
		if r := &t.rules[i]; r.fails(q) == met {
			return Plan{Routes: r.to.chain, Reason: r.reason}, nil
		}
	}
	return Plan{Routes: t.active.chain, Reason: "active"}, nil
}

// chainOf returns a route and those its profile falls back to. Their own fallbacks do not count:
// what a profile names is all that its requests may reach.
func (t *Table) chainOf(first *Route) []*Route {
	chain := []*Route{first}
	for _, name := range first.Profile.Fallback {
		if r := t.routes[name]; r != nil {
			chain = append(chain, r)
		}
	}
	return chain
}

// WeighsPrompts tells whether a rule asks how large a prompt is. Where none does, nobody needs to
// fill in [Query.PromptTokens].
func (t *Table) WeighsPrompts() bool { return t.weighs }

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
