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
	ctx    context.Context //nolint:containedctx // it lives for one call of Fold
	conn   *sql.Conn
	m      *meta
	shapes [2]string // of the rows of requests and of config_events, for from_json
	wary   bool      // look at each line before it is staged
	spoilt int       // lines that DuckDB cannot read
	open   bool      // a transaction is
	rows   int       // of it
	all    int

	requests, events *duck.Appender
}

// tables are those that a fold fills, in the order of [projector.shapes].
func tables() [2]string { return [2]string{"requests", "config_events"} }

// project appends everything behind the watermark.
func (f *folder) project(ctx context.Context, conn *sql.Conn, m *meta) error {
	p := &projector{ctx: ctx, conn: conn, m: m, wary: f.wary}
	for i, table := range tables() {
		var err error
		if p.shapes[i], err = shape(ctx, conn, table); err != nil {
			return err
		}
	}
	source := ledger.Source{Journal: f.opt.JournalDir, Archive: f.opt.ArchiveDir, OnDamage: func(d ledger.Damage) {
		f.res.Notes = append(f.res.Notes, "journal damaged: "+d.String())
	}}
	from := ledger.Watermark{Segment: m.segment, Offset: m.offset, Run: m.run, Seq: m.seq}
	mark, err := source.Read(from, p.record)
	if err == nil && (mark.Segment != from.Segment || p.open) {
		err = p.commit(mark)
	}
	if err != nil {
		return errors.Join(err, p.abort())
	}
	if p.spoilt > 0 {
		f.res.Notes = append(f.res.Notes, fmt.Sprintf("%d records of the journal cannot be read by DuckDB and were passed over", p.spoilt))
	}
	f.res.Rows += p.all
	f.res.Watermark = mark
	return nil
}

// record deals with one record of the journal.
func (p *projector) record(r *ledger.Record) error {
	if r.Kind != ledger.KindClose && r.Kind != ledger.KindConfig {
		return nil
	}
	if err := p.begin(); err != nil {
		return err
	}
	added, err := p.append(r)
	if err != nil {
		return err
	}
	if added {
		p.rows++
		p.all++
	}
	if p.rows >= batchRows {
		return p.commit(r.After())
	}
	return nil
}

func (p *projector) append(r *ledger.Record) (bool, error) {
	if p.wary {
		valid, err := p.holds(`select json_valid(?)`, string(r.JSON()))
		if err != nil || !valid {
			p.spoilt++
			return false, err
		}
	}
	if r.Kind == ledger.KindConfig {
		if err := p.stageInto(&p.events, 1); err != nil {
			return false, err
		}
		p.m.events++
		return true, p.events.AppendRow(r.JSON())
	}
	if r.Recovered {
		// The run before may have closed it after all, and lost that record to a power failure
		// after we had folded it.
		known, err := p.holds(`select count(*) > 0 from requests where request_id = ?`, r.RequestID)
		if known || err != nil {
			return false, err
		}
	}
	if err := p.stageInto(&p.requests, 0); err != nil {
		return false, err
	}
	p.m.requests++
	return true, p.requests.AppendRow(r.JSON())
}

// holds asks a question about one value.
func (p *projector) holds(question, value string) (bool, error) {
	var yes bool
	if err := p.conn.QueryRowContext(p.ctx, question, value).Scan(&yes); err != nil {
		return false, fmt.Errorf("look at a record: %w", err)
	}
	return yes, nil
}

// begin opens a transaction unless one is open.
func (p *projector) begin() error {
	if p.open {
		return nil
	}
	if _, err := p.conn.ExecContext(p.ctx, "begin transaction"); err != nil {
		return fmt.Errorf("begin fold: %w", err)
	}
	p.open = true
	return nil
}

// stageInto makes the appender of a table when the first row comes.
func (p *projector) stageInto(a **duck.Appender, table int) error {
	if *a != nil {
		return nil
	}
	return p.conn.Raw(func(raw any) error {
		conn, ok := raw.(*duck.Conn)
		if !ok {
			return fmt.Errorf("begin fold: connection is a %T", raw)
		}
		var err error
		*a, err = stage(conn, tables()[table], p.shapes[table])
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
func (p *projector) commit(mark ledger.Watermark) error {
	if err := p.begin(); err != nil {
		return err
	}
	if err := p.closeAppenders(); err != nil {
		return err
	}
	p.m.segment, p.m.offset, p.m.run, p.m.seq = mark.Segment, mark.Offset, mark.Run, mark.Seq
	if err := p.m.write(p.ctx, p.conn); err != nil {
		return err
	}
	if _, err := p.conn.ExecContext(p.ctx, "commit"); err != nil {
		return fmt.Errorf("commit fold: %w", err)
	}
	p.rows, p.open = 0, false
	return nil
}

func (p *projector) closeAppenders() error {
	var errs []error
	for _, a := range []*duck.Appender{p.requests, p.events} {
		if a != nil {
			errs = append(errs, a.Close())
		}
	}
	p.requests, p.events = nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("append rows: %w", err)
	}
	return nil
}

// abort leaves nothing of the transaction.
func (p *projector) abort() error {
	_ = p.closeAppenders() // the transaction goes anyway
	if !p.open {
		return nil
	}
	_, err := p.conn.ExecContext(context.WithoutCancel(p.ctx), "rollback")
	return err
}
