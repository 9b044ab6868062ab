package spend

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"prism/internal/ledger"
)

// Bounds of what is remembered.
const (
	maxSessions = 4096
	// sessionHorizon is how far back sessions are read, where the periods do not reach further.
	sessionHorizon = 8 * 24 * time.Hour
)

// span is one period that is under way.
type span struct{ start, end time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.start) && t.Before(s.end) }

// window is the sum of one period of one scope.
type window struct {
	start time.Time
	sum   Sum
}

// account is the sums of one scope, in the order of [periods].
type account [3]window

// sheet is the sums as they stand at one place of the journal. It is not safe for concurrent
// use.
type sheet struct {
	spans    [3]span
	accounts map[Scope]*account
	sessions map[string]*Session
	firings  map[firingKey]firing
	alerts   map[string]ledger.AlertEvent // the last one of each query, by name; failures left out
	mark     ledger.Watermark
	watched  []Scope // projects and tags whose sums are kept; all and profiles always are
	rewound  bool    // the clock went back across a border of a period: sums are missing
}

func newSheet(watched []Scope, now time.Time) *sheet {
	s := &sheet{
		accounts: make(map[Scope]*account), sessions: make(map[string]*Session), firings: make(map[firingKey]firing),
		alerts: make(map[string]ledger.AlertEvent), watched: watched,
	}
	s.roll(now)
	return s
}

// roll moves to the periods that now lies in. The sums of those that are over go.
func (s *sheet) roll(now time.Time) {
	for i, p := range periods() {
		if s.spans[i].holds(now) {
			continue
		}
		start, end := p.Span(now)
		s.rewound = s.rewound || start.Before(s.spans[i].start)
		s.spans[i] = span{start, end}
	}
}

// holds tells whether t lies in all the periods under way.
func (s *sheet) holds(t time.Time) bool {
	return s.spans[0].holds(t) && s.spans[1].holds(t) && s.spans[2].holds(t)
}

// horizon is the instant from which exchanges matter.
func (s *sheet) horizon(now time.Time) time.Time {
	from := now.Add(-sessionHorizon)
	for _, p := range s.spans {
		if p.start.Before(from) {
			from = p.start
		}
	}
	return from
}

// add counts one exchange.
func (s *sheet) add(f *fact) {
	s.account(Scope{Kind: ScopeAll}).add(s.spans, f)
	s.account(Scope{ScopeProfile, f.profile}).add(s.spans, f)
	for _, w := range s.watched {
		if w.covers(f) {
			s.account(w).add(s.spans, f)
		}
	}
	s.session(f)
}

func (s *sheet) account(of Scope) *account {
	a := s.accounts[of]
	if a == nil {
		a = &account{}
		s.accounts[of] = a
	}
	return a
}

func (a *account) add(spans [3]span, f *fact) {
	for i := range a {
		if !spans[i].holds(f.at) {
			continue
		}
		if w := &a[i]; !w.start.Equal(spans[i].start) {
			*w = window{start: spans[i].start}
		}
		a[i].sum.add(&f.sum)
	}
}

// sum returns what was spent in the period under way.
func (s *sheet) sum(of Scope, p Period) Sum {
	a := s.accounts[of]
	i := slices.Index(allPeriods(), p)
	if a == nil || i < 0 || !a[i].start.Equal(s.spans[i].start) {
		return Sum{}
	}
	return a[i].sum
}

func allPeriods() []Period { p := periods(); return p[:] }

// span returns the period under way.
func (s *sheet) span(p Period) span { return s.spans[max(slices.Index(allPeriods(), p), 0)] }

// Session is what is known of one session of a client.
type Session struct {
	ID        string    `json:"id"`
	Project   string    `json:"project,omitempty"`
	Cwd       string    `json:"cwd,omitempty"`
	GitBranch string    `json:"git_branch,omitempty"`
	Profile   string    `json:"profile"` // of the exchange that ended last
	Model     string    `json:"model"`
	Last      time.Time `json:"last"` // when that was
	Sum       Sum       `json:"sum"`
}

func (s *sheet) session(f *fact) {
	if f.session == "" {
		return
	}
	x := s.sessions[f.session]
	if x == nil {
		if len(s.sessions) >= maxSessions {
			s.forget()
		}
		x = &Session{ID: f.session}
		s.sessions[f.session] = x
	}
	x.Sum.add(&f.sum)
	if f.ended.Before(x.Last) {
		return
	}
	x.Profile, x.Model, x.Last = f.profile, f.model, f.ended
	x.Project, x.Cwd, x.GitBranch = cmp.Or(f.project, x.Project), cmp.Or(f.cwd, x.Cwd), cmp.Or(f.branch, x.GitBranch)
}

// forget drops a quarter of the sessions: those that were quiet for longest.
func (s *sheet) forget() {
	all := slices.SortedFunc(maps.Values(s.sessions), func(a, b *Session) int { return a.Last.Compare(b.Last) })
	for _, x := range all[:len(all)/4] {
		delete(s.sessions, x.ID)
	}
}

// note remembers an event that was recorded.
func (s *sheet) note(ev *ledger.AlertEvent) {
	if ev.Rule != RuleBudget {
		if ev.State != ledger.AlertFailed { // a query that fails changes nothing
			s.alerts[ev.Name] = *ev
		}
		return
	}
	key := firingKey{ev.Name, ev.Scope, Period(ev.Period)}
	f := s.firings[key]
	if !f.start.Equal(ev.PeriodStart) || f.limit != ev.Limit {
		f = firing{start: ev.PeriodStart, limit: ev.Limit}
	}
	switch ev.State {
	case ledger.AlertWarned:
		f.warned = true
	case ledger.AlertReached:
		f.warned, f.reached = true, true
	case ledger.AlertBlocked:
		f.blocked = true
	case ledger.AlertFallback:
		f.fallback = true
	case ledger.AlertCleared:
		f = firing{}
	}
	s.firings[key] = f
}
