package daemon

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheTimerThatTellsOfJumpsIsSilentAndEnds(t *testing.T) {
	timer, err := jumpTimer()
	if err != nil {
		t.Fatalf("the kernel has no such timer: %v", err)
	}
	_ = timer.Close()
	ctx, stop := context.WithCancel(t.Context())
	jumps := clockJumps(ctx)
	select {
	case <-jumps:
		t.Error("a jump where there was none")
	case <-time.After(50 * time.Millisecond):
	}
	stop() // goleak sees whether its goroutine ends
}

func TestTheClocksAgreeWithEachOther(t *testing.T) {
	read := clocks()
	a := read()
	time.Sleep(20 * time.Millisecond)
	b := read()
	if g := gapBetween(a, b); g.slept.Abs() > leastJump || g.set.Abs() > leastJump {
		t.Errorf("between two readings: %+v", g)
	}
	if b.awake-a.awake < 20*time.Millisecond || a.boot < a.awake {
		t.Errorf("%+v, then %+v", a, b)
	}
	if m, now := monotonicMicros(), clock(unix.CLOCK_MONOTONIC).Microseconds(); now-m > 1e6 || m > now {
		t.Errorf("the monotonic clock says %d, then %d", m, now)
	}
}
