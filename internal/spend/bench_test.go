package spend

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"prism/internal/ledger"
)

// BenchmarkOpen is what a start costs that has to read a journal of so many exchanges again:
// the first one, and one after the file was lost.
func BenchmarkOpen(b *testing.B) {
	const rows = 20_000
	h := &house{dir: b.TempDir(), now: time.Now()}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: filepath.Join(h.dir, "journal"), Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	for i := range rows {
		e := h.spent("a", cent)
		e.SessionID = fmt.Sprint(i % 100)
		e.UsageRaw = []byte(`{"input_tokens":10,"cache_creation_input_tokens":500,"cache_read_input_tokens":4000,"output_tokens":20,"service_tier":"standard"}`)
		e.Attempts = []ledger.Attempt{{N: 1, Profile: "a", ServerAddress: "api.example", Model: "m", StartedAt: h.now, HTTPStatus: 200, Outcome: "ok"}}
		if err := j.Open(e); err != nil {
			b.Fatal(err)
		}
		if err := j.Close(e); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
	opt := h.options()
	opt.Event = nil
	b.ReportAllocs()
	for b.Loop() {
		t, err := Open(opt)
		if err != nil {
			b.Fatal(err)
		}
		if n := t.Sum(Scope{Kind: ScopeAll}, Day).Requests; n != rows {
			b.Fatal(n)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// bare is a tally without a journal.
func bare() *Tally {
	return &Tally{opt: Options{Now: time.Now, Event: func(*ledger.AlertEvent) {}}, sheet: newSheet(nil, time.Now()), wake: make(chan struct{}, 1)}
}

func BenchmarkCheck(b *testing.B) {
	tally := bare()
	var budgets []Budget
	for i := range 10 {
		budgets = append(budgets, Budget{Name: fmt.Sprint(i), Scope: Scope{ScopeProfile, fmt.Sprint(i)}, Per: Day, Limit: cent, Warn: ledger.NoMoney, Then: ThenBlock})
	}
	tally.SetBudgets(append(budgets, Budget{Name: "all", Scope: Scope{Kind: ScopeAll}, Per: Month, Limit: cent, Warn: ledger.NoMoney, Then: ThenBlock}))
	e := &ledger.Entry{Profile: "3"}
	b.ReportAllocs()
	for b.Loop() {
		if tally.Check(e) != nil {
			b.Fatal("stopped")
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	tally := bare()
	tally.SetBudgets([]Budget{{Name: "all", Scope: Scope{Kind: ScopeAll}, Per: Month, Limit: math.MaxInt64, Warn: ledger.NoMoney, Then: ThenBlock}})
	e := (&house{now: time.Now()}).spent("a", 1)
	e.SessionID = "s"
	b.ReportAllocs()
	for b.Loop() {
		tally.Add(e)
	}
}
