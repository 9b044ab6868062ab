package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// openAll is --open without a program.
const openAll = "all"

// harmless are texts that every shell takes as one word.
var harmless = regexp.MustCompile(`^[\w./:@%+,=-]+$`)

// shellQuote writes s as one word of a POSIX shell.
func shellQuote(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// opener is another program's way to the ledger.
type opener struct{ program, command string }

// openers all open the ledger read-only: whoever holds it for writing keeps prism out.
func openers(file string) []opener {
	python := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(file)
	return []opener{
		{"duckdb", "duckdb -readonly " + shellQuote(file)},
		{"dbeaver", "dbeaver -con " + shellQuote("driver=duckdb_jdbc|name=prism|url=jdbc:duckdb:"+file+"|prop.duckdb.read_only=true|connect=true")},
		{"python", "python3 -i -c " + shellQuote("import duckdb; db = duckdb.connect('"+python+"', read_only=True); db.sql('from daily').show()")},
	}
}

// showOpeners prints the command of one program, bare so that a shell can take it, or all.
func (a *app) showOpeners(file, program string, given []string) error {
	if program == openAll && len(given) == 1 {
		program = given[0] // --open duckdb, without the = that the flag needs
	}
	all := openers(file)
	names := make([]string, len(all))
	for i, o := range all {
		names[i] = o.program
	}
	if program != openAll {
		i := slices.Index(names, program)
		if i < 0 {
			return usagef("prism sql --open "+strings.Join(names, "|"), "it is not known how %s opens the ledger", program)
		}
		all = all[i : i+1]
	}
	v := view{columns: []column{{name: "program"}, {name: "command"}}}
	for _, o := range all {
		v.rows = append(v.rows, []cell{textCell(o.program), textCell(o.command)})
	}
	v.text = func(w io.Writer) {
		for _, o := range all {
			if len(all) > 1 {
				fmt.Fprintf(w, "%-8s ", o.program)
			}
			fmt.Fprintln(w, escape(o.command, false))
		}
	}
	if err := a.show(v); err != nil {
		return err
	}
	a.note("while another program has the ledger open, new rows wait in the journal; to keep one open for hours: prism export requests -o requests.parquet")
	return nil
}
