package daemon

import (
	"context"
	"math"
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

const (
	// partLinger is how long a connection may bring one more request after the stop has begun. A
	// client on this machine that was about to send it has sent it by then.
	partLinger = 250 * time.Millisecond
	// partLook is how often it is looked for connections to part with.
	partLook = 20 * time.Millisecond
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
	d.tellStopping()
	if n := d.inFlight(); n > 0 {
		d.log.Info().Int(keyInFlight, n).Msg("draining")
	}
	orderly = d.partWith(ctx) == nil
	if !orderly {
		d.log.Warn().Int(keyInFlight, d.inFlight()).Msg("drain is over; what is in flight is broken off")
		d.proxy.Stop()
		stopServing()
		if !d.quiet(lasting, breakTimeout) {
			// A client that takes nothing holds its handler in a write.
			_ = server.Close()
			d.quiet(lasting, breakTimeout)
		}
	}
	_ = server.Close()
	return orderly
}

// partWith takes nobody in any more and waits until every connection has gone: the busy ones
// after their answer, the others when nothing came for a moment. Closing those at once, as
// [http.Server.Shutdown] does, cuts off requests that are on their way.
func (d *Daemon) partWith(ctx context.Context) error {
	d.leaving.Store(true)
	_ = d.gate.Close()
	tick := time.NewTicker(partLook)
	defer tick.Stop()
	for !d.gate.empty() {
		d.gate.dismiss(partLinger, math.MaxInt)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return d.proxy.Wait(ctx)
}

// serveData answers on the data port. Once prism stops, every answer says that it is the last
// one of its connection, so that no client sends another request into a connection that ends.
func (d *Daemon) serveData(w http.ResponseWriter, r *http.Request) {
	if d.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	d.proxy.ServeHTTP(w, r)
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
	if d.journal.State().Waiting == 0 {
		return
	}
	if _, err := d.loop.FoldNow(ctx); err != nil {
		d.log.Warn().Err(err).Int64(keyWaiting, d.journal.State().Waiting).Msg("last fold did not succeed; the next start repeats it")
	}
}
