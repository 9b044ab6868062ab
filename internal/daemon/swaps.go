package daemon

import (
	"slices"
	"sync"

	"prism/internal/admin"
)

// keptSwaps is how many swaps and refusals are remembered for who looks on.
const keptSwaps = 10

// swaps remembers the last ones since the start; the ledger has them all.
type swaps struct {
	mu   sync.Mutex
	last []admin.Swap // the newest first; guarded by mu
}

func (s *swaps) add(swap admin.Swap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = slices.Insert(s.last, 0, swap)
	s.last = s.last[:min(len(s.last), keptSwaps)]
}

// swapped remembers a swap and tells who follows.
func (d *Daemon) swapped(s admin.Swap) {
	d.swaps.add(s)
	d.feed.PublishSwap(s)
}

// Swaps returns the last swaps and refusals, the newest first.
func (c control) Swaps() []admin.Swap {
	s := &c.d.swaps
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]admin.Swap{}, s.last...)
}
