package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
)

// RuleQuery is what the events of a watcher are about.
const RuleQuery = "query"

// Rule is a query with a bound.
type Rule struct {
	Name    string
	Query   string // SQL, or the name of a query
	Above   string // decimal; "" = no bound
	Below   string // decimal; "" = no bound
	Every   time.Duration
	Profile string // whose requests are stopped; "" = all
	Then    string // notify, block, fallback
}

// bound writes what makes the rule fire.
func (r *Rule) bound() string {
	switch {
	case r.Above == "":
		return fmt.Sprintf("below %v", r.Below)
	case r.Below == "":
		return fmt.Sprintf("above %v", r.Above)
	}
	return fmt.Sprintf("above %v or below %v", r.Above, r.Below)
}

// scope is whose requests the rule is about, as the ledger writes it.
func (r *Rule) scope() string {
	if r.Profile == "" {
		return "all"
	}
	return "profile:" + r.Profile
}

// Answer is what a query gave: the first column of its first row as text, "" for NULL and for
// no row.
type Answer struct {
	Value string `json:"value"`
	Err   string `json:"error,omitempty"`
}

// Options configures a Watcher. Ask is needed.
type Options struct {
	Rules []Rule

	// Ask runs queries and returns their answers in the same order. An error means that none
	// was run.
	Ask func(ctx context.Context, queries []string) ([]Answer, error)

	// Event is told when a rule begins or ceases to fire, and when its query begins to fail. It
	// must not wait, nor ask the watcher anything.
	Event func(*ledger.AlertEvent)

	// Last returns the last event that was recorded of a rule; nil = none ever was.
	Last func(name string) (ledger.AlertEvent, bool)

	Now func() time.Time // default time.Now
}

// State is how a rule stands.
type State struct {
	Name    string
	Bound   string
	Value   string // as last seen; "" = no figure
	Checked time.Time
	Fired   time.Time // when it began to fire; zero = it does not
	Err     string    // why the query did not run
}

// rule is a Rule and how it stands.
type rule struct {
	Rule
	above, below *big.Rat
	due          time.Time
	firing       atomic.Bool // read by requests

	// What was recorded since it began to fire: that a request was refused, and that one went
	// elsewhere.
	blocked, fallback atomic.Bool

	state State // guarded by the watcher's mu
}

// Watcher looks at its rules when they are due. It is safe for concurrent use.
type Watcher struct {
	opt   Options
	rules []*rule
	stops []*rule // those that stand in the way of requests while they fire

	mu sync.Mutex // guards the states
}

// New returns a watcher in which those rules fire that did when the ledger was last told.
func New(opt Options) (*Watcher, error) {
	if opt.Ask == nil {
		return nil, errors.New("a watcher needs somebody to ask")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Event == nil {
		opt.Event = func(*ledger.AlertEvent) {}
	}
	w := &Watcher{opt: opt}
	for i := range opt.Rules {
		r := &rule{Rule: opt.Rules[i], state: State{Name: opt.Rules[i].Name, Bound: opt.Rules[i].bound()}}
		var err error
		if r.above, err = rational(r.Above); err != nil {
			return nil, fmt.Errorf("alert %s: above: %w", r.Name, err)
		}
		if r.below, err = rational(r.Below); err != nil {
			return nil, fmt.Errorf("alert %s: below: %w", r.Name, err)
		}
		r.restore(opt.Last)
		w.rules = append(w.rules, r)
		if r.Then != "notify" {
			w.stops = append(w.stops, r)
		}
	}
	return w, nil
}

// restore takes over what the ledger was told before.
func (r *rule) restore(last func(string) (ledger.AlertEvent, bool)) {
	if last == nil {
		return
	}
	ev, ok := last(r.Name)
	if !ok {
		return
	}
	switch ev.State {
	case ledger.AlertReached, ledger.AlertBlocked, ledger.AlertFallback:
		r.state.Fired, r.state.Value = cmp.Or(ev.PeriodStart, ev.EventAt), ev.Value
		r.blocked.Store(ev.State == ledger.AlertBlocked)
		r.fallback.Store(ev.State == ledger.AlertFallback)
		r.firing.Store(true)
	}
}

// Run looks at the rules until ctx ends. Those that are due together are asked together.
func (w *Watcher) Run(ctx context.Context) {
	if len(w.rules) == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		w.round(ctx)
		timer.Reset(w.next())
	}
}

// next is how long there is nothing to do.
func (w *Watcher) next() time.Duration {
	first := w.rules[0].due
	for _, r := range w.rules[1:] {
		if r.due.Before(first) {
			first = r.due
		}
	}
	return max(first.Sub(w.opt.Now()), 0)
}

