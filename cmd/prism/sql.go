package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
)

//go:embed queries/*.sql
var readyQueries embed.FS

// sqlTimeout bounds one query.
const sqlTimeout = 60 * time.Second

type sqlOptions struct {
	file   string
	list   bool
	params []string
}

func newSQL(a *app) *cobra.Command {
	var o sqlOptions
	cmd := &cobra.Command{
		Use:   "sql [QUERY|NAME|-]",
		Short: "Read-only SQL on the ledger",
		Long: `SQL runs one SELECT on the ledger, read-only. The argument is the query itself, the name of
one (--list shows them; your own lie in the queries directory as NAME.sql), or - for stdin.
$name in the query is filled by --param name=value.`,
		Example: `  prism sql "from spend(grain := 'week', by_col := 'model')"
  prism sql expensive-sessions --json
  prism sql 'select * from requests where profile = $p' --param p=work`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeQueries,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if o.list {
				return a.listQueries(r.paths.Queries)
			}
			query, err := a.queryText(r.paths.Queries, o.file, given)
			if err != nil {
				return err
			}
			return a.sql(cmd.Context(), r, query, o.params)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "read the query from this `file`")
	f.BoolVar(&o.list, "list", false, "list the named queries")
	f.StringArrayVar(&o.params, "param", nil, "a value for $k in the query, as `k=v`")
	return cmd
}

// queryText finds the query: a file, stdin, a name, or the argument itself.
func (a *app) queryText(dir, file string, given []string) (string, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", notFound("prism sql -f FILE", "%v", err)
		}
		return string(b), nil
	}
	if len(given) == 0 {
		return "", usagef(`prism sql "select count(*) from requests", or prism sql --list`, "no query given")
	}
	if given[0] == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, 1<<20))
		return string(b), err
	}
	// A name holds no space; SQL that does anything does.
	if strings.ContainsAny(given[0], " \t\n(;") {
		return given[0], nil
	}
	queries, err := namedQueries(dir)
	if err != nil {
		return "", err
	}
	q, ok := queries[given[0]]
	if !ok {
		return "", notFound("prism sql --list", "no query is named %q", given[0])
	}
	return q.text, nil
}

type namedQuery struct{ title, from, text string }

// namedQueries are the ready-made ones and the user's own, which win.
func namedQueries(dir string) (map[string]namedQuery, error) {
	all := make(map[string]namedQuery)
	for _, src := range []struct {
		fsys fs.FS
		glob string
		from string
	}{{readyQueries, "queries/*.sql", "prism"}, {os.DirFS(dir), "*.sql", dir}} {
		names, err := fs.Glob(src.fsys, src.glob)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			b, err := fs.ReadFile(src.fsys, n)
			if err != nil {
				return nil, fmt.Errorf("read query %s: %w", n, err)
			}
			first, _, _ := strings.Cut(string(b), "\n")
			title, _ := strings.CutPrefix(first, "-- title: ")
			if title == first {
				title = ""
			}
			all[strings.TrimSuffix(filepath.Base(n), ".sql")] = namedQuery{title, src.from, string(b)}
		}
	}
	return all, nil
}

func (a *app) listQueries(dir string) error {
	queries, err := namedQueries(dir)
	if err != nil {
		return err
	}
	v := view{columns: []column{{name: "name"}, {name: "title"}, {name: "from"}}}
	for _, n := range sortedKeys(queries) {
		v.rows = append(v.rows, []cell{textCell(n), textCell(queries[n].title), textCell(queries[n].from)})
	}
	return a.show(v)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (a *app) completeQueries(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := a.paths()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	queries, err := namedQueries(p.Queries)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return sortedKeys(queries), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) sql(ctx context.Context, r room, query string, params []string) error {
	bound := make([]any, 0, len(params))
	for _, p := range params {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return usagef("prism sql QUERY --param name=value", "--param %q has no value", p)
		}
		bound = append(bound, sql.Named(k, v))
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return notFound("prism serve, and send a request through it", "there is no ledger yet")
	}
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	ok, err := duckdb.IsSelect(ctx, db, query)
	if err != nil {
		return sqlError(err)
	}
	if !ok {
		return &admin.Error{Code: codeNotSelect, Message: "that is not one query: the ledger is read-only here", Fix: "write one SELECT, without a second statement"}
	}
	v, err := queryView(ctx, db, query, bound)
	if err != nil {
		return sqlError(err)
	}
	return a.show(v)
}

func sqlError(err error) error {
	// The driver counts the parameters before it asks for their names.
	if strings.Contains(err.Error(), "incorrect argument count") {
		return &admin.Error{Code: codeSQL, Message: "a $name in the query has no value", Fix: "prism sql QUERY --param name=value"}
	}
	return &admin.Error{Code: codeSQL, Message: err.Error(), Fix: `prism sql "describe requests" shows the columns`}
}

func queryView(ctx context.Context, db *sql.DB, query string, params []any) (view, error) {
	columns, rows, err := duckdb.Query(ctx, db, query, params)
	if err != nil {
		return view{}, err
	}
	v := view{columns: make([]column, len(columns)), empty: "no rows"}
	for i, c := range columns {
		v.columns[i] = column{name: c.Name, head: c.Name, right: numeric(c.Type)}
	}
	for _, values := range rows {
		row := make([]cell, len(values))
		for i := range values {
			row[i] = sqlCell(values[i], columns[i].Type)
		}
		v.rows = append(v.rows, row)
	}
	return v, nil
}
