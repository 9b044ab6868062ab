package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// Transcripts reads the folder in which Claude Code keeps what was said: one file for each
// session, JSON lines, and one for each of its sub-agents.
type Transcripts struct {
	Tally

	opt   Options
	files []transcript
	seen  map[string]struct{} // ids of the entries made so far
	meter stream.Meter
	lines *lineReader
}

// transcript is one file.
type transcript struct {
	path     string
	size     int64
	modified time.Time
}

// ErrNoTranscripts means that a folder holds none.
var ErrNoTranscripts = errors.New("there are no transcripts (*.jsonl)")

// OpenTranscripts lists the transcripts below a folder; a single file will do too. Nothing is
// read yet. A folder without any gives [ErrNoTranscripts].
func OpenTranscripts(root string, opt Options) (*Transcripts, error) {
	t := &Transcripts{opt: opt.WithDefaults(), seen: make(map[string]struct{}), lines: newLineReader()}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("look for transcripts: %w", err)
	}
	err = filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != real {
			return nil // the client deletes old ones while we look
		}
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || filepath.Ext(path) != ".jsonl" && path != real {
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone, as above
		}
		t.files = append(t.files, transcript{path, st.Size(), st.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for transcripts: %w", err)
	}
	if len(t.files) == 0 {
		return nil, ErrNoTranscripts
	}
	// A session that was continued under another id is copied into the file of that one. The
	// older file comes first, so that a message belongs to the session that it was said in.
	slices.SortFunc(t.files, func(a, b transcript) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.path, b.path))
	})
	return t, nil
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
	return nil
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
