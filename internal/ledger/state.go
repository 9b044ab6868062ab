package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// State tells how the journal is.
func (j *Journal) State() JournalState {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := JournalState{Bytes: j.size, Waiting: j.waiting, Dropped: j.dropped, Degraded: j.degraded}
	if j.name != "" {
		h.Segment = segmentPath(j.opt.Dir, j.name)
	}
	return h
}

// Dirty receives when records have come that the fold has to fetch.
func (j *Journal) Dirty() <-chan struct{} { return j.dirty }

// Sync makes every record so far durable.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.syncTo(j.seq)
}

// Shutdown makes every record durable and closes the segment. Records that come later are
// refused. If ctx ends first, the sync goes on by itself.
func (j *Journal) Shutdown(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- j.shutdown() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("close journal: %w", ctx.Err())
	}
}

func (j *Journal) shutdown() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	err := j.syncTo(j.seq)
	if j.timer != nil && j.timer.Stop() {
		j.closing.Done()
	}
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
	}
	if j.spare {
		_ = os.Remove(filepath.Join(j.opt.Dir, reserve))
	}
	j.mu.Unlock()
	j.closing.Wait()
	return err
}

// mark returns the number of records that wait, for [Journal.folded].
func (j *Journal) mark() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.waiting
}

// folded notes that everything before w is in the database; waited is what [Journal.mark] said
// before the fold began.
func (j *Journal) folded(w Watermark, waited int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lastClose == 0 || w.Run == j.run && w.Seq >= j.lastClose {
		j.waiting = 0
		return
	}
	j.waiting = max(j.waiting-waited, 1)
}
