package model

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http lingers for half a second on a connection that it closed with bytes unread.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// TestNoScheduleBreaksAnInvariant runs schedules, several at a time: they wait more than they
// work.
func TestNoScheduleBreaksAnInvariant(t *testing.T) {
	total, first := 300, uint64(time.Now().UnixNano())
	if os.Getenv("PRISM_SOAK") != "" {
		total = 10_000
	}
	if v := os.Getenv("PRISM_SEED"); v != "" {
		var err error
		if first, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
		total = 1
	}
	t.Logf("seeds %d and the %d that follow", first, total-1)
	const atOnce = 24
	var next atomic.Int64
	var counts counts
	var wg sync.WaitGroup
	for range min(atOnce, total) {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < total && !t.Failed(); i = next.Add(1) - 1 {
				seed := first + uint64(i)
				s := newSchedule(seed)
				if wrong := perform(t.TempDir(), seed, s, &counts); len(wrong) > 0 {
					reportWrong(t, seed, s, wrong)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d schedules: %d requests, %d reached a provider, %d swaps, %d crashes", total, counts.asked.Load(), counts.billed.Load(), counts.swaps.Load(), counts.crashes.Load())
	if total > 1 && (counts.billed.Load() < int64(total) || counts.crashes.Load() == 0 || counts.swaps.Load() == 0) {
		t.Error("too little happened")
	}
}

// counts is what happened in all schedules.
type counts struct{ asked, billed, swaps, crashes atomic.Int64 }

// perform runs a schedule in a world of its own and returns what is wrong.
func perform(dir string, seed uint64, s schedule, n *counts) []string {
	w, err := newWorld(dir, seed)
	if err != nil {
		return []string{err.Error()}
	}
	for _, st := range s {
		st.run(w)
	}
	w.finish()
	w.check()
	if n != nil {
		n.asked.Add(int64(len(w.seen)))
		n.crashes.Add(int64(len(w.gates) - 1))
		n.swaps.Add(int64(w.next - 1))
		for _, h := range w.hosts {
			seen, _ := h.Requests()
			n.billed.Add(int64(seen))
		}
	}
	return w.wrong
}

// reportWrong shortens a schedule that failed, and prints it.
func reportWrong(t *testing.T, seed uint64, s schedule, wrong []string) {
	t.Helper()
	short, again := shorten(t, seed, s)
	if again == nil {
		again = wrong
	}
	t.Errorf("PRISM_SEED=%d broke %d promises in %d steps; shortened to %d:\n%s    %s", seed, len(wrong), len(s), len(short), short, strings.Join(again, "\n    "))
}

// shorten leaves out of a schedule what it fails without, as long as it fails. What depends on the
// moment fails now and then only, so that each attempt is made a few times. It returns what was
// wrong the last time, nil if the schedule never failed again.
func shorten(t *testing.T, seed uint64, s schedule) (schedule, []string) {
	t.Helper()
	const tries = 3
	deadline := time.Now().Add(time.Minute)
	fails := func(s schedule) []string {
		for range tries {
			if wrong := perform(t.TempDir(), seed, s, nil); len(wrong) > 0 {
				return wrong
			}
		}
		return nil
	}
	last := fails(s)
	if last == nil {
		return s, nil
	}
	for size := len(s) / 2; size > 0 && time.Now().Before(deadline); {
		shorter := false
		for from := 0; from < len(s) && time.Now().Before(deadline); {
			candidate := slices.Concat(s[:from], s[min(from+size, len(s)):])
			if wrong := fails(candidate); wrong != nil {
				s, last, shorter = candidate, wrong, true
				continue
			}
			from += size
		}
		if !shorter {
			size /= 2
		}
	}
	return s, last
}

// TestAScheduleIsThatOfItsSeed guards the promise that a failure can be had again.
func TestAScheduleIsThatOfItsSeed(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(200) {
		s := newSchedule(seed)
		if s.String() != newSchedule(seed).String() {
			t.Fatalf("seed %d makes different schedules", seed)
		}
		for _, st := range s {
			kinds[fmt.Sprintf("%T", st)] = true
		}
	}
	if len(kinds) != 9 {
		t.Errorf("only %d kinds of steps are ever made: %v", len(kinds), kinds)
	}
}
