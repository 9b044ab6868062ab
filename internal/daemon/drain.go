package daemon

import (
	"context"
	"net/http"
	"time"
)

// Bounds of what is left to do once the drain is over; together they stay below five seconds
// where what is in flight was broken off.
const (
	breakTimeout = time.Second      // for handlers to see that they are to stop, and again once their connections are closed
	shortFold    = time.Second      // for the last fold after that
	longFold     = 10 * time.Second // for the last fold of a stop that nobody hurries
	stopTimeout  = 5 * time.Second
)

// drain lets what is in flight finish: no new connections, the old ones end with their
// answer. At the deadline, or at the second signal, the rest is told that prism stops; then it
// returns false.
func (d *Daemon) drain(lasting context.Context, server *http.Server, stopServing context.CancelFunc) (orderly bool) {
	ctx, cancel := context.WithTimeout(lasting, d.opt.Settings.Drain)
	defer cancel()
	if d.opt.Kill != nil {
		go func() {
			select {
			case <-d.opt.Kill:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if n := d.inFlight(); n > 0 {
		d.log.Info().Int(keyInFlight, n).Msg("draining")
	}
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		_ = server.Shutdown(ctx)
	}()
	orderly = true
	if d.proxy.Wait(ctx) != nil {
		orderly = false
		d.log.Warn().Int(keyInFlight, d.inFlight()).Msg("drain is over; what is in flight is broken off")
		d.proxy.Stop()
		stopServing()
		if !d.quiet(lasting, breakTimeout) {
			// A client that takes nothing holds its handler in a write.
			_ = server.Close()
			d.quiet(lasting, breakTimeout)
		}
	}
	cancel()
	<-shut
	_ = server.Close()
	return orderly
}

// quiet waits until no handler runs, and tells whether that came about.
func (d *Daemon) quiet(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return d.proxy.Wait(ctx) == nil
}

// lastFold moves what the stop has written. A ledger that somebody holds is folded at the
// next start.
func (d *Daemon) lastFold(ctx context.Context, orderly bool) {
	within := longFold
	if !orderly {
		within = shortFold
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if d.journal.Health().Waiting == 0 {
		return
	}
	if _, err := d.loop.FoldNow(ctx); err != nil {
		d.log.Warn().Err(err).Int64(keyWaiting, d.journal.Health().Waiting).Msg("last fold did not succeed; the next start repeats it")
	}
}
