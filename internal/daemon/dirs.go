package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"prism/config"
	"prism/internal/admin"
)

// privateDirs makes the directories that only the user may enter. One that exists must be
// ours, and nobody else may have been able to put anything into it; it is closed to those
// who could only look.
func privateDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
		st, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
		perm := st.Mode().Perm()
		switch {
		case !ownedByUs(st):
			return unsafePlace(dir+" belongs to somebody else", "chown $USER "+dir)
		case perm&0o022 != 0 && checksMode:
			return unsafePlace(fmt.Sprintf("others can write in %s (mode %04o)", dir, perm), "look at what is in it, then chmod 700 "+dir)
		case perm&0o077 != 0 && checksMode:
			if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
				return fmt.Errorf("close %s to others: %w", dir, err)
			}
		}
	}
	return nil
}

// noLinks refuses symbolic links in the places of files that prism makes: whoever put them
// there decides where the rows go.
func noLinks(p *config.Paths) error {
	for _, path := range []string{p.LedgerFile, p.LedgerFile + ".wal", p.Journal, p.Archive, p.Lock} {
		st, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", path, err)
		}
		if st.Mode().Type() == fs.ModeSymlink {
			return unsafePlace(path+" is a symbolic link", "rm "+path+"; to keep the data elsewhere, set XDG_DATA_HOME and XDG_STATE_HOME")
		}
	}
	return nil
}

func unsafePlace(message, fix string) error {
	return &admin.Error{Code: "config_invalid", Message: message, Fix: fix}
}

// nextGeneration counts tables across runs, so that a generation names one table for ever. A
// number that was lost, or brought back from a copy, does not make the live table's come again.
func (d *Daemon) nextGeneration() uint64 {
	last := uint64(0)
	if b, err := os.ReadFile(generationFile(d.opt.Paths.State)); err == nil {
		last, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	}
	if t := d.router.Table(); t != nil {
		last = max(last, t.Generation)
	}
	return last + 1
}

func (d *Daemon) keepGeneration(n uint64) error {
	return renameio.WriteFile(generationFile(d.opt.Paths.State), []byte(strconv.FormatUint(n, 10)+"\n"), 0o600)
}

func generationFile(state string) string { return filepath.Join(state, "generation") }
