package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// candidate is something that can be typed, and what it is.
type candidate struct{ text, about string }

// catalog is what the ledger has names for.
type catalog struct {
	relations []candidate            // tables, views and table macros, the last with (
	columns   map[string][]candidate // by table or view
	functions []candidate            // the scalar macros of the ledger
}

// readCatalog asks the ledger for its names and their comments.
func readCatalog(ctx context.Context, db *sql.DB) (*catalog, error) {
	c := &catalog{columns: map[string][]candidate{}}
	rows, err := db.QueryContext(ctx, `
select 'relation', '', table_name, comment from duckdb_tables() where not internal
union all select 'relation', '', view_name, comment from duckdb_views() where not internal
union all select case function_type when 'table_macro' then 'relation' else 'function' end, '', function_name || '(', comment
  from duckdb_functions() where not internal and function_type in ('macro', 'table_macro')
union all select 'column', table_name, column_name, comment from duckdb_columns() where not internal
order by all`)
	if err != nil {
		return nil, fmt.Errorf("read the names in the ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, table, name string
		var about sql.NullString
		if err := rows.Scan(&kind, &table, &name, &about); err != nil {
			return nil, err
		}
		if strings.HasPrefix(name, "_") || strings.HasPrefix(table, "_") {
			continue // internal
		}
		found := candidate{name, about.String}
		switch kind {
		case "relation":
			c.relations = append(c.relations, found)
		case "function":
			c.functions = append(c.functions, found)
		default:
			c.columns[table] = append(c.columns[table], found)
		}
	}
	return c, rows.Err()
}

// sqlWords are the words of SQL that people type in a ledger.
func sqlWords() []candidate {
	words := strings.Fields("select from where group by order limit with as join left using on and or not in is null like ilike between case when then else end " +
		"count sum avg min max round distinct filter over partition qualify having union all desc asc nulls last first coalesce interval date timestamp " +
		"current_date now date_trunc quantile_cont describe summarize pivot unnest strftime cast exists true false")
	out := make([]candidate, len(words))
	for i, w := range words {
		out[i] = candidate{text: w}
	}
	return out
}

// complete returns what the word that ends at the end of text could become, and the word.
// After from and join that is a table; after "table." one of its columns; else a column of the
// tables that are named, a function or a word of SQL.
func (c *catalog) complete(text string) (word string, found []candidate) {
	start := len(text)
	for start > 0 && nameByte(text[start-1]) {
		start--
	}
	word, before := text[start:], strings.TrimRight(text[:start], " \t\n")
	if insideQuotes(text) {
		return word, nil
	}
	words := wordsOf(before)
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	switch {
	case strings.HasSuffix(text[:start], "."):
		found = c.columnsOf(last, wordsOf(text))
	case slices.Contains([]string{"from", "join", "describe", "summarize"}, last) && !strings.HasSuffix(before, ")"):
		found = c.relations
	default:
		found = append(c.columnsIn(wordsOf(text)), append(slices.Clone(c.functions), sqlWords()...)...)
		if len(words) == 0 {
			found = append(found, c.relations...)
		}
	}
	return word, matching(word, found)
}

// insideQuotes tells whether text ends within a string, a quoted name or a comment.
func insideQuotes(text string) bool {
	const end = "\x00"
	text += end
	for i := 0; i < len(text); {
		next := skipQuoted(text, i)
		if next == len(text) {
			return true
		}
		i = max(next, i+1)
	}
	return false
}

// wordsOf are the names in text, in lower case.
func wordsOf(text string) []string {
	var words []string
	for i := 0; i < len(text); {
		if end := skipQuoted(text, i); end > i {
			i = end
			continue
		}
		n := i
		for n < len(text) && nameByte(text[n]) {
			n++
		}
		if n > i {
			words = append(words, strings.ToLower(text[i:n]))
		}
		i = max(n, i+1)
	}
	return words
}

// columnsOf are the columns of a table by its name or its alias.
func (c *catalog) columnsOf(name string, words []string) []candidate {
	if cols, ok := c.columns[name]; ok {
		return cols
	}
	for i, w := range words {
		if w == name && i > 0 {
			before := words[i-1]
			if before == "as" && i > 1 {
				before = words[i-2]
			}
			if cols, ok := c.columns[before]; ok {
				return cols
			}
		}
	}
	return nil
}

// columnsIn are the columns of all tables that words name; of requests where they name none.
func (c *catalog) columnsIn(words []string) []candidate {
	var out []candidate
	for i, w := range words {
		if !slices.Contains(words[:i], w) {
			out = append(out, c.columns[w]...)
		}
	}
	if out == nil {
		out = slices.Clone(c.columns["requests"])
	}
	return out
}

// matching keeps what begins with word, once each.
func matching(word string, all []candidate) []candidate {
	var out []candidate
	seen := map[string]bool{}
	for _, c := range all {
		if !seen[c.text] && strings.HasPrefix(strings.ToLower(c.text), strings.ToLower(word)) {
			seen[c.text] = true
			out = append(out, c)
		}
	}
	return out
}
