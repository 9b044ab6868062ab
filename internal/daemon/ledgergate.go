package daemon

import (
	"context"
	"sync"
	"time"

	"prism/internal/ledger"
)

// foldPatience is how long a fold waits for our own children. It is longer than a file and a query of a
// page may take, one after the other, so that the folds of a ledger that is asked all the time are late, but never
// left out.
const foldPatience = sqlFileDeadline + sqlDeadline + 5*time.Second

// ledgerGate lets our own children read the ledger, or one of them write to it. Without it a fold
// would find the file locked by a query of ours, and a query by a fold. Whoever waits to write is
// the next: readers that come later, or wait already, wait behind it. Only while a long reader keeps it
// waiting, short ones are let in: they cost it nothing.
type ledgerGate struct {
	mu      sync.Mutex // guards what follows
	readers int
	long    int // readers that may take seconds
	writing bool
	waiting int           // to write
	changed chan struct{} // closed when something above changes
}

func newLedgerGate() *ledgerGate { return &ledgerGate{changed: make(chan struct{})} }

// read waits until the ledger may be read, and returns what ends that. A long reader may take seconds.
func (g *ledgerGate) read(ctx context.Context, long bool) (leave func(), err error) {
	n := 0
	if long {
		n = 1
	}
	may := func() bool { return !g.writing && (g.waiting == 0 || !long && g.long > 0) }
	if err := g.wait(ctx, may, func() { g.readers, g.long = g.readers+1, g.long+n }); err != nil {
		return nil, err
	}
	return func() { g.change(func() { g.readers, g.long = g.readers-1, g.long-n }) }, nil
}

// write waits until nobody reads or writes.
func (g *ledgerGate) write(ctx context.Context) (leave func(), err error) {
	g.change(func() { g.waiting++ })
	defer g.change(func() { g.waiting-- })
	may := func() bool { return !g.writing && g.readers == 0 }
	if err := g.wait(ctx, may, func() { g.writing = true }); err != nil {
		return nil, err
	}
	return func() { g.change(func() { g.writing = false }) }, nil
}

// wait goes in as soon as it may.
func (g *ledgerGate) wait(ctx context.Context, may func() bool, enter func()) error {
	for {
		g.mu.Lock()
		if ctx.Err() == nil && may() {
			enter()
			g.mu.Unlock()
			return nil
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change tells those who wait.
func (g *ledgerGate) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// queryHolds names our own children among those that hold the ledger.
const queryHolds = "a query of the dashboard"

// gatedFolder folds when none of our own children reads.
type gatedFolder struct {
	gate   *ledgerGate
	folder ledger.Folder
}

// Fold implements [ledger.Folder].
func (f gatedFolder) Fold(ctx context.Context) (ledger.FoldResult, error) {
	waiting, cancel := context.WithTimeout(ctx, foldPatience)
	defer cancel()
	leave, err := f.gate.write(waiting)
	if err != nil {
		return ledger.FoldResult{Holder: queryHolds}, nil // it is tried again, as with every holder
	}
	defer leave()
	return f.folder.Fold(ctx)
}
