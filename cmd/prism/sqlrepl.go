package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/reeflective/readline"
	"golang.org/x/term"

	"prism/internal/ledger/duckdb"
)

// promptRows is how many rows of a table the prompt shows.
const promptRows = 500

// repl is the prompt of prism sql.
type repl struct {
	a       *app
	r       room
	o       sqlOptions
	params  map[string]string
	names   *catalog
	history *sqlHistory
}

// repl asks for statements until it is left. The ledger is open only while one runs, so that
// whoever leaves the prompt open keeps nobody out.
func (a *app) repl(ctx context.Context, r room, o sqlOptions) error {
	p := &repl{a: a, r: r, o: o, params: map[string]string{}, names: &catalog{}}
	for _, given := range o.params {
		if err := p.setParam(given); err != nil {
			return err
		}
	}
	history, err := loadHistory(r.paths.History)
	if err != nil {
		a.note("note: %v", err)
	}
	p.history = history
	if err := p.learn(ctx); err != nil {
		return err
	}
	a.note("ledger %s, read-only   end a statement with ;   .help lists what else there is", a.tilde(r.paths.LedgerFile))
	sane, _ := term.GetState(int(os.Stdin.Fd()))
	lines, next := p.read()
	defer close(next)
	// An interrupt ends a statement, not the prompt; to be told to stop ends the prompt.
	base := context.WithoutCancel(ctx)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	defer signal.Stop(stop)
	for {
		next <- struct{}{}
		select {
		case <-stop:
			if sane != nil {
				_ = term.Restore(int(os.Stdin.Fd()), sane)
			}
			return p.history.save()
		case line, more := <-lines:
			if !more {
				return p.history.save()
			}
			done := p.do(base, line)
			if err := p.history.save(); err != nil || done {
				return err
			}
		}
	}
}

// read asks for one line whenever next is sent to, in a goroutine of its own: nothing wakes a
// read from a terminal. It ends with the process, or after the end of the input.
func (p *repl) read() (lines chan string, next chan struct{}) {
	lines, next = make(chan string), make(chan struct{})
	shell := p.shell()
	go func() {
		defer close(lines)
		for range next {
			line, err := shell.Readline()
			switch {
			case errors.Is(err, readline.ErrInterrupt):
				line = ""
			case err != nil:
				return
			}
			lines <- line
		}
	}()
	return lines, next
}

func (p *repl) shell() *readline.Shell {
	shell := readline.NewShell()
	// The tab key lists what can follow and types what all of it begins with. Where the cursor is
	// is known, and a terminal that does not answer the question would be waited for.
	for setting, on := range map[string]bool{"menu-complete-display-prefix": true, "cursor-position-probe": false, "multiline-column": false} {
		_ = shell.Config.Set(setting, on) // it fails for a setting that another version does not have
	}
	shell.Prompt.Primary(func() string { return "prism> " })
	shell.Prompt.Secondary(func() string { return "  ...> " })
	shell.AcceptMultiline = func(line []rune) bool { return complete(string(line)) }
	shell.Completer = func(line []rune, cursor int) readline.Completions { return p.completions(string(line[:cursor])) }
	shell.History.Delete()
	shell.History.Add("sql", p.history)
	return shell
}

// complete tells whether a line can be acted on: a command, nothing, or whole statements.
func complete(line string) bool {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, ".") {
		return true
	}
	_, rest := statements(line)
	return blankSQL(rest)
}

func (p *repl) completions(text string) readline.Completions {
	var word string
	var found []candidate
	if strings.HasPrefix(strings.TrimSpace(text), ".") {
		word, found = completeDot(text)
		found = p.a.explained(found)
	} else {
		word, found = p.names.complete(text)
	}
	values := make([]readline.Completion, len(found))
	for i, c := range found {
		values[i] = readline.Completion{Value: c.text, Display: c.text, Description: escape(c.about, false)}
	}
	out := readline.CompleteRaw(values).NoSpace('(')
	out.PREFIX = word
	return out
}

// learn reads the names that can be completed. No ledger is no error: one may come.
func (p *repl) learn(ctx context.Context) error {
	db, err := p.a.reader(ctx, p.r)
	if errors.Is(err, errNoLedger) {
		p.a.note("note: there is no ledger yet   fix: prism serve, and send a request through it")
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Close()
	p.names, err = readCatalog(ctx, db)
	return err
}

// do acts on what was typed; what fails is said and forgotten.
func (p *repl) do(base context.Context, line string) (done bool) {
	line = strings.TrimSpace(line)
	if line == "" {
		return false
	}
	ctx, release := signal.NotifyContext(base, os.Interrupt)
	defer release()
	var err error
	if strings.HasPrefix(line, ".") {
		done, err = p.command(ctx, line)
	} else {
		err = p.run(ctx, line)
	}
	switch {
	case ctx.Err() != nil:
		p.a.note("interrupted")
	case err != nil:
		p.a.report(err)
	}
	return done
}

func (p *repl) run(ctx context.Context, text string) error {
	q := query{text: text, params: maps.Clone(p.params), several: true}
	maps.Copy(q.params, defaultsIn(text))
	all, err := q.bind(nil)
	if err != nil {
		return err
	}
	format, err := p.a.formatOf(view{})
	if err != nil {
		return err
	}
	if format != formatTable {
		return p.a.runSQL(ctx, p.r, all, p.o.timeout)
	}
	db, err := p.a.reader(ctx, p.r)
	if err != nil {
		return sqlNeedsLedger(err)
	}
	defer db.Close()
	if err := onlySelects(ctx, db, all); err != nil {
		return err
	}
	for _, s := range all {
		if err := p.table(ctx, db, s); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a query whose first rows are all that is shown.
var errEnough = errors.New("enough rows")

// table shows the first rows of a result.
func (p *repl) table(ctx context.Context, db *sql.DB, s statement) error {
	within, cancel := bounded(ctx, p.o.timeout)
	defer cancel()
	v := view{empty: "no rows"}
	var columns duckdb.Columns
	failed := duckdb.Stream(within, db, duckdb.Statement{SQL: s.text, Args: s.args}, func(c duckdb.Columns) error {
		columns, v.columns = c, sqlColumns(c)
		return nil
	}, func(values []any) error {
		if len(v.rows) == promptRows {
			return errEnough
		}
		v.rows = append(v.rows, sqlRow(values, columns))
		return nil
	})
	if failed != nil && !errors.Is(failed, errEnough) {
		return sqlError(failed)
	}
	if err := p.a.show(v); err != nil {
		return err
	}
	if failed != nil {
		p.a.note("the first %d rows; .format csv shows all", promptRows)
	}
	return nil
}

func (p *repl) setParam(given string) error {
	k, v, ok := strings.Cut(given, "=")
	if !ok || k == "" {
		return usagef(".param name=value", "%q has no value", given)
	}
	p.params[k] = v
	return nil
}

// list writes names and what they are.
func list(w io.Writer, all []candidate) {
	width := 0
	for _, c := range all {
		width = max(width, len(c.text))
	}
	for _, c := range all {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-*s  %s", width, escape(c.text, false), escape(c.about, false)), " "))
	}
}
