package chaos

import (
	"cmp"
	"net/http"

	"prism/internal/ledger"
)

// checkAttempts: every attempt is in the row, in order, with its own end and its own tokens, and
// the row's price is the sum of what was reported.
func (s *scene) checkAttempts() {
	attempts := s.row.Attempts
	want := len(s.f.tries)
	if s.moved() {
		want++
	}
	if len(attempts) != want {
		s.Fatalf("%d attempts, want %d: %+v", len(attempts), want, attempts)
	}
	for i := range s.f.tries {
		s.checkTry(&attempts[i], i)
	}
	if s.moved() {
		s.checkServed(&attempts[want-1], want)
	}
	s.checkCost()
}

// checkTry checks attempt i, at the faulty upstream.
func (s *scene) checkTry(a *ledger.Attempt, i int) {
	want := s.f.tries[i]
	outcome := cmp.Or(want.outcome, ledger.OutcomeError)
	last := i == len(s.f.tries)-1 && !s.moved()
	if last {
		outcome = s.f.alone.outcome
	}
	if a.N != i+1 || a.Profile != "work" || a.Outcome != outcome || a.ErrorType != want.errorType || a.HTTPStatus != want.status || a.MaybeBilled != want.billed {
		s.Errorf("attempt %d: n %d, %s, outcome %q, error %q, status %d, maybe billed %v; want work, %q, %+v", i+1, a.N, a.Profile, a.Outcome, a.ErrorType, a.HTTPStatus, a.MaybeBilled, outcome, want)
	}
	if a.DurationMS < 0 || a.Model != "claude-opus-5-5" || a.ServerAddress == "" || (want.status != 0) != (a.TTFBMS >= 0) {
		s.Errorf("attempt %d: %+v", i+1, a)
	}
	if why := s.why(i); a.Why != why {
		s.Errorf("attempt %d was made because of %q, want %q", i+1, a.Why, why)
	}
	known := want.told || last && cmp.Or(s.f.alone.source, ledger.UsageNone) != ledger.UsageNone
	if a.Usage.Input.Known() != known || known && int64(a.Usage.Input) != wanted().Input || a.CostList.Known() != known {
		s.Errorf("attempt %d: usage %+v, cost %d; tokens known: %v", i+1, a.Usage, a.CostList, known)
	}
}

// why is the reason for attempt i at the faulty upstream.
func (s *scene) why(i int) string {
	if i == 0 {
		return "active"
	}
	return cmp.Or(s.f.again, "again")
}

// checkServed checks the attempt at the fallback.
func (s *scene) checkServed(a *ledger.Attempt, n int) {
	if a.N != n || a.Profile != "spare" || a.Outcome != ledger.OutcomeOK || a.ErrorType != "" || a.HTTPStatus != http.StatusOK || a.MaybeBilled || a.Why != "fallback" || a.Model != spareModel {
		s.Errorf("the attempt that served: %+v", a)
	}
	if int64(a.Usage.Input) != spared().Input || int64(a.Usage.Output) != spared().Output || a.CostList != spareCost {
		s.Errorf("the attempt that served: usage %+v, cost %d, want %d", a.Usage, a.CostList, spareCost)
	}
}

// checkCost: what a lost attempt reported is paid as well.
func (s *scene) checkCost() {
	sum, known := ledger.Money(0), false
	for i := range s.row.Attempts {
		if a := &s.row.Attempts[i]; a.CostList.Known() {
			sum, known = sum+a.CostList, true
		}
	}
	if !known {
		sum = ledger.NoMoney
	}
	if s.row.Cost != sum {
		s.Errorf("the row costs %d, its attempts %d", s.row.Cost, sum)
	}
}
