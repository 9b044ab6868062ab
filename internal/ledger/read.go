package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
)

// Source is where records are read from.
type Source struct {
	Journal  string       // folder of the segments
	Archive  string       // folder of the packed ones; "" = leave it out
	OnDamage func(Damage) // told of bytes that hold no intact record; may be nil
	OnGap    func(Gap)    // told of records that are missing from a run; may be nil
	OnBytes  func(int64)  // told how many more bytes of the files were read; may be nil
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
	if !s.archived {
		err := r.plain(s, last)
		if !errors.Is(err, fs.ErrNotExist) || r.source.Archive == "" {
			return err
		}
		// It was archived since the folder was listed.
		moved := *s
		moved.path, moved.archived = archivePath(r.source.Archive, s.name), true
		s = &moved
	}
	return r.packed(s)
}

// from returns the offset at which reading a segment begins.
func (r *reader) from(s *segment) int64 {
	if s.name == r.mark.Segment {
		return r.mark.Offset
	}
	return 0
}

// plain reads a segment of the journal.
func (r *reader) plain(s *segment, last bool) error {
	in, err := s.open()
	if err != nil {
		return err
	}
	defer in.Close()
	return r.stream(s, in, last)
}

// stream reads a segment from its unpacked bytes.
func (r *reader) stream(s *segment, in io.Reader, last bool) error {
	r.run = s.run
	if err := r.lines.reset(in, r.from(s)); err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	r.lines.read = r.source.OnBytes
	return r.walk(s, last)
}

// packed reads a segment of the archive.
func (r *reader) packed(s *segment) error {
	file, err := s.bytes()
	if err != nil {
		return err
	}
	if r.source.OnBytes != nil {
		defer r.source.OnBytes(int64(len(file)))
	}
	if !labelled(file) { // an earlier version wrote it
		in, err := unpack(bytes.NewReader(file))
		if err != nil {
			return fmt.Errorf("unpack segment %s: %w", s.name, err)
		}
		defer in.Close()
		return r.stream(s, in, false)
	}
	b, err := newBlocks(file, func(from, to int64, what string) {
		r.report(Damage{Segment: s.name, From: from, To: to, What: what})
	})
	if err != nil {
		return fmt.Errorf("unpack segment %s: %w", s.name, err)
	}
	defer b.close()
	r.run, r.lines.read = s.run, nil
	from := r.from(s)
	for data, at := b.next(); data != nil; data, at = b.next() {
		skip := min(max(from-at, 0), int64(len(data)))
		r.lines.resetAt(bytes.NewReader(data[skip:]), at+skip)
		if err := r.walk(s, false); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) walk(s *segment, last bool) error {
	for {
		line, start, err := r.lines.next()
		if err != nil {
			if s.archived { // the rest of a single damaged frame is lost, later segments are not
				r.report(Damage{Segment: s.name, From: start, To: -1, What: "the rest cannot be unpacked"})
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
		return r.salvage(s, line, start, end)
	}
	return r.record(s, line, start)
}

// record deals with one record that has checked.
func (r *reader) record(s *segment, line []byte, start int64) error {
	rec := &r.rec
	end := start + int64(len(line)) + 1
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
	// Where the header is lost, nobody knows whose numbers these are.
	sameRun := rec.Run == r.mark.Run && rec.Run != ""
	repeated := sameRun && rec.Seq <= r.mark.Seq
	if sameRun && rec.Seq > r.mark.Seq+1 && r.source.OnGap != nil {
		r.source.OnGap(Gap{s.name, start, rec.Run, r.mark.Seq, rec.Seq})
	}
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
	r.report(Damage{Segment: name, From: from, To: to})
}

func (r *reader) report(d Damage) {
	if r.source.OnDamage != nil {
		r.source.OnDamage(d)
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
