package dashboard

import (
	"context"
	"net/url"

	"prism/internal/admin"
)

// relation is something that a query can select from.
type relation struct {
	Name    string           `json:"name"`
	Kind    string           `json:"kind"` // table, view, macro
	Comment *string          `json:"comment"`
	Columns []relationColumn `json:"columns"`
	Params  []string         `json:"params"` // of a macro
}

type relationColumn struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	Comment *string `json:"comment"`
}

// function is something that a query can call. Those of prism have a comment.
type function struct {
	Name    string   `json:"name"`
	Params  []string `json:"params"`
	Comment *string  `json:"comment"`
}

type schemaReply struct {
	Relations []relation `json:"relations"`
	Functions []function `json:"functions"`
	Builtin   []string   `json:"builtin"` // functions of DuckDB
	Keywords  []string   `json:"keywords"`
	File      string     `json:"file"`
	Open      string     `json:"open"` // a command for those who rather use DuckDB's own program
	Empty     bool       `json:"empty,omitempty"`
}

// Names that begin with an underscore are for the views themselves.
const relationsSQL = `
select * from (
  select 1 as rank, table_name as name, 'table' as kind, comment, []::varchar[] as params from duckdb_tables() where not internal
  union all select 0, view_name, 'view', comment, [] from duckdb_views() where not internal
  union all select case function_type when 'table_macro' then 2 else 3 end, function_name, case function_type when 'table_macro' then 'macro' else 'function' end, comment, parameters
  from duckdb_functions() where not internal and function_type in ('macro', 'table_macro'))
where name not like '\_%' escape '\'
order by rank, name`

const columnsSQL = `
select table_name as relation, column_name as name, data_type as type, comment from duckdb_columns() where not internal order by table_name, column_index`

const builtinSQL = `
select distinct function_name as name from duckdb_functions()
where internal and function_type in ('scalar', 'aggregate', 'macro') and regexp_matches(function_name, '^[a-z][a-z0-9_]*$') order by name`

const keywordsSQL = `select keyword_name as name from duckdb_keywords() where keyword_category in ('reserved', 'column_name', 'type_function') order by name`

// schema says what can be asked for.
func (d *Data) schema(ctx context.Context, _ url.Values) (any, error) {
	out := schemaReply{Relations: []relation{}, Functions: []function{}, Builtin: []string{}, Keywords: []string{}, File: d.opt.File, Open: "duckdb -readonly " + shellWord(d.opt.File)}
	results, err := d.ask(ctx, pageDeadline, []admin.Query{{SQL: relationsSQL}, {SQL: columnsSQL}, {SQL: builtinSQL}, {SQL: keywordsSQL}})
	if noLedger(err) {
		out.Empty = true
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	relations, err := into[relation](&results[0])
	if err != nil {
		return nil, err
	}
	columns, err := into[struct {
		Relation string `json:"relation"`
		relationColumn
	}](&results[1])
	if err != nil {
		return nil, err
	}
	of := map[string][]relationColumn{}
	for _, c := range columns {
		of[c.Relation] = append(of[c.Relation], c.relationColumn)
	}
	for _, r := range relations {
		if r.Kind == "function" {
			out.Functions = append(out.Functions, function{r.Name, r.Params, r.Comment})
			continue
		}
		r.Columns = append([]relationColumn{}, of[r.Name]...)
		out.Relations = append(out.Relations, r)
	}
	for i, list := range []*[]string{&out.Builtin, &out.Keywords} {
		names, err := into[struct{ Name string }](&results[2+i])
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			*list = append(*list, n.Name)
		}
	}
	return out, nil
}
