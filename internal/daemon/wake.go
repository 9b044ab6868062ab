package daemon

import (
	"context"
	"os"
	"os/signal"
	"time"
)

// leastJump is the least sleep, and the least step of the clock, that counts. Below it lies what
// the synchronisation of clocks does all day.
const leastJump = time.Second

// reading is what the clocks of the machine say at one moment.
type reading struct {
	wall  time.Time     // of the calendar; it can be set
	boot  time.Duration // since the machine was started, sleep included
	awake time.Duration // the same without sleep: what timers run on
}

// gap is what happened between two readings.
type gap struct {
	slept time.Duration // the machine was asleep
	set   time.Duration // the clock was set, forwards or backwards
}

// gapBetween compares two readings.
func gapBetween(a, b reading) gap {
	boot := b.boot - a.boot
	return gap{slept: boot - (b.awake - a.awake), set: b.wall.Round(0).Sub(a.wall.Round(0)) - boot}
}

// keepAwake looks after what a sleep of the machine, a stop of the process or a step of the
// clock has made stale. Connections to providers are gone without anybody having said so, and, but
// for a clock that was set, what is known of the providers is old. Nothing wakes up for this while
// nothing happens: the kernel tells of sleeps and of clocks that were set, and SIGCONT of a stop.
func (d *Daemon) keepAwake(ctx context.Context, continued chan os.Signal) {
	defer signal.Stop(continued)
	d.awake(ctx, continued, clockJumps(ctx), clocks())
}

// awake is keepAwake with its sources.
func (d *Daemon) awake(ctx context.Context, continued <-chan os.Signal, jumps <-chan struct{}, read func() reading) {
	last := read()
	for {
		stopped := false
		select {
		case <-ctx.Done():
			return
		case <-continued:
			stopped = true
		case <-jumps:
		}
		now := read()
		g := gapBetween(last, now)
		last = now
		switch {
		case g.slept >= leastJump:
			d.log.Info().Dur(keySlept, g.slept).Msg("machine woke up")
		case g.set.Abs() >= leastJump:
			d.log.Info().Dur(keyStep, g.set).Msg("clock was set")
			if !stopped {
				d.router.CloseIdle() // how long a provider is left alone is no matter of the calendar
				continue
			}
		case stopped:
			d.log.Debug().Msg("process went on")
		default:
			continue
		}
		d.router.Woke(d.opt.Now())
	}
}

// pollJumps looks every so often whether the clock jumped, where no kernel tells. The channel
// stays open: its reader ends with ctx.
func pollJumps(ctx context.Context, every time.Duration, read func() reading) <-chan struct{} {
	jumps := make(chan struct{})
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := read(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := read()
			g := gapBetween(last, now)
			last = now // always: a drift adds up to a jump by and by
			if g.slept < leastJump && g.set.Abs() < leastJump {
				continue
			}
			select {
			case jumps <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return jumps
}
