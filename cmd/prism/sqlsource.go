package main

import (
	"database/sql"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"prism/internal/admin"
)

// maxQuery is more than anybody writes by hand.
const maxQuery = 1 << 20

// query is SQL text and where it comes from.
type query struct {
	text    string
	params  map[string]string // values that hold unless others are given
	several bool              // more than one statement may stand in it
}

// queryOf finds the query of the command line: -c, a file, stdin, a name, or the argument
// itself.
func (a *app) queryOf(dir string, o sqlOptions, given []string) (query, error) {
	if n := len(given) + boolCount(o.file != "", o.command != ""); n > 1 {
		return query{}, usagef("prism sql QUERY, prism sql -c QUERY, or prism sql -f FILE", "more than one query is given")
	}
	switch {
	case o.command != "":
		return query{text: o.command}, nil
	case o.file != "":
		b, err := readLimited(o.file)
		if err != nil {
			return query{}, notFound("prism sql -f FILE", "%v", err)
		}
		return query{text: b, params: defaultsIn(b), several: true}, nil
	case len(given) == 0:
		return query{}, usagef(`prism sql "select count(*) from requests", or prism queries`, "no query given")
	case given[0] == "-":
		b, err := io.ReadAll(io.LimitReader(a.in, maxQuery))
		return query{text: string(b), params: defaultsIn(string(b)), several: true}, err
	// A name holds no space; SQL that does anything does.
	case strings.ContainsAny(given[0], " \t\n(;"):
		return query{text: given[0]}, nil
	}
	queries, err := namedQueries(dir)
	if err != nil {
		return query{}, err
	}
	q, ok := queries[given[0]]
	if !ok {
		return query{}, notFound("prism queries", "no query is named %q", given[0])
	}
	return query{text: q.text, params: defaultsIn(q.text)}, nil
}

func boolCount(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

func readLimited(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxQuery+1))
	if len(b) > maxQuery {
		return "", fmt.Errorf("%s is too long for a query", name)
	}
	return string(b), err
}

// defaultsIn reads the values that a query names in its head, as in "-- param: days = 30".
func defaultsIn(text string) map[string]string {
	params := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		comment, ok := strings.CutPrefix(line, "--")
		if !ok {
			break
		}
		param, ok := strings.CutPrefix(strings.TrimSpace(comment), "param:")
		if k, v, both := strings.Cut(param, "="); ok && both {
			params[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return params
}

// statement is one SQL statement, ready to be run.
type statement struct {
	text string
	args []any
}

// bind takes q apart and gives its parameters their values: those of --param, else those that
// the query itself names. A value is text; DuckDB turns it into what it is compared with.
func (q query) bind(given []string) ([]statement, error) {
	values := map[string]string{}
	maps.Copy(values, q.params)
	for _, p := range given {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, usagef("prism sql QUERY --param name=value", "--param %q has no value", p)
		}
		values[k] = v
	}
	texts := allStatements(q.text)
	if len(texts) == 0 {
		return nil, usagef(`prism sql "select count(*) from requests"`, "the query is empty")
	}
	if len(texts) > 1 && !q.several {
		return nil, notOneSelect()
	}
	var all []statement
	used := map[string]bool{}
	for _, text := range texts {
		rewritten, names := parameters(text)
		s := statement{text: rewritten}
		for _, name := range names {
			v, known := values[name]
			if !known {
				return nil, &admin.Error{Code: codeSQL, Message: fmt.Sprintf("parameter %s of the query has no value", name), Fix: fmt.Sprintf("prism sql QUERY --param %s=VALUE", name)}
			}
			used[name] = true
			s.args = append(s.args, sql.Named(name, v))
		}
		all = append(all, s)
	}
	for _, p := range given {
		if k, _, _ := strings.Cut(p, "="); !used[k] {
			return nil, usagef("leave it out, or write :"+k+" in the query", "the query has no parameter %s", k)
		}
	}
	return all, nil
}

func notOneSelect() error {
	return &admin.Error{Code: codeNotSelect, Message: "that is not one query: the ledger is read-only here", Fix: "write one SELECT, without a second statement"}
}