// round asks what is due.
func (w *Watcher) round(ctx context.Context) {
	now := w.opt.Now()
	var due []*rule
	var queries []string
	for _, r := range w.rules {
		if r.due.After(now) && r.due.Sub(now) <= r.Every { // a clock that was put back makes it due as well
			continue
		}
		r.due = now.Add(r.Every)
		due, queries = append(due, r), append(queries, r.Query)
	}
	if len(due) == 0 {
		return
	}
	answers, err := w.opt.Ask(ctx, queries)
	if ctx.Err() != nil {
		return // what is being stopped has failed nobody
	}
	if err == nil && len(answers) != len(due) {
		err = fmt.Errorf("%d answers to %d queries", len(answers), len(due))
	}
	for i, r := range due {
		a := Answer{}
		if err != nil {
			a.Err = err.Error()
		} else {
			a = answers[i]
		}
		w.judge(r, a)
	}
}

// judge notes an answer and tells of what it changes, before requests or a status can see it. A
// query that fails, or has no figure, changes nothing: an alert that fires goes on until a
// figure says otherwise.
func (w *Watcher) judge(r *rule, a Answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.opt.Now()
	failing := r.state.Err != ""
	r.state.Checked, r.state.Err, r.state.Value = now, a.Err, a.Value
	n, ok := parse(a.Value)
	if a.Err == "" && a.Value != "" && !ok {
		r.state.Err = "the figure is no number: " + a.Value
	}
	if r.state.Err != "" {
		if !failing {
			w.opt.Event(r.event(now, ledger.AlertFailed, fmt.Sprintf("the query of alert %q failed: %v", r.Name, r.state.Err)))
		}
		return
	}
	if !ok {
		return
	}
	fires := r.above != nil && n.Cmp(r.above) > 0 || r.below != nil && n.Cmp(r.below) < 0
	switch {
	case fires == r.firing.Load():
	case fires:
		r.state.Fired = now
		r.blocked.Store(false)
		r.fallback.Store(false)
		w.opt.Event(r.event(now, ledger.AlertReached, fmt.Sprintf("alert %q fires: %s is %v", r.Name, a.Value, r.bound())))
		r.firing.Store(true)
	default:
		w.opt.Event(r.event(now, ledger.AlertCleared, fmt.Sprintf("alert %q is over: %s", r.Name, a.Value)))
		r.state.Fired = time.Time{}
		r.firing.Store(false)
	}
}

// event describes a change of state.
func (r *rule) event(now time.Time, state, message string) *ledger.AlertEvent {
	return &ledger.AlertEvent{
		EventAt: now, Name: r.Name, Rule: RuleQuery, Scope: r.scope(), PeriodStart: r.state.Fired, State: state, Action: r.Then,
		Amount: ledger.NoMoney, Limit: ledger.NoMoney, Value: r.state.Value, Message: message,
	}
}

// Stop is an alert that stands in the way of requests.
type Stop struct {
	Name     string
	Fallback bool
	Message  string

	rule *rule
}

// Check returns the alert that fires and keeps requests from a profile, or nil. One that blocks
// comes before one that falls back.
func (w *Watcher) Check(profile string) *Stop {
	var found *rule
	for _, r := range w.stops {
		if (r.Profile == "" || r.Profile == profile) && r.firing.Load() && (found == nil || found.Then == "fallback") {
			found = r
		}
	}
	if found == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	message := fmt.Sprintf("alert %q fires since %s: %s is %s", found.Name, found.state.Fired.Format("2006-01-02 15:04 MST"), cmp.Or(found.state.Value, "its figure"), found.bound())
	return &Stop{Name: found.Name, Fallback: found.Then == "fallback", Message: message, rule: found}
}

// Stopped records that a request was refused because of s, or went to another profile: once
// while it fires. The state is that of the event: blocked or fallback.
func (w *Watcher) Stopped(s *Stop, state string) {
	r, told, what := s.rule, &s.rule.blocked, "alert %q: requests are refused"
	if state == ledger.AlertFallback {
		told, what = &r.fallback, "alert %q: requests go to the fallback"
	}
	if told.Swap(true) {
		return
	}
	w.mu.Lock()
	ev := r.event(w.opt.Now(), state, fmt.Sprintf(what, r.Name))
	w.mu.Unlock()
	w.opt.Event(ev)
}

// States returns how the rules stand, in their order.
func (w *Watcher) States() []State {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]State, len(w.rules))
	for i, r := range w.rules {
		all[i] = r.state
	}
	return all
}
