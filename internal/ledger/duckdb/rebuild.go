package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
)

// ErrFewer says that a rebuild would give fewer rows than the ledger has.
var ErrFewer = errors.New("journal and archive hold fewer rows than the ledger")

// Rebuilt is what came of a rebuild.
type Rebuilt struct {
	Before *Counts  `json:"before"`          // rows of the ledger it replaced; nil = there was none that could be read
	After  Counts   `json:"after"`           // rows now
	Aside  string   `json:"aside,omitempty"` // where a damaged ledger is now
	Notes  []string `json:"notes,omitempty"` // damage of journal and archive
}

// Counts are the rows of the tables that are folded.
type Counts struct {
	Requests    int64 `json:"requests"`
	Events      int64 `json:"config_events"`
	Corrections int64 `json:"corrections"`
	Alerts      int64 `json:"alerts"`
	Health      int64 `json:"health_events"`
}

// short says of which rows c has fewer than other; "" = of none.
func (c Counts) short(other Counts) string {
	var list []string
	for _, t := range []struct {
		name      string
		has, want int64
	}{
		{"requests", c.Requests, other.Requests},
		{"corrections", c.Corrections, other.Corrections},
		{"config events", c.Events, other.Events},
		{"alerts", c.Alerts, other.Alerts},
		{"health events", c.Health, other.Health},
	} {
		if t.has < t.want {
			list = append(list, fmt.Sprintf("%d of %d %s", t.has, t.want, t.name))
		}
	}
	return strings.Join(list, ", ")
}

// Rebuild makes the ledger anew from journal and archive and swaps it in. Where that would give
// fewer rows than there are, it stops with [ErrFewer] and leaves everything as it is, unless it
// is forced. A ledger that is damaged is kept aside.
func Rebuild(ctx context.Context, opt UpkeepOptions, force bool) (res Rebuilt, err error) {
	opt = opt.withDefaults()
	defer func() { err = opt.inShort(err) }()
	claim, err := opt.claim()
	if err != nil {
		return res, err
	}
	defer claim.Close()
	fresh := opt.File + newExt
	if err := discard(fresh); err != nil {
		return res, err
	}
	before, sound, err := opt.present(ctx)
	if err != nil {
		return res, err
	}
	res.Before = before
	if err := opt.build(ctx, fresh, &res); err != nil {
		return res, errors.Join(fmt.Errorf("rebuild ledger: %w", err), discard(fresh))
	}
	if before != nil && !force {
		if short := res.After.short(*before); short != "" {
			return res, errors.Join(fmt.Errorf("rebuild ledger: %w: %s", ErrFewer, short), discard(fresh))
		}
	}
	if !sound {
		res.Aside = opt.File + ".corrupt-" + opt.Now().UTC().Format("20060102T150405.000")
	}
	if err := opt.swapIn(ctx, fresh, res.Aside); err != nil {
		return res, errors.Join(err, discard(fresh))
	}
	return res, opt.catchUp(ctx)
}

// present counts the rows of the ledger that is there, those left out that would not be kept
// now. A ledger that cannot be trusted to be opened is not sound, and one that does not exist
// has no counts.
func (o *UpkeepOptions) present(ctx context.Context) (counts *Counts, sound bool, err error) {
	f, err := os.Open(o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("rebuild ledger: %w", err)
	}
	defer f.Close()
	if err := patiently(ctx, o.Patience, func() error { return share(f, false) }); err != nil {
		return nil, false, err
	}
	faults, _, err := checkFile(f, nil)
	if err != nil || len(faults) > 0 {
		return nil, false, err
	}
	db, err := openPatiently(ctx, o.File, o.Patience)
	if err != nil {
		if damaged(err) {
			return nil, false, nil
		}
		return nil, false, err
	}
	defer db.Close()
	horizon, err := o.mendHorizon(ctx, db)
	if err != nil {
		return nil, false, err
	}
	counts, err = countRows(ctx, db, horizon.KeepFrom)
	return counts, err == nil, err
}

// mendHorizon reads how far back the archive goes. Where that is damaged or lost the ledger that
// is there knows it too, and it is written down again.
func (o *UpkeepOptions) mendHorizon(ctx context.Context, db querier) (ledger.Horizon, error) {
	h, err := ledger.ReadHorizon(o.ArchiveDir)
	if err != nil && !errors.Is(err, ledger.ErrHorizon) {
		return h, err
	}
	m, failed := readMeta(ctx, db)
	if failed != nil {
		return h, errors.Join(err, failed)
	}
	var known time.Time
	if m.KeepFrom != nil {
		known = m.KeepFrom.Time
	}
	if err == nil && !h.KeepFrom.Before(known) {
		return h, nil
	}
	h = ledger.Horizon{KeepFrom: known, SetAt: h.SetAt}
	return h, h.Write(o.ArchiveDir)
}

// countRows counts what is not older than keepFrom; a table that an earlier version did not make
// has none.
func countRows(ctx context.Context, db querier, keepFrom time.Time) (*Counts, error) {
	var c Counts
	into := []*int64{&c.Requests, &c.Events, &c.Corrections, &c.Alerts, &c.Health}
	for i, d := range datedTables() {
		var there bool
		if err := db.QueryRowContext(ctx, "select count(*) > 0 from duckdb_tables() where table_name = ?", d.table).Scan(&there); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		if !there {
			continue
		}
		statement := fmt.Sprintf("select count(*) from %[1]s where %[2]s is null or %[2]s >= ?", d.table, d.instant)
		if err := db.QueryRowContext(ctx, statement, keepFrom).Scan(into[i]); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
	}
	return &c, nil
}

// build folds everything into a new file.
func (o *UpkeepOptions) build(ctx context.Context, fresh string, res *Rebuilt) error {
	list, err := ledger.Segments(o.JournalDir, o.ArchiveDir)
	if err != nil {
		return err
	}
	var total, done int64
	for _, s := range list {
		total += s.Bytes
	}
	f := folder{opt: o.FoldOptions}
	f.opt.File = fresh
	f.read = func(n int64) {
		done += n
		o.Progress(done, total)
	}
	err = f.once(ctx)
	if err != nil && unreadable(err) {
		f.wary = true
		err = f.once(ctx)
	}
	if err != nil {
		return err
	}
	res.Notes = f.res.Notes
	db, err := OpenReader(ctx, fresh, ReaderOptions{})
	if err != nil {
		return err
	}
	counts, err := countRows(ctx, db, time.Time{})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	res.After = *counts
	return nil
}
