package daemon

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// newLane is a lane whose folds take as long as takes says, in the bubble of a test.
func newLane(t *testing.T, long bool, takes func() time.Duration) (ledgerLane, *ledger.Journal) {
	t.Helper()
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: t.TempDir(), Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	gate := newLedgerGate()
	loop, err := ledger.NewFoldLoop(ledger.FoldLoopOptions{Journal: j, Folder: gatedFolder{gate, folderFunc(func() (ledger.FoldResult, error) {
		time.Sleep(takes())
		return ledger.FoldResult{}, nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	fresh := newFreshener(loop, j)
	t.Cleanup(func() {
		fresh.close()
		if err := j.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return ledgerLane{gate: gate, fresh: fresh, runner: NewSQLRunner("worker"), files: NewSQLRunner("worker"), long: long}, j
}

// ask is a query that takes no time. It returns what was wrong, and how long it waited.
func (l ledgerLane) ask(t *testing.T, run *SQLRunner) (string, time.Duration) {
	t.Helper()
	began := time.Now()
	in, problem, err := l.enter(t.Context(), run)
	waited := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if problem == nil {
		in.leave()
		return "", waited
	}
	if problem.Code != admin.CodeLedgerBusy || problem.Fix == "" {
		t.Errorf("%+v", problem)
	}
	return problem.Message, waited
}

func TestDownloadsThatASlowBrowserReadsStandInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newLane(t, true, func() time.Duration { return 0 })
		for range sqlAtOnce {
			in, problem, err := l.enter(t.Context(), l.files)
			if err != nil || problem != nil {
				t.Fatal(problem, err)
			}
			in.read() // it is sent now, for minutes
			defer in.place()
		}
		if problem, waited := l.ask(t, l.runner); problem != "" || waited > 0 {
			t.Errorf("a query beside them: %q after %s", problem, waited)
		}
		if problem, waited := l.ask(t, l.files); problem == "" || waited != placeWait {
			t.Errorf("one more download: %q after %s", problem, waited)
		}
	})
}

func TestAPageWaitsLongerForTheFirstFoldThanForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := 5 * time.Second
		l, j := newLane(t, false, func() time.Duration { return takes })
		if problem, waited := l.ask(t, l.runner); problem != "" || waited != takes {
			t.Errorf("the first fold: %q after %s", problem, waited)
		}
		time.Sleep(2 * freshFor)
		var e ledger.Entry
		e.Reset()
		e.RequestID, e.StartedAt = "r", time.Now()
		if err := j.Close(&e); err != nil {
			t.Fatal(err)
		}
		if problem, waited := l.ask(t, l.runner); !strings.Contains(problem, "new rows") || waited != freshWithin+gateWait {
			t.Errorf("another fold: %q after %s", problem, waited)
		}
		time.Sleep(takes)
	})
	synctest.Test(t, func(t *testing.T) {
		l, _ := newLane(t, false, func() time.Duration { return 3 * firstWait })
		if problem, waited := l.ask(t, l.runner); !strings.Contains(problem, "up to date") || waited != freshWithin+firstWait {
			t.Errorf("a first fold that takes very long: %q after %s", problem, waited)
		}
		time.Sleep(3 * firstWait)
	})
}
