package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"prism/internal/ledger/duckdb"
)

// export is one run of prism export.
type export struct {
	a      *app
	db     *sql.DB
	o      exportOptions
	format string
	dir    string // where the files go
	tmp    string // where they are made
	bar    *progress
	files  []exported
}

// exported is a file that is done.
type exported struct {
	file string
	rows int64
}

func (e *export) run(ctx context.Context) error {
	c, err := e.condition()
	if err != nil {
		return err
	}
	files, total, err := e.plan(ctx, c)
	if err != nil {
		return err
	}
	e.bar = e.a.progress("rows", total)
	defer e.bar.done()
	if e.o.out == "-" {
		return e.stream(ctx, c, files[0], e.a.out)
	}
	for _, f := range files {
		if err := e.file(ctx, c, f); err != nil {
			return err
		}
	}
	e.bar.done()
	return e.report()
}

func (e *export) condition() (clause, error) {
	var c clause
	o := logsOptions{selection: e.o.selection}
	// The same conditions as those of the list of requests, but for the model: here it is the
	// one that is paid for.
	o.model = ""
	c, err := o.condition(e.a)
	if err != nil {
		return c, err
	}
	c.like("model", modelSQL, e.o.model)
	return c, nil
}

const exportDaysSQL = "select date_trunc('day', started_at) as day, count(*) from priced where %s group by day order by day"

// plan divides the days that have rows among the files.
func (e *export) plan(ctx context.Context, c clause) (files []exportFile, total int64, err error) {
	rows, err := e.db.QueryContext(ctx, fmt.Sprintf(exportDaysSQL, c.String()), c.args...)
	if err != nil {
		return nil, 0, fmt.Errorf("look for what is to be exported: %w", err)
	}
	defer rows.Close()
	if e.o.by == "" {
		files = []exportFile{{name: filepath.Base(e.o.out)}}
	}
	for rows.Next() {
		var d exportPart
		if err := rows.Scan(&d.from, &d.rows); err != nil {
			return nil, 0, fmt.Errorf("look for what is to be exported: %w", err)
		}
		d.from = d.from.In(e.a.now().Location())
		d.to = d.from.AddDate(0, 0, 1)
		total += d.rows
		if name := e.nameOf(d.from); e.o.by != "" && (len(files) == 0 || files[len(files)-1].name != name) {
			files = append(files, exportFile{name: name})
		}
		last := &files[len(files)-1]
		last.days = append(last.days, d)
	}
	return files, total, rows.Err()
}

// nameOf is the name of the file that a day goes into.
func (e *export) nameOf(day time.Time) string {
	layout := time.DateOnly
	if e.o.by == "month" {
		layout = "2006-01"
	}
	return "requests-" + day.Format(layout) + "." + e.format
}

// query selects the rows of a stretch of time, in the order in which they began.
func (e *export) query(c clause, p exportPart) duckdb.Statement {
	c.terms, c.args = append([]string{}, c.terms...), append([]any{}, c.args...)
	c.and("started_at >= $partfrom and started_at < $partto", sql.Named("partfrom", p.from), sql.Named("partto", p.to))
	return duckdb.Statement{SQL: "select * from priced where " + c.String() + " order by started_at, request_id", Args: c.args}
}

// file writes one file. A single file of Parquet is in the order of the ledger: to sort it would
// take memory for all of it.
func (e *export) file(ctx context.Context, c clause, f exportFile) error {
	return e.place(f.name, func(tmp string) (int64, error) {
		switch {
		case e.format == formatParquet && e.o.by == "":
			e.bar.total = -1 // DuckDB does not say how far it is
			e.bar.set(0)
			return duckdb.CopyParquet(ctx, e.db, duckdb.Statement{SQL: "select * from priced where " + c.String(), Args: c.args}, tmp)
		case e.format == formatParquet:
			n, err := duckdb.CopyParquet(ctx, e.db, e.query(c, f.whole()), tmp)
			e.bar.add(n)
			return n, err
		}
		out, err := os.Create(tmp)
		if err != nil {
			return 0, err
		}
		defer out.Close()
		return f.rows(), e.stream(ctx, c, f, out)
	})
}

// place makes a file, has it reach the disk, and puts it where it belongs.
func (e *export) place(name string, write func(tmp string) (int64, error)) error {
	tmp, to := filepath.Join(e.tmp, name), filepath.Join(e.dir, name)
	rows, err := write(tmp)
	if err == nil {
		err = syncFile(tmp)
	}
	if err == nil {
		err = os.Rename(tmp, to)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	e.files = append(e.files, exported{to, rows})
	return nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// stream writes the rows of a file in the order in which they began.
func (e *export) stream(ctx context.Context, c clause, f exportFile, to io.Writer) error {
	w := newRowWriter(e.a, to, e.format)
	var columns duckdb.Columns
	head := func(cols duckdb.Columns) error {
		if columns != nil {
			return nil
		}
		columns = cols
		return w.head(sqlColumns(cols))
	}
	for _, part := range f.stretches() {
		err := duckdb.Stream(ctx, e.db, e.query(c, part), head, func(values []any) error {
			e.bar.add(1)
			return w.row(sqlRow(values, columns))
		})
		if err != nil {
			return fmt.Errorf("export the requests: %w", err)
		}
	}
	return w.flush()
}

// report says what was written.
func (e *export) report() error {
	v := view{columns: []column{{name: "file", whole: true}, {name: "rows", right: true}, {name: "bytes", right: true}}, empty: "no requests in this time"}
	for _, f := range e.files {
		info, err := os.Stat(f.file)
		if err != nil {
			return fmt.Errorf("look at what was written: %w", err)
		}
		size := info.Size()
		v.rows = append(v.rows, []cell{textAs(e.a.tilde(f.file), f.file), countCell(&f.rows), countCell(&size)})
	}
	// --format was for the files.
	shown := *e.a
	shown.format = ""
	return shown.show(v)
}
