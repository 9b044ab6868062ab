package proxy

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/stream"
)

// Flight is an exchange under way, as others see it.
type Flight struct {
	RequestID     string
	StartedAt     time.Time
	Profile       string
	Operation     string
	RequestModel  string
	UpstreamModel string
	SessionID     string
	AgentID       string
	Project       string
	Attempts      int

	TTFTMS        stream.Count // unknown until the first content
	ResponseBytes int64        // that went to the client
	OutputTokens  int64        // so far, estimated from what was delivered
}

// flight is the part of an exchange that others may look at while it runs.
type flight struct {
	facts Flight // guarded by flights.mu

	ttft   atomic.Int64
	bytes  atomic.Int64
	tokens atomic.Int64
}

// flights are the exchanges under way. Exchanges are pooled: one that has left is not looked at
// again, since leaving needs the mutex too.
type flights struct {
	mu  sync.Mutex
	set map[*flight]struct{} // guarded by mu
}

// Flights returns the exchanges under way, the oldest first.
func (p *Proxy) Flights() []Flight {
	p.flights.mu.Lock()
	out := make([]Flight, 0, len(p.flights.set))
	for f := range p.flights.set {
		v := f.facts
		v.TTFTMS, v.ResponseBytes, v.OutputTokens = stream.Count(f.ttft.Load()), f.bytes.Load(), f.tokens.Load()
		out = append(out, v)
	}
	p.flights.mu.Unlock()
	slices.SortFunc(out, func(a, b Flight) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.RequestID, b.RequestID))
	})
	return out
}

// depart makes the exchange visible.
func (x *exchange) depart() {
	e := &x.entry
	x.flight.ttft.Store(int64(stream.Unknown))
	x.flight.bytes.Store(0)
	x.flight.tokens.Store(0)
	fs := &x.p.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	x.flight.facts = Flight{
		RequestID: e.RequestID, StartedAt: e.StartedAt, Profile: e.Profile, Operation: e.Operation, RequestModel: e.RequestModel,
		UpstreamModel: e.UpstreamModel, SessionID: e.SessionID, AgentID: e.AgentID, Project: e.Project,
	}
	fs.set[&x.flight] = struct{}{}
}

// turn notes whom the exchange calls now.
func (x *exchange) turn() {
	fs := &x.p.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := &x.flight.facts
	f.Profile, f.UpstreamModel, f.Attempts = x.entry.Profile, x.entry.UpstreamModel, len(x.entry.Attempts)
}

// progress notes how far the answer has come.
func (x *exchange) progress() {
	x.flight.ttft.Store(int64(x.entry.TTFTMS))
	x.flight.tokens.Store(int64(x.meter.Delivered()))
}

// arrive ends what depart began.
func (x *exchange) arrive() {
	fs := &x.p.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.set, &x.flight)
}

// locate notes where the session works: what the request says about it, else what is
// remembered of the session.
func (x *exchange) locate(h http.Header) {
	e := &x.entry
	e.Project, e.Cwd, e.GitBranch = place(h.Get("X-Prism-Project"), 256), place(h.Get("X-Prism-Cwd"), 1024), place(h.Get("X-Prism-Branch"), 256)
	if e.Project != "" || e.Cwd != "" || e.GitBranch != "" || e.SessionID == "" || x.p.opt.Place == nil {
		return
	}
	if at, ok := x.p.opt.Place(e.SessionID); ok {
		e.Project, e.Cwd, e.GitBranch = at.Project, at.Cwd, at.GitBranch
	}
}
