package ledger

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// Kind tells what a record of the journal says.
type Kind string

// The kinds of records.
const (
	KindSegment    Kind = "segment"    // the first line of a segment
	KindOpen       Kind = "open"       // an exchange goes to its upstream
	KindUsage      Kind = "usage"      // message_start was seen
	KindClose      Kind = "close"      // the whole entry
	KindVoid       Kind = "void"       // the exchange was refused, its open does not count
	KindConfig     Kind = "config"     // a config event
	KindCorrection Kind = "correction" // other costs of a row that was written before
	KindAlert      Kind = "alert"      // a change of state of a budget or an alert
	KindHealth     Kind = "health"     // a change of the health of a profile or of one of its keys
)

// Watermark is a place in the journal: everything before it has been read. The zero value is
// the beginning.
type Watermark struct {
	Segment string `json:"segment"` // name of the segment, a ULID
	Offset  int64  `json:"offset"`  // bytes of it that have been read
	Run     string `json:"run"`     // the run that wrote the last record read
	Seq     uint64 `json:"seq"`     // and its sequence number
}

// Projected tells whether records of the kind become rows of the database.
func (k Kind) Projected() bool {
	switch k {
	case KindClose, KindConfig, KindCorrection, KindAlert, KindHealth:
		return true
	case KindSegment, KindOpen, KindUsage, KindVoid:
	}
	return false
}

// Record is one line of the journal.
type Record struct {
	Kind      Kind
	Run       string // the life of the process that wrote it, a ULID
	Seq       uint64 // from 1, without gaps but for dropped records
	Wall      time.Time
	Mono      time.Duration // since the run began
	RequestID string        // of open, usage, close and correction
	Recovered bool          // a close by a later run than the one that opened
	Segment   string
	Start     int64 // offset of the line
	End       int64 // offset behind its line feed

	line []byte
	dec  *lexer
}

// After returns the watermark once r has been dealt with.
func (r *Record) After() Watermark {
	return Watermark{Segment: r.Segment, Offset: r.End, Run: r.Run, Seq: r.Seq}
}

// JSON returns the record as it stands in the journal. It is valid until the function that got
// r returns.
func (r *Record) JSON() []byte { return r.line }

// Entry decodes the entry of an open, usage or close record into e, which it resets first.
// It must be called before the function that got r returns.
func (r *Record) Entry(e *Entry) error {
	e.Reset()
	lex := r.lexer()
	lex.entry(e)
	return lex.fail(r)
}

// ConfigEvent decodes the event of a config record. It must be called before the function
// that got r returns.
func (r *Record) ConfigEvent() (*ConfigEvent, error) {
	ev := &ConfigEvent{}
	lex := r.lexer()
	lex.configEvent(ev)
	return ev, lex.fail(r)
}

// At returns the instant that the row of a projected record is dated by: when the exchange began,
// or the event happened. It is zero where the record names none.
func (r *Record) At() time.Time {
	want := "event_at"
	switch r.Kind {
	case KindClose, KindOpen, KindUsage:
		want = "started_at"
	case KindCorrection:
		want = "corrected_at"
	case KindConfig, KindAlert, KindHealth, KindSegment, KindVoid:
	}
	lex := r.lexer()
	if !lex.open('{') {
		return time.Time{}
	}
	for lex.more('}') {
		if string(lex.key()) == want {
			return lex.time()
		}
		lex.skip(0)
	}
	return time.Time{}
}

// Correction decodes a correction. It must be called before the function that got r returns.
func (r *Record) Correction() (*Correction, error) {
	c := &Correction{}
	lex := r.lexer()
	lex.correction(c)
	return c, lex.fail(r)
}

// Alert decodes the event of an alert record. It must be called before the function that got
// r returns.
func (r *Record) Alert() (*AlertEvent, error) {
	ev := &AlertEvent{}
	lex := r.lexer()
	lex.alert(ev)
	return ev, lex.fail(r)
}

// Health decodes the event of a health record. It must be called before the function that got
// r returns.
func (r *Record) Health() (*HealthEvent, error) {
	ev := &HealthEvent{}
	lex := r.lexer()
	lex.health(ev)
	return ev, lex.fail(r)
}

