package importer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// Transcripts reads the folder in which Claude Code keeps what was said: one file for each
// session, JSON lines, and one for each of its sub-agents.
type Transcripts struct {
	Tally

	opt    Options
	files  []transcript
	seen   map[string]struct{}      // ids of the entries made so far
	broken map[string]*ledger.Entry // entries of messages that broke off, by id
	order  []string                 // ids of broken, oldest first, some of them gone
	meter  stream.Meter
	lines  *lineReader
}

// ErrNoTranscripts means that a folder holds none.
var ErrNoTranscripts = errors.New("there are no transcripts (*.jsonl)")

// OpenTranscripts lists the transcripts below a folder; a single file will do too. Nothing is
// read yet. A folder without any gives [ErrNoTranscripts].
func OpenTranscripts(root string, opt Options) (*Transcripts, error) {
	l, err := listTranscripts(root)
	if err != nil {
		return nil, err
	}
	if len(l.files) == 0 {
		return nil, ErrNoTranscripts
	}
	t := newTranscripts(opt)
	t.files = l.files
	for range l.closed {
		t.Skip(SkipUnreadable)
	}
	return t, nil
}

func newTranscripts(opt Options) *Transcripts {
	return &Transcripts{
		opt: opt.WithDefaults(), lines: newLineReader(), seen: make(map[string]struct{}), broken: make(map[string]*ledger.Entry),
	}
}

// Size is how many bytes there are to read.
func (t *Transcripts) Size() int64 {
	var n int64
	for _, f := range t.files {
		n += f.size
	}
	return n
}

// Each calls fn with an entry for every message of a provider; fn may keep it. A line that
// cannot be read is counted and passed over. An error of fn ends the reading and is returned.
func (t *Transcripts) Each(ctx context.Context, fn func(*ledger.Entry) error) error {
	for _, f := range t.files {
		if !t.opt.Since.IsZero() && f.modified.Before(t.opt.Since) {
			t.opt.Progress(f.size)
			continue // it holds nothing that is younger than itself
		}
		if err := t.file(ctx, f, fn); err != nil {
			return fmt.Errorf("read transcript %s: %w", f.path, err)
		}
	}
	return t.release(0, fn)
}

func (t *Transcripts) file(ctx context.Context, f transcript, fn func(*ledger.Entry) error) error {
	in, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		t.Skip(SkipUnreadable)
		return nil
	case err != nil:
		return err
	}
	defer in.Close()
	t.Files++
	s := session{t: t, fn: fn, path: f.path, open: make(map[string]*message), asked: make(map[string]time.Time)}
	t.lines.reset(in)
	return s.read(ctx)
}

// maxBroken is how many messages that broke off wait for the rest of them.
const maxBroken = 4096

// whole takes an entry whose message is complete.
func (t *Transcripts) whole(e *ledger.Entry, fn func(*ledger.Entry) error) error {
	if was, ok := t.broken[e.RequestID]; ok {
		t.Skip(SkipDuplicate)
		e.SessionID = was.SessionID
		delete(t.broken, e.RequestID)
	}
	return t.emit(e, fn)
}

// part takes an entry whose message broke off. It waits for the end of the other files: a
// session that was forked in the middle of an answer has the beginning of it only, and its file
// may be the older one.
func (t *Transcripts) part(e *ledger.Entry, fn func(*ledger.Entry) error) error {
	was, ok := t.broken[e.RequestID]
	if _, done := t.seen[e.RequestID]; done || ok {
		t.Skip(SkipDuplicate)
		if ok && e.Usage.Output > was.Usage.Output {
			e.SessionID = was.SessionID
			t.broken[e.RequestID] = e
		}
		return nil
	}
	t.broken[e.RequestID] = e
	t.order = append(t.order, e.RequestID)
	return t.release(maxBroken, fn)
}

// release hands out the oldest messages that broke off until at most keep wait.
func (t *Transcripts) release(keep int, fn func(*ledger.Entry) error) error {
	for len(t.broken) > keep {
		e, ok := t.broken[t.order[0]]
		t.order = t.order[1:]
		if !ok {
			continue
		}
		delete(t.broken, e.RequestID)
		if err := t.emit(e, fn); err != nil {
			return err
		}
	}
	return nil
}

// emit hands out an entry, unless the same message was handed out before.
func (t *Transcripts) emit(e *ledger.Entry, fn func(*ledger.Entry) error) error {
	if _, ok := t.seen[e.RequestID]; ok {
		t.Skip(SkipDuplicate)
		return nil
	}
	if !t.opt.Within(e.StartedAt) {
		t.Skip(SkipTime)
		return nil
	}
	t.seen[e.RequestID] = struct{}{}
	t.opt.End(e)
	t.Entries++
	return fn(e)
}
