package spend

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
)

// What an event of the ledger is about.
const (
	RuleBudget = "budget"
	RuleQuery  = "query"
)

// What a budget does when it is used up.
const (
	ThenNotify   = "notify"
	ThenBlock    = "block"
	ThenFallback = "fallback"
)

// Budget is a limit on what is paid within a period.
type Budget struct {
	Name  string
	Scope Scope
	Per   Period
	Limit ledger.Money
	Warn  ledger.Money // the amount that a notice is given at; NoMoney = none
	Then  string       // notify, block, fallback
}

// firingKey is a budget across restarts and reloads.
type firingKey struct {
	name, scope string
	per         Period
}

func (b *Budget) key() firingKey { return firingKey{b.Name, b.Scope.String(), b.Per} }

// firing is what was said about a budget in one period. A limit that was changed is another
// one, of which nothing was said yet.
type firing struct {
	start    time.Time
	limit    ledger.Money
	warned   bool
	reached  bool
	blocked  bool
	fallback bool
}

// level is a budget and how far it is used up, as requests see it.
type level struct {
	Budget
	now  atomic.Pointer[reading]
	told [2]atomic.Int64 // start of the period in which blocking, and falling back, was recorded
}

// reading is the state of a budget at one instant.
type reading struct {
	span
	sum Sum
}

// over tells whether nothing is left at t. When the period has ended, all is left again.
func (l *level) over(t time.Time) bool {
	r := l.now.Load()
	return r.sum.Cost >= l.Limit && t.Before(r.end)
}

// gate is the budgets that can stop a request, sorted by what they look at.
type gate struct {
	wide     []*level            // all, projects, tags
	profiles map[string][]*level // by the name of the profile
}

func gateOf(levels []*level) *gate {
	g := &gate{profiles: make(map[string][]*level)}
	for _, l := range levels {
		switch {
		case l.Then == ThenNotify:
		case l.Scope.Kind == ScopeProfile:
			g.profiles[l.Scope.Name] = append(g.profiles[l.Scope.Name], l)
		default:
			g.wide = append(g.wide, l)
		}
	}
	return g
}

// Stop is a budget that is used up, and stands in the way of a request.
type Stop struct {
	Budget
	Spent  ledger.Money
	Start  time.Time // of the period
	Resets time.Time // its end

	level *level
}

// Check returns the budget that keeps what e asks for from being sent to e's profile, or nil.
// One that blocks comes before one that falls back. It reads a few counters, and waits for
// nobody.
func (t *Tally) Check(e *ledger.Entry) *Stop {
	g := t.gate.Load()
	own := g.profiles[e.Profile]
	if len(own)+len(g.wide) == 0 {
		return nil
	}
	now := t.opt.Now()
	var found *level
	for _, l := range own {
		found = worse(found, l, now)
	}
	if len(g.wide) > 0 {
		f := fact{profile: e.Profile, project: e.Project, tags: e.Tags}
		for _, l := range g.wide {
			if l.Scope.covers(&f) {
				found = worse(found, l, now)
			}
		}
	}
	if found == nil {
		return nil
	}
	r := found.now.Load()
	return &Stop{Budget: found.Budget, Spent: r.sum.Cost, Start: r.start, Resets: r.end, level: found}
}

func worse(found, l *level, now time.Time) *level {
	if (found == nil || found.Then != ThenBlock) && l.over(now) {
		return l
	}
	return found
}

// Message says to the client's user which budget it is, and when there is money again.
func (s *Stop) Message() string {
	return fmt.Sprintf("%v is used up: %v; it resets at %s", s.subject(), s.Per.spent(s.Spent, s.Limit), s.Resets.Format("2006-01-02 15:04 MST"))
}

// subject names a budget for people.
func (b *Budget) subject() string {
	if b.Scope.Kind == ScopeProfile && b.Scope.Name == b.Name {
		return "the budget of profile " + b.Name
	}
	return fmt.Sprintf("budget %q", b.Name)
}

// spent says how much of a limit is gone. Each period has a sentence of its own: other languages do
// not put "this" before the word.
func (p Period) spent(sum, limit ledger.Money) string {
	format := "%s of %s this month"
	switch p {
	case Day:
		format = "%s of %s this day"
	case Week:
		format = "%s of %s this week"
	case Month:
	}
	return fmt.Sprintf(format, Dollars(sum), Dollars(limit))
}

// Dollars writes an amount exactly, with at least two decimals: $20.00, $0.0042.
func Dollars(m ledger.Money) string {
	if !m.Known() {
		return "–"
	}
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	decimals := fmt.Sprintf("%010d", n%1e10)
	for len(decimals) > 2 && strings.HasSuffix(decimals, "0") {
		decimals = decimals[:len(decimals)-1]
	}
	return fmt.Sprintf("%s$%d.%s", sign, n/1e10, decimals)
}
