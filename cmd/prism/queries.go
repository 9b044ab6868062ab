package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"prism/internal/ledger/duckdb"
)

//go:embed queries/*.sql
var readyQueries embed.FS

// fromPrism is what the list says of the queries that come with the program.
const fromPrism = "prism"

// queryName is what a query may be called: it becomes the name of a file, and it must not look
// like SQL or a flag.
var queryName = regexp.MustCompile(`^[\pL\d][\pL\d._-]{0,63}$`)

func newQueries(a *app) *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error {
		p, err := a.paths()
		if err != nil {
			return err
		}
		return a.listQueries(p.Queries)
	}
	cmd := &cobra.Command{
		Use:   "queries",
		Short: "The named queries: those that come with prism, and your own",
		Long: `Queries lists the queries that prism sql knows by name. Your own lie in the queries
directory as NAME.sql, may be edited there, and win over those of prism. A line
"-- title: TEXT" names a query, "-- param: NAME = VALUE" gives a parameter its value.`,
		Args: args(cobra.NoArgs),
		RunE: list,
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the named queries", Args: args(cobra.NoArgs), RunE: list},
		&cobra.Command{
			Use: "show NAME", Short: "Print a query", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.completeQueries,
			RunE: func(_ *cobra.Command, given []string) error { return a.showQuery(given[0]) },
		},
		newQuerySave(a),
		&cobra.Command{
			Use: "rm NAME", Short: "Remove one of your own queries", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.completeQueries,
			RunE: func(_ *cobra.Command, given []string) error { return a.removeQuery(given[0]) },
		})
	return cmd
}

type querySaveOptions struct {
	file, title string
	force       bool
}

func newQuerySave(a *app) *cobra.Command {
	var o querySaveOptions
	cmd := &cobra.Command{
		Use:   "save NAME [QUERY|-]",
		Short: "Keep a query under a name",
		Example: `  prism queries save kimi-days "from spend(by_col := 'profile') where grp = :profile" --title "Days of one profile"
  prism queries save mine -f mine.sql`,
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			q, err := a.queryOf(r.paths.Queries, sqlOptions{file: o.file}, given[1:])
			if err != nil {
				return err
			}
			return a.saveQuery(cmd.Context(), r, namedQuery{name: given[0], title: o.title, text: q.text}, o.force)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "read the query from this `file`")
	f.StringVar(&o.title, "title", "", "a `line` that says what it answers")
	f.BoolVar(&o.force, "force", false, "replace a query of that name")
	return cmd
}

type namedQuery struct{ name, title, from, text string }

// namedQueries are the ready-made ones and the user's own, which win.
func namedQueries(dir string) (map[string]namedQuery, error) {
	all := make(map[string]namedQuery)
	for _, src := range []struct {
		fsys fs.FS
		glob string
		from string
	}{{readyQueries, "queries/*.sql", fromPrism}, {os.DirFS(dir), "*.sql", dir}} {
		names, err := fs.Glob(src.fsys, src.glob)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			b, err := fs.ReadFile(src.fsys, n)
			if err != nil {
				return nil, fmt.Errorf("read query %s: %w", n, err)
			}
			name := strings.TrimSuffix(filepath.Base(n), ".sql")
			all[name] = namedQuery{name, titleIn(string(b)), src.from, string(b)}
		}
	}
	return all, nil
}

// titleIn is what the head of a query says about it.
func titleIn(text string) string { return headIn(text, "title:") }

// headIn is what the head of a query says under a word, such as title: or chart:.
func headIn(text, word string) string {
	for line := range strings.SplitSeq(text, "\n") {
		comment, ok := strings.CutPrefix(line, "--")
		if !ok {
			break
		}
		if said, ok := strings.CutPrefix(strings.TrimSpace(comment), word); ok {
			return strings.TrimSpace(said)
		}
	}
	return ""
}

func (a *app) listQueries(dir string) error {
	queries, err := namedQueries(dir)
	if err != nil {
		return err
	}
	v := view{columns: []column{{name: "name", whole: true}, {name: "title"}, {name: "params"}, {name: "from"}}}
	for _, n := range sortedKeys(queries) {
		q := queries[n]
		_, params := parameters(q.text)
		from := q.from
		if from != fromPrism {
			from = a.tilde(from)
		}
		v.rows = append(v.rows, []cell{textCell(n), textAs(a.said(q.title), q.title), textCell(strings.Join(params, " ")), textAs(from, q.from)})
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

func (a *app) showQuery(name string) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	queries, err := namedQueries(p.Queries)
	if err != nil {
		return err
	}
	q, ok := queries[name]
	if !ok {
		return notFound("prism queries", "no query is named %q", name)
	}
	return a.show(view{
		object: map[string]string{"name": name, "title": q.title, "from": q.from, "text": q.text},
		text: func(w io.Writer) {
			fmt.Fprintln(w, escape(strings.TrimSpace(q.text), true))
		},
	})
}

// saveQuery writes a query beside the others, once it is known to be one SELECT.
func (a *app) saveQuery(ctx context.Context, r room, q namedQuery, force bool) error {
	if !queryName.MatchString(q.name) {
		return usagef("letters, digits, - _ and .", "%q cannot be the name of a query", q.name)
	}
	queries, err := namedQueries(r.paths.Queries)
	if err != nil {
		return err
	}
	if old, taken := queries[q.name]; taken && old.from != fromPrism && !force {
		return usagef("prism queries save "+q.name+" --force", "a query is named %s already", q.name)
	}
	all := allStatements(q.text)
	if len(all) != 1 {
		return notOneSelect()
	}
	rewritten, _ := parameters(all[0])
	ok, err := duckdb.ParsesAsSelect(ctx, rewritten)
	if err != nil {
		return sqlError(err)
	}
	if !ok {
		return notOneSelect()
	}
	text := strings.TrimSpace(q.text) + "\n"
	if title := strings.Join(strings.Fields(q.title), " "); title != "" {
		text = "-- title: " + title + "\n" + text
	}
	if err := os.MkdirAll(r.paths.Queries, 0o700); err != nil {
		return fmt.Errorf("make the directory of queries: %w", err)
	}
	file := filepath.Join(r.paths.Queries, q.name+".sql")
	if err := renameio.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("save query %s: %w", q.name, err)
	}
	a.note("saved %s   run it: prism sql %s", a.tilde(file), q.name)
	return nil
}

func (a *app) removeQuery(name string) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	if !queryName.MatchString(name) {
		return notFound("prism queries", "no query is named %q", name)
	}
	err = os.Remove(filepath.Join(p.Queries, name+".sql"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if queries, listErr := namedQueries(p.Queries); listErr == nil && queries[name].from == fromPrism {
		return usagef("prism queries save "+name+" QUERY puts one of yours in its place", "%s comes with prism and cannot be removed", name)
	}
	return notFound("prism queries", "no query of yours is named %q", name)
}
