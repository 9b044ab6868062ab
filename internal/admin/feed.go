package admin

import (
	"sync"
	"sync/atomic"

	"prism/internal/ledger"
)

// feedBuffer is how far a follower may fall behind before it is dropped.
const feedBuffer = 256

// Feed hands finished exchanges to whoever follows. Publishing never blocks and costs one
// atomic load while nobody follows: a slow follower is dropped, never waited for.
type Feed struct {
	followers atomic.Int32

	mu   sync.Mutex // guards subs
	subs map[chan Exchange]struct{}
}

// NewFeed returns a feed without followers.
func NewFeed() *Feed { return &Feed{subs: make(map[chan Exchange]struct{})} }

// Publish tells every follower of e, which it does not keep.
func (f *Feed) Publish(e *ledger.Entry) {
	if f.followers.Load() == 0 {
		return
	}
	x := ExchangeOf(e)
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.subs {
		select {
		case ch <- x:
		default:
			f.drop(ch)
		}
	}
}

// subscribe returns a channel that is closed when its reader falls too far behind, and a
// function that ends the subscription.
func (f *Feed) subscribe() (<-chan Exchange, func()) {
	ch := make(chan Exchange, feedBuffer)
	f.mu.Lock()
	f.subs[ch] = struct{}{}
	f.followers.Add(1)
	f.mu.Unlock()
	return ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(ch)
	}
}

// drop needs f.mu.
func (f *Feed) drop(ch chan Exchange) {
	if _, ok := f.subs[ch]; !ok {
		return
	}
	delete(f.subs, ch)
	f.followers.Add(-1)
	close(ch)
}
