package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// settle arranges for the records of the buffer to become durable: at once and waited for, or
// within [SyncDelay]. Nothing runs while nothing is dirty. A failure is not the caller's: the
// records are kept, State says so, and the timer tries again.
func (j *Journal) settle() {
	if j.size > j.opt.SegmentBytes {
		j.rotate()
	}
	unsynced := len(j.inFlight) + len(j.enc.b)
	if j.opt.Durability == DurabilityFsync || unsynced > memoryBytes && j.file != nil ||
		unsynced > eagerSyncBytes && j.file != nil && !j.syncing {
		_ = j.syncTo(j.seq)
		return
	}
	if j.file == nil {
		j.arm(retryDelay)
		return
	}
	j.arm(SyncDelay)
}

// arm starts the timer unless it runs.
func (j *Journal) arm(delay time.Duration) {
	if j.timer != nil || j.closed {
		return
	}
	j.closing.Add(1)
	j.timer = time.AfterFunc(delay, func() {
		defer j.closing.Done()
		j.mu.Lock()
		defer j.mu.Unlock()
		j.timer = nil
		if j.closed {
			return
		}
		j.trim()
		if err := j.syncTo(j.seq); err != nil || j.degraded != "" {
			j.recheck()
		}
		j.makeReserve() // it may have been too large for the disk before
	})
}

// trim lets go of large buffers if nothing was written since the last sync.
func (j *Journal) trim() {
	if j.syncedTo < j.seq || j.syncing {
		return
	}
	if cap(j.free) > idleBufferBytes {
		j.free = nil
	}
	if cap(j.enc.b) > idleBufferBytes && len(j.enc.b) == 0 {
		j.enc.b = nil
	}
}

// syncTo makes the records up to seq durable. Whoever comes while another sync runs waits for
// it, and then one of the waiting syncs for all.
func (j *Journal) syncTo(seq uint64) error {
	for j.syncedTo < seq {
		if j.syncing {
			j.cond.Wait()
			continue
		}
		if err := j.syncOnce(); err != nil {
			return err
		}
	}
	return nil
}

// syncOnce syncs the segment, without the lock, and takes a new one if that fails.
func (j *Journal) syncOnce() error {
	if j.file == nil {
		if err := j.resume(); err != nil {
			return err
		}
	}
	file, upTo, size, fresh := j.file, j.seq, j.size, j.newName
	j.inFlight, j.enc.b, j.free = j.enc.b, j.free[:0], nil
	j.syncing = true
	j.mu.Unlock()
	err := file.Sync()
	if err == nil && fresh {
		err = j.opt.files.SyncDir(j.opt.Dir)
	}
	j.mu.Lock()
	j.syncing = false
	if file != j.file {
		// A write failed meanwhile; what was in flight went into the next segment with the rest.
		j.cond.Broadcast()
		return nil
	}
	if err != nil {
		j.giveUp(fmt.Errorf("sync journal: %w", err))
		j.cond.Broadcast()
		return j.afterFailure(err)
	}
	j.free, j.inFlight = j.inFlight[:0], nil
	if cap(j.free) > idleBufferBytes {
		j.arm(retryDelay)
	}
	j.syncedTo, j.durable, j.newName = upTo, size, j.newName && !fresh
	j.cond.Broadcast()
	return nil
}

// afterFailure lets the caller sync the segment that took over, or tells it that none did.
func (j *Journal) afterFailure(err error) error {
	if j.file == nil {
		return err
	}
	return nil
}

// rotate finishes the segment. The old one is durable before the new one begins, so that
// nothing has to be repeated.
func (j *Journal) rotate() {
	if err := j.syncTo(j.seq); err != nil || j.file == nil || j.size <= j.opt.SegmentBytes {
		return
	}
	_ = j.file.Close()
	j.file = nil
	if err := j.begin(header{}); err != nil {
		j.degrade(err)
	}
}

// begin makes a new segment and writes its header and the records that are not durable.
func (j *Journal) begin(h header) error {
	name := idAfter(j.last, j.opt.Now())
	file, err := j.opt.files.Create(segmentPath(j.opt.Dir, name))
	if err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	if err := j.take(file, name, h); err != nil {
		return err
	}
	j.inSpare = false
	return nil
}

// take makes file the segment.
func (j *Journal) take(file segmentFile, name string, h header) error {
	j.last = name
	h.run, h.pid = j.run, os.Getpid()
	var head encoder
	head.begin(stamp{0, j.opt.Now(), time.Since(j.started), KindSegment})
	head.header(&h)
	head.end(0, j.table)
	all := append(append(head.b, j.inFlight...), j.enc.b...)
	n, err := file.Write(all)
	if err != nil {
		_ = file.Close()
		if n < len(head.b) {
			_ = os.Remove(segmentPath(j.opt.Dir, name)) // it does not even say whom it continues
		} else {
			// It stands, and the next one continues it where its header ends.
			j.name, j.durable = name, int64(len(head.b))
		}
		return fmt.Errorf("write segment: %w", err)
	}
	j.enc.b = append(j.inFlight, j.enc.b...)
	j.inFlight = nil
	j.file, j.name = file, name
	j.size, j.durable, j.newName = int64(len(all)), int64(len(head.b)), true
	return nil
}

