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

// VerifyOptions say what is compared.
type VerifyOptions struct {
	File       string
	JournalDir string
	ArchiveDir string
	Prices     []PriceRow        // the price book; nil = table prices is not compared
	Growing    bool              // a gateway writes to the journal: its last line may be incomplete
	Progress   func(bytes int64) // told how many more bytes were read; may be nil
	Patience   time.Duration     // how long to wait for a fold to end; default 10 s
}

// Stores of a [Finding].
const (
	StoreJournal  = "journal"
	StoreArchive  = "archive"
	StoreDatabase = "database"
)

// Finding is one place where a store is damaged, or where the database differs from the journal.
type Finding struct {
	Store     string `json:"store"`            // journal, archive or database
	File      string `json:"file"`             // path
	Offset    int64  `json:"offset"`           // in the file, or in the unpacked segment; -1 = none
	Table     string `json:"table,omitempty"`  // of the database
	Row       int64  `json:"row"`              // of the table, from 0; -1 = none
	Column    string `json:"column,omitempty"` // the first that differs
	RequestID string `json:"request_id,omitempty"`
	What      string `json:"what"`
	Journal   string `json:"journal,omitempty"`  // the value as the journal has it
	Database  string `json:"database,omitempty"` // and as the database has it
}

// Report is the outcome of [Verify].
type Report struct {
	Segments int              `json:"segments"` // of the journal
	Archived int              `json:"archived"` // segments of the archive
	Records  int64            `json:"records"`  // intact ones, of all kinds
	Waiting  int64            `json:"waiting"`  // records that are not folded yet
	Blocks   int64            `json:"blocks"`   // of the database
	Rows     map[string]int64 `json:"rows"`     // compared, by table
	KeepFrom *time.Time       `json:"keep_from,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	Findings []Finding        `json:"findings"` // the first ones
	Count    int64            `json:"count"`    // all of them
	Compared bool             `json:"compared"` // the rows were compared; false = the file cannot be trusted to be opened
}

// maxFindings bounds what a report holds, and maxDifferences after how many the rows are not
// compared any more.
const (
	maxFindings    = 50
	maxDifferences = 1000
)

// Sound tells whether nothing was found.
func (r *Report) Sound() bool { return r.Count == 0 }

func (r *Report) add(f Finding) {
	r.Count++
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, f)
	}
}

const defaultPatience = 10 * time.Second

// Verify reads every byte of the journal, of its archive and of the database, and compares the
// rows of the database with the records they came from, in order. It changes nothing, and keeps
// folds away while it reads the database. An error means that it could not look; what it found
// is in the report.
func Verify(ctx context.Context, opt VerifyOptions) (*Report, error) {
	if err := checkPath(opt.File); err != nil {
		return nil, err
	}
	if opt.Patience == 0 {
		opt.Patience = defaultPatience
	}
	v := &verifier{opt: opt, report: &Report{Rows: map[string]int64{}, Findings: []Finding{}}}
	file, err := v.blocks(ctx)
	if err != nil {
		return nil, err
	}
	if file != nil {
		defer file.Close() // at last: closing it lets go of the lock, DuckDB's own included
	}
	if err := v.inventory(); err != nil {
		return nil, err
	}
	if file == nil && len(v.paths) > 0 {
		v.report.add(Finding{Store: StoreDatabase, File: opt.File, Offset: -1, Row: -1, What: "the file is missing"})
	}
	if err := v.rows(ctx, file != nil && v.report.Sound()); err != nil {
		return nil, err
	}
	return v.report, v.horizon()
}

// verifier is the state of one [Verify].
type verifier struct {
	opt     VerifyOptions
	report  *Report
	paths   map[string]ledger.SegmentInfo
	last    string           // name of the newest segment
	mark    ledger.Watermark // of the database
	damaged bool             // damage was seen since the last intact record
	compare *comparer        // nil = the database is not looked at
}

// inventory finds out which segments there are.
func (v *verifier) inventory() error {
	list, err := ledger.Segments(v.opt.JournalDir, v.opt.ArchiveDir)
	if err != nil {
		return err
	}
	v.paths = make(map[string]ledger.SegmentInfo, len(list))
	for _, s := range list {
		v.paths[s.Name] = s
		v.last = s.Name
		if s.Archived {
			v.report.Archived++
		} else {
			v.report.Segments++
		}
	}
	return nil
}

// horizon looks whether archive and database agree on how far back the ledger goes. Where a
// collection was cut short the archive is ahead.
func (v *verifier) horizon() error {
	h, err := ledger.ReadHorizon(v.opt.ArchiveDir)
	f := Finding{Store: StoreArchive, File: ledger.HorizonPath(v.opt.ArchiveDir), Offset: -1, Row: -1}
	const mended = "; prism ledger rebuild writes it as the database has it"
	switch {
	case errors.Is(err, ledger.ErrHorizon):
		f.What = "the file is damaged" + mended
	case err != nil:
		return err
	case v.report.KeepFrom != nil && h.KeepFrom.Before(*v.report.KeepFrom):
		f.What = "it does not say that rows are kept from " + v.report.KeepFrom.Format(time.RFC3339) + " on" + mended
	default:
		return nil
	}
	v.report.add(f)
	return nil
}

// blocks checks the file of the database as bytes, and returns it with a lock for reading. A
// file that does not exist is nil.
func (v *verifier) blocks(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(v.opt.File, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("verify ledger: %w", err)
	}
	if err := patiently(ctx, v.opt.Patience, func() error { return share(f, false) }); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	faults, count, err := checkFile(f, v.opt.Progress)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	v.report.Blocks = count
	for _, b := range faults {
		v.report.add(Finding{Store: StoreDatabase, File: v.opt.File, Offset: b.Offset, Row: -1, What: b.What})
	}
	return f, nil
}

// patiently repeats fn while something else holds the ledger.
func patiently(ctx context.Context, patience time.Duration, fn func() error) error {
	const step = 50 * time.Millisecond
	for began := time.Now(); ; {
		err := fn()
		if !errors.Is(err, ErrBusy) || time.Since(began) >= patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
	}
}

// openPatiently is [OpenReader] that waits for a fold to end. A lock of our own on the file does
// not keep that away: DuckDB looks at the file and closes it before it opens it for good, and
// with that the lock is gone.
func openPatiently(ctx context.Context, file string, patience time.Duration) (db *sql.DB, err error) {
	err = patiently(ctx, patience, func() error {
		db, err = OpenReader(ctx, file, ReaderOptions{})
		return err
	})
	return db, err
}

// rows reads the journal and its archive, and compares with the database if that can be opened.
func (v *verifier) rows(ctx context.Context, sound bool) error {
	if !sound {
		return v.read(ctx)
	}
	db, err := openPatiently(ctx, v.opt.File, v.opt.Patience)
	if err != nil && damaged(err) {
		v.report.add(Finding{Store: StoreDatabase, File: v.opt.File, Offset: -1, Row: -1, What: err.Error()})
		return v.read(ctx)
	}
	if err != nil {
		return err
	}
	defer db.Close()
	if err := v.open(ctx, db); err != nil {
		return err
	}
	return v.read(ctx)
}

// open prepares the comparison with a database.
func (v *verifier) open(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	m, err := readMeta(ctx, conn)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	v.mark = m.mark()
	if m.Schema < presentSchema {
		v.report.Notes = append(v.report.Notes, "the database is of an earlier version; the next fold brings it up to date, and its rows are compared then")
		return conn.Close()
	}
	if m.KeepFrom != nil {
		v.report.KeepFrom = &m.KeepFrom.Time
	}
	v.report.Compared = true
	if err := agree(ctx, conn, &m); err != nil {
		v.report.add(Finding{Store: StoreDatabase, File: v.opt.File, Offset: -1, Row: -1, What: err.Error()})
	}
	v.compare, err = newComparer(ctx, conn, v)
	return err
}

// read goes through all records.
func (v *verifier) read(ctx context.Context) error {
	source := ledger.Source{
		Journal: v.opt.JournalDir, Archive: v.opt.ArchiveDir, OnDamage: v.damage, OnGap: v.gap, OnBytes: v.opt.Progress,
	}
	mark, err := source.Read(ledger.Watermark{}, func(r *ledger.Record) error {
		v.damaged = false
		v.report.Records++
		if err := ctx.Err(); err != nil {
			return err
		}
		return v.record(ctx, r)
	})
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	v.tail(mark)
	if v.compare == nil {
		return nil
	}
	defer v.compare.close()
	if err := v.compare.finish(ctx); err != nil || !v.report.Sound() {
		return err
	}
	return v.definitions(ctx, v.compare.conn, v.compare.meta)
}

// record looks at one record.
func (v *verifier) record(ctx context.Context, r *ledger.Record) error {
	folded := r.Segment < v.mark.Segment || r.Segment == v.mark.Segment && r.End <= v.mark.Offset
	if !folded {
		if r.Kind.Projected() {
			v.report.Waiting++
		}
		return nil
	}
	if v.compare == nil || !r.Kind.Projected() {
		return nil
	}
	return v.compare.add(ctx, r)
}

// tail looks at where the journal ends.
func (v *verifier) tail(mark ledger.Watermark) {
	if v.mark.Segment != "" && (mark.Segment < v.mark.Segment || mark.Segment == v.mark.Segment && mark.Offset < v.mark.Offset) {
		v.report.add(v.in(v.mark.Segment, mark.Offset, fmt.Sprintf("the journal ends before byte %d of it, up to which it was folded", v.mark.Offset)))
		return
	}
	s, ok := v.paths[v.last]
	if !ok || s.Archived || v.opt.Growing || mark.Segment != v.last {
		return
	}
	if st, err := os.Stat(s.Path); err == nil && st.Size() > mark.Offset {
		v.report.add(v.in(v.last, mark.Offset, "the last line is not complete"))
	}
}

// in returns a finding in a segment.
func (v *verifier) in(segment string, offset int64, what string) Finding {
	f := Finding{Store: StoreJournal, File: segment, Offset: offset, Row: -1, What: what}
	if s, ok := v.paths[segment]; ok {
		f.File = s.Path
		if s.Archived {
			f.Store = StoreArchive
		}
	}
	return f
}

func (v *verifier) damage(d ledger.Damage) {
	v.damaged = true
	what := d.What
	switch {
	case what == "":
		what = fmt.Sprintf("%d bytes hold no intact record", d.To-d.From)
	case d.To < 0:
		what += "; the rest of the segment is lost"
	}
	v.report.add(v.in(d.Segment, d.From, what))
}

func (v *verifier) gap(g ledger.Gap) {
	if v.damaged {
		return // that is what the damage held
	}
	v.report.add(v.in(g.Segment, g.Offset, fmt.Sprintf("%d records before this place are missing", g.Missing())))
}
