package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Recovery is what earlier runs left behind.
type Recovery struct {
	// Open are the exchanges that were opened and never closed, as far as their last record
	// knows them, EndedAt being the time of that record. The caller prices them, sets outcome
	// crashed, and closes them.
	Open []*Entry
	// Closed counts the records in the journal that become rows, an upper bound of those that
	// are not folded.
	Closed int
	// Records counts all records read.
	Records int
	// Cut are the torn last lines that were cut off.
	Cut []Damage
	// Damaged are stretches that hold no intact record; they were left in place.
	Damaged []Damage
}

// place is where the last record of an exchange lies.
type place struct {
	segment    string
	start, end int64
	order      int
}

// recoverJournal cuts torn lines and finds the exchanges that are still open. Only the
// segments of the journal are read: what is archived has neither.
func recoverJournal(dir string) (*Recovery, error) {
	found := &Recovery{}
	if err := cutTorn(dir, found); err != nil {
		return nil, err
	}
	open := make(map[string]place)
	source := Source{Journal: dir, OnDamage: func(d Damage) { found.Damaged = append(found.Damaged, d) }}
	_, err := source.Read(Watermark{}, func(r *Record) error {
		found.Records++
		switch r.Kind {
		case KindOpen:
			open[r.RequestID] = place{r.Segment, r.Start, r.End, found.Records}
		case KindUsage:
			if p, ok := open[r.RequestID]; ok {
				open[r.RequestID] = place{r.Segment, r.Start, r.End, p.order}
			}
		case KindClose:
			delete(open, r.RequestID)
			found.Closed++
		case KindVoid:
			delete(open, r.RequestID)
		case KindConfig, KindCorrection, KindAlert, KindHealth:
			found.Closed++
		case KindSegment: // only says which run wrote the segment
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("recover journal: %w", err)
	}
	return found, found.load(dir, open)
}

// load reads the entries that are still open, in the order they were opened.
func (f *Recovery) load(dir string, open map[string]place) error {
	places := make([]place, 0, len(open))
	for _, p := range open {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int { return a.order - b.order })
	for _, p := range places {
		e, err := readEntry(dir, p)
		if err != nil {
			return fmt.Errorf("recover journal: %w", err)
		}
		f.Open = append(f.Open, e)
	}
	return nil
}

func readEntry(dir string, p place) (*Entry, error) {
	file, err := os.Open(segmentPath(dir, p.segment))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	line := make([]byte, p.end-p.start-1)
	if _, err := file.ReadAt(line, p.start); err != nil {
		return nil, err
	}
	r := Record{Segment: p.segment, Start: p.start, End: p.end, line: line}
	newLexer(line).head(&r, &header{})
	e := &Entry{}
	if err := r.Entry(e); err != nil {
		return nil, err
	}
	e.EndedAt = r.Wall
	return e, nil
}

// cutTorn shortens every segment to its last complete line, and removes segments that hold
// nothing. The newest one stays: its name is what new names are measured by.
func cutTorn(dir string, found *Recovery) error {
	list, err := listSegments(dir, "")
	if err != nil {
		return err
	}
	for i := range list {
		s := &list[i]
		keep, size, err := completeLength(s.path)
		if err != nil {
			return fmt.Errorf("recover journal: %w", err)
		}
		if keep < size {
			if err := os.Truncate(s.path, keep); err != nil {
				return fmt.Errorf("cut torn line of %s: %w", s.name, err)
			}
			found.Cut = append(found.Cut, Damage{Segment: s.name, From: keep, To: size})
		} else {
			giveBack(s.path) // it may have been the reserve of a process that was killed
		}
		if keep == 0 && i < len(list)-1 {
			if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove empty segment: %w", err)
			}
		}
	}
	return nil
}

// completeLength returns the length of a file up to its last line feed, and its size.
func completeLength(path string) (keep, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return 0, 0, err
	}
	const step = 64 << 10
	buf := make([]byte, step)
	for end := st.Size(); end > 0; {
		start := max(end-step, 0)
		if _, err := file.ReadAt(buf[:end-start], start); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		if at := bytes.LastIndexByte(buf[:end-start], '\n'); at >= 0 {
			return start + int64(at) + 1, st.Size(), nil
		}
		end = start
	}
	return 0, st.Size(), nil
}
