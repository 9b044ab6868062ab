package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// Archive packs the segments of journal that are finished, wholly before folded, and hold no
// exchange that is still open, into the folder archive, oldest first, and removes them once the
// packed ones are durable. It returns how many it moved. The fold calls it after its commit.
func Archive(journal, archive string, folded Watermark) (int, error) {
	list, err := listSegments(journal, "")
	if err != nil {
		return 0, err
	}
	moved := 0
	// The newest one may be growing, and its name is what new names are measured by.
	for i := 0; i < len(list)-1 && list[i].name < folded.Segment; i++ {
		open, err := holdsOpen(list[i:])
		if err != nil || open {
			return moved, err
		}
		if list[i].bare() {
			if err := os.Remove(list[i].path); err != nil {
				return moved, fmt.Errorf("remove empty segment: %w", err)
			}
			continue
		}
		if err := os.MkdirAll(archive, 0o700); err != nil {
			return moved, fmt.Errorf("make archive folder: %w", err)
		}
		if err := list[i].pack(journal, archive); err != nil {
			return moved, fmt.Errorf("archive segment %s: %w", list[i].name, err)
		}
		moved++
	}
	return moved, nil
}

// holdsOpen tells whether the first segment has an exchange that none of them closes.
func holdsOpen(list []segment) (bool, error) {
	if err := readHeaders(list); err != nil {
		return false, err
	}
	open := make(map[string]struct{})
	first := list[0].name
	r := reader{table: castagnoli(), rec: Record{dec: newLexer(nil)}}
	r.fn = func(rec *Record) error {
		switch rec.Kind {
		case KindOpen:
			if rec.Segment == first {
				open[rec.RequestID] = struct{}{}
			}
		case KindClose, KindVoid:
			delete(open, rec.RequestID)
		case KindSegment, KindUsage, KindConfig, KindCorrection, KindAlert, KindHealth: // neither open nor close anything
		}
		return nil
	}
	for i := range list {
		if err := r.segment(&list[i], i == len(list)-1); err != nil {
			return false, err
		}
		if len(open) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// bare tells whether a segment of the journal holds no more than a header that says nothing of
// another segment.
func (s *segment) bare() bool {
	const most = 1024
	st, err := os.Stat(s.path)
	if err != nil || st.Size() > most {
		return false
	}
	b, err := os.ReadFile(s.path)
	if err != nil || bytes.Count(b, []byte{'\n'}) > 1 {
		return false
	}
	h, err := readHeader(s, castagnoli())
	return err == nil && h.run != "" && h.segment == ""
}

// pack writes the packed form beside its final name, makes it durable, moves it in place, and
// only then removes the original: whatever is cut short leaves at least one of the two.
func (s *segment) pack(journal, archive string) error {
	target := archivePath(archive, s.name)
	temporary := target + ".tmp"
	if err := s.packInto(temporary); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, target); err != nil {
		return err
	}
	if err := (disk{}).SyncDir(archive); err != nil {
		return err
	}
	if err := os.Remove(s.path); err != nil {
		return err
	}
	return disk{}.SyncDir(journal)
}

// packInto writes the packed form, and reads it again before anybody relies on it.
func (s *segment) packInto(path string) (err error) {
	in, err := s.open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	length, sum, err := writeBlocks(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return readsAs(file, length, sum)
}

// readsAs tells whether a packed segment holds bytes of that length and checksum.
func readsAs(file []byte, length int64, sum uint32) error {
	bad := ""
	b, err := newBlocks(file, func(_, _ int64, what string) { bad = what })
	if err != nil {
		return err
	}
	defer b.close()
	for data, _ := b.next(); data != nil; data, _ = b.next() {
	}
	if bad != "" || b.offset != length || b.sum != sum {
		return fmt.Errorf("what was packed reads differently: %d of %d bytes, %s", b.offset, length, bad)
	}
	return nil
}
