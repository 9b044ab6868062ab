package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"prism/internal/ledger"
)

// Info is what there is of a ledger.
type Info struct {
	File         string     `json:"file"`
	Bytes        int64      `json:"bytes"`               // of the file
	FreeBytes    int64      `json:"free_bytes"`          // of it that hold nothing
	Holder       string     `json:"holder,omitempty"`    // who keeps us from reading it
	Schema       int        `json:"schema_version"`      // the last migration
	Counts       *Counts    `json:"rows"`                // nil = it could not be read
	First        *time.Time `json:"first,omitempty"`     // when the oldest request began
	Last         *time.Time `json:"last,omitempty"`      // and the newest
	FoldedAt     *time.Time `json:"folded_at,omitempty"` // the last fold that added something
	KeepFrom     *time.Time `json:"keep_from,omitempty"` // rows from before were let go of
	Segments     int        `json:"journal_segments"`    // of the journal
	Journal      int64      `json:"journal_bytes"`
	Archived     int        `json:"archive_segments"` // packed
	Archive      int64      `json:"archive_bytes"`
	ArchivedFrom *time.Time `json:"archive_from,omitempty"` // when the oldest packed segment was begun
}

// Look returns what there is of a ledger, without folding. A file that another process holds is
// an Info that names the holder.
func Look(ctx context.Context, opt FoldOptions) (Info, error) {
	info := Info{File: opt.File}
	list, err := ledger.Segments(opt.JournalDir, opt.ArchiveDir)
	if err != nil {
		return info, err
	}
	for _, s := range list {
		if !s.Archived {
			info.Segments++
			info.Journal += s.Bytes
			continue
		}
		if info.Archived == 0 {
			info.ArchivedFrom = &s.BeganAt
		}
		info.Archived++
		info.Archive += s.Bytes
	}
	st, err := os.Stat(opt.File)
	if errors.Is(err, fs.ErrNotExist) {
		return info, nil
	}
	if err != nil {
		return info, fmt.Errorf("look at ledger: %w", err)
	}
	info.Bytes = st.Size()
	db, err := OpenReader(ctx, opt.File, ReaderOptions{})
	if b, held := errors.AsType[*BusyError](err); held {
		info.Holder = b.Holder()
		return info, nil
	}
	if err != nil {
		return info, err
	}
	defer db.Close()
	return info, info.read(ctx, db)
}

// read asks the database.
func (i *Info) read(ctx context.Context, db *sql.DB) error {
	m, err := readMeta(ctx, db)
	if err != nil {
		return err
	}
	i.Schema = m.Schema
	if m.KeepFrom != nil {
		i.KeepFrom = &m.KeepFrom.Time
	}
	if i.Counts, err = countRows(ctx, db, time.Time{}); err != nil {
		return err
	}
	err = db.QueryRowContext(ctx, `select (select min(started_at) from requests), (select max(started_at) from requests),
		(select max(folded_at) from ledger_meta), (select free_blocks * block_size from pragma_database_size() limit 1)`).
		Scan(&i.First, &i.Last, &i.FoldedAt, &i.FreeBytes)
	if err != nil {
		return fmt.Errorf("look at ledger: %w", err)
	}
	return nil
}
