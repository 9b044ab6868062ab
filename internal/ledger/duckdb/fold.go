package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"prism/internal/ledger"
)

// FoldOptions say what is folded, and into what. They travel as JSON to a child process.
type FoldOptions struct {
	File       string           // the DuckDB file; made if missing
	JournalDir string           // folder of the segments
	ArchiveDir string           // folder of the packed ones
	Prices     []PriceRow       // the price book; nil = leave table prices as it is
	Now        func() time.Time `json:"-"` // names files that are moved aside; default time.Now
}

// foldSettings bound what a fold takes from the machine.
const foldSettings = guards + `
set threads = 1;
set memory_limit = '512MB';
set checkpoint_threshold = '16MB';
set enable_external_access = false;
set lock_configuration = true;`

// foldFile gives new files small blocks. A fold allocates and clears several blocks for every
// column, and there are more than a hundred: with the usual 256 KiB, a fold of one row costs
// half as much again. Still smaller blocks save no more, but make the file larger.
const foldFile = "?default_block_size=65536"

// foldAttempts is how often a fold begins: as it is, after a failure of the instance, without
// the log, without the file.
const foldAttempts = 4

// Fold appends what the journal has and the file has not, in transactions that each hold rows
// and the place up to which they go, and then moves finished segments to the archive. A file
// that another process holds gives a [BusyError] and a result that names the holder. A file
// that is damaged is moved aside and made anew; the notes of the result say so. One fold at a
// time may run on a file; the caller sees to that.
func Fold(ctx context.Context, opt FoldOptions) (ledger.FoldResult, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if err := checkPath(opt.File); err != nil {
		return ledger.FoldResult{Err: err.Error()}, err
	}
	if err := os.MkdirAll(filepath.Dir(opt.File), 0o700); err != nil {
		return ledger.FoldResult{Err: err.Error()}, fmt.Errorf("make ledger folder: %w", err)
	}
	f := folder{opt: opt}
	f.begin()
	defer f.survived()
	err := f.once(ctx)
	for attempt := 1; err != nil && attempt < foldAttempts && f.mend(err); attempt++ {
		// The commit may be durable all the same: begin anew from the watermark in the file.
		err = f.once(ctx)
	}
	if b := busy(err); b != nil {
		f.res.Holder = b.Holder()
		return f.res, b
	}
	if err != nil {
		err = fmt.Errorf("fold into %s: %w", opt.File, inShort(err))
		f.res.Err = err.Error()
		return f.res, err
	}
	f.res.Archived, err = ledger.Archive(opt.JournalDir, opt.ArchiveDir, f.res.Watermark)
	if err != nil { // the rows are safe, the rest can wait
		f.res.Notes = append(f.res.Notes, fmt.Sprintf("archive: %v", err))
	}
	return f.res, nil
}

// folder is the state of one [Fold].
type folder struct {
	opt    FoldOptions
	res    ledger.FoldResult
	sound  bool // the file was opened and its tables agree with its watermark
	wary   bool // a line made DuckDB fail
	moved  bool // the log is out of the way
	faults int
	read   func(int64) // told how many more bytes of the journal were read; may be nil
}

// once opens the file, brings it up to date, and closes it.
func (f *folder) once(ctx context.Context) error {
	f.sound = false
	db, err := f.open(ctx)
	if err != nil {
		return err
	}
	err = f.use(ctx, db)
	// Closing checkpoints; the log that is left if that fails is replayed by the next open.
	return errors.Join(err, db.Close())
}

func (f *folder) open(ctx context.Context) (*sql.DB, error) {
	db, err := connect(ctx, f.opt.File+foldFile, foldSettings)
	if err != nil {
		return nil, err
	}
	// DuckDB makes files that everybody may read.
	if err := os.Chmod(f.opt.File, 0o600); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (f *folder) use(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	m, err := readMeta(ctx, conn)
	if err != nil {
		return err
	}
	if m.Fold == 0 { // what was let go is not to come back
		if err := f.horizon(&m); err != nil {
			return err
		}
	}
	if err := migrate(ctx, conn, &m); err != nil {
		return err
	}
	if err := agree(ctx, conn, &m); err != nil {
		return err
	}
	f.sound = true
	if err := replacePrices(ctx, conn, &m, f.opt.Prices); err != nil {
		return err
	}
	return f.project(ctx, conn, &m)
}

// horizon notes in the meta of a new file how far back it goes.
func (f *folder) horizon(m *meta) error {
	h, err := ledger.ReadHorizon(f.opt.ArchiveDir)
	if err != nil {
		return err
	}
	if !h.KeepFrom.IsZero() {
		m.KeepFrom = &instant{h.KeepFrom}
	}
	return nil
}

// agree compares the tables with what the last fold said of them.
func agree(ctx context.Context, conn querier, m *meta) error {
	var parts []string
	for _, d := range datedTables() {
		parts = append(parts, "(select count(*) from "+d.table+")")
	}
	counts := make([]uint64, len(parts))
	into := make([]any, len(parts))
	for i := range counts {
		into[i] = &counts[i]
	}
	if err := conn.QueryRowContext(ctx, "select "+strings.Join(parts, ", ")).Scan(into...); err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	var differ []string
	for i, d := range datedTables() {
		if want := *d.count(m); counts[i] != want {
			differ = append(differ, fmt.Sprintf("%d of %d %s", counts[i], want, strings.ReplaceAll(d.table, "_", " ")))
		}
	}
	if differ != nil {
		return fmt.Errorf("tables and watermark disagree: %s", strings.Join(differ, ", "))
	}
	return nil
}

// mend does what may let another attempt succeed, and tells whether it did anything.
func (f *folder) mend(err error) bool {
	switch {
	case busy(err) != nil:
		return false
	case damaged(err):
		f.failed(err)
	case unreadable(err) && !f.wary:
		f.wary = true
	default:
		return false
	}
	return true
}

// failed moves aside what keeps the file from being used: its log first, then all of it. An
// instance that fails on a file that was sound gets one more chance with everything in place.
func (f *folder) failed(cause error) {
	if f.faults++; f.sound && f.faults == 1 {
		return
	}
	paths := []string{f.opt.File + ".wal"}
	if _, err := os.Stat(paths[0]); err != nil || f.moved {
		paths = append(paths, f.opt.File)
	}
	f.moved = true
	f.aside(cause, paths...)
}

// aside moves files out of the way, and notes why.
func (f *folder) aside(cause error, paths ...string) {
	suffix := ".corrupt-" + f.opt.Now().UTC().Format("20060102T150405.000")
	for _, path := range paths {
		if err := os.Rename(path, path+suffix); err == nil {
			f.res.Notes = append(f.res.Notes, fmt.Sprintf("%s was damaged (%v) and is now %s; the ledger was completed from the journal", path, cause, path+suffix))
		}
	}
}
