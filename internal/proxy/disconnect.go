package proxy

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// maxDrains bounds how many answers are read on at once: each one has a provider go on working,
// and is paid for.
const maxDrains = 4

// drains are the answers that are read on although their client left.
type drains struct {
	mu     sync.Mutex
	under  map[*exchange]context.CancelFunc // guarded by mu
	closed bool                             // guarded by mu
}

// begin lets x read on, unless there are too many already or prism stops.
func (d *drains) begin(x *exchange) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.under) >= maxDrains {
		return false
	}
	if d.under == nil {
		d.under = make(map[*exchange]context.CancelFunc, maxDrains)
	}
	d.under[x] = x.cancel
	return true
}

// end undoes begin.
func (d *drains) end(x *exchange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.under, x)
}

// stop ends them all and lets none begin.
func (d *drains) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, cancel := range d.under {
		cancel()
	}
}

// drainRest reads the rest of an answer whose client left, so that the meter sees what it costs.
// It gives up where that takes too long, where too many do it already, and when prism stops.
func (x *exchange) drainRest(resp *http.Response) {
	if !x.p.drains.begin(x) {
		return
	}
	defer x.p.drains.end(x)
	limit := time.AfterFunc(x.p.opt.Limits.Drain, x.cancel)
	defer limit.Stop()
	buf := x.buffer()
	for {
		n, err := resp.Body.Read(buf)
		_, _ = x.meter.Write(buf[:n])
		x.progress()
		if err != nil {
			return
		}
	}
}
