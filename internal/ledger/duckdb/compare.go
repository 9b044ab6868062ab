package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	duck "github.com/duckdb/duckdb-go/v2"

	"prism/internal/ledger"
)

// compareRows is how many records are compared at a time.
const compareRows = 4096

// comparer compares records with the rows of a database, in order: both were written in the
// order of the journal. The records become rows the way the fold makes them, in a table of
// their own that is gone with the connection.
type comparer struct {
	conn   *sql.Conn
	v      *verifier
	meta   *meta
	tables map[ledger.Kind]*comparison
}

// comparison is how far a table has been compared.
type comparison struct {
	table   string
	key     []string // columns that tell which row it is; none = all of them
	columns []string
	shape   string
	records []staged
	row     int64 // the next one of the table
}

// staged is a record that waits to be compared.
type staged struct {
	line      string
	segment   string
	offset    int64
	recovered bool
}

func newComparer(ctx context.Context, conn *sql.Conn, v *verifier) (*comparer, error) {
	c := &comparer{conn: conn, v: v, tables: map[ledger.Kind]*comparison{
		ledger.KindClose:      {table: "requests", key: []string{"request_id"}},
		ledger.KindConfig:     {table: "config_events"},
		ledger.KindCorrection: {table: "corrections", key: []string{"request_id", "corrected_at"}},
		ledger.KindAlert:      {table: "alerts"},
		ledger.KindHealth:     {table: "health_events"},
	}}
	m, err := readMeta(ctx, conn)
	if err != nil {
		return nil, err
	}
	c.meta = &m
	for _, t := range c.tables {
		if t.shape, err = shape(ctx, conn, t.table); err != nil {
			return nil, err
		}
		if t.columns, err = columnsOf(ctx, conn, t.table); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func columnsOf(ctx context.Context, conn *sql.Conn, table string) ([]string, error) {
	rows, err := conn.QueryContext(ctx, `select name from pragma_table_info(?) order by cid`, table)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", table, err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read columns of %s: %w", table, err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (c *comparer) close() { _ = c.conn.Close() }

// full tells whether enough differences were seen.
func (c *comparer) full() bool { return c.v.report.Count >= maxDifferences }

// add compares a record, at once or with the next ones.
func (c *comparer) add(ctx context.Context, r *ledger.Record) error {
	if c.meta.KeepFrom != nil && !c.meta.keeps(r.At()) {
		return nil
	}
	t := c.tables[r.Kind]
	t.records = append(t.records, staged{string(r.JSON()), r.Segment, r.Start, r.Recovered})
	if len(t.records) < compareRows {
		return nil
	}
	return c.flush(ctx, t)
}

// finish compares what is left, and looks for rows that no record stands behind.
func (c *comparer) finish(ctx context.Context) error {
	for _, kind := range []ledger.Kind{ledger.KindClose, ledger.KindConfig, ledger.KindCorrection, ledger.KindAlert, ledger.KindHealth} {
		t := c.tables[kind]
		if err := c.flush(ctx, t); err != nil {
			return err
		}
		var rows int64
		if err := c.conn.QueryRowContext(ctx, "select count(*) from "+t.table).Scan(&rows); err != nil {
			return fmt.Errorf("count rows: %w", err)
		}
		if c.full() {
			c.v.report.Notes = append(c.v.report.Notes, "there are many differences; not every row was compared")
			return nil
		}
		if rows > t.row {
			c.extra(t, t.row, rows)
		}
		c.v.report.Rows[t.table] = rows
	}
	return nil
}

// flush compares the records that wait with the rows that follow.
func (c *comparer) flush(ctx context.Context, t *comparison) error {
	if len(t.records) == 0 || c.full() {
		t.records = t.records[:0]
		return nil
	}
	if err := c.stage(ctx, t); err != nil {
		return err
	}
	for i := int64(0); i < int64(len(t.records)) && !c.full(); {
		at, err := c.differs(ctx, t, i)
		if err != nil {
			return err
		}
		if at < 0 {
			t.row += int64(len(t.records)) - i
			break
		}
		t.row += at - i
		if i, err = c.explain(ctx, t, at); err != nil {
			return err
		}
	}
	t.records = t.records[:0]
	return nil
}

// stage makes rows of the records, in table expected.
func (c *comparer) stage(ctx context.Context, t *comparison) error {
	empty := `create or replace temp table expected as select * from {table} limit 0`
	if _, err := c.conn.ExecContext(ctx, t.statement(empty)); err != nil {
		return fmt.Errorf("stage records: %w", err)
	}
	err := c.conn.Raw(func(raw any) error {
		conn, ok := raw.(*duck.Conn)
		if !ok {
			return fmt.Errorf("connection is a %T", raw)
		}
		a, err := stage(conn, "expected", t.shape)
		if err != nil {
			return err
		}
		for i := range t.records {
			if err := a.AppendRow([]driver.Value{t.records[i].line}...); err != nil {
				_ = a.Close() // the first error counts
				return err
			}
		}
		return a.Close()
	})
	if err != nil {
		return fmt.Errorf("stage records: %w", err)
	}
	return nil
}

// differs returns the first record from number i on that is not like its row; -1 = none.
func (c *comparer) differs(ctx context.Context, t *comparison, i int64) (int64, error) {
	statement := t.statement(`select coalesce(min(e.i), -1) from (select rowid as i, * from expected where rowid >= {i}) e
		left join (select rowid - {row} + {i} as i, * from {table} where rowid >= {row} and rowid < {row} + {count}) r on r.i = e.i
		where r.i is null or {unlike}`, "{i}", i, "{row}", t.row, "{count}", int64(len(t.records))-i)
	var at int64
	if err := c.conn.QueryRowContext(ctx, statement).Scan(&at); err != nil {
		return 0, fmt.Errorf("compare rows of %s: %w", t.table, err)
	}
	return at, nil
}

// unlike is the condition that rows e and r differ in one of the columns.
func unlike(columns []string) string {
	parts := make([]string, len(columns))
	for i, name := range columns {
		parts[i] = fmt.Sprintf("e.%[1]s is distinct from r.%[1]s", name)
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// explain reports how record number at differs, and returns the number of the next record to be
// compared with row t.row.
func (c *comparer) explain(ctx context.Context, t *comparison, at int64) (int64, error) {
	same, err := c.matches(ctx, t, at, t.row)
	if err != nil {
		return 0, err
	}
	if same && len(t.key) > 0 {
		return at + 1, c.column(ctx, t, at)
	}
	if t.records[at].recovered {
		return at + 1, nil // the run before had closed it, and the fold knew
	}
	found, err := c.find(ctx, t, at)
	if err != nil {
		return 0, err
	}
	if found > t.row {
		c.extra(t, t.row, found)
		t.row = found
		return at, nil
	}
	if len(t.key) == 0 && at+1 < int64(len(t.records)) {
		// Without a key, a row is another one only if the next record has it.
		next, err := c.matches(ctx, t, at+1, t.row)
		if err != nil {
			return 0, err
		}
		if !next {
			return at + 1, c.column(ctx, t, at)
		}
	}
	f := c.finding(t, at)
	f.What = "the record has no row"
	c.v.report.add(f)
	return at + 1, nil
}

// identity is the condition that rows e and r are meant to be the same one.
func (t *comparison) identity() string {
	if len(t.key) == 0 {
		return "not " + unlike(t.columns)
	}
	return "not " + unlike(t.key)
}

// statement fills in the names of the table, and what the caller says.
func (t *comparison) statement(template string, pairs ...any) string {
	all := []string{"{table}", t.table, "{unlike}", unlike(t.columns), "{same}", t.identity()}
	for _, p := range pairs {
		all = append(all, fmt.Sprint(p))
	}
	return strings.NewReplacer(all...).Replace(template)
}

// matches tells whether a row is the one that belongs to a record.
func (c *comparer) matches(ctx context.Context, t *comparison, at, row int64) (bool, error) {
	statement := t.statement(`select count(*) > 0 from (select * from expected where rowid = {at}) e,
		(select * from {table} where rowid = {row}) r where {same}`, "{at}", at, "{row}", row)
	var yes bool
	if err := c.conn.QueryRowContext(ctx, statement).Scan(&yes); err != nil {
		return false, fmt.Errorf("compare rows of %s: %w", t.table, err)
	}
	return yes, nil
}

// find looks for the row of a record further on; -1 = there is none.
func (c *comparer) find(ctx context.Context, t *comparison, at int64) (int64, error) {
	statement := t.statement(`select coalesce(min(r.i), -1) from (select * from expected where rowid = {at}) e,
		(select rowid as i, * from {table} where rowid > {row}) r where {same}`, "{at}", at, "{row}", t.row)
	var row int64
	if err := c.conn.QueryRowContext(ctx, statement).Scan(&row); err != nil {
		return 0, fmt.Errorf("compare rows of %s: %w", t.table, err)
	}
	return row, nil
}

// column reports the first column in which a record differs from row t.row.
func (c *comparer) column(ctx context.Context, t *comparison, at int64) error {
	f := c.finding(t, at)
	f.What = "the row differs from its record"
	for _, name := range t.columns {
		statement := t.statement(`select e.{name} is distinct from r.{name}, coalesce(e.{name}::varchar, 'NULL'), coalesce(r.{name}::varchar, 'NULL')
			from (select {name} from expected where rowid = {at}) e, (select {name} from {table} where rowid = {row}) r`,
			"{name}", name, "{at}", at, "{row}", t.row)
		var differs bool
		var journal, database string
		err := c.conn.QueryRowContext(ctx, statement).Scan(&differs, &journal, &database)
		if err != nil {
			return fmt.Errorf("compare column %s of %s: %w", name, t.table, err)
		}
		if differs {
			f.Column, f.Journal, f.Database = name, journal, database
			break
		}
	}
	c.v.report.add(f)
	t.row++
	return nil
}

// finding is the place of a record, and of the row that is compared with it.
func (c *comparer) finding(t *comparison, at int64) Finding {
	r := &t.records[at]
	f := c.v.in(r.segment, r.offset, "")
	f.Table, f.Row = t.table, t.row
	if len(t.key) > 0 {
		f.RequestID = requestID(r.line)
	}
	return f
}

// requestID finds the id in the line of a record; see the order of its members.
func requestID(line string) string {
	_, rest, _ := strings.Cut(line, `"request_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// extra reports rows that no record stands behind.
func (c *comparer) extra(t *comparison, from, to int64) {
	c.v.report.add(Finding{
		Store: StoreDatabase, File: c.v.opt.File, Offset: -1, Table: t.table, Row: from,
		What: fmt.Sprintf("%d rows have no record in journal or archive", to-from),
	})
}
