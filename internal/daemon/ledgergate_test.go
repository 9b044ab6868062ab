package daemon

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/ledger"
)

// folderFunc is a fold that does what a test says.
type folderFunc func() (ledger.FoldResult, error)

func (f folderFunc) Fold(context.Context) (ledger.FoldResult, error) { return f() }

func TestAFoldWaitsForQueriesAndIsTheNextAfterThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newLedgerGate()
		var readers atomic.Int32
		folds := 0
		f := gatedFolder{g, folderFunc(func() (ledger.FoldResult, error) {
			if n := readers.Load(); n != 0 {
				t.Errorf("%d read while it folds", n)
			}
			folds++
			time.Sleep(time.Second)
			return ledger.FoldResult{Rows: 1}, nil
		})}
		query := func(takes time.Duration) {
			leave, err := g.read(t.Context(), false)
			if err != nil {
				t.Error(err)
				return
			}
			readers.Add(1)
			time.Sleep(takes)
			readers.Add(-1)
			leave()
		}
		// Pages ask all the time: there is never a moment without a reader.
		var wg sync.WaitGroup
		defer wg.Wait()
		for range 20 {
			wg.Go(func() {
				for range 5 {
					query(3 * time.Second)
				}
			})
		}
		began := time.Now()
		for range 3 {
			time.Sleep(time.Second)
			if res, err := f.Fold(t.Context()); err != nil || res.Rows != 1 {
				t.Errorf("%+v, %v", res, err)
			}
		}
		if took := time.Since(began); folds != 3 || took > 20*time.Second {
			t.Errorf("%d folds in %s", folds, took)
		}
	})
}

func TestWhoGivesUpWaitingForTheLedgerLeavesNoPlaceTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newLedgerGate()
		leave, err := g.read(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.write(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a fold beside a query: %v", err)
		}
		if res, err := (gatedFolder{g, nil}).Fold(t.Context()); err != nil || res.Holder == "" {
			t.Errorf("a fold that waits too long: %+v, %v", res, err)
		}
		leave()
		alone, err := g.write(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.read(again, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a query beside a fold: %v", err)
		}
		alone()
		if leave, err = g.read(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		leave()
	})
}

func TestPagesAreAnsweredWhileAPersonsQueryKeepsAFoldWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newLedgerGate()
		typed, err := g.read(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		folded := make(chan time.Time, 1)
		began := time.Now()
		go func() {
			leave, err := g.write(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			folded <- time.Now()
			leave()
		}()
		synctest.Wait()
		page, err := g.read(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.read(short, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another long query came before the fold: %v", err)
		}
		typed()
		again, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.read(again, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another page came before the fold, which nothing long kept waiting: %v", err)
		}
		page()
		if took := (<-folded).Sub(began); took != 2*time.Second {
			t.Errorf("folded after %s", took)
		}
	})
}
