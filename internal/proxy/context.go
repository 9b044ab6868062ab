package proxy

import (
	"context"
	"sync/atomic"
	"time"
)

// drainAtMost is how long an answer is read on after its client left.
const drainAtMost = 30 * time.Second

// accompany gives the upstream its context, which ends with the client's. Where a profile wants to
// know what an answer costs whose client left, it outlives the client from the commit on. The
// function that it returns ends it.
func (x *exchange) accompany() (done func()) {
	x.ctx, x.cancel = x.r.Context(), func() {}
	drains := false
	for _, route := range x.plan.Routes {
		drains = drains || route.Profile.OnClientDisconnect == drainOnDisconnect
	}
	if !drains {
		return x.cancel
	}
	x.ctx, x.cancel = context.WithCancel(context.WithoutCancel(x.ctx))
	committed, upstream, cancel, p := new(atomic.Bool), x.ctx, x.cancel, x.p
	x.committed = committed
	stop := context.AfterFunc(x.r.Context(), func() {
		if !committed.Load() || p.stopping.Load() {
			cancel()
			return
		}
		if !p.drains.begin(committed, cancel) {
			cancel()
			return
		}
		if upstream.Err() != nil { // the exchange ended before it began to be read on
			p.drains.end(committed)
			return
		}
		limit := time.AfterFunc(p.opt.Limits.Drain, cancel)
		context.AfterFunc(upstream, func() { limit.Stop() })
	})
	return func() {
		stop()
		cancel()
		p.drains.end(committed)
	}
}

// drainOnDisconnect is the value of on_client_disconnect that has the rest read.
const drainOnDisconnect = "drain"

// outlive lets the upstream outlive the client, if its profile wants that.
func (x *exchange) outlive() {
	if x.committed != nil && x.route.Profile.OnClientDisconnect == drainOnDisconnect {
		x.outlives = true
		x.committed.Store(true)
	}
}
