// Package ccswitch reads the request log of cc-switch, from its SQLite database or from an
// export of that as SQL text.
package ccswitch

import (
	"context"
	"errors"
	"fmt"

	"prism/internal/importer"
	"prism/internal/ledger"
	"prism/internal/sqlfile"
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
	ErrDatabase = sqlfile.ErrDatabase
)

// Log is the request log of a cc-switch.
type Log struct {
	importer.Tally

	opt   importer.Options
	in    *sqlfile.File
	size  int64
	names map[string]string // of providers, by application and id
}

// Open opens a database or an export. The caller closes it.
func Open(ctx context.Context, path string, opt importer.Options) (*Log, error) {
	l := &Log{opt: opt.WithDefaults(), names: map[string]string{}}
	in, err := sqlfile.Open(ctx, path, l.opt.Progress)
	if err != nil {
		return nil, fmt.Errorf("open log of cc-switch: %w", err)
	}
	l.in, l.size = in, in.Size()
	if l.size > 0 {
		l.size *= 2 // providers first
	}
	return l, nil
}

// Close closes the file.
func (l *Log) Close() error { return l.in.Close() }

// Size is how many bytes there are to read, -1 where that is not known.
func (l *Log) Size() int64 { return l.size }

// Each calls fn with an entry for every request of Claude Code; fn may keep it.
func (l *Log) Each(ctx context.Context, fn func(*ledger.Entry) error) error {
	l.Files++
	err := l.in.Each(ctx, tableProviders, func(r sqlfile.Row) error {
		l.names[r.Text("app_type")+"\n"+r.Text("id")] = r.Text("name")
		return nil
	})
	if err == nil || errors.Is(err, sqlfile.ErrNoTable) { // names are a courtesy
		err = l.in.Each(ctx, tableLog, func(r sqlfile.Row) error {
			e := l.entry(r)
			if e == nil {
				return nil
			}
			l.Entries++
			return fn(e)
		})
	}
	if errors.Is(err, sqlfile.ErrNoTable) {
		err = ErrNoLog
	}
	if err != nil {
		return fmt.Errorf("read log of cc-switch: %w", err)
	}
	return nil
}
