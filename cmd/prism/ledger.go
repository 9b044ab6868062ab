package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
	"prism/internal/spend"
)

// errNoLedger means that nothing was ever recorded here.
var errNoLedger = errors.New("there is no ledger yet")

// reader folds what waits in the journal and opens the ledger read-only; the caller closes
// it. It returns errNoLedger where nothing was recorded yet.
func (a *app) reader(ctx context.Context, r room) (*sql.DB, error) {
	if err := a.refresh(ctx, r); err != nil {
		return nil, err
	}
	if _, err := os.Stat(r.paths.LedgerFile); errors.Is(err, os.ErrNotExist) {
		return nil, errNoLedger
	}
	db, err := duckdb.OpenReader(ctx, r.paths.LedgerFile, duckdb.ReaderOptions{TimeZone: a.zone()})
	if err != nil {
		return nil, ledgerError(r.paths.LedgerFile, err)
	}
	return db, nil
}

// refresh folds what waits in the journal, and says so where it cannot.
func (a *app) refresh(ctx context.Context, r room) error {
	res, err := a.fold(ctx, r)
	switch {
	case errors.Is(err, errNoLedger):
		return err
	case err != nil:
		// What is in the file already can still be read.
		a.note("note: what waits in the journal, if anything does, is not shown: %v", err)
	case res.Holder != "":
		a.note("note: the ledger is held by %s; what waits in the journal is not shown (%s), nothing is lost", res.Holder, plural(res.Waiting, "%d entries"))
	}
	return nil
}

func ledgerError(file string, err error) error {
	at := &admin.Position{File: file}
	if errors.Is(err, duckdb.ErrBusy) {
		return &admin.Error{Code: codeBusy, Message: err.Error(), Fix: "close the program that holds it, or let it open the file read-only", At: at}
	}
	fix := "prism doctor"
	switch {
	case errors.Is(err, duckdb.ErrFull):
		fix = "make room on that disk, and try again; nothing is lost"
	case errors.Is(err, duckdb.ErrReadOnly):
		fix = "make it writable, and try again; nothing is lost"
	}
	return &admin.Error{Code: codeInternal, Message: err.Error(), Fix: fix, At: at}
}

// fold goes through the gateway, which knows what it has written; without one it folds
// under the lock of the state directory.
func (a *app) fold(ctx context.Context, r room) (ledger.FoldResult, error) {
	res, err := r.client.Fold(ctx)
	if !errors.Is(err, admin.ErrNotRunning) {
		return res, err
	}
	if _, err := os.Stat(r.paths.Journal); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(r.paths.LedgerFile); err != nil {
			return ledger.FoldResult{}, errNoLedger
		}
		return ledger.FoldResult{}, nil
	}
	if err := os.MkdirAll(r.paths.State, 0o700); err != nil {
		return ledger.FoldResult{}, fmt.Errorf("make state folder: %w", err)
	}
	lock, err := daemon.TakeLock(r.paths.Lock)
	if errors.Is(err, daemon.ErrRunning) {
		err = &admin.Error{Code: codeBusy, Message: "another prism works in the state directory", Fix: "prism status, or try again"}
	}
	if err != nil {
		return ledger.FoldResult{}, err
	}
	defer lock.Close()
	return duckdb.Fold(ctx, duckdb.FoldOptions{File: r.paths.LedgerFile, JournalDir: r.paths.Journal, ArchiveDir: r.paths.Archive, Prices: a.foldPrices(r)})
}

// zone names the time zone that decides where a day ends.
func (a *app) zone() string {
	if tz := strings.TrimPrefix(a.getenv("TZ"), ":"); tz != "" {
		if _, err := time.LoadLocation(tz); err == nil {
			return tz
		}
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			return name
		}
	}
	return "UTC"
}

// since reads a point in time: the beginning of a period that has a name, or what instantOf reads.
func (a *app) since(s string) (time.Time, error) {
	if slices.Contains(periods(), s) {
		return a.named(s).from, nil
	}
	return a.instantOf(s)
}

// instantOf reads 90m, 12h, 7d, 2w, a date, or an instant.
func (a *app) instantOf(s string) (time.Time, error) {
	now := a.now()
	if n := len(s); n > 1 && strings.ContainsRune("dw", rune(s[n-1])) {
		var days int
		if _, err := fmt.Sscanf(s[:n-1], "%d", &days); err == nil && days >= 0 && fmt.Sprint(days) == s[:n-1] {
			if s[n-1] == 'w' {
				days *= 7
			}
			return dayFrom(now, -days), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return spend.Midnight(day.Year(), day.Month(), day.Day(), now.Location()), nil
	}
	for _, layout := range []string{"2006-01-02 15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since today, --since 7d, --since 12h or --since 2026-11-01", "%q is neither a duration nor a date", s)
}

func midnight(t time.Time) time.Time { return dayFrom(t, 0) }

// dayFrom is the first instant of the day so many days after that of t.
func dayFrom(t time.Time, days int) time.Time {
	y, m, d := t.Date()
	return spend.Midnight(y, m, d+days, t.Location())
}
