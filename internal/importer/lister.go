package importer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// transcript is one file.
type transcript struct {
	path     string
	size     int64
	modified time.Time
}

// lister finds the transcripts below a root. Links are followed, since people keep single
// projects in other places; a file counts once, whatever ways lead to it.
type lister struct {
	root   string          // real path
	seen   map[string]bool // real paths of files and folders
	files  []transcript
	closed int // folders that may not be read
}

// listTranscripts looks for transcripts.
func listTranscripts(root string) (*lister, error) {
	path, err := filepath.Abs(root)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, fmt.Errorf("look for transcripts: %w", err)
	}
	l := &lister{root: path, seen: make(map[string]bool)}
	if err := filepath.WalkDir(path, l.visit); err != nil {
		return nil, fmt.Errorf("look for transcripts: %w", err)
	}
	// A session that was continued under another id is copied into the file of that one. The
	// older file comes first, so that a message belongs to the session that it was said in.
	slices.SortFunc(l.files, func(a, b transcript) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.path, b.path))
	})
	return l, nil
}

// visit is called with everything below the root. The client deletes old files while we look:
// what is gone is passed over.
func (l *lister) visit(path string, d fs.DirEntry, err error) error {
	switch {
	case err != nil && path == l.root:
		return err
	case errors.Is(err, fs.ErrPermission):
		l.closed++
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case d.Type()&fs.ModeSymlink != 0:
		return l.follow(path)
	case d.IsDir() && l.seen[path]:
		return fs.SkipDir
	case d.IsDir():
		l.seen[path] = true
		return nil
	}
	if st, err := d.Info(); err == nil && (isTranscript(path) || path == l.root) {
		l.add(path, st)
	}
	return nil
}

// follow goes where a link leads. One that leads nowhere, or in a circle, is none of ours.
func (l *lister) follow(link string) error {
	path, err := filepath.EvalSymlinks(link)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil //nolint:nilerr // gone, as above
	case st.IsDir():
		return filepath.WalkDir(path, l.visit)
	case isTranscript(link):
		l.add(path, st)
	}
	return nil
}

func (l *lister) add(path string, st fs.FileInfo) {
	if st.Mode().IsRegular() && !l.seen[path] {
		l.seen[path] = true
		l.files = append(l.files, transcript{path, st.Size(), st.ModTime()})
	}
}

func isTranscript(path string) bool { return filepath.Ext(path) == ".jsonl" }
