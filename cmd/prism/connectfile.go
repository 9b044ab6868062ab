package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

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

// keepBefore keeps the file as it was. A copy that is there is of another time, and goes aside. undo is for
// when the file is not written after all.
func (a *app) keepBefore(f *clientFile) (undo func(), err error) {
	kept, aside := f.keptPath(), ""
	if st, err := os.Lstat(kept); err == nil {
		aside = kept + "-" + st.ModTime().UTC().Format("20060102T150405")
		if err := os.Rename(kept, aside); err != nil {
			return nil, fmt.Errorf("keep the settings as they were: %w", err)
		}
	}
	var m made
	if err := writeNew(kept, f.text, 0o600, &m, "settings"); err != nil { // empty: there was no file
		return nil, err
	}
	if m.rows[0][2].text == "exists" { // by somebody else, in this moment
		return nil, config.ErrChanged
	}
	if aside != "" {
		a.note("an older copy was there, and may hold a key: %s", a.tilde(aside))
	}
	return func() {
		_ = os.Remove(kept)
		if aside != "" {
			_ = os.Rename(aside, kept)
		}
	}, nil
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
// same, and no file where there was none.
func (f *clientFile) giveBack(was *clientFile, same bool) error {
	text := f.Text()
	if same {
		text = was.text
	}
	st, err := os.Lstat(f.path)
	if same && len(was.text) == 0 && err == nil && st.Mode().IsRegular() {
		err = os.Remove(f.path)
	} else {
		err = config.WriteFileAtomic(f.path, text, f.state)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(f.keptPath()); err != nil {
		return fmt.Errorf("put away the settings as they were: %w", err)
	}
	return nil
}
