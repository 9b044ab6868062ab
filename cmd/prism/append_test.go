package main

import (
	"errors"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
)

// sequence yields records, and then perhaps an error.
func sequence(err error, records ...ledger.Appendable) iter.Seq2[ledger.Appendable, error] {
	return func(yield func(ledger.Appendable, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func appended(id string) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.Source, e.StartedAt = id, "import:test", time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return e
}

// count asks the ledger a question that has one number for an answer.
func count(t *testing.T, a *app, r room, query string) (n int) {
	t.Helper()
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingIsTouchedWithoutARecord(t *testing.T) {
	a, r := ledgerApp(t)
	broken := errors.New("broken")
	for _, want := range []error{nil, broken} {
		n, err := a.appendRecords(t.Context(), r, sequence(want))
		if n != 0 || !errors.Is(err, want) {
			t.Errorf("%d, %v; want %v", n, err, want)
		}
	}
	if _, err := os.Stat(r.paths.Journal); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a journal was made: %v", err)
	}
}

func TestWhatCameBeforeAnErrorStays(t *testing.T) {
	a, r := ledgerApp(t)
	broken := errors.New("broken")
	n, err := a.appendRecords(t.Context(), r, sequence(broken, appended("one"), appended("two")))
	if n != 2 || !errors.Is(err, broken) {
		t.Fatalf("%d, %v; want 2 and the error", n, err)
	}
	forged := appended("three")
	forged.Source = "proxy"
	if n, err := a.appendRecords(t.Context(), r, sequence(nil, forged)); n != 0 || describe(err).Code != codeUsage {
		t.Errorf("%d, %v; want that a row of the gateway is refused", n, err)
	}
	if got := count(t, a, r, "select count(*) from requests"); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

func TestAppendingClosesWhatADeadGatewayLeftOpen(t *testing.T) {
	a, r := ledgerApp(t)
	if err := daemon.PrepareDirs(r.paths); err != nil {
		t.Fatal(err)
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: r.paths.Journal, Archive: r.paths.Archive, Logger: zerolog.Nop(), Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	left := appended("left")
	left.Source, left.Operation, left.UsageSource, left.ResponseModel, left.Provider = "proxy", ledger.OpMessages, ledger.UsagePartial, "claude-opus-5-5", "anthropic"
	left.StartedAt, left.Usage.Input = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), 1_000_000
	if err := errors.Join(j.Open(left), j.Usage(left), j.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n, err := a.appendRecords(t.Context(), r, sequence(nil, appended("one"))); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	// A million tokens of input at 4 dollars.
	if got := count(t, a, r, "select count(*) from requests where request_id = 'left' and outcome = 'crashed' and cost_usd = 4"); got != 1 {
		t.Errorf("%d rows of the exchange that was open, want one that is priced", got)
	}
	if got := count(t, a, r, "select count(*) from requests"); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

func TestAppendingWaitsForNobodyWhoHasTheDirectory(t *testing.T) {
	a, r := ledgerApp(t)
	if err := daemon.PrepareDirs(r.paths); err != nil {
		t.Fatal(err)
	}
	lock, err := daemon.TakeLock(r.paths.Lock)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	_, err = a.appendRecords(t.Context(), r, sequence(nil, appended("one")))
	if e, ok := errors.AsType[*admin.Error](err); !ok || e.Code != codeBusy || e.Fix == "" {
		t.Errorf("%v, want that another prism is at work", err)
	}
}
