package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// UpkeepOptions say which ledger is made anew.
type UpkeepOptions struct {
	FoldOptions

	Patience time.Duration           // how long to wait for who reads or folds; default 10 s
	Progress func(done, total int64) // told how far the work is, in rows or bytes; may be nil
}

func (o UpkeepOptions) withDefaults() UpkeepOptions {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	return o
}

// inShort says which file it is that cannot be written, where the system is in the way.
func (o *UpkeepOptions) inShort(err error) error {
	short := inShort(err)
	if errors.Is(short, ErrFull) || errors.Is(short, ErrReadOnly) {
		return fmt.Errorf("make %s anew: %w", o.File, short)
	}
	return err
}

// Extensions of the names of files that are made beside the ledger.
const (
	walExt = ".wal"
	newExt = ".new"
)

// claim keeps two upkeeps of one ledger apart; the caller closes what it returns.
func (o *UpkeepOptions) claim() (io.Closer, error) {
	if err := checkPath(o.File); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(o.File+".upkeep", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim ledger: %w", err)
	}
	if err := share(f, true); err != nil {
		if errors.Is(err, ErrBusy) {
			err = &BusyError{Program: "another prism that makes it anew"}
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// discard removes a file and its log, if they are there.
func discard(file string) error {
	for _, path := range []string{file, file + walExt} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", path, err)
		}
	}
	return nil
}

// swapIn puts a finished file in the place of the ledger. What its predecessor had folded
// meanwhile is folded again, since the new file says how far it goes itself. Whoever has the old
// file open keeps it. keepAs is where the old file goes; "" = away.
func (o *UpkeepOptions) swapIn(ctx context.Context, fresh, keepAs string) error {
	if _, err := os.Stat(fresh + walExt); err == nil {
		return fmt.Errorf("swap ledger: %s was not closed in order", fresh)
	}
	if err := durable(fresh); err != nil {
		return fmt.Errorf("swap ledger: %w", err)
	}
	old, err := os.OpenFile(o.File, os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("swap ledger: %w", err)
	default:
		defer old.Close() // and with it goes the lock
		if err := patiently(ctx, o.Patience, func() error { return share(old, true) }); err != nil {
			return fmt.Errorf("swap ledger: %w", err)
		}
		if keepAs != "" {
			if err := os.Rename(o.File, keepAs); err != nil {
				return fmt.Errorf("swap ledger: %w", err)
			}
		}
	}
	// The log belongs to the old file; what is in it is in the journal too.
	if err := os.Remove(o.File + walExt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("swap ledger: %w", err)
	}
	if err := os.Rename(fresh, o.File); err != nil {
		return fmt.Errorf("swap ledger: %w", err)
	}
	return durable(filepath.Dir(o.File))
}

// catchUp folds into the new file what came while it was made. If somebody else does, so much
// the better.
func (o *UpkeepOptions) catchUp(ctx context.Context) error {
	f := folder{opt: o.FoldOptions}
	if err := f.once(ctx); err != nil && busy(err) == nil {
		return fmt.Errorf("fold what came meanwhile: %w", err)
	}
	return nil
}

// durable waits until a file or a folder is on the disk.
func durable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
