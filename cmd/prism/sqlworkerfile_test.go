package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"prism/internal/admin"
	"prism/internal/daemon"
)

// confinedRunner runs the real worker on a ledger of fifty requests.
func confinedRunner(t *testing.T) (*daemon.SQLRunner, string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	r := folded(t)
	return worker(t), r.paths.LedgerFile
}

func TestQueriesOfABatchGetTheirValuesBesideTheText(t *testing.T) {
	t.Parallel()
	run, file := confinedRunner(t)
	a, err := run.Run(t.Context(), admin.QueryBatch{File: file, Queries: []admin.Query{
		{SQL: "select :x as x, $y::int + 1 as y", Params: map[string]string{"x": "'; drop table requests; --", "y": "41"}},
		{SQL: "select * from requests where profile = $p", Params: map[string]string{"p": "' or true --"}},
		{SQL: "select $missing"},
		{SQL: "select * frm"},
		{SQL: "from range(10000000000) a, range(1000) b order by hash(a.range, b.range)", LimitMS: 100},
		{SQL: "from range(5)", Series: &admin.QuerySeries{Name: "s", Enough: 3}, MaxRows: 2},
		{SQL: "from range(1)", Series: &admin.QuerySeries{Name: "s", Enough: 3}},
		{SQL: "from range(9)", Series: &admin.QuerySeries{Name: "s", Enough: 3}},
		{SQL: "select count(*) from requests"},
	}})
	if err != nil || a.Problem != nil || len(a.Results) != 9 {
		t.Fatalf("%+v, %v", a, err)
	}
	var got []string
	for _, r := range a.Results {
		switch {
		case r.Problem != nil:
			got = append(got, r.Problem.Code)
		case r.Skipped:
			got = append(got, "skipped")
		default:
			got = append(got, string(r.Rows))
		}
	}
	want := []string{`[["'; drop table requests; --",42]]`, "[]", "sql_error", "sql_error", "sql_limit", "[[0],[1]]", "[[0]]", "skipped", "[[50]]"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestADownloadIsWholeOrAnErrorThatSaysWhy(t *testing.T) {
	t.Parallel()
	run, file := confinedRunner(t)
	export := func(format string, q admin.Query) (string, admin.QueryFile, error) {
		var b bytes.Buffer
		var head admin.QueryFile
		err := run.Export(t.Context(), admin.QueryBatch{File: file, Export: format, Queries: []admin.Query{q}}, func(f admin.QueryFile) io.Writer {
			head = f
			return &b
		})
		return b.String(), head, err
	}
	const hostile = "select '=cmd()' as \"=evil()\", -1 as n, '-0.5' as d, chr(27) || '[2J' as esc, null as nothing, :v as v"
	q := admin.Query{SQL: hostile, Params: map[string]string{"v": "@SUM(A1)"}}
	text, head, err := export("csv", q)
	if want := "'=evil(),n,d,esc,nothing,v\n'=cmd(),-1,-0.5,\\u001b[2J,,'@SUM(A1)\n"; err != nil || text != want || head.Rows != 1 {
		t.Errorf("%q, %+v, %v", text, head, err)
	}
	text, _, err = export("json", q)
	var objects []map[string]any
	if err != nil || json.Unmarshal([]byte(text), &objects) != nil || len(objects) != 1 || objects[0]["v"] != "@SUM(A1)" || strings.Contains(text, "\x1b") {
		t.Errorf("%q, %v", text, err)
	}
	if text, _, err = export("json", admin.Query{SQL: "from requests where false"}); err != nil || text != "[]\n" {
		t.Errorf("%q, %v", text, err)
	}
	text, head, err = export("parquet", admin.Query{SQL: "from priced where profile <> :p -- all", Params: map[string]string{"p": "nobody"}})
	if err != nil || !strings.HasPrefix(text, "PAR1") || !strings.HasSuffix(text, "PAR1") || head.Rows != 50 || head.Bytes != int64(len(text)) {
		t.Errorf("%d bytes, %+v, %v", len(text), head, err)
	}
	for name, c := range map[string]struct{ format, sql, code string }{
		"too many rows":               {"csv", "from range(100001)", admin.CodeSQLLimit},
		"too many rows of Parquet":    {"parquet", "from range(100001)", admin.CodeSQLLimit},
		"too large":                   {"csv", "select repeat('x', 2000) from range(90000)", admin.CodeSQLLimit},
		"too large for Parquet":       {"parquet", "select " + manyHashes(90) + " from range(90000)", admin.CodeSQLLimit},
		"not a query":                 {"csv", "drop table requests", admin.CodeNotSelect},
		"a copy":                      {"parquet", "copy (select 1) to '/dev/stdout'", admin.CodeNotSelect},
		"a bracket that ends a bound": {"parquet", "select 1) limit 1) to '/tmp/x'; select * from (select 1", admin.CodeNotSelect},
		"nonsense":                    {"json", "select * frm", admin.CodeSQL},
	} {
		text, _, err := export(c.format, admin.Query{SQL: c.sql})
		e, ours := errors.AsType[*admin.Error](err)
		if !ours || e.Code != c.code || e.Fix == "" || text != "" {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	if _, _, err := export("csv", admin.Query{SQL: "select 1"}); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// manyHashes is a long text that nothing makes smaller.
func manyHashes(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf("md5((range * %d)::varchar)", i+2))
	}
	return strings.Join(parts, " || ")
}
