package daemon

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

func TestASleepIsToldFromAClockThatWasSet(t *testing.T) {
	at := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	first := reading{at, 100 * time.Hour, 50 * time.Hour}
	for _, c := range []struct {
		name string
		then reading
		want gap
	}{
		{"nothing", reading{at.Add(time.Hour), 101 * time.Hour, 51 * time.Hour}, gap{}},
		{"a sleep of 30 minutes", reading{at.Add(time.Hour), 101 * time.Hour, 50*time.Hour + 30*time.Minute}, gap{slept: 30 * time.Minute}},
		{"set an hour ahead", reading{at.Add(2 * time.Hour), 101 * time.Hour, 51 * time.Hour}, gap{set: time.Hour}},
		{"set an hour back", reading{at, 101 * time.Hour, 51 * time.Hour}, gap{set: -time.Hour}},
		{"both", reading{at, 101 * time.Hour, 50 * time.Hour}, gap{slept: time.Hour, set: -time.Hour}},
	} {
		if got := gapBetween(first, c.then); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestConnectionsThatASleepMadeStaleAreNotUsedAgain lets a gateway with one kept connection
// sleep, in each of the ways that it can notice.
func TestConnectionsThatASleepMadeStaleAreNotUsedAgain(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	continued, jumps := make(chan os.Signal), make(chan struct{})
	now := make(chan reading, 1)
	now <- reading{time.Now(), time.Hour, time.Hour}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.d.awake(ctx, continued, jumps, func() reading { return <-now })
	}()
	last := func() uint64 {
		t.Helper()
		if status, out, err := r.post(); status != 200 || err != nil {
			t.Fatalf("status %d, %v: %s", status, err, out)
		}
		bills := r.a.Bill()
		return bills[len(bills)-1].Conn
	}
	idle := func() bool { _, open := r.upA.Connections(); return open == 0 }
	at, kept := time.Now(), last()
	if again := last(); again != kept {
		t.Fatalf("the connection is not kept: %d after %d", again, kept)
	}
	for _, c := range []struct {
		name   string
		notice func()
		then   reading
		said   string
	}{
		{"the machine slept", func() { jumps <- struct{}{} }, reading{at.Add(time.Hour), 2 * time.Hour, time.Hour}, `"message":"machine woke up"`},
		{"the clock was set", func() { jumps <- struct{}{} }, reading{at, 2 * time.Hour, time.Hour}, `"message":"clock was set"`},
		{"the process was stopped", func() { continued <- syscall.SIGCONT }, reading{at, 2 * time.Hour, time.Hour}, `"message":"process went on"`},
	} {
		c.notice()
		now <- c.then
		r.until(c.name+": the kept connection is closed", idle)
		if next := last(); next == kept {
			t.Errorf("%s: the connection was used again", c.name)
		}
		kept = last()
		if !strings.Contains(r.log.String(), c.said) {
			t.Errorf("%s: nothing was said in\n%s", c.name, r.log)
		}
	}

	// What clocks do all day is no reason.
	jumps <- struct{}{}
	now <- reading{at.Add(time.Second / 2), 2 * time.Hour, time.Hour}
	jumps <- struct{}{}
	now <- reading{at.Add(time.Second / 2), 2 * time.Hour, time.Hour}
	if next := last(); next != kept {
		t.Error("a step of half a second has cost the connection")
	}
	stop()
	<-done
}

func TestWhereTheKernelTellsNothingAJumpIsFoundByLooking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var asleep atomic.Int64
		read := func() reading {
			passed := time.Since(began)
			slept := time.Duration(asleep.Load()) + passed/1000 // the calendar runs a little fast
			return reading{began.Add(passed + slept), passed + slept, passed}
		}
		jumps := pollJumps(ctx, 10*time.Second, read)
		select {
		case <-jumps:
			t.Error("a jump where there was none")
		case <-time.After(time.Hour):
		}
		asleep.Store(int64(time.Minute))
		select {
		case <-jumps:
		case <-time.After(11 * time.Second):
			t.Error("the jump was not found")
		}
		stop()
		synctest.Wait()
	})
}

// TestAClockThatIsSetEndsNoCooldown sets the clock ahead while a provider is left alone.
func TestAClockThatIsSetEndsNoCooldown(t *testing.T) {
	var clock steppedClock
	r := newRig(t)
	r.edit = func(o *Options) { o.Now = clock.now }
	r.write(r.seal(r.two("a")))
	r.a.Script(simulator.RateLimited("60"))
	r.start()
	if status, out, err := r.post(); status != 429 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, out)
	}
	ctx, stop := context.WithCancel(t.Context())
	jumps, now := make(chan struct{}), make(chan reading, 1)
	now <- reading{time.Now(), time.Hour, time.Hour}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.d.awake(ctx, nil, jumps, func() reading { return <-now })
	}()
	clock.step(time.Hour)
	jumps <- struct{}{}
	now <- reading{time.Now().Add(time.Hour), time.Hour, time.Hour}
	r.until("the kept connection is closed", func() bool { _, open := r.upA.Connections(); return open == 0 })
	if st := r.status().Profiles[0]; st.State != ledger.HealthCooling {
		t.Errorf("after the step: %+v", st)
	}
	stop()
	<-done
}