func (r *Record) lexer() *lexer {
	if r.dec == nil {
		return newLexer(r.line)
	}
	r.dec.reset(r.line)
	return r.dec
}

// castagnoli returns the table of CRC-32C, which crypto-capable processors compute in no time.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// stamp is what every record begins with.
type stamp struct {
	seq  uint64
	wall time.Time
	mono time.Duration
	kind Kind
}

// begin appends the head of a record.
func (e *encoder) begin(s stamp) {
	e.b = append(e.b, `{"seq":`...)
	e.b = strconv.AppendUint(e.b, s.seq, 10)
	e.b = append(e.b, `,"wall":`...)
	e.b = appendTime(e.b, s.wall)
	e.b = append(e.b, `,"mono":`...)
	e.b = strconv.AppendInt(e.b, int64(s.mono), 10)
	e.b = append(e.b, `,"kind":"`...)
	e.b = append(e.b, s.kind...)
	e.b = append(e.b, '"')
}

// crcTail is the length of the last member of a line: ,"crc":"01234567"}.
const crcTail = len(`,"crc":"01234567"}`)

// end closes the record that began at start with its checksum and a line feed.
func (e *encoder) end(start int, table *crc32.Table) {
	sum := hexSum(e.b[start:], table)
	e.b = append(e.b, `,"crc":"`...)
	e.b = append(e.b, sum[:]...)
	e.b = append(e.b, '"', '}', '\n')
}

func hexSum(b []byte, table *crc32.Table) (out [8]byte) {
	sum := crc32.Checksum(b, table)
	for i := range out {
		out[i] = hexDigits[sum>>(28-4*i)&15]
	}
	return out
}

// intact tells whether the checksum of a line, without its line feed, is right.
func intact(line []byte, table *crc32.Table) bool {
	n := len(line) - crcTail
	if n < 1 || line[0] != '{' {
		return false
	}
	tail, sum := line[n:], hexSum(line[:n], table)
	return string(tail[:8]) == `,"crc":"` && string(tail[8:16]) == string(sum[:]) && string(tail[16:]) == `"}`
}

// header is the first record of a segment.
type header struct {
	run     string
	pid     int
	segment string // the segment that this one continues, if a write to it failed
	offset  int64  // up to which it counts
}

func (e *encoder) header(h *header) {
	e.int("version", SchemaVersion)
	e.text("run", h.run, capName)
	e.int("pid", int64(h.pid))
	if h.segment != "" {
		e.text("continues", h.segment, capName)
		e.int("from_offset", h.offset)
	}
}

func (e *encoder) configEvent(ev *ConfigEvent) {
	e.nonZero("generation", int64(ev.Generation))
	e.time("event_at", ev.EventAt)
	e.text("trigger", ev.Trigger, capName)
	e.text("hash", ev.Hash, capName)
	e.bool("accepted", ev.Accepted)
	e.text("reason", ev.Reason, capMessage)
	e.texts("added", ev.Added)
	e.texts("removed", ev.Removed)
	e.texts("changed", ev.Changed)
}

// Damage is a stretch of a segment that holds no intact record. To is -1 where it is not known
// how far the segment went.
type Damage struct {
	Segment  string
	From, To int64
	What     string // what is wrong with a packed segment; "" = the checksums of its lines
}

// String names the segment and its bytes.
func (d Damage) String() string {
	text := fmt.Sprintf("%s, bytes %d to %d", d.Segment, d.From, d.To)
	if d.To < 0 {
		text = fmt.Sprintf("%s, from byte %d on", d.Segment, d.From)
	}
	if d.What != "" {
		text += ": " + d.What
	}
	return text
}

// Gap says that records of a run are missing between two that follow each other.
type Gap struct {
	Segment       string // of the second one
	Offset        int64
	Run           string
	After, Before uint64 // sequence numbers of the two
}

// Missing is how many records are missing.
func (g Gap) Missing() uint64 { return g.Before - g.After - 1 }
