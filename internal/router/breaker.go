package router

import (
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// When a breaker opens, and for how long.
const (
	breakerWindow   = 30 * time.Second
	breakerFailures = 5 // and half of the attempts
	breakerShortest = 15 * time.Second
	breakerLongest  = 5 * time.Minute
)

// breaker keeps requests from an upstream that fails. The window and the states are those of
// failsafe-go; what it has no word for is here: a share and a number of failures together, a
// wait that doubles, a probe that gives no verdict, and results of attempts that began before
// the breaker opened. The zero value is closed. It needs the mutex of its owner.
type breaker struct {
	policy   circuitbreaker.CircuitBreaker[any]
	wall     time.Time // of the last result
	openings int       // since it was closed
	opened   moment    // the last time
	due      moment    // when a probe may go
	probe    uint64    // number of the last probe; it is under way while the breaker is half open
}

func newPolicy() circuitbreaker.CircuitBreaker[any] {
	// It never opens by itself: no window holds as many attempts.
	const never = 1 << 31
	return circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(1, never, breakerWindow).WithSuccessThreshold(1).WithDelay(breakerLongest).Build()
}

func (b *breaker) closed() bool  { return b.policy == nil || b.policy.IsClosed() }
func (b *breaker) probing() bool { return b.policy != nil && b.policy.IsHalfOpen() }

// ready tells whether an attempt may go: any while it is closed, one once the wait is over.
func (b *breaker) ready(at moment) bool {
	return b.closed() || !b.probing() && at >= b.due
}

// enter returns the number of the probe that the attempt is, or 0.
func (b *breaker) enter(at moment) uint64 {
	if b.closed() || b.probing() || at < b.due {
		return 0
	}
	b.policy.HalfOpen()
	if !b.policy.TryAcquirePermit() {
		return 0
	}
	b.probe++
	return b.probe
}

// release frees the place of a probe that ended without a verdict: the next attempt is one.
func (b *breaker) release(probe uint64) {
	if b.current(probe) {
		b.policy.Open()
	}
}

// current tells whether the probe with that number is the one under way.
func (b *breaker) current(probe uint64) bool { return probe != 0 && probe == b.probe && b.probing() }

// success counts an attempt that began at that moment. What began before the breaker opened
// says nothing about now.
func (b *breaker) success(began moment, wall time.Time) {
	switch {
	case b.closed():
		b.count(wall)
		b.policy.RecordSuccess()
	case began > b.opened:
		b.policy.Close()
		b.openings = 0
	}
}

// failure counts a failure, which may open the breaker.
func (b *breaker) failure(probe uint64, at moment, wall time.Time) {
	switch {
	case b.closed():
		b.count(wall)
		b.policy.RecordFailure()
		m := b.policy.Metrics()
		if m.Failures() < breakerFailures || 2*m.Failures() < m.Executions() {
			return
		}
	case !b.current(probe):
		return
	}
	b.policy.Open()
	b.opened = at
	b.due = at + moment(min(breakerShortest<<min(b.openings, 8), breakerLongest))
	b.openings++
}

// count prepares the window for a result. The window goes by the wall clock: one that was set
// back would stretch it, so it begins anew.
func (b *breaker) count(wall time.Time) {
	if b.policy == nil || wall.UnixNano() < b.wall.UnixNano()-int64(time.Second) {
		b.policy = newPolicy()
	}
	b.wall = wall
}
