package attribution

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// fileVersion is the version of the shape of the file.
const fileVersion = 1

// maxFile bounds the file that is read, in bytes: all sessions at their full length.
const maxFile = 16 << 20

type document struct {
	Version  int       `json:"version"`
	Sessions []Session `json:"sessions"`
}

// load reads the file. Sessions that are none are passed over.
func load(path string) (map[string]Session, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the sessions: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read the sessions: %w", err)
	}
	return parse(b)
}

func parse(b []byte) (map[string]Session, error) {
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("read the sessions: %w", err)
	}
	out := make(map[string]Session, len(doc.Sessions))
	for _, s := range doc.Sessions {
		if s, err := s.checked(); err == nil {
			merge(out, map[string]Session{s.ID: s})
		}
	}
	trim(out)
	return out, nil
}

const lockWait = 200 * time.Millisecond

// update adds sessions to the file, whoever else does so at the same time, and returns what it
// holds then. A file that cannot be understood is replaced: all in it is told again.
func update(path string, add map[string]Session) (map[string]Session, stamp, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, stamp{}, fmt.Errorf("keep the sessions: %w", err)
	}
	unlock, err := lock(path+".lock", lockWait)
	if err != nil {
		return nil, stamp{}, fmt.Errorf("keep the sessions: %w", err)
	}
	defer unlock()
	all, err := load(path)
	if err != nil {
		if _, unreadable := errors.AsType[*fs.PathError](err); unreadable && !errors.Is(err, fs.ErrNotExist) {
			return nil, stamp{}, err
		}
		all = map[string]Session{}
	}
	merge(all, add)
	trim(all)
	b, err := json.Marshal(document{fileVersion, ordered(all)})
	if err != nil {
		return nil, stamp{}, err
	}
	if err := renameio.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return nil, stamp{}, fmt.Errorf("keep the sessions: %w", err)
	}
	at, err := stampOf(path)
	return all, at, err
}
