package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	// maxSnapshot bounds the database that is read into memory, in bytes.
	maxSnapshot = 512 << 20
	// snapshotTries is how often a database is read that another program is writing to.
	snapshotTries = 8
	// snapshotPause is how long its writer is given between two tries.
	snapshotPause = 50 * time.Millisecond
)

// Snapshot reads a database as it is at one moment, with what its owner has committed to the log
// beside it, and opens that copy, which is in memory only. SQLite itself never opens the file: it would
// put files of its own beside it and take locks. An export is opened as [Open] does.
func Snapshot(ctx context.Context, path string) (*File, error) {
	isDatabase, _, err := look(path)
	if err != nil {
		return nil, err
	}
	if !isDatabase {
		return Open(ctx, path, nil)
	}
	for n := range snapshotTries {
		if n > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(snapshotPause):
			}
		}
		var pages []byte
		if pages, err = readAtOnce(ctx, path); err == nil {
			return openPages(ctx, pages)
		}
		if !errors.Is(err, ErrBusy) {
			return nil, err
		}
	}
	return nil, err
}

// readAtOnce reads a database and its log, and returns ErrBusy if one of them changed meanwhile.
func readAtOnce(ctx context.Context, path string) ([]byte, error) {
	before := statesOf(path)
	if before[2].size > 0 {
		// A rollback journal: its owner is in the middle of a change, unless it keeps the file for the next one.
		if hot, err := isHot(path + "-journal"); hot || err != nil {
			return nil, errors.Join(ErrBusy, err)
		}
	}
	if before[0].size+before[1].size > maxSnapshot {
		return nil, ErrTooLarge
	}
	pages, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	log, err := readBounded(path + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if statesOf(path) != before {
		return nil, ErrBusy
	}
	return withLog(ctx, pages, log)
}

// isHot tells whether a rollback journal belongs to a change that has not ended. With journal_mode=persist
// the file stays, and its header is overwritten with zeros; SQLite looks at the first byte too.
func isHot(journal string) (bool, error) {
	f, err := os.Open(journal)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the change ended just now; that is seen when all has been read
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	first := make([]byte, 1)
	_, err = io.ReadFull(f, first)
	return err != nil || first[0] != 0, nil
}

// fileState tells one version of a file from another.
type fileState struct {
	size     int64
	modified time.Time
}

// statesOf looks at the database, its log and its rollback journal.
func statesOf(path string) (s [3]fileState) {
	for i, end := range []string{"", "-wal", "-journal"} {
		if st, err := os.Stat(path + end); err == nil {
			s[i] = fileState{st.Size(), st.ModTime()}
		}
	}
	return s
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSnapshot+1))
	if err == nil && len(data) > maxSnapshot {
		err = ErrTooLarge
	}
	return data, err
}

// openPages opens a database that is in memory.
func openPages(ctx context.Context, pages []byte) (*File, error) {
	db, err := sql.Open("sqlite", "file::memory:?_pragma=trusted_schema(0)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // another connection would be to another memory
	db.SetConnMaxIdleTime(0)
	if err := load(ctx, db, pages); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrDatabase, err), db.Close())
	}
	return &File{&database{db, func(int64) {}}, -1}, nil
}

// load gives the one connection its content.
func load(ctx context.Context, db *sql.DB, pages []byte) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		memory, ok := driver.(interface{ Deserialize(buf []byte) error })
		if !ok {
			return errors.New("the driver cannot read from memory")
		}
		return memory.Deserialize(pages)
	})
}
