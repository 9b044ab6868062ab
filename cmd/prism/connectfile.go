package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/connect"
)

// beforePrism is what the copy of a settings file is called, behind its own name.
const beforePrism = ".before-prism"

// clientFile is a settings file of Claude Code, or the place of one.
type clientFile struct {
	path  string
	text  []byte // nil = there is no file
	state config.FileState
	*connect.Settings
}

func readClientFile(path string) (*clientFile, error) {
	f := &clientFile{path: path}
	var err error
	f.text, f.state, err = config.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, clientFileError(path, err)
	}
	if f.Settings, err = connect.Read(f.text); err != nil {
		return nil, clientFileError(path, err)
	}
	return f, nil
}

// clientFileError says why a settings file cannot be read or written.
func clientFileError(path string, err error) error {
	if _, known := errors.AsType[config.Problems](err); known || errors.Is(err, config.ErrChanged) || errors.Is(err, config.ErrReadOnly) {
		return err
	}
	return &admin.Error{Code: codeUsage, Message: err.Error(), Fix: "mend the file; nothing was written", At: &admin.Position{File: path}}
}

func (f *clientFile) keptPath() string { return f.path + beforePrism }

// kept is the file as it was before it was connected; nil if there is no such copy.
func (f *clientFile) kept() (*clientFile, error) {
	if _, err := os.Lstat(f.keptPath()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return readClientFile(f.keptPath())
}

// keepBefore keeps the file as it was, by write. A copy that is there is of another time, and goes aside: to the
// path that is returned, else "". undo is for when the file is not written after all.
func (a *app) keepBefore(f *clientFile, write func(path string, text []byte) error) (aside string, undo func(), err error) {
	kept := f.keptPath()
	if st, err := os.Lstat(kept); err == nil {
		aside = f.asidePath(st.ModTime())
		if err := os.Rename(kept, aside); err != nil {
			return "", nil, fmt.Errorf("keep the settings as they were: %w", err)
		}
	}
	err = write(kept, f.text) // no text: there was no file
	switch {
	case err == nil:
		return aside, func() {
			_ = os.Remove(kept)
			if aside != "" {
				_ = os.Rename(aside, kept)
			}
		}, nil
	case aside == "":
	case errors.Is(err, config.ErrChanged): // another copy has its place
		a.noteOlder(aside)
	default:
		_ = os.Rename(aside, kept)
	}
	return "", nil, err
}

// keepNow keeps the file as it is now beside the copy.
func (f *clientFile) keepNow() (aside string, undo func(), err error) {
	aside = f.asidePath(f.state.ModTime)
	if err := writeCopy(aside, f.text); err != nil {
		return "", nil, err
	}
	return aside, func() { _ = os.Remove(aside) }, nil
}

// writeCopy writes a file that is not there yet, for the user alone. One that somebody else has made in this moment
// is [config.ErrChanged].
func writeCopy(path string, text []byte) error {
	var m made
	if err := writeNew(path, text, 0o600, &m, "settings"); err != nil {
		return err
	}
	if m.rows[0][2].text == "exists" {
		return config.ErrChanged
	}
	return nil
}

// asidePath is a free name beside the copy, for a file that was changed last at this time.
func (f *clientFile) asidePath(at time.Time) string {
	name := f.keptPath() + "-" + at.UTC().Format("20060102T150405")
	path := name
	for n := 2; ; n++ {
		if _, err := os.Lstat(path); err != nil {
			return path
		}
		path = name + "-" + strconv.Itoa(n)
	}
}

func (a *app) noteOlder(aside string) {
	a.note("an older copy was there, and may hold a key: %s", a.tilde(aside))
}

func (a *app) noteKept(aside string) {
	a.note("values were written there since that are in no other file; that file is kept, and may hold a key: %s", a.tilde(aside))
}

// forUserAlone takes from others the right to read the file: a token comes into it.
func (f *clientFile) forUserAlone() error {
	mode := f.state.Mode
	if f.text == nil || mode.Perm()&0o077 == 0 {
		return nil
	}
	mode &^= 0o077
	if err := os.Chmod(f.path, mode.Perm()); err != nil {
		return fmt.Errorf("keep the settings from others: %w", err)
	}
	f.state.Mode = mode
	return nil
}

// giveBack writes what was taken back and puts away the copy: the same bytes as before, where the file says the
// same, and no file where there was none. Where something would be lost, the file of now goes aside first.
func (a *app) giveBack(f, was *clientFile, same, lost bool) error {
	text := was.text
	if !same {
		var err error
		if text, err = f.Checked(); err != nil {
			return clientFileError(f.path, err)
		}
	}
	aside, undo := "", func() {}
	if lost {
		var err error
		if aside, undo, err = f.keepNow(); err != nil {
			return clientFileError(f.path, err)
		}
	}
	st, err := os.Lstat(f.path)
	if same && len(was.text) == 0 && err == nil && st.Mode().IsRegular() {
		err = os.Remove(f.path)
	} else {
		err = config.WriteFileAtomic(f.path, text, f.state)
	}
	if err != nil {
		undo()
		return err
	}
	if lost {
		a.noteKept(aside)
	}
	if err := os.Remove(f.keptPath()); err != nil {
		return fmt.Errorf("put away the settings as they were: %w", err)
	}
	return nil
}
