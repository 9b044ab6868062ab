// Package ccswitch reads the request log of cc-switch, from its SQLite database or from an
// export of that as SQL text.
package ccswitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"prism/internal/importer"
	"prism/internal/ledger"
)

// Names of the tables that are read.
const (
	tableLog       = "proxy_request_logs"
	tableProviders = "providers"
)

// Errors of a file that is not what it should be.
var (
	// ErrNoLog means that a file is neither a database nor an export of cc-switch, or one from
	// before it kept a log of requests.
	ErrNoLog = errors.New("there is no table " + tableLog)
	// ErrDatabase means that SQLite cannot read the file.
	ErrDatabase = errors.New("the database cannot be read")
)

// record is a row of a table: texts, whole numbers, or nil, by the name of the column.
type record map[string]any

// tables is a file that holds the log.
type tables interface {
	// each calls fn with every row of a table, or returns ErrNoLog if there is no such table.
	each(ctx context.Context, table string, fn func(record) error) error
	close() error
}

// Log is the request log of a cc-switch.
type Log struct {
	importer.Tally

	opt   importer.Options
	in    tables
	size  int64
	names map[string]string // of providers, by application and id
}

// magic begins every SQLite database.
const magic = "SQLite format 3\x00"

// Open opens a database or an export; what it is shows in its first bytes. The caller closes it.
func Open(ctx context.Context, path string, opt importer.Options) (*Log, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open log of cc-switch: %w", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("open log of cc-switch: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("open log of cc-switch: %s is not a regular file", path)
	}
	l := &Log{opt: opt.WithDefaults(), size: st.Size(), names: map[string]string{}}
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(file, head); err == nil && bytes.Equal(head, []byte(magic)) {
		l.in, err = openDatabase(ctx, path, l.opt.Progress)
		if err != nil {
			return nil, fmt.Errorf("open log of cc-switch: %w", err)
		}
		l.size = -1
	} else {
		l.in = &dump{path: path, tell: l.opt.Progress}
		l.size *= 2 // providers first
	}
	return l, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.in.close() }

// Size is how many bytes there are to read, -1 where that is not known.
func (l *Log) Size() int64 { return l.size }

// Each calls fn with an entry for every request of Claude Code; fn may keep it.
func (l *Log) Each(ctx context.Context, fn func(*ledger.Entry) error) error {
	l.Files++
	err := l.in.each(ctx, tableProviders, func(r record) error {
		l.names[r.text("app_type")+"\n"+r.text("id")] = r.text("name")
		return nil
	})
	if err == nil || errors.Is(err, ErrNoLog) { // names are a courtesy
		err = l.in.each(ctx, tableLog, func(r record) error {
			e := l.entry(r)
			if e == nil {
				return nil
			}
			l.Entries++
			return fn(e)
		})
	}
	if err != nil {
		return fmt.Errorf("read log of cc-switch: %w", err)
	}
	return nil
}
