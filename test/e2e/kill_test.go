//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// TestEveryRequestHasExactlyOneRowWhateverIsKilled kills prism with SIGKILL at random times
// under load. Every request has a session id of its own; whatever the provider saw of it must
// be one row in the end.
func TestEveryRequestHasExactlyOneRowWhateverIsKilled(t *testing.T) {
	kills, clients := 12, 16
	if soak() {
		kills = 120
	}
	h := prepare(t)
	h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six seven", 5), simulator.Jitter(7, 0, 12*time.Millisecond))))
	var n atomic.Int64
	l := h.begin(t, clients, func() string { return fmt.Sprintf("session-%06d", n.Add(1)) })
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	var starts []time.Duration
	for range kills {
		cmd, took := h.launch(t)
		starts = append(starts, took)
		// Long enough for a fold to begin in some rounds: it starts three seconds after the
		// first record.
		time.Sleep(time.Duration(20+rnd.IntN(700)+rnd.IntN(6)/5*3000) * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	l.end()
	cmd, took := h.launch(t)
	starts = append(starts, took)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the last stop: %v", err)
	}

	h.wait(t, "the provider is done", func() bool { seen, ended := h.work.Requests(); return seen == ended })
	seen := map[string]bool{}
	for _, b := range h.work.Bill() {
		if b.Operation == simulator.OpMessages {
			seen[b.SessionID] = true
		}
	}
	lost, doubled := 0, 0
	rows := map[string]int64{}
	for _, r := range h.query(t, "select session_id, count(*) as n from requests group by all") {
		rows[r.text("session_id")] = r.num(t, "n")
		if r.num(t, "n") != 1 {
			doubled++
		}
	}
	for s := range seen {
		if rows[s] == 0 {
			lost++
		}
	}
	outcomes := h.query(t, "select outcome, count(*) as n from requests group by all order by n desc")
	slices.Sort(starts)
	t.Logf("%d kills, %d requests sent, %d seen by the provider, %d rows, %d lost, %d doubled; outcomes %v", kills, l.sent.Load(), len(seen), len(rows), lost, doubled, outcomes)
	t.Logf("start to first answer: p50 %v, max %v", starts[len(starts)/2].Round(time.Millisecond), starts[len(starts)-1].Round(time.Millisecond))
	if lost != 0 || doubled != 0 {
		t.Errorf("%d requests without a row, %d with more than one", lost, doubled)
	}
	if len(seen) == 0 {
		t.Error("the provider saw nothing")
	}
	if worst := starts[len(starts)-1]; soak() && worst > time.Second {
		t.Errorf("a start after a kill took %v, want less than a second", worst)
	}
}
