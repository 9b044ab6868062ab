package spend

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// childEnv makes the test binary the process that is killed.
const childEnv = "PRISM_SPEND_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		spendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

const cent = ledger.Money(1e8)

// house is a journal with a clock that stands still, and what was told of budgets.
type house struct {
	t       *testing.T
	dir     string
	now     time.Time
	journal *ledger.Journal
	watched []Scope

	mu     sync.Mutex
	events []ledger.AlertEvent
}

func newHouse(t *testing.T, now time.Time) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: now}
	h.open()
	t.Cleanup(func() { _ = h.journal.Shutdown(context.WithoutCancel(t.Context())) }) // the context of a test ends before its clean-up
	return h
}

// open begins another life of the journal.
func (h *house) open() {
	h.t.Helper()
	if h.journal != nil {
		if err := h.journal.Shutdown(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: filepath.Join(h.dir, "journal"), Now: h.clock, Reserve: -1})
	if err != nil {
		h.t.Fatal(err)
	}
	h.journal = j
}

func (h *house) clock() time.Time { return h.now }

func (h *house) options() Options {
	return Options{
		File: filepath.Join(h.dir, "totals.json"), Now: h.clock, Watched: h.watched, Event: h.event,
		Source: ledger.Source{Journal: filepath.Join(h.dir, "journal"), Archive: filepath.Join(h.dir, "archive")},
	}
}

// event records as the gateway does.
func (h *house) event(ev *ledger.AlertEvent) {
	if err := h.journal.Alert(ev); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, *ev)
}

// told returns the states that were told of, and forgets them.
func (h *house) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, ev := range h.events {
		all = append(all, ev.Name+" "+ev.State)
	}
	h.events = nil
	return all
}

func (h *house) tally() *Tally {
	h.t.Helper()
	tally, err := Open(h.options())
	if err != nil {
		h.t.Fatal(err)
	}
	return tally
}

// spent makes an entry of a profile that costs so much.
func (h *house) spent(profile string, cost ledger.Money) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.StartedAt, e.EndedAt = ledger.NewID(h.now), h.now, h.now
	e.Source, e.Operation, e.UsageSource, e.Outcome = "proxy", ledger.OpMessages, ledger.UsageFinal, ledger.OutcomeOK
	e.Profile, e.PriceID = profile, "p"
	e.PromptTokens, e.Usage.CacheRead, e.Usage.Output = 100, 60, stream.Count(7)
	e.Cost, e.CostList, e.CostUncached = cost, 2*cost, 3*cost
	return e
}

// record journals entries without counting them, as a process does that is killed in between.
func (h *house) record(entries ...*ledger.Entry) {
	h.t.Helper()
	for _, e := range entries {
		if err := h.journal.Close(e); err != nil {
			h.t.Fatal(err)
		}
	}
}

// add journals and counts.
func (h *house) add(to *Tally, entries ...*ledger.Entry) {
	h.t.Helper()
	for _, e := range entries {
		h.record(e)
		to.Add(e)
	}
}

func sum(t *Tally, p Period) ledger.Money { return t.Sum(Scope{Kind: ScopeAll}, p).Cost }
