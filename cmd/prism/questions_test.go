package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"prism/internal/ledger/duckdb"
)

// demoLedger names a folder in which TestQuestions leaves its ledger.
const demoLedger = "PRISM_DEMO_LEDGER"

// sqlWithAnswer is a query of docs/sql.md and the answer below it.
var sqlWithAnswer = regexp.MustCompile("(?s)```sql\n(.*?)```\n\n```text\n(.*?)```")

// ask runs prism sql and returns what it prints.
func (b *books) ask(args ...string) (string, error) {
	b.t.Helper()
	b.out.Reset()
	b.errs.Reset()
	root := newRoot(b.a)
	root.SetArgs(append([]string{"sql"}, args...))
	err := root.ExecuteContext(b.t.Context())
	return b.out.String(), err
}

// TestQuestions asks what docs/sql.md asks, of the ledger of demoledger_test.go, and compares the answers; -update rewrites them.
func TestQuestions(t *testing.T) {
	b := writeDemoLedger(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("..", "..", "docs", "sql.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	got := sqlWithAnswer.ReplaceAllStringFunc(string(text), func(block string) string {
		asked++
		query := sqlWithAnswer.FindStringSubmatch(block)[1]
		answer, err := b.ask("--format", "table", "-c", query)
		if err != nil {
			t.Errorf("%s\n%v", query, err)
		}
		return fmt.Sprintf("```sql\n%s```\n\n```text\n%s```", query, trimLines(answer))
	})
	if asked < 20 {
		t.Errorf("%d questions", asked)
	}
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(text) {
		t.Errorf("docs/sql.md does not say what the ledger says; run: go test ./cmd/prism -run Questions -update\n%s", firstDifference(string(text), got))
	}
	b.keep(os.Getenv(demoLedger))
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return "one is longer"
}

// keep leaves the ledger for whoever wants to ask it something else.
func (b *books) keep(dir string) {
	b.t.Helper()
	if dir == "" {
		return
	}
	data, err := os.ReadFile(b.r.paths.LedgerFile)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "prism"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prism", "ledger.duckdb"), data, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

var (
	sqlBlock   = regexp.MustCompile("(?s)```sql\n(.*?)```")
	sqlCommand = regexp.MustCompile(`(?m)\bprism sql "((?:[^"\\]|\\.)+)"|\bprism sql '([^']+)'`)
)

// TestSQLInTheDocsRuns runs every other query that a document shows: it may not name what is not there.
func TestSQLInTheDocsRuns(t *testing.T) {
	b := writeDemoLedger(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, name := range append(docs, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == "sql.md" {
			text = sqlWithAnswer.ReplaceAll(text, nil)
		}
		for _, m := range slices.Concat(sqlBlock.FindAllStringSubmatch(string(text), -1), sqlCommand.FindAllStringSubmatch(string(text), -1)) {
			query := strings.ReplaceAll(strings.Join(m[1:], ""), `\"`, `"`)
			ran++
			args := []string{"--format", "json", "-c", query}
			for _, p := range placeholders(query) {
				args = append(args, "--param", p+"=work")
			}
			if _, err := b.ask(args...); err != nil {
				t.Errorf("%s: %s\n%v", name, query, err)
			}
		}
	}
	if ran < 5 {
		t.Errorf("only %d queries were found", ran)
	}
}

func placeholders(query string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`[^:\w][:$](\w+)`).FindAllStringSubmatch(" "+query, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestTheReferenceNamesEveryColumn compares the sections of docs/sql.md with what the macros return.
func TestTheReferenceNamesEveryColumn(t *testing.T) {
	b := writeDemoLedger(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "sql.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := 0
	for section := range strings.SplitSeq(string(text), "\n### ") {
		heading, body, _ := strings.Cut(section, "\n")
		name, _, isMacro := strings.Cut(heading, "(")
		if !isMacro || strings.Contains(name, " ") {
			continue
		}
		sections++
		from := name + "()"
		if name == "what_if" {
			from = "what_if('kimi-k3', 'moonshot')"
		}
		answer, err := b.ask("--format", "csv", "-c", "select column_name from (describe from "+from+")")
		if err != nil {
			t.Fatal(err)
		}
		body, _, _ = strings.Cut(body, "\n## ")
		documented := regexp.MustCompile("(?m)^\\| (`.*?`) \\|").FindAllString(body, -1)
		for column := range strings.FieldsSeq(answer) {
			if column != "column_name" && !strings.Contains(strings.Join(documented, ""), "`"+column+"`") {
				t.Errorf("%s: column %s is not described", heading, column)
			}
		}
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(strings.Join(documented, ""), -1) {
			if !slices.Contains(strings.Fields(answer), m[1]) {
				t.Errorf("%s: there is no column %s", heading, m[1])
			}
		}
	}
	if sections != 7 {
		t.Errorf("%d macros are described", sections)
	}
}

// TestNamedQueriesAnswer runs every query that comes with prism, with the values that it names itself.
func TestNamedQueriesAnswer(t *testing.T) {
	b := writeDemoLedger(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	queries, err := namedQueries(b.r.paths.Queries)
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range queries {
		if q.title == "" {
			t.Errorf("%s has no title", name)
		}
		if _, err := b.ask("--format", "json", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(queries) < 15 {
		t.Errorf("%d queries", len(queries))
	}
}

// TestExamplesInTheCommentsRun takes the promise of the comments: each view and macro names an example.
func TestExamplesInTheCommentsRun(t *testing.T) {
	b := writeDemoLedger(t)
	if err := b.journal.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ask("-c", "select 1"); err != nil { // folds
		t.Fatal(err)
	}
	db, err := duckdb.OpenReader(t.Context(), b.r.paths.LedgerFile, duckdb.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, rows, err := duckdb.Query(t.Context(), db, `select view_name, comment from duckdb_views() where not internal union all
		select function_name, comment from duckdb_functions() where not internal and function_name not like '\_%' escape '\'`, nil)
	if closed := db.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	for _, row := range rows {
		_, example, found := strings.Cut(fmt.Sprint(row[1]), "Example: ")
		if !found {
			t.Errorf("%s has no example: %v", row[0], row[1])
			continue
		}
		if _, err := b.ask("--format", "json", "-c", example); err != nil {
			t.Errorf("%s: %s\n%v", row[0], example, err)
		}
	}
	if len(rows) < 15 {
		t.Errorf("%d views and macros", len(rows))
	}
}
