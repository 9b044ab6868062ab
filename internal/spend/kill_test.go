package spend

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"prism/internal/ledger"
)

// spendUntilKilled records and counts exchanges from several goroutines, saves now and then,
// and says when it has begun.
func spendUntilKilled(dir string) {
	h := &house{dir: dir}
	fail := func(err error) {
		if err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: filepath.Join(dir, "journal"), SegmentBytes: 32 << 10, Reserve: -1})
	fail(err)
	h.journal = j
	opt := h.options()
	opt.Now, opt.Event = time.Now, func(ev *ledger.AlertEvent) { fail(j.Alert(ev)) }
	tally, err := Open(opt)
	fail(err)
	tally.SetBudgets(killBudgets())
	fmt.Println("begun")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				e := (&house{now: time.Now()}).spent("a", cent)
				e.SessionID = "s"
				fail(j.Close(e))
				tally.Add(e)
				if n%20 == 19 {
					fail(tally.Save())
				}
				if n%50 == 49 {
					fail(j.Correct(&ledger.Correction{RequestID: e.RequestID, CorrectedAt: time.Now(), Cost: 2 * cent, CostList: ledger.NoMoney, CostUncached: ledger.NoMoney}))
					tally.Stale()
					fail(tally.tend())
				}
			}
		})
	}
	wg.Wait()
}

func killBudgets() []Budget {
	return []Budget{{Name: "all", Scope: Scope{Kind: ScopeAll}, Per: Month, Limit: 500 * cent, Warn: 100 * cent, Then: ThenBlock}}
}

// TestKillNineForgetsNothingThatWasSpent kills a process at a random moment again and again, and
// compares the sums of the next one with the journal, read by other means.
func TestKillNineForgetsNothingThatWasSpent(t *testing.T) {
	dir, rounds := t.TempDir(), 15
	if os.Getenv("PRISM_SOAK") != "" {
		rounds = 200
	}
	var rows int64
	for range rounds {
		killSpender(t, dir)
		want, events := recount(t, dir)
		var told []string
		h := &house{dir: dir}
		opt := h.options()
		opt.Now, opt.Event = time.Now, func(ev *ledger.AlertEvent) { told = append(told, ev.State) }
		tally, err := Open(opt)
		if err != nil {
			t.Fatal(err)
		}
		tally.SetBudgets(killBudgets())
		if got := tally.Sum(Scope{Kind: ScopeAll}, Month); got.Cost != want.Cost || got.Requests != want.Requests {
			t.Fatalf("after a kill: %d requests, %d cents; the journal has %d and %d", got.Requests, got.Cost/cent, want.Requests, want.Cost/cent)
		}
		// What was not recorded before the kill is told now; nothing is told twice.
		for _, state := range told {
			if events[state] > 0 {
				t.Errorf("%s was told again", state)
			}
		}
		for state, n := range events {
			if n > 1 {
				t.Errorf("%s stands %d times in the journal", state, n)
			}
		}
		rows = want.Requests
	}
	t.Logf("%d exchanges over %d kills", rows, rounds)
}

func killSpender(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begun" {
		t.Errorf("child says %q", lines.Text())
	}
	time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond) // the moment of the kill, not a wait for something
	_ = child.Process.Kill()
	for lines.Scan() {
		t.Errorf("child says %q", lines.Text())
	}
	_ = child.Wait()
}

// recount sums up the journal with nothing of what is tested here.
func recount(t *testing.T, dir string) (Sum, map[string]int) {
	t.Helper()
	cost, events := make(map[string]ledger.Money), make(map[string]int)
	_, err := ledger.ReadSegments(filepath.Join(dir, "journal"), ledger.Watermark{}, func(r ledger.Record) error {
		switch r.Kind { //nolint:exhaustive // the others are not written here
		case ledger.KindClose:
			var e ledger.Entry
			if err := r.Entry(&e); err != nil {
				return err
			}
			cost[e.RequestID] = e.Cost
		case ledger.KindCorrection:
			c, err := r.Correction()
			if err != nil {
				return err
			}
			cost[c.RequestID] = c.Cost
		case ledger.KindAlert:
			ev, err := r.Alert()
			if err != nil {
				return err
			}
			events[ev.State]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var s Sum
	for _, c := range cost {
		s.Requests++
		s.Cost += c
	}
	return s, events
}
