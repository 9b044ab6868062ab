package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// sqlTimeout bounds one query unless another limit is given.
const sqlTimeout = 60 * time.Second

type sqlOptions struct {
	command string
	file    string
	list    bool
	params  []string
	open    string
	timeout time.Duration
}

func newSQL(a *app) *cobra.Command {
	var o sqlOptions
	cmd := &cobra.Command{
		Use:   "sql [QUERY|NAME|-]",
		Short: "Read-only SQL on the ledger",
		Long: `SQL runs a SELECT on the ledger, read-only. The argument is the query itself, the name of
one (prism queries lists them), or - for stdin. :name or $name in the query is filled by
--param name=value. Without a query, on a terminal, it asks for one after the other: the tab
key completes tables, columns, views and macros, .help lists what else it understands. The
ledger is open only while a statement runs. A result is held in memory until it is written:
for millions of rows there are prism export and --format parquet.

--open prints how other programs open the ledger.`,
		Example: `  prism sql "from spend(grain := 'week', by_col := 'model')"
  prism sql expensive-sessions --json
  prism sql 'select * from priced where profile = :p' --param p=work
  prism sql 'from daily' --format parquet > daily.parquet
  prism sql --open duckdb`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeQueries,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.sqlCommand(cmd.Context(), r, o, given)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.command, "command", "c", "", "the `query`, as the argument is")
	f.StringVarP(&o.file, "file", "f", "", "read the query from this `file`; it may hold several")
	f.BoolVar(&o.list, "list", false, "list the named queries, as prism queries does")
	f.StringArrayVar(&o.params, "param", nil, "a value for :k in the query, as `k=v`")
	f.StringVar(&o.open, "open", "", "print how a `program` opens the ledger: duckdb, dbeaver, python")
	f.Lookup("open").NoOptDefVal = openAll
	f.DurationVar(&o.timeout, "timeout", sqlTimeout, "give up a query after this time; 0 = never")
	return cmd
}

func (a *app) sqlCommand(ctx context.Context, r room, o sqlOptions, given []string) error {
	switch {
	case o.list:
		return a.listQueries(r.paths.Queries)
	case o.open != "":
		return a.showOpeners(r.paths.LedgerFile, o.open, given)
	case len(given) == 0 && o.file == "" && o.command == "" && a.interactive() && a.outTTY:
		return a.repl(ctx, r, o)
	}
	q, err := a.queryOf(r.paths.Queries, o, given)
	if err != nil {
		return err
	}
	all, err := q.bind(o.params)
	if err != nil {
		return err
	}
	return a.runSQL(ctx, r, all, o.timeout)
}
