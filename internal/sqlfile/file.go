// Package sqlfile reads tables of a SQLite database that another program owns, or of its export as
// SQL text. It never writes, and executes nothing of an export.
package sqlfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Errors of a file that is not what it should be.
var (
	// ErrNoTable means that the file has no table of that name.
	ErrNoTable = errors.New("there is no such table")
	// ErrDatabase means that SQLite cannot read the file.
	ErrDatabase = errors.New("the database cannot be read")
	// ErrBusy means that another program was writing whenever the file was read.
	ErrBusy = errors.New("another program is writing to the database")
	// ErrTooLarge means that a database is too large to be read at one moment.
	ErrTooLarge = errors.New("the database is too large")
)

// Row is a row of a table: texts, whole numbers, other numbers, or nil, by the name of the column.
type Row map[string]any

// Text returns a column as text; what has none is empty.
func (r Row) Text(name string) string {
	switch v := r[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Int returns a column as a whole number.
func (r Row) Int(name string) (int64, bool) {
	switch v := r[name].(type) {
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// tables is what a file holds.
type tables interface {
	// each calls fn with every row of a table, or returns ErrNoTable.
	each(ctx context.Context, table string, fn func(Row) error) error
	close() error
}

// File is a database or an export. Whoever opened it closes it.
type File struct {
	in   tables
	size int64
}

// magic begins every SQLite database.
const magic = "SQLite format 3\x00"

// Open opens a database or an export; what it is shows in its first bytes. Other programs may go on
// writing to a database while it is read. tell, which may be nil, hears of bytes that were read.
func Open(ctx context.Context, path string, tell func(int64)) (*File, error) {
	if tell == nil {
		tell = func(int64) {}
	}
	isDatabase, size, err := look(path)
	switch {
	case err != nil:
		return nil, err
	case !isDatabase:
		return &File{&dump{path: path, tell: tell}, size}, nil
	}
	db, err := openDatabase(ctx, path, tell)
	if err != nil {
		return nil, err
	}
	return &File{db, -1}, nil
}

// look tells what a file is, and its size.
func look(path string) (isDatabase bool, size int64, err error) {
	// Opening a pipe would wait for somebody to write into it.
	st, err := os.Stat(path)
	if err != nil {
		return false, 0, err
	}
	if !st.Mode().IsRegular() {
		return false, 0, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return false, 0, err
	}
	defer file.Close()
	head := make([]byte, len(magic))
	_, err = io.ReadFull(file, head)
	return err == nil && bytes.Equal(head, []byte(magic)), st.Size(), nil
}

// Size is how many bytes there are to read for one table, -1 where that is not known.
func (f *File) Size() int64 { return f.size }

// Close closes the file.
func (f *File) Close() error { return f.in.close() }

// Each calls fn with every row of a table; fn may not keep the row. The name of the table is part
// of the program, never of its input.
func (f *File) Each(ctx context.Context, table string, fn func(Row) error) error {
	return f.in.each(ctx, table, fn)
}
