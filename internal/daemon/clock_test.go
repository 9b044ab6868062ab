package daemon

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// steppedClock is a machine's clock that somebody sets: the time of day jumps, the monotonic
// reading beside it goes on.
type steppedClock struct{ by atomic.Int64 } // seconds

func (c *steppedClock) now() time.Time {
	t := time.Now()
	// The seconds of a time with a monotonic reading are bits 30 to 62 of its first word; no
	// function of package time moves them alone.
	*(*uint64)(unsafe.Pointer(&t)) += uint64(c.by.Load()) << 30
	return t
}

func (c *steppedClock) step(by time.Duration) { c.by.Store(int64(by / time.Second)) }

func TestTheClockOfTheseTestsStepsTheDayAndNothingElse(t *testing.T) {
	var c steppedClock
	before := c.now()
	for _, by := range []time.Duration{time.Hour, -time.Hour, -10 * 365 * 24 * time.Hour} {
		c.step(by)
		after := c.now()
		if wall := after.Round(0).Sub(before.Round(0)) - by; wall < 0 || wall > time.Minute {
			t.Errorf("the day moved by %v, want %v", wall+by, by)
		}
		if passed := after.Sub(before); passed < 0 || passed > time.Minute {
			t.Errorf("%v: %v have passed", by, passed)
		}
	}
}

// TestNoStepOfTheClockChangesHowLongSomethingTook sets the clock while streams are under way.
func TestNoStepOfTheClockChangesHowLongSomethingTook(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"an hour ahead": time.Hour, "an hour back": -time.Hour, "ten years back": -10 * 365 * 24 * time.Hour, "summer time twice": 2 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			const streams = 8
			var clock steppedClock
			r := newRig(t)
			r.edit = func(o *Options) { o.Now = clock.now }
			r.write(r.seal(r.two("a")))
			r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five", 5), simulator.EventDelay(40*time.Millisecond))))
			r.start()
			began := time.Now()
			out := r.open(streams)
			clock.step(by)
			for range streams {
				if got := <-out; !strings.Contains(got, "message_stop") {
					t.Fatalf("a stream ended with %q", got)
				}
			}
			if status, answer, err := r.post(); status != 200 || err != nil {
				t.Fatalf("after the step: status %d, %v: %s", status, err, answer)
			}
			took := time.Since(began)
			r.halt()
			rows := r.rows()
			if len(rows) != streams+1 {
				t.Errorf("%d rows, want %d", len(rows), streams+1)
			}
			ids := map[string]bool{}
			for _, e := range rows {
				ids[e.RequestID] = true
				if e.Outcome != ledger.OutcomeOK || e.DurationMS < 100 || int64(e.DurationMS) > took.Milliseconds() {
					t.Errorf("outcome %s, %d ms of the %v that all of them took", e.Outcome, e.DurationMS, took)
				}
				if e.TTFTMS < 0 || e.TTFTMS > e.DurationMS || e.TTFBMS < 0 || e.TTFBMS > e.DurationMS || e.LongestGapMS > e.DurationMS {
					t.Errorf("head after %d ms, content after %d ms, a gap of %d ms, end after %d ms", e.TTFBMS, e.TTFTMS, e.LongestGapMS, e.DurationMS)
				}
			}
			if len(ids) != len(rows) {
				t.Errorf("%d rows have %d ids", len(rows), len(ids))
			}
		})
	}
}

// TestNoStepOfTheClockStretchesACooldown sends the client to the fallback for a second, and
// sets the clock back meanwhile.
func TestNoStepOfTheClockStretchesACooldown(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour back": -time.Hour, "ten years back": -10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			var clock steppedClock
			r := newRig(t)
			r.edit = func(o *Options) { o.Now = clock.now }
			r.write(r.seal(strings.Replace(r.two("a"), "    provider: anthropic\n  - name: b", "    provider: anthropic\n    fallback: [b]\n  - name: b", 1)))
			r.a.Script(simulator.RateLimited("1"))
			r.start()
			used := func() (a, b int) {
				if status, answer, err := r.post(); status != 200 || err != nil {
					t.Fatalf("status %d, %v: %s", status, err, answer)
				}
				a, _ = r.a.Requests()
				b, _ = r.b.Requests()
				return a, b
			}
			if a, b := used(); a != 1 || b != 1 {
				t.Fatalf("a was asked %d times, b %d times", a, b)
			}
			clock.step(by)
			if a, _ := used(); a != 1 {
				t.Errorf("a is asked although it cools down")
			}
			r.until("a is asked again", func() bool { a, _ := used(); return a > 1 })
		})
	}
}