// giveUp abandons the segment after an error: its descriptor is never trusted again. Another
// segment takes over, else the reserve, else memory.
func (j *Journal) giveUp(cause error) {
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
	err := j.begin(j.continuation())
	if err == nil {
		j.opt.Logger.Warn().Err(cause).Str("segment", j.name).Msg("journal continued in a new segment")
		j.arm(SyncDelay)
		return
	}
	j.degrade(fmt.Errorf("%w; %w", cause, err))
	j.arm(retryDelay)
}

// continuation is the header of a segment that takes over from the present one.
func (j *Journal) continuation() header { return header{segment: j.name, offset: j.durable} }

// degrade moves on to the reserve, else to memory.
func (j *Journal) degrade(cause error) {
	if j.spare {
		j.spare = false
		name := idAfter(j.last, j.opt.Now())
		file, err := j.opt.files.OpenReserve(filepath.Join(j.opt.Dir, reserve), segmentPath(j.opt.Dir, name))
		if err == nil {
			err = j.take(file, name, j.continuation())
		}
		if err == nil {
			j.inSpare = true
			j.report(fmt.Sprintf("the disk refuses the journal (%v); its reserve is in use", cause))
			return
		}
		cause = fmt.Errorf("%w; %w", cause, err)
	}
	j.report(fmt.Sprintf("the journal cannot be written (%v); records are kept in memory", cause))
}

func (j *Journal) report(state string) {
	if j.degraded == "" {
		j.opt.Logger.Error().Str("state", state).Msg("journal degraded")
	}
	j.degraded = state
}

// keep holds the record that begins at start in memory, or drops it if there is no room.
func (j *Journal) keep(start int) bool {
	j.arm(retryDelay)
	if len(j.inFlight)+len(j.enc.b) <= memoryBytes {
		return true
	}
	j.enc.b = j.enc.b[:start]
	j.dropped++
	return false
}

// resume tries to begin a segment again after memory had to take the records.
func (j *Journal) resume() error {
	err := j.begin(j.continuation())
	if err == nil {
		j.reserved = time.Time{}
		return nil
	}
	if j.spare {
		j.degrade(err)
	}
	if j.file == nil {
		j.arm(retryDelay)
		return err
	}
	return nil
}

// recheck ends the degraded state once an ordinary segment holds everything, or the reserve is
// back. Else it looks again later.
func (j *Journal) recheck() {
	if j.file == nil && j.resume() != nil {
		return
	}
	j.makeReserve()
	j.leaveReserve()
	if j.syncedTo < j.seq || j.inSpare && !j.spare {
		j.arm(retryDelay)
		return
	}
	if j.degraded != "" {
		j.opt.Logger.Info().Int64("dropped", j.dropped).Msg("journal recovered")
	}
	j.degraded = ""
}

// leaveReserve goes on in an ordinary segment where there is space again, but none for a second
// reserve beside the first one: the first gives back what it did not use.
func (j *Journal) leaveReserve() {
	if !j.inSpare || j.spare || j.syncedTo < j.seq || j.syncing || !due(&j.left) {
		return
	}
	path := filepath.Join(j.opt.Dir, reserve)
	if j.opt.files.Reserve(path, j.opt.Reserve/2) == nil {
		used := j.file
		if j.begin(j.continuation()) == nil {
			_ = used.Close()
			j.reserved, j.left = time.Time{}, time.Time{}
		}
	}
	_ = os.Remove(path)
	j.makeReserve()
}

// makeReserve allocates the reserve if it is missing. Where the file system cannot, memory
// alone stands behind the journal.
func (j *Journal) makeReserve() {
	if j.opt.Reserve <= 0 || j.spare || !due(&j.reserved) {
		return
	}
	path := filepath.Join(j.opt.Dir, reserve)
	err := j.opt.files.Reserve(path, j.opt.Reserve)
	if errors.Is(err, errors.ErrUnsupported) {
		j.opt.Reserve = -1
	}
	j.spare = err == nil
	if j.spare {
		j.reserved = time.Time{}
		return
	}
	_ = os.Remove(path)
}

// due tells whether it is time for another try, and counts it. A disk without room is asked again
// every [retryDelay], not with every sync: all requests wait for the lock meanwhile.
func due(last *time.Time) bool {
	if time.Since(*last) < retryDelay {
		return false
	}
	*last = time.Now()
	return true
}
