package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	duck "github.com/duckdb/duckdb-go/v2"

	"prism/internal/ledger"
)

// batchRows is how many rows one transaction takes: enough to make its cost small, few enough
// for the memory limit when the whole file is made anew.
const batchRows = 20_000

// projector appends records to the tables. The lines of the journal are the rows: DuckDB itself
// takes them apart, which costs half of what decoding them and appending value by value does.
type projector struct {
	conn   *sql.Conn
	m      *meta
	wary   bool // look at each line before it is staged
	spoilt int  // lines that DuckDB cannot read
	open   bool // a transaction is
	rows   int  // of it
	all    int

	committed func() // called after every commit

	requests, events, corrections, alerts, health *duck.Appender
}

// project appends everything behind the watermark.
func (f *folder) project(ctx context.Context, conn *sql.Conn, m *meta) error {
	p := &projector{conn: conn, m: m, wary: f.wary, committed: f.survived}
	source := ledger.Source{Journal: f.opt.JournalDir, Archive: f.opt.ArchiveDir, OnBytes: f.read, OnDamage: func(d ledger.Damage) {
		f.res.Notes = append(f.res.Notes, "journal damaged: "+d.String())
	}}
	from := m.mark()
	mark, err := source.Read(from, func(r *ledger.Record) error { return p.record(ctx, r) })
	if err == nil && (mark.Segment != from.Segment || p.open) {
		err = p.commit(ctx, mark)
	}
	if err != nil {
		return errors.Join(err, p.abort(ctx))
	}
	if p.spoilt > 0 {
		f.res.Notes = append(f.res.Notes, fmt.Sprintf("%d records of the journal cannot be read by DuckDB and were passed over", p.spoilt))
	}
	f.res.Rows += p.all
	f.res.Watermark = mark
	return nil
}

// record deals with one record of the journal.
func (p *projector) record(ctx context.Context, r *ledger.Record) error {
	if !r.Kind.Projected() || p.m.KeepFrom != nil && !p.m.keeps(r.At()) {
		return nil
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	added, err := p.append(ctx, r)
	if err != nil {
		return err
	}
	if added {
		p.rows++
		p.all++
	}
	if p.rows >= batchRows {
		return p.commit(ctx, r.After())
	}
	return nil
}

func (p *projector) append(ctx context.Context, r *ledger.Record) (bool, error) {
	if p.wary {
		valid, err := p.holds(ctx, `select json_valid(?)`, string(r.JSON()))
		if err != nil || !valid {
			p.spoilt++
			return false, err
		}
	}
	switch r.Kind {
	case ledger.KindConfig:
		p.m.Events++
		return true, p.appendTo(ctx, &p.events, "config_events", r)
	case ledger.KindCorrection:
		p.m.Corrections++
		return true, p.appendTo(ctx, &p.corrections, "corrections", r)
	case ledger.KindAlert:
		p.m.Alerts++
		return true, p.appendTo(ctx, &p.alerts, "alerts", r)
	case ledger.KindHealth:
		p.m.Health++
		return true, p.appendTo(ctx, &p.health, "health_events", r)
	case ledger.KindClose, ledger.KindSegment, ledger.KindOpen, ledger.KindUsage, ledger.KindVoid:
	}
	if r.Recovered {
		// The run before may have closed it after all, and lost that record to a power failure
		// after we had folded it.
		known, err := p.holds(ctx, `select count(*) > 0 from requests where request_id = ?`, r.RequestID)
		if known || err != nil {
			return false, err
		}
	}
	p.m.Requests++
	return true, p.appendTo(ctx, &p.requests, "requests", r)
}

// appendTo stages a record for a table.
func (p *projector) appendTo(ctx context.Context, a **duck.Appender, table string, r *ledger.Record) error {
	if err := p.stageInto(ctx, a, table); err != nil {
		return err
	}
	return (*a).AppendRow(r.JSON())
}

// holds asks a question about one value.
func (p *projector) holds(ctx context.Context, question, value string) (bool, error) {
	var yes bool
	if err := p.conn.QueryRowContext(ctx, question, value).Scan(&yes); err != nil {
		return false, fmt.Errorf("look at a record: %w", err)
	}
	return yes, nil
}

// begin opens a transaction unless one is open.
func (p *projector) begin(ctx context.Context) error {
	if p.open {
		return nil
	}
	if _, err := p.conn.ExecContext(ctx, "begin transaction"); err != nil {
		return fmt.Errorf("begin fold: %w", err)
	}
	p.open = true
	return nil
}

// stageInto makes the appender of a table when the first row comes.
func (p *projector) stageInto(ctx context.Context, a **duck.Appender, table string) error {
	if *a != nil {
		return nil
	}
	columns, err := shape(ctx, p.conn, table)
	if err != nil {
		return err
	}
	return p.conn.Raw(func(raw any) error {
		conn, ok := raw.(*duck.Conn)
		if !ok {
			return fmt.Errorf("begin fold: connection is a %T", raw)
		}
		var err error
		*a, err = stage(conn, table, columns)
		return err
	})
}

// stage returns an appender of lines that end up as rows of a table.
func stage(conn *duck.Conn, table, shape string) (*duck.Appender, error) {
	varchar, err := duck.NewTypeInfo(duck.TYPE_VARCHAR)
	if err != nil {
		return nil, fmt.Errorf("begin fold: %w", err)
	}
	insert := "insert into " + table + " select unnest(from_json(line, " + quote(shape) + ")) from staged"
	a, err := duck.NewQueryAppender(conn, insert, "staged", []duck.TypeInfo{varchar}, []string{"line"})
	if err != nil {
		return nil, fmt.Errorf("begin fold: %w", err)
	}
	return a, nil
}

// commit makes rows and watermark visible, together.
func (p *projector) commit(ctx context.Context, mark ledger.Watermark) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.closeAppenders(); err != nil {
		return err
	}
	p.m.Segment, p.m.Offset, p.m.Run, p.m.Seq = mark.Segment, mark.Offset, mark.Run, mark.Seq
	if err := p.m.write(ctx, p.conn); err != nil {
		return err
	}
	if _, err := p.conn.ExecContext(ctx, "commit"); err != nil {
		return fmt.Errorf("commit fold: %w", err)
	}
	p.rows, p.open = 0, false
	p.committed()
	return nil
}

func (p *projector) closeAppenders() error {
	var errs []error
	for _, a := range []*duck.Appender{p.requests, p.events, p.corrections, p.alerts, p.health} {
		if a != nil {
			errs = append(errs, a.Close())
		}
	}
	p.requests, p.events, p.corrections, p.alerts, p.health = nil, nil, nil, nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("append rows: %w", err)
	}
	return nil
}

// abort leaves nothing of the transaction.
func (p *projector) abort(ctx context.Context) error {
	_ = p.closeAppenders() // the transaction goes anyway
	if !p.open {
		return nil
	}
	_, err := p.conn.ExecContext(context.WithoutCancel(ctx), "rollback")
	return err
}
