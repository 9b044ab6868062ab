package daemon

import (
	"context"
	"errors"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// jumpPoll is how often it is looked for jumps where the kernel does not tell of them.
const jumpPoll = 10 * time.Second

// notifyContinued sends to c when the process goes on after it was stopped.
func notifyContinued(c chan<- os.Signal) { signal.Notify(c, syscall.SIGCONT) }

// clocks returns a reader of the three clocks.
func clocks() func() reading {
	return func() reading {
		return reading{awake: clock(unix.CLOCK_MONOTONIC), boot: clock(unix.CLOCK_BOOTTIME), wall: time.Now()}
	}
}

func clock(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// monotonicMicros is the time that systemd compares with its own.
func monotonicMicros() int64 { return clock(unix.CLOCK_MONOTONIC).Microseconds() }

// clockJumps sends whenever the calendar's clock jumped, which it also does when the machine
// wakes up. A timer on that clock which never fires is cancelled by every jump:
// timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
func clockJumps(ctx context.Context) <-chan struct{} {
	timer, err := jumpTimer()
	if err != nil {
		return pollJumps(ctx, jumpPoll, clocks())
	}
	jumps := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { _ = timer.Close() })
	go func() {
		defer stop()
		defer timer.Close()
		buf := make([]byte, 8)
		for {
			if _, err := timer.Read(buf); !errors.Is(err, unix.ECANCELED) {
				return // closed
			}
			select {
			case jumps <- struct{}{}:
			default: // the one before was not looked at yet
			}
		}
	}()
	return jumps
}

// jumpTimer makes the timer that a jump cancels.
func jumpTimer() (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	never := unix.ItimerSpec{Value: unix.NsecToTimespec(math.MaxInt64)}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "clock"), nil
}
