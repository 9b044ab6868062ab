package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// Source is where records are read from.
type Source struct {
	Journal  string       // folder of the segments
	Archive  string       // folder of the packed ones; "" = leave it out
	OnDamage func(Damage) // told of bytes that hold no intact record; may be nil
}

// ReadSegments reads the records behind from in the segments of dir, as [Source.Read] does.
func ReadSegments(dir string, from Watermark, fn func(Record) error) (Watermark, error) {
	return Source{Journal: dir}.Read(from, func(r *Record) error { return fn(*r) })
}

// Read calls fn for every intact record behind from, in order, headers of segments left out,
// and returns the watermark behind the last one. The tail of a segment that another one
// replaced is ignored, a record that was repeated is read once, and so is a second close of
// the same exchange. A torn last line is left for the next time. fn must not keep its
// argument. If fn fails, the watermark returned is the one before that record.
func (s Source) Read(from Watermark, fn func(*Record) error) (Watermark, error) {
	list, err := listSegments(s.Journal, s.Archive)
	if err != nil {
		return from, err
	}
	for len(list) > 0 && list[0].name < from.Segment {
		list = list[1:]
	}
	if err := readHeaders(list); err != nil {
		return from, err
	}
	r := reader{source: s, mark: from, table: castagnoli(), fn: fn, rec: Record{dec: newLexer(nil)}}
	for i := range list {
		if err := r.segment(&list[i], i == len(list)-1); err != nil {
			return r.mark, err
		}
	}
	return r.mark, nil
}

// reader is the state of one [Source.Read].
type reader struct {
	source Source
	mark   Watermark
	lines  lines
	table  *crc32.Table
	rec    Record
	closed recent
	run    string // that wrote the segment at hand
	fn     func(*Record) error
}

// segment reads one segment; last says that it may still be growing.
func (r *reader) segment(s *segment, last bool) error {
	in, err := s.open()
	if errors.Is(err, fs.ErrNotExist) && r.source.Archive != "" && !s.archived {
		// It was archived since the folder was listed.
		moved := *s
		moved.path, moved.archived = archivePath(r.source.Archive, s.name), true
		s = &moved
		in, err = s.open()
	}
	if err != nil {
		return err
	}
	defer in.Close()
	offset := int64(0)
	if s.name == r.mark.Segment {
		offset = r.mark.Offset
	}
	r.run = s.run
	if err := r.lines.reset(in, offset); err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	return r.walk(s, last)
}

func (r *reader) walk(s *segment, last bool) error {
	for {
		line, start, err := r.lines.next()
		if err != nil {
			if s.archived { // the rest of a damaged archive is lost, later ones are not
				r.damage(s.name, start, start+int64(r.lines.rest()))
				return nil
			}
			return fmt.Errorf("read segment %s: %w", s.name, err)
		}
		if line == nil {
			break
		}
		end := start + int64(len(line)) + 1
		if s.limit >= 0 && end > s.limit {
			return nil
		}
		if err := r.line(s, line, start, end); err != nil {
			return err
		}
	}
	if torn := r.lines.rest(); torn > 0 && !last && s.limit < 0 {
		r.damage(s.name, r.lines.offset, r.lines.offset+int64(torn))
	}
	return nil
}

// line deals with one complete line.
func (r *reader) line(s *segment, line []byte, start, end int64) error {
	if !intact(line, r.table) {
		r.damage(s.name, start, end)
		r.mark.Segment, r.mark.Offset = s.name, end
		return nil
	}
	rec := &r.rec
	*rec = Record{Run: r.run, Segment: s.name, Start: start, End: end, line: line, dec: rec.dec}
	var h header
	rec.dec.reset(line)
	rec.dec.head(rec, &h)
	if rec.dec.bad {
		r.damage(s.name, start, end)
		r.mark.Segment, r.mark.Offset = s.name, end
		return nil
	}
	if rec.Kind == KindSegment {
		r.run = h.run
		r.mark.Segment, r.mark.Offset = s.name, end
		return nil
	}
	repeated := rec.Run == r.mark.Run && rec.Seq <= r.mark.Seq
	if !repeated && rec.Kind == KindClose {
		repeated = r.closed.seen(rec.RequestID)
	}
	if !repeated {
		if err := r.fn(rec); err != nil {
			return err
		}
		r.mark = rec.After()
	}
	r.mark.Segment, r.mark.Offset = s.name, end
	return nil
}

func (r *reader) damage(name string, from, to int64) {
	if r.source.OnDamage != nil {
		r.source.OnDamage(Damage{name, from, to})
	}
}

// recentIDs is how many ids [recent] remembers at least.
const recentIDs = 1 << 16

// recent remembers the last ids in two generations, so that its memory is bounded.
type recent struct{ young, old map[string]struct{} }

// seen tells whether id was there before, and remembers it.
func (r *recent) seen(id string) bool {
	if _, ok := r.young[id]; ok {
		return true
	}
	if _, ok := r.old[id]; ok {
		return true
	}
	if r.young == nil || len(r.young) >= recentIDs {
		r.young, r.old = make(map[string]struct{}), r.young
	}
	r.young[id] = struct{}{}
	return false
}
