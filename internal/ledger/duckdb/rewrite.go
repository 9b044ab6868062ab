package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Rewritten is what came of making the file anew from itself.
type Rewritten struct {
	RowsBefore  int64     `json:"rows_before"` // of all tables that are folded
	RowsAfter   int64     `json:"rows_after"`
	BytesBefore int64     `json:"bytes_before"` // of the file
	BytesAfter  int64     `json:"bytes_after"`
	KeepFrom    time.Time `json:"keep_from,omitzero"` // rows from before are not in it
}

// errEarlier says that a ledger was not folded since prism was brought up to date.
var errEarlier = errors.New("the ledger is of an earlier version; the next fold brings it up to date")

// Compact writes the ledger into a new file, which has no gaps, and swaps it in.
func Compact(ctx context.Context, opt UpkeepOptions) (res Rewritten, err error) {
	opt = opt.withDefaults()
	defer func() { err = opt.inShort(err) }()
	claim, err := opt.claim()
	if err != nil {
		return res, err
	}
	defer claim.Close()
	res, err = opt.rewrite(ctx, time.Time{})
	if err != nil {
		return res, err
	}
	return res, opt.catchUp(ctx)
}

// rewriteSettings are foldSettings, with another ledger attached before the doors are closed.
func rewriteSettings(old string) string {
	return guards + `
set threads = 2;
set memory_limit = '1GB';
attach ` + quote(old) + ` as old_ledger (read_only);
set enable_external_access = false;
set lock_configuration = true;`
}

// dated is a table that is folded, and the column that says from when a row is.
type dated struct {
	table, instant string
	count          func(*meta) *uint64
}

// datedTables lists the tables that are folded.
func datedTables() []dated {
	return []dated{
		{"requests", "started_at", func(m *meta) *uint64 { return &m.Requests }},
		{"config_events", "event_at", func(m *meta) *uint64 { return &m.Events }},
		{"corrections", "corrected_at", func(m *meta) *uint64 { return &m.Corrections }},
		{"alerts", "event_at", func(m *meta) *uint64 { return &m.Alerts }},
		{"health_events", "event_at", func(m *meta) *uint64 { return &m.Health }},
	}
}

// rewrite copies the ledger, without the rows from before keepFrom, and swaps the copy in. The
// old file is held for reading meanwhile, so that nobody folds into it.
func (o *UpkeepOptions) rewrite(ctx context.Context, keepFrom time.Time) (res Rewritten, err error) {
	st, err := os.Stat(o.File)
	if err != nil {
		return res, fmt.Errorf("rewrite ledger: %w", err)
	}
	res.BytesBefore = st.Size()
	fresh := o.File + newExt
	if err := discard(fresh); err != nil {
		return res, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(fresh))
		}
	}()
	err = patiently(ctx, o.Patience, func() error { return o.copyInto(ctx, fresh, keepFrom, &res) })
	if err != nil {
		return res, err
	}
	if st, err = os.Stat(fresh); err != nil {
		return res, fmt.Errorf("rewrite ledger: %w", err)
	}
	res.BytesAfter = st.Size()
	return res, o.swapIn(ctx, fresh, "")
}

// copyInto makes the file fresh of the ledger.
func (o *UpkeepOptions) copyInto(ctx context.Context, fresh string, keepFrom time.Time, res *Rewritten) (err error) {
	db, err := connect(ctx, fresh+foldFile, rewriteSettings(o.File))
	if b := busy(err); b != nil {
		return b
	}
	if err != nil {
		return fmt.Errorf("rewrite ledger: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := os.Chmod(fresh, 0o600); err != nil {
		return fmt.Errorf("rewrite ledger: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("rewrite ledger: %w", err)
	}
	defer conn.Close()
	c := copier{o: o, conn: conn, res: res}
	return c.run(ctx, keepFrom)
}

// copier copies one ledger into another.
type copier struct {
	o     *UpkeepOptions
	conn  *sql.Conn
	res   *Rewritten
	old   meta
	fresh meta
	total int64
}

func (c *copier) run(ctx context.Context, keepFrom time.Time) error {
	var err error
	if c.old, err = metaOf(ctx, c.conn, "old_ledger.ledger_meta"); err != nil {
		return err
	}
	if c.old.Schema < presentSchema {
		return fmt.Errorf("rewrite ledger: %w", errEarlier)
	}
	if err := migrate(ctx, c.conn, &c.fresh); err != nil {
		return err
	}
	c.fresh.KeepFrom = c.old.KeepFrom
	if c.old.KeepFrom == nil && !keepFrom.IsZero() || c.old.KeepFrom != nil && keepFrom.After(c.old.KeepFrom.Time) {
		c.fresh.KeepFrom = &instant{keepFrom}
	}
	if c.fresh.KeepFrom != nil {
		c.res.KeepFrom = c.fresh.KeepFrom.Time
	}
	for _, d := range datedTables() {
		c.total += int64(*d.count(&c.old))
	}
	c.res.RowsBefore, c.res.RowsAfter = 0, 0
	for _, d := range datedTables() {
		n, err := c.table(ctx, d.table, d.instant)
		if err != nil {
			return err
		}
		*d.count(&c.fresh) = uint64(n)
		c.res.RowsAfter += n
	}
	return c.finish(ctx)
}

// copyRows is how many rows are copied at a time.
const copyRows = 200_000

// table copies the rows of a table, in order, and returns how many were kept.
func (c *copier) table(ctx context.Context, table, column string) (kept int64, err error) {
	var rows int64
	if err := c.conn.QueryRowContext(ctx, "select count(*) from old_ledger."+table).Scan(&rows); err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	condition, args := "", []any{}
	if c.fresh.KeepFrom != nil {
		condition, args = fmt.Sprintf(" and (%[1]s is null or %[1]s >= ?)", column), []any{c.fresh.KeepFrom.Time}
	}
	for from := int64(0); from < rows; from += copyRows {
		statement := fmt.Sprintf("insert into %[1]s by name select * from old_ledger.%[1]s where rowid >= %[2]d and rowid < %[3]d", table, from, from+copyRows)
		done, err := c.conn.ExecContext(ctx, statement+condition, args...)
		if err != nil {
			return kept, fmt.Errorf("copy rows of %s: %w", table, err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return kept, fmt.Errorf("copy rows of %s: %w", table, err)
		}
		kept += n
		c.o.Progress(min(c.res.RowsBefore+from+copyRows, c.total), c.total)
	}
	c.res.RowsBefore += rows
	return kept, nil
}

// finish copies the price book and writes down how far the file goes.
func (c *copier) finish(ctx context.Context) error {
	if c.old.ViewsHash == c.fresh.ViewsHash {
		if _, err := c.conn.ExecContext(ctx, "insert into prices by name select * from old_ledger.prices"); err != nil {
			return fmt.Errorf("copy price book: %w", err)
		}
		c.fresh.PricesHash = c.old.PricesHash
	}
	c.fresh.Fold, c.fresh.Segment, c.fresh.Offset, c.fresh.Run, c.fresh.Seq = c.old.Fold, c.old.Segment, c.old.Offset, c.old.Run, c.old.Seq
	if err := c.fresh.write(ctx, c.conn); err != nil {
		return err
	}
	return agree(ctx, c.conn, &c.fresh)
}
