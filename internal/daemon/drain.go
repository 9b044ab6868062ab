package daemon

import (
	"context"
	"net/http"
	"time"
)

// stopTimeout bounds what is left to do once the drain is over.
const stopTimeout = 5 * time.Second

// drain lets what is in flight finish: no new connections, the old ones end with their
// answer. At the deadline, or at the second signal, the rest is told that prism stops.
func (d *Daemon) drain(server *http.Server, stopServing context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), d.opt.Settings.Drain)
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
	if d.proxy.Wait(ctx) != nil {
		d.log.Warn().Int(keyInFlight, d.inFlight()).Msg("drain is over; what is in flight is broken off")
		d.proxy.Stop()
		stopServing()
		late, stop := context.WithTimeout(context.Background(), stopTimeout)
		defer stop()
		_ = d.proxy.Wait(late)
	}
	cancel()
	<-shut
	_ = server.Close()
}

// lastFold moves what the stop has written. A ledger that somebody holds is folded at the
// next start.
func (d *Daemon) lastFold() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*stopTimeout)
	defer cancel()
	if d.journal.Health().Waiting == 0 {
		return
	}
	if _, err := d.loop.FoldNow(ctx); err != nil {
		d.log.Warn().Err(err).Int64(keyWaiting, d.journal.Health().Waiting).Msg("last fold did not succeed; the next start repeats it")
	}
}
