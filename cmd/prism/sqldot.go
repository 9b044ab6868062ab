package main

import (
	"context"
	"slices"
	"strings"
)

// dotCommands are what the prompt of prism sql understands beside SQL.
func dotCommands() []candidate {
	return []candidate{
		{".tables", "tables, views and macros"},
		{".schema", ".schema NAME: the columns of a table or view, or the text of a macro"},
		{".queries", "the named queries; .run NAME runs one"},
		{".run", ".run NAME: run a named query"},
		{".read", ".read FILE: run the statements in a file"},
		{".param", ".param NAME=VALUE: a value for :NAME; without one, all of them"},
		{".format", ".format " + strings.Join(formats(), "|") + ", or auto"},
		{".help", "this list"},
		{".quit", "leave; so does Ctrl-D"},
	}
}

// explained are commands with what is said about them in the language of this run.
func (a *app) explained(commands []candidate) []candidate {
	for i := range commands {
		commands[i].about = a.said(commands[i].about)
	}
	return commands
}

// completeDot completes a command, and after it what it takes.
func completeDot(text string) (word string, found []candidate) {
	text = strings.TrimLeft(text, " ")
	command, rest, more := strings.Cut(text, " ")
	if !more {
		return command, matching(command, dotCommands())
	}
	word = strings.TrimLeft(rest, " ")
	if command == ".format" {
		for _, f := range formats() {
			found = append(found, candidate{text: f})
		}
	}
	return word, matching(word, found)
}

// command acts on a line that begins with a dot.
func (p *repl) command(ctx context.Context, line string) (done bool, err error) {
	name, arg, _ := strings.Cut(strings.TrimRight(line, "; "), " ")
	arg = strings.TrimSpace(arg)
	switch name {
	case ".quit", ".exit", ".q":
		return true, nil
	case ".help":
		list(p.a.out, p.a.explained(dotCommands()))
	case ".tables":
		if err := p.learn(ctx); err != nil {
			return false, err
		}
		list(p.a.out, p.names.relations)
	case ".schema":
		return false, p.schema(ctx, arg)
	case ".format":
		return false, p.setFormat(arg)
	case ".param":
		return false, p.param(arg)
	case ".queries":
		return false, p.a.listQueries(p.r.paths.Queries)
	case ".run":
		return false, p.runFrom(ctx, sqlOptions{}, arg)
	case ".read":
		return false, p.runFrom(ctx, sqlOptions{file: arg}, "")
	default:
		return false, usagef(".help", "there is no command %s", name)
	}
	return false, nil
}

// runFrom runs a named query or a file.
func (p *repl) runFrom(ctx context.Context, o sqlOptions, name string) error {
	var given []string
	if name != "" {
		given = []string{name}
	}
	q, err := p.a.queryOf(p.r.paths.Queries, o, given)
	if err != nil {
		return err
	}
	return p.run(ctx, q.text)
}

func (p *repl) setFormat(name string) error {
	if name == "auto" || name == "" {
		p.a.format, p.a.asJSON = "", false
		return nil
	}
	if !slices.Contains(formats(), name) {
		return usagef(".format "+strings.Join(formats(), "|"), "unknown format %q", name)
	}
	p.a.format, p.a.asJSON = name, false
	return nil
}

func (p *repl) param(arg string) error {
	if arg != "" {
		return p.setParam(arg)
	}
	var all []candidate
	for _, k := range sortedKeys(p.params) {
		all = append(all, candidate{":" + k, p.params[k]})
	}
	list(p.a.out, all)
	return nil
}

// schema describes a table or a view by its columns and their comments, a macro by its text.
func (p *repl) schema(ctx context.Context, name string) error {
	if name == "" {
		return usagef(".schema requests", ".schema takes the name of a table, a view or a macro")
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(name, ")"), "("))
	q := query{params: map[string]string{"name": name}}
	q.text = "select column_name, data_type as type, comment from duckdb_columns() where table_name = :name and not internal"
	if _, known := p.names.columns[name]; !known {
		q.text = `select function_name || '(' || array_to_string(parameters, ', ') || ')' as macro, macro_definition as definition, comment
from duckdb_functions() where function_name = :name and not internal`
	}
	all, err := q.bind(nil)
	if err != nil {
		return err
	}
	return p.a.runSQL(ctx, p.r, all, p.o.timeout)
}
