package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
)

// file runs the only query of the batch and makes its result a file, in memory: a download is whole,
// or it is an error that says why. The ledger is closed before the first byte is sent, since nobody
// knows how slow the other end is.
func (w *sqlWork) file(ctx context.Context) (head admin.QueryFile, text []byte) {
	if problem := w.open(ctx); problem != nil {
		return admin.QueryFile{Problem: problem}, nil
	}
	defer w.db.Close()
	out := &fileBuffer{}
	rows, err := w.write(ctx, out)
	if err == nil && out.over {
		err = tooLargeFile()
	}
	if err != nil {
		if out.over {
			err = tooLargeFile()
		}
		return admin.QueryFile{Problem: complaint(ctx, w.deadline, err)}, nil
	}
	return admin.QueryFile{Rows: rows, Bytes: int64(out.text.Len())}, out.text.Bytes()
}

// workerFile sends what [sqlWork.file] made.
func (a *app) workerFile(head admin.QueryFile, text []byte) error {
	if err := a.workerReply(head); err != nil {
		return err
	}
	if _, err := a.out.Write(text); err != nil {
		return fmt.Errorf("answer the gateway: %w", err)
	}
	return nil
}

func tooManyRows(n int) error {
	return &admin.Error{Code: admin.CodeSQLLimit, Message: fmt.Sprintf("a download holds %s rows at most", grouped(int64(n))), Fix: "a shorter time, or: prism export requests --since 30d -o requests.parquet"}
}

func tooLargeFile() error {
	return &admin.Error{Code: admin.CodeSQLLimit, Message: fmt.Sprintf("a download is at most %d MiB large", maxFileBytes>>20), Fix: "a shorter time, or: prism export requests --since 30d -o requests.parquet"}
}

// write runs the query and writes its result in the format of the batch.
func (w *sqlWork) write(ctx context.Context, out *fileBuffer) (int, error) {
	q := w.batch.Queries[0]
	c, err := confinedQuery(q)
	if err != nil {
		return 0, err
	}
	if w.batch.Export == formatParquet {
		n, err := copyThroughPipe(out, func() (int64, error) { return duckdb.CopyConfined(ctx, w.db, c) })
		if err == nil && n > int64(q.MaxRows) {
			err = tooManyRows(q.MaxRows)
		}
		return int(n), err
	}
	rows := 0
	to := w.rowsTo(out)
	var columns duckdb.Columns
	err = duckdb.StreamConfined(ctx, w.db, c, func(found duckdb.Columns) error {
		columns = found
		return to.head(sqlColumns(found))
	}, func(values []any) error {
		if rows++; rows > q.MaxRows {
			return tooManyRows(q.MaxRows)
		}
		return to.row(sqlRow(values, columns))
	})
	return rows, errors.Join(err, to.end())
}

// fileRows writes the rows of a file.
type fileRows interface {
	head(columns []column) error
	row(cells []cell) error
	end() error
}

func (w *sqlWork) rowsTo(out *fileBuffer) fileRows {
	if w.batch.Export == formatCSV {
		return &csvFile{csv.NewWriter(out)}
	}
	return &jsonFile{out: out}
}

// csvFile writes rows as prism sql --format csv does.
type csvFile struct{ w *csv.Writer }

func (f *csvFile) head(columns []column) error { return f.w.Write(csvNames(columns)) }
func (f *csvFile) row(cells []cell) error      { return f.w.Write(csvRow(cells)) }

func (f *csvFile) end() error {
	f.w.Flush()
	return f.w.Error()
}

// csvNames are the names of columns, which a query may choose: they are guarded as values are.
func csvNames(columns []column) []string {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		cells[i] = cell{c.name, c.name}
	}
	return csvRow(cells)
}

// jsonFile writes rows as a list of objects.
type jsonFile struct {
	out     *fileBuffer
	columns []column
	rows    int
}

func (f *jsonFile) head(columns []column) error {
	f.columns = columns
	return nil
}

func (f *jsonFile) row(cells []cell) error {
	object, err := objectOf(f.columns, cells)
	if err != nil {
		return err
	}
	before := ",\n"
	if f.rows == 0 {
		before = "["
	}
	f.rows++
	_, err = f.out.Write([]byte(before + escape(string(object), false)))
	return err
}

func (f *jsonFile) end() error {
	after := "]\n"
	if f.rows == 0 {
		after = "[]\n"
	}
	_, err := f.out.Write([]byte(after))
	return err
}

// fileBuffer holds a file that is not larger than it may be.
type fileBuffer struct {
	text bytes.Buffer // not embedded: its ReadFrom knows no bound
	over bool
}

// Write implements io.Writer.
func (b *fileBuffer) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxFileBytes {
		b.over = true
		return 0, tooLargeFile()
	}
	return b.text.Write(p)
}
