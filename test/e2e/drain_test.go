//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"prism/internal/simulator"
)

// drained is what a stop left of its streams.
type drained struct{ whole, told, silent int }

// count sorts n streams by their end: complete, broken off with an error event, or broken off
// without a word.
func count(n int, out <-chan string) (d drained, example string) {
	for range n {
		switch got := <-out; {
		case strings.Contains(got, "message_stop") && !strings.Contains(got, "broken: "):
			d.whole++
		case strings.Contains(got, "event: error") && !strings.Contains(got, "message_stop"):
			d.told++
		default:
			d.silent++
			example = got
		}
	}
	return d, example
}

// TestStopsLeaveEveryStreamWholeOrToldAndARowForEach is the drain at length: signals at random
// moments of streams that end within the drain, second signals, and drains that are too short.
func TestStopsLeaveEveryStreamWholeOrToldAndARowForEach(t *testing.T) {
	streams, single, double, deadline := 50, 3, 1, 1
	if soak() {
		streams, single, double, deadline = 200, 40, 10, 10
	}
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 7))
	t.Logf("seed %d", seed)
	const short = 700 * time.Millisecond // a drain that is too short
	t.Run("one signal", func(t *testing.T) {
		h := prepare(t)
		h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.EventDelay(80*time.Millisecond))))
		var slowest time.Duration
		for round := range single {
			cmd, _ := h.launch(t)
			out := h.streams(t, streams)
			time.Sleep(time.Duration(rnd.IntN(500)) * time.Millisecond)
			began := time.Now()
			stop(t, cmd)
			slowest = max(slowest, time.Since(began))
			if got, example := count(streams, out); got.whole != streams {
				t.Fatalf("round %d: %+v, such as %q", round, got, example)
			}
		}
		t.Logf("%d stops, %d streams each, slowest %v", single, streams, slowest.Round(time.Millisecond))
		if n := h.outcomes(t); n["ok"] != int64(single*streams) || len(n) != 1 {
			t.Errorf("outcomes %v", n)
		}
	})
	broken := func(t *testing.T, rounds int, setup string, end func(h *house, round int) (from time.Time)) {
		t.Helper()
		h := prepare(t)
		h.work.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six", 5), simulator.Pause(4, time.Hour))))
		var slowest time.Duration
		for round := range rounds {
			cmd := h.launchFrom(t, setup)
			out := h.streams(t, streams)
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			h.wait(t, "the drain has begun", func() bool { return strings.Count(h.said(t), `"draining"`) > round })
			from := end(h, round)
			if from.IsZero() {
				from = time.Now()
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			ended(t, cmd)
			slowest = max(slowest, time.Since(from))
			if got, example := count(streams, out); got.told != streams {
				t.Fatalf("round %d: %+v, such as %q", round, got, example)
			}
		}
		t.Logf("%d stops, %d streams each, slowest %v", rounds, streams, slowest.Round(time.Millisecond))
		if slowest > limit/2 {
			t.Errorf("a stop took %v, as long as the drain", slowest)
		}
		if n := h.outcomes(t); n["shutdown"] != int64(rounds*streams) || len(n) != 1 {
			t.Errorf("outcomes %v", n)
		}
	}
	t.Run("two signals", func(t *testing.T) {
		broken(t, double, "true", func(*house, int) time.Time {
			time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond)
			return time.Time{}
		})
	})
	t.Run("a drain that is too short", func(t *testing.T) {
		broken(t, deadline, fmt.Sprint("export PRISM_DRAIN=", short), func(*house, int) time.Time { return time.Now().Add(short) })
	})
}
