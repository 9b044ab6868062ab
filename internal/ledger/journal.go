package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ErrUnavailable is returned by [Journal.Open] under [JournalOptions.Strict] while the journal
// cannot be written.
var ErrUnavailable = errors.New("journal cannot be written")

// errClosed says that a record came after Shutdown.
var errClosed = errors.New("journal is closed")

// DurabilityFsync makes every record wait until it is on the disk. Any other durability
// returns once the kernel has the record.
const DurabilityFsync = "fsync"

// Timing and sizes of a journal.
const (
	SyncDelay  = 100 * time.Millisecond // how long a record may wait to be synced with others
	retryDelay = time.Second            // between attempts to write again after a failure

	defaultSegmentBytes = 64 << 20
	defaultReserve      = 16 << 20
	memoryBytes         = 16 << 20  // records kept while nothing can be written
	eagerSyncBytes      = 4 << 20   // unsynced bytes that do not wait for the delay
	idleBufferBytes     = 256 << 10 // a larger buffer is let go of after a sync
)

// JournalOptions say where and how a journal is kept.
type JournalOptions struct {
	Dir          string           // folder of the segments; made 0700 if missing
	Archive      string           // folder of the packed ones; default: archive beside Dir
	Durability   string           // commit (default) or fsync
	Logger       zerolog.Logger   // loses nothing but news
	Now          func() time.Time // wall clock; default time.Now
	SegmentBytes int64            // a segment that is longer is finished; default 64 MiB
	Reserve      int64            // bytes allocated ahead for a full disk; default 16 MiB, negative = none
	Strict       bool             // refuse new exchanges while the journal cannot be written

	files files
}

// Journal appends records to the segments of a folder. It is safe for concurrent use. One
// process at a time may have a folder open; the caller holds the lock that makes it so.
type Journal struct {
	opt     JournalOptions
	run     string
	started time.Time
	table   *crc32.Table
	dirty   chan struct{}

	mu   sync.Mutex // guards everything below
	cond *sync.Cond // a sync has ended

	file    segmentFile // nil while nothing can be written
	name    string      // of the segment
	last    string      // name of the newest segment there ever was
	size    int64       // bytes of the segment
	durable int64       // bytes of the segment that are synced
	newName bool        // the folder has not been synced since the segment was made
	spare   bool        // the reserve is there
	inSpare bool        // the segment is what was the reserve

	reserved time.Time // when there was no room for a reserve; zero = there may be
	left     time.Time // when there was no room to leave the reserve

	seq      uint64
	enc      encoder // records that are not synced, the ones being synced left out
	inFlight []byte  // records that are being synced
	free     []byte  // buffer for the next swap
	syncedTo uint64  // the last record that is on the disk
	syncing  bool
	timer    *time.Timer
	closed   bool
	closing  sync.WaitGroup

	recovered map[string]struct{}
	waiting   int64
	lastClose uint64
	dropped   int64
	degraded  string
}

// JournalState is how a journal is.
type JournalState struct {
	Segment  string // path of the segment that is written
	Bytes    int64  // length of it
	Waiting  int64  // records that become rows and are not folded, at most
	Dropped  int64  // records lost since the start, because neither disk nor memory had room
	Degraded string // why records do not go to an ordinary segment; "" = they do
}

// OpenJournal recovers what earlier runs left behind and begins a new segment.
func OpenJournal(opt JournalOptions) (*Journal, *Recovery, error) {
	opt = opt.withDefaults()
	if err := privateDir(opt.Dir); err != nil {
		return nil, nil, err
	}
	found, err := recoverJournal(opt.Dir)
	if err != nil {
		return nil, nil, err
	}
	now := opt.Now()
	j := &Journal{
		opt: opt, run: NewID(now), started: time.Now(), table: castagnoli(), dirty: make(chan struct{}, 1),
		recovered: make(map[string]struct{}, len(found.Open)), waiting: int64(found.Closed),
	}
	j.cond = sync.NewCond(&j.mu)
	for _, e := range found.Open {
		j.recovered[e.RequestID] = struct{}{}
	}
	if j.last, err = newestSegment(opt.Dir, opt.Archive); err != nil {
		return nil, nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.makeReserve()
	if err := j.begin(header{}); err != nil {
		j.degrade(err)
		j.arm(retryDelay)
	}
	if j.waiting > 0 {
		j.signal()
	}
	return j, found, nil
}

func (o JournalOptions) withDefaults() JournalOptions {
	if o.Archive == "" {
		o.Archive = filepath.Join(filepath.Dir(o.Dir), "archive")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.files == nil {
		o.files = disk{}
	}
	return o
}

// newestSegment returns the greatest name in use.
func newestSegment(dir, archive string) (string, error) {
	list, err := listSegments(dir, archive)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[len(list)-1].name, nil
}

// Open records that the exchange is about to go to its upstream. It fails only under
// [JournalOptions.Strict], with [ErrUnavailable]: the exchange must then be refused, and
// leaves no record.
func (j *Journal) Open(e *Entry) error { return j.entry(KindOpen, e) }

// Usage records what is known once message_start was seen, so that a killed exchange keeps
// its input tokens.
func (j *Journal) Usage(e *Entry) error { return j.entry(KindUsage, e) }

// Close records the whole entry. It must be called once for every exchange that was opened.
func (j *Journal) Close(e *Entry) error { return j.entry(KindClose, e) }

// Config records a swap, accepted or refused.
func (j *Journal) Config(ev *ConfigEvent) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	start := j.beginRecord(KindConfig)
	j.enc.configEvent(ev)
	return j.commit(KindConfig, start)
}

func (j *Journal) entry(kind Kind, e *Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if kind == KindOpen && j.opt.Strict && j.degraded != "" {
		return ErrUnavailable
	}
	start := j.beginRecord(kind)
	if len(j.recovered) > 0 && kind == KindClose {
		if _, ok := j.recovered[e.RequestID]; ok {
			delete(j.recovered, e.RequestID)
			j.enc.bool("recovered", true)
		}
	}
	j.enc.entry(e)
	if err := j.commit(kind, start); err != nil {
		return err
	}
	if kind == KindOpen && j.opt.Strict && j.degraded != "" {
		return j.void(e)
	}
	return nil
}

// void takes back the open record of an exchange that is refused because of it.
func (j *Journal) void(e *Entry) error {
	start := j.beginRecord(KindVoid)
	j.enc.text("request_id", e.RequestID, capName)
	if err := j.commit(KindVoid, start); err != nil {
		return err
	}
	return ErrUnavailable
}

func (j *Journal) beginRecord(kind Kind) (start int) {
	start = len(j.enc.b)
	j.seq++
	j.enc.begin(stamp{j.seq, j.opt.Now(), time.Since(j.started), kind})
	return start
}

// commit finishes the record that begins at start of the buffer, writes it, and does what the
// durability asks for.
func (j *Journal) commit(kind Kind, start int) error {
	if j.closed {
		j.enc.b = j.enc.b[:start]
		return errClosed
	}
	j.enc.end(start, j.table)
	if j.file == nil {
		if !j.keep(start) {
			return nil
		}
	} else if err := j.write(j.enc.b[start:]); err != nil {
		j.giveUp(err)
	}
	if kind.Projected() {
		j.count()
	}
	j.settle()
	return nil
}

// count notes a record that the fold has to fetch.
func (j *Journal) count() {
	j.waiting++
	j.lastClose = j.seq
	j.signal()
}

func (j *Journal) signal() {
	select {
	case j.dirty <- struct{}{}:
	default:
	}
}

func (j *Journal) write(b []byte) error {
	n, err := j.file.Write(b)
	j.size += int64(n)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}
