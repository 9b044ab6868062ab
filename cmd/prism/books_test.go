package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
	"prism/internal/stream"
)

// books is a ledger whose every row a test has written.
type books struct {
	t         *testing.T
	a         *app
	out, errs *bytes.Buffer
	r         room
	now       time.Time
	journal   *ledger.Journal
}

// newBooks begins on Thursday, 2026-11-26, at noon in UTC.
func newBooks(t *testing.T) *books {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": filepath.Join(dir, "c"), "XDG_DATA_HOME": filepath.Join(dir, "d"), "XDG_STATE_HOME": filepath.Join(dir, "s"),
		"XDG_RUNTIME_DIR": filepath.Join(dir, "r"), "TZ": "UTC",
	}
	b := &books{t: t, now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	b.a, b.out, b.errs = testApp(env)
	b.a.now = func() time.Time { return b.now }
	paths, err := b.a.paths()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.PrepareDirs(paths); err != nil {
		t.Fatal(err)
	}
	b.r = room{paths, config.DefaultSettings(), admin.Dial(paths.Socket)}
	b.journal, _, err = ledger.OpenJournal(ledger.JournalOptions{Dir: paths.Journal, Archive: paths.Archive, Logger: zerolog.Nop(), Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.journal.Shutdown(context.Background()) })
	return b
}

const cent ledger.Money = 1e8 // in units of the ledger

// row adds a request that ended well: 10 input, 80 cache read, 10 cache write and 5 output
// tokens, 1 cent for each part, and 9 cents without caching.
func (b *books) row(id string, at time.Time, change func(*ledger.Entry)) {
	b.t.Helper()
	var e ledger.Entry
	e.Reset()
	e.RequestID, e.StartedAt, e.EndedAt, e.Source = id, at, at.Add(2*time.Second), "proxy"
	e.Operation, e.Outcome, e.HTTPStatus, e.Stream = ledger.OpMessages, ledger.OutcomeOK, 200, true
	e.Profile, e.Provider, e.RouteReason = "work", "anthropic", "active"
	e.RequestModel, e.UpstreamModel, e.ResponseModel = "claude-a", "claude-a", "claude-a"
	e.Usage = stream.Usage{Input: 10, CacheRead: 80, CacheWrite: 10, CacheWrite5m: 10, CacheWrite1h: 0, Output: 5, Reasoning: stream.Unknown, WebSearches: stream.Unknown}
	e.UsageSource, e.PromptTokens = ledger.UsageFinal, 100
	e.TTFBMS, e.TTFTMS, e.DurationMS, e.LongestGapMS = 200, 300, 2000, 10
	e.PriceID = "test/claude-a"
	e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput, e.CostOther = cent, cent, cent, cent, 0
	e.CostList, e.Cost, e.CostUncached = 4*cent, 4*cent, 9*cent
	if change != nil {
		change(&e)
	}
	if err := b.journal.Close(&e); err != nil {
		b.t.Fatal(err)
	}
}

// unpriced takes the price away, as for a model that the book does not know.
func unpriced(e *ledger.Entry) {
	e.PriceID = ""
	for _, m := range []*ledger.Money{&e.CostInput, &e.CostCacheRead, &e.CostCacheWrite, &e.CostOutput, &e.CostOther, &e.CostList, &e.Cost, &e.CostUncached} {
		*m = ledger.NoMoney
	}
}

// says runs a command and compares what it writes to stdout.
func (b *books) says(want string, run func(ctx context.Context) error) {
	b.t.Helper()
	b.out.Reset()
	b.errs.Reset()
	if err := b.journal.Sync(); err != nil {
		b.t.Fatal(err)
	}
	if err := run(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	if got := b.out.String(); got != want {
		b.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
