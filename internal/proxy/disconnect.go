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
	under  map[any]context.CancelFunc // guarded by mu
	closed bool                       // guarded by mu
}

// begin lets an exchange read on, unless there are too many already or prism stops. It is known by
// a key of its own, since exchanges are pooled; beginning twice is beginning once.
func (d *drains) begin(key any, cancel context.CancelFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.under[key]; ok {
		return true
	}
	if d.closed || len(d.under) >= maxDrains {
		return false
	}
	if d.under == nil {
		d.under = make(map[any]context.CancelFunc, maxDrains)
	}
	d.under[key] = cancel
	return true
}

// end undoes begin.
func (d *drains) end(key any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.under, key)
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
	if !x.p.drains.begin(x.committed, x.cancel) {
		return
	}
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
