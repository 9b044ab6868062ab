package spend

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
)

// saveEvery is how many exchanges may lie behind the file: what a start has to read again.
const saveEvery = 1000

// Options say where the sums are kept and what they are made of.
type Options struct {
	File    string        // the sums up to a watermark; it may be missing
	Source  ledger.Source // the journal, and the archive
	Watched []Scope       // projects and tags that a budget names

	// Event is told when a budget changes its state. It must not wait, nor ask the tally
	// anything: events come in the order in which they happened, which takes a lock.
	Event func(*ledger.AlertEvent)

	Now func() time.Time // its time zone decides where a day ends; default time.Now
}

// Tally is the running sums. It is safe for concurrent use.
type Tally struct {
	opt  Options
	gate atomic.Pointer[gate]
	wake chan struct{}

	keeping sync.Mutex // one save or rebuild at a time

	mu      sync.Mutex // guards what follows
	sheet   *sheet
	levels  []*level
	added   int             // exchanges since the last save
	stale   bool            // the sums are to be read again
	pending map[string]fact // what ended while the journal is read again; nil = it is not
}

// Open reads the file, and what the journal has behind it. A file that is missing, damaged, or
// made for other budgets or another time zone is made again from the journal; so the error is
// one of the journal.
func Open(opt Options) (*Tally, error) {
	if opt.Source.Journal == "" {
		return nil, errors.New("a tally needs a journal")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Event == nil {
		opt.Event = func(*ledger.AlertEvent) {}
	}
	t := &Tally{opt: opt, wake: make(chan struct{}, 1)}
	t.gate.Store(gateOf(nil))
	var err error
	if t.sheet, err = current(&t.opt); err != nil {
		return nil, err
	}
	return t, nil
}

// Add counts an exchange that was recorded. It does not keep e.
func (t *Tally) Add(e *ledger.Entry) {
	f, counts := factOf(e)
	if !counts {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.opt.Now()
	t.sheet.roll(now)
	t.sheet.add(&f)
	if t.pending != nil {
		t.pending[f.id] = f
	}
	t.added++
	if t.added >= saveEvery || t.sheet.rewound && !t.stale {
		t.stale = t.stale || t.sheet.rewound
		t.kick()
	}
	t.measure(now)
}

// Stale says that records were appended that change what is counted already. The sums are soon
// read again.
func (t *Tally) Stale() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale = true
	t.kick()
}

func (t *Tally) kick() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// SetBudgets replaces the budgets. Those whose scope is a project or a tag must be among the
// watched ones.
func (t *Tally) SetBudgets(budgets []Budget) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.levels = make([]*level, len(budgets))
	for i := range budgets {
		t.levels[i] = &level{Budget: budgets[i]}
	}
	now := t.opt.Now()
	t.sheet.roll(now)
	t.measure(now)
	for _, l := range t.levels {
		l.remember(t.sheet.firings[l.key()])
	}
	t.gate.Store(gateOf(t.levels))
}

// measure brings the readings of all budgets up to date, and tells of what has changed. It
// needs t.mu.
func (t *Tally) measure(now time.Time) {
	for _, l := range t.levels {
		r := &reading{t.sheet.span(l.Per), t.sheet.sum(l.Scope, l.Per)}
		l.now.Store(r)
		key := l.key()
		f, known := t.sheet.firings[key]
		if !f.start.Equal(r.start) || f.limit != l.Limit {
			if known && f.reached && r.sum.Cost < l.Limit {
				t.opt.Event(l.event(now, ledger.AlertCleared))
			}
			f = firing{start: r.start, limit: l.Limit}
		}
		switch {
		case r.sum.Cost >= l.Limit && !f.reached:
			f.warned, f.reached = true, true
			t.opt.Event(l.event(now, ledger.AlertReached))
		case l.Warn.Known() && r.sum.Cost >= l.Warn && !f.warned:
			f.warned = true
			t.opt.Event(l.event(now, ledger.AlertWarned))
		}
		t.sheet.firings[key] = f
	}
}

// remember takes over what was recorded before.
func (l *level) remember(f firing) {
	if f.blocked {
		l.told[0].Store(f.start.UnixNano())
	}
	if f.fallback {
		l.told[1].Store(f.start.UnixNano())
	}
}

// event describes a change of state.
func (l *level) event(now time.Time, state string) *ledger.AlertEvent {
	r := l.now.Load()
	ev := &ledger.AlertEvent{
		EventAt: now, Name: l.Name, Rule: RuleBudget, Scope: l.Scope.String(), Period: string(l.Per), PeriodStart: r.start,
		State: state, Action: l.Then, Amount: r.sum.Cost, Limit: l.Limit,
	}
	spent := l.Per.spent(r.sum.Cost, l.Limit)
	switch state {
	case ledger.AlertWarned:
		ev.Message = l.subject() + " has reached its warning: " + spent
	case ledger.AlertReached:
		ev.Message = l.subject() + " is used up: " + spent
	case ledger.AlertBlocked:
		ev.Message = l.subject() + " is used up, requests are refused: " + spent
	case ledger.AlertFallback:
		ev.Message = l.subject() + " is used up, requests go to the fallback: " + spent
	case ledger.AlertCleared:
		ev.Message = l.subject() + " has money again: " + spent
	}
	return ev
}

// Stopped records that a request was refused because of s, or went to another profile: once in
// a period. The state is that of the event: blocked or fallback.
func (t *Tally) Stopped(s *Stop, state string) {
	i := 0
	if state == ledger.AlertFallback {
		i = 1
	}
	start := s.Start.UnixNano()
	if s.level.told[i].Swap(start) == start {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ev := s.level.event(t.opt.Now(), state)
	t.sheet.note(ev)
	t.opt.Event(ev)
}

// Status is a budget and how far it is used up.
type Status struct {
	Budget
	Spent    ledger.Money
	Unpriced int64
	Resets   time.Time
}

// Over tells whether nothing is left.
func (s *Status) Over() bool { return s.Spent >= s.Limit }

// Warned tells whether the share is reached that a notice is given at.
func (s *Status) Warned() bool { return s.Warn.Known() && s.Spent >= s.Warn }

// Budgets returns the budgets in the order they were set.
func (t *Tally) Budgets() []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.opt.Now()
	t.sheet.roll(now)
	t.measure(now)
	all := make([]Status, len(t.levels))
	for i, l := range t.levels {
		r := l.now.Load()
		all[i] = Status{Budget: l.Budget, Spent: r.sum.Cost, Unpriced: r.sum.Unpriced, Resets: r.end}
	}
	return all
}

// Sum returns what was spent by a scope in the period under way. Projects and tags have sums
// where a budget names them.
func (t *Tally) Sum(of Scope, p Period) Sum {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sheet.roll(t.opt.Now())
	return t.sheet.sum(of, p)
}

// Session returns what is known of a session.
func (t *Tally) Session(id string) (Session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.sheet.sessions[id]
	if !ok {
		return Session{}, false
	}
	return *x, true
}

// LastAlert returns the last event that was recorded of a query that is watched, failures left
// out.
func (t *Tally) LastAlert(name string) (ledger.AlertEvent, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ev, ok := t.sheet.alerts[name]
	return ev, ok
}
