package dashboard

import (
	"context"
	"errors"
	"sync"

	"prism/internal/admin"
)

// Bounds of those who read.
const (
	maxReaders  = 24
	readerQueue = 256 // frames that a reader may be behind
)

// frame is one event, written once for all who read it.
type frame struct {
	seq  int64 // of the exchange it tells; 0 = it tells none
	text []byte
}

// reader is one open page.
type reader struct {
	session hash
	frames  chan frame // closed when it fell behind, or its session ended
}

// hub looks at the gateway for all pages together, and only while there are any. A page that does
// not read is dropped; nothing ever waits for one.
type hub struct {
	source Gateway
	feed   *admin.Feed
	redact func([]byte) []byte

	mu      sync.Mutex
	readers map[*reader]struct{} // guarded by mu
	stop    context.CancelFunc   // of the watch; nil while nobody reads; guarded by mu
	closed  bool                 // guarded by mu
	watches sync.WaitGroup
}

func newHub(source Gateway, feed *admin.Feed, redact func([]byte) []byte) *hub {
	return &hub{source: source, feed: feed, redact: redact, readers: map[*reader]struct{}{}}
}

var (
	errCrowd  = errors.New("too many pages are open")
	errClosed = errors.New("the gateway stops")
)

// join adds a reader; the first one starts the watch.
func (h *hub) join(session hash) (*reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, errClosed
	case len(h.readers) >= maxReaders:
		return nil, errCrowd
	}
	if h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		live, err := h.source.Live(ctx, 0)
		if err != nil {
			stop()
			return nil, err
		}
		h.stop = stop
		w := &watch{hub: h, seq: live.Seq, started: live.StartedAt, told: map[string][]byte{}}
		w.swapped = newest(h.source.Swaps())
		h.watches.Go(func() { w.run(ctx) })
	}
	v := &reader{session, make(chan frame, readerQueue)}
	h.readers[v] = struct{}{}
	return v, nil
}

// leave ends a reader; with the last one the watch ends.
func (h *hub) leave(v *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(v)
}

// drop needs h.mu.
func (h *hub) drop(v *reader) {
	if _, there := h.readers[v]; !there {
		return
	}
	delete(h.readers, v)
	close(v.frames)
	if len(h.readers) == 0 && h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

// sweep drops the readers whose session does not run any more.
func (h *hub) sweep(holds func(hash) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.readers {
		if !holds(v.session) {
			h.drop(v)
		}
	}
}

// send hands a frame to every reader of the watch that ctx belongs to.
func (h *hub) send(ctx context.Context, f frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil { // the readers that are there now have another watch
		return
	}
	for v := range h.readers {
		select {
		case v.frames <- f:
		default:
			h.drop(v)
		}
	}
}

// close drops everybody and waits for the watch.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for v := range h.readers {
		h.drop(v)
	}
	h.mu.Unlock()
	h.watches.Wait()
}
