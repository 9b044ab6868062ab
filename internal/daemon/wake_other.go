//go:build !linux

package daemon

import (
	"context"
	"os"
	"time"
)

// jumpPoll is how often it is looked for jumps: here the kernel does not tell of them.
const jumpPoll = 10 * time.Second

// notifyContinued is for Linux; elsewhere the poll notices.
func notifyContinued(chan<- os.Signal) {}

// clocks returns a reader of the clocks. How long the machine slept is not told here: a calendar
// that ran ahead of the timers is taken for a sleep.
func clocks() func() reading {
	began := time.Now()
	return func() reading {
		now := time.Now()
		return reading{wall: now, boot: time.Duration(now.UnixNano()), awake: now.Sub(began)}
	}
}

// clockJumps sends when the clock jumped.
func clockJumps(ctx context.Context) <-chan struct{} { return pollJumps(ctx, jumpPoll, clocks()) }

// monotonicMicros is asked for by systemd alone.
func monotonicMicros() int64 { return 0 }
