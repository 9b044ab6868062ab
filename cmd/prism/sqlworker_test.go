package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger/duckdb"
)

// hostileSQL is a statement of somebody who wants more than to read the ledger.
type hostileSQL struct {
	name string
	sql  string
	runs bool // it is a SELECT that may run; what counts is that nothing comes of it
}

// hostileStatements name the ledger LEDGER, a file with a secret in it SECRET, and a place in a
// folder that nothing must be written to OUT.
func hostileStatements() []hostileSQL {
	refused := map[string]string{
		"write over the log of the ledger":      "copy (select 'evil') to 'LEDGER.wal'",
		"write over the ledger":                 "copy (select 'evil') to 'LEDGER'",
		"write a CSV":                           "copy requests to 'OUT.csv'",
		"write a Parquet":                       "copy (from requests) to 'OUT.parquet' (format parquet)",
		"write to a device":                     "copy (select 1) to '/dev/stdout'",
		"read into a table":                     "copy requests from 'SECRET'",
		"copy a database":                       "copy from database ledger to memory",
		"export":                                "export database 'OUT'",
		"import":                                "import database 'OUT'",
		"attach another file":                   "attach 'OUT.db' as x",
		"attach in memory":                      "attach ':memory:' as x",
		"attach by URL":                         "attach 'https://evil.example/x.db'",
		"detach":                                "detach ledger",
		"use another catalog":                   "use memory",
		"install":                               "install httpfs",
		"install from a URL":                    "install x from 'http://evil.example'",
		"load":                                  "load httpfs",
		"load a file":                           "load 'OUT.so'",
		"update extensions":                     "update extensions",
		"make a secret":                         "create secret s (type s3, key_id 'a', secret 'b')",
		"make a lasting secret":                 "create persistent secret s (type http)",
		"drop a secret":                         "drop secret s",
		"set":                                   "set memory_limit = '100GB'",
		"set global":                            "set global enable_external_access = true",
		"reset":                                 "reset memory_limit",
		"set a variable":                        "set variable x = 1",
		"pragma":                                "pragma database_list",
		"pragma that sets":                      "pragma threads = 64",
		"pragma of the checkpoint":              "pragma debug_checkpoint_abort = 'before_truncate'",
		"checkpoint":                            "checkpoint",
		"force a checkpoint":                    "force checkpoint",
		"vacuum":                                "vacuum",
		"analyze":                               "analyze",
		"insert":                                "insert into requests (request_id) values ('x')",
		"update":                                "update requests set cost_usd = 0",
		"delete":                                "delete from requests",
		"truncate":                              "truncate requests",
		"merge":                                 "merge into requests using (select 1) s on false when not matched then insert default values",
		"drop":                                  "drop table requests",
		"drop a view":                           "drop view attempts",
		"alter":                                 "alter table requests add column evil int",
		"create a table":                        "create table evil as select 1",
		"create a temporary table":              "create temp table evil as select 1",
		"create a view":                         "create view evil as select 1",
		"create a macro":                        "create macro evil() as 1",
		"create a sequence":                     "create sequence evil",
		"create a schema":                       "create schema evil",
		"create a type":                         "create type evil as enum ('x')",
		"comment":                               "comment on table requests is 'evil'",
		"a CTE with an insert":                  "with x as (insert into requests (request_id) values ('x') returning 1) from x",
		"a CTE before an insert":                "with x as (select 1) insert into requests (request_id) select 'x'",
		"two queries":                           "select 1; select 2",
		"a query and a copy":                    "select 1; copy (select 1) to 'OUT.csv'",
		"a copy and a query":                    "copy (select 1) to 'OUT.csv'; select 1",
		"a copy behind a comment":               "select 1 /* ; */ ; copy (select 1) to 'OUT.csv' --",
		"a bracket that ends the bound":         "select 1) limit 1; copy (select 1) to 'OUT.csv'; select * from (select 1",
		"a bracket and a comment":               "select 1) -- ",
		"an open comment":                       "select 1 /*",
		"an open string":                        "select 'x",
		"prepare":                               "prepare p as select 1",
		"execute":                               "execute p",
		"call":                                  "call pragma_version()",
		"call that logs to a file":              "call enable_logging(storage = 'file', storage_path = 'OUT')",
		"a profile of the next query in a file": "from enable_profiling(save_location := 'OUT.json')",
		"another profile":                       "select 1 where exists (from enable_profiling(mode := 'detailed', save_location := 'OUT.json'))",
		"no profiles":                           "from disable_profiling()",
		"another parser":                        "from enable_peg_parser()",
		"the memory at an address":              "from arrow_scan(8::pointer, 8::pointer, 8::pointer)",
		"the ledger as bytes":                   "select size from read_blob('LEDGER')",
		"begin":                                 "begin transaction",
		"explain analyze of a copy":             "explain analyze copy (select 1) to 'OUT.csv'",
		"explain of a delete":                   "explain delete from requests",
		"nothing":                               " ",
		"only a comment":                        "-- select 1",
		"a zero byte":                           "select 1 \x00; copy (select 1) to 'OUT.csv'",
		"read a text":                           "from read_text('SECRET')",
		"read a blob":                           "from read_blob('SECRET')",
		"read a CSV":                            "from read_csv('SECRET', header = false)",
		"read a CSV by its name":                "from 'SECRET'",
		"read JSON":                             "from read_json('SECRET')",
		"read NDJSON objects":                   "from read_ndjson_objects('SECRET')",
		"read Parquet":                          "from read_parquet('SECRET')",
		"read its own output":                   "from read_text('/dev/stdout')",
		"read its own input":                    "from read_text('/dev/stdin')",
		"copy to its own output":                "copy (select 1) to '/dev/stdout'",
		"read another database":                 "from read_duckdb('SECRET')",
		"sniff a CSV":                           "from sniff_csv('SECRET')",
		"list files":                            "from glob('/etc/*')",
		"list files by a pattern":               "from read_text('/proc/self/*')",
		"read over the network":                 "from read_csv('http://127.0.0.1:9/x.csv')",
		"read the environment of the process":   "from read_text('/proc/self/environ')",
		"read through a query in a query":       "from query('from read_text(''SECRET'')')",
		"copy through a query in a query":       "from query('copy (select 1) to ''OUT.csv''')",
		"a table by its name that is a file":    "from query_table('SECRET')",
		"logging as a table function":           "from enable_logging(storage = 'file', storage_path = 'OUT')",
		"a checkpoint as a table function":      "from force_checkpoint('ledger')",
		"a serialised query that reads":         "from json_execute_serialized_sql(json_serialize_sql('from read_text(''SECRET'')'))",
		"a file in a subquery of a scalar":      "select (select content from read_text('SECRET'))",
		"a file in a lateral join":              "select * from (values ('SECRET')) v(p), lateral (from read_text(p))",
		"Parquet metadata of a file":            "from parquet_metadata('SECRET')",
		"more memory than there is, in a list":  "select len(range(200000000))",
		"more memory than there is, in a text":  "select length(repeat('x', 2000000000))",
		"more memory than there is, in a group": "select count(*) from (select range % 100000000 g, list(range) from range(100000000) group by g)",
		"a query without an end":                "with recursive r as (select 1 n union all select n + 1 from r) select max(n) from r",
		"a product without an end":              "select sum(a.range * b.range % 7) from range(10000000) a, range(10000000) b",
		"a product of texts":                    "select max(md5(a.range::text || b.range::text)) from range(1000000) a, range(1000000) b",
		"a sort of a product":                   "from range(100000000) a, range(10) b order by hash(a.range, b.range) desc",
	}
	runs := map[string]string{
		"the environment":                "select getenv('HOME')",
		"a variable of the environment":  "select getenv('PRISM_CANARY')",
		"the settings":                   "from duckdb_settings()",
		"a setting of a secret":          "select current_setting('s3_secret_access_key')",
		"the secrets":                    "from duckdb_secrets()",
		"which secret":                   "from which_secret('s3://x', 's3')",
		"the databases":                  "from duckdb_databases()",
		"a note in the log":              "select write_log('x')",
		"a regular expression":           "select regexp_matches(repeat('a', 1000000), '(a|a)*b')",
		"a regular expression, repeated": "select count(*) from range(100000) where regexp_matches(repeat('a', 5000), '(a*)*(a*)*b')",
		"a deep expression":              "select " + strings.Repeat("(", 3000) + "1" + strings.Repeat(")", 3000),
		"a long list":                    "select " + strings.Repeat("1+", 20000) + "1",
		"many columns":                   "select " + strings.Repeat("1,", 20000) + "1",
		"rows without an end":            "from range(100000000000)",
		"wide rows":                      "select repeat('x', 1000000) from range(100)",
		"one value that is too wide":     "select repeat('x', 20000000)",
		"a view of an inner catalog":     "from pragma_storage_info('requests')",
		"a time without an end":          "select 'infinity'::timestamp, 'nan'::double, '290000-01-01'::date",
	}
	var all []hostileSQL
	for name, q := range refused {
		all = append(all, hostileSQL{name, q, false})
	}
	for name, q := range runs {
		all = append(all, hostileSQL{name, q, true})
	}
	return all
}

func TestNoHostileStatementDoesMoreThanRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	r := folded(t)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	const canary = "canary-in-a-file-0123456789"
	if err := os.WriteFile(secret, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PRISM_CANARY", canary)
	before := everything(t, filepath.Dir(r.paths.LedgerFile)) + everything(t, dir)
	run := worker(t)
	const deadline = time.Second
	list := hostileStatements()
	if len(list) < 60 {
		t.Fatalf("%d statements, want at least 60", len(list))
	}
	resident := rss(t)
	t.Run("statements", func(t *testing.T) {
		for _, h := range list {
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				text := strings.NewReplacer("LEDGER", r.paths.LedgerFile, "SECRET", secret, "OUT", filepath.Join(dir, "out")).Replace(h.sql)
				began := time.Now()
				res, err := askOne(t.Context(), run, admin.QueryBatch{File: r.paths.LedgerFile, DeadlineMS: deadline.Milliseconds()}, admin.Query{SQL: text})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > deadline+3*time.Second {
					t.Errorf("it took %s under a deadline of %s", took, deadline)
				}
				if res.Problem == nil && !h.runs {
					t.Errorf("it ran: %d rows, %.200s", res.Count, res.Rows)
				}
				if res.Problem != nil && (res.Problem.Code == "" || res.Problem.Message == "" || res.Problem.Fix == "") {
					t.Errorf("problem %+v", res.Problem)
				}
				if answer := fmt.Sprintf("%s %+v", res.Rows, res.Problem); strings.Contains(answer, canary) {
					t.Errorf("it read what it must not: %.300s", answer)
				}
				if len(res.Rows) > 9<<20 || res.Count > 10_000 {
					t.Errorf("%d rows, %d bytes", res.Count, len(res.Rows))
				}
			})
		}
	})
	if after := everything(t, filepath.Dir(r.paths.LedgerFile)) + everything(t, dir); after != before {
		t.Errorf("something was written; before:\n%s\nafter:\n%s", before, after)
	}
	if grown := rss(t) - resident; grown > 96<<20 {
		t.Errorf("the parent grew by %d MiB", grown>>20)
	}
}

// folded is a place with a ledger of fifty requests.
func folded(t *testing.T) room {
	t.Helper()
	a, r := ledgerApp(t)
	if _, err := a.appendRecords(t.Context(), r, randomEntries(50)); err != nil {
		t.Fatal(err)
	}
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// worker runs the real program as the child. It is named prism beside the test.
func worker(t *testing.T) *daemon.SQLRunner {
	t.Helper()
	prism, err := exec.LookPath("prism")
	if err != nil {
		t.Fatal(err)
	}
	return daemon.NewSQLRunner(prism, "sql-worker")
}

// askOne asks one query, and says of the ledger what it would say of the query.
func askOne(ctx context.Context, run *daemon.SQLRunner, b admin.QueryBatch, q admin.Query) (admin.QueryResult, error) {
	b.Queries = []admin.Query{q}
	a, err := run.Run(ctx, b)
	if err != nil || a.Problem != nil {
		return admin.QueryResult{Problem: a.Problem}, err
	}
	return a.Results[0], nil
}

// everything is the names and contents of what lies below dir.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	err := filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err != nil || st.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s %x\n", path, st.Mode(), sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// rss is the resident memory of this process, in bytes.
func rss(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func TestTheWorkerAnswersWhatPeopleAsk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	r := folded(t)
	run := worker(t)
	ask := func(q admin.Query) admin.QueryResult {
		t.Helper()
		res, err := askOne(t.Context(), run, admin.QueryBatch{File: r.paths.LedgerFile, TimeZone: "Asia/Tokyo"}, q)
		if err != nil {
			t.Fatal(err)
		}
		if res.Problem != nil {
			t.Fatalf("%q: %+v", q.SQL, res.Problem)
		}
		return res
	}
	for _, c := range []struct {
		sql, rows string
		truncated bool
	}{
		{"select count(*) as n from requests", "[[50]]", false},
		{"from range(3) t(n) order by n desc; -- the end", "[[2],[1],[0]]", false},
		{"with x as (select 1.50::decimal(9,2) d, null n, 'a\"b' s, true b) from x", `[["1.50",null,"a\"b",true]]`, false},
		{"from range(5)", "[[0],[1],[2]]", true},
		{"values (1), (2)", "[[1],[2]]", false},
	} {
		res := ask(admin.Query{SQL: c.sql, MaxRows: 3})
		if string(res.Rows) != c.rows || res.Truncated != c.truncated {
			t.Errorf("%s: %s, truncated %v", c.sql, res.Rows, res.Truncated)
		}
	}
	for _, sql := range []string{"describe requests", "show tables", "summarize requests", "from daily", "from spend()", "from attempts", "select now()"} {
		if res := ask(admin.Query{SQL: sql}); len(res.Columns) == 0 {
			t.Errorf("%s: no columns", sql)
		}
	}
	if res := ask(admin.Query{SQL: "select repeat('<', 900) from range(2000)"}); res.Count != 2000 || res.Truncated {
		t.Errorf("%d rows of text that HTML escapes, truncated %v", res.Count, res.Truncated)
	}
	if res := ask(admin.Query{SQL: "select max(request_model) from requests", Explain: true}); !strings.Contains(string(res.Rows), "requests") {
		t.Errorf("plan: %s", res.Rows)
	}
	if res := ask(admin.Query{SQL: "select timezone('Asia/Tokyo', '2026-01-01 00:00:00+00'::timestamptz)::text, '2026-01-01 00:00:00+00'::timestamptz::text"}); !strings.Contains(string(res.Rows), "09:00:00+09") {
		t.Errorf("time zone: %s", res.Rows)
	}
}

func TestWhatABatchHasFoundIsNotLostToThoseThatTakeTooLong(t *testing.T) {
	for _, deadline := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
		if cpu := workerCPU(deadline); cpu <= duckdb.ConfinedThreads*deadline {
			t.Errorf("%s of processor time end a batch before its deadline of %s", cpu, deadline)
		}
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	t.Parallel()
	r := folded(t)
	endless := "select sum(hash(a.range, b.range)) from range(10000000) a, range(10000000) b"
	const limit = 200
	a, err := worker(t).Run(t.Context(), admin.QueryBatch{File: r.paths.LedgerFile, DeadlineMS: 9000, Queries: []admin.Query{
		{SQL: "select 1"}, {SQL: endless, LimitMS: limit}, {SQL: endless, LimitMS: limit}, {SQL: endless, LimitMS: limit}, {SQL: "select 2"},
	}})
	if err != nil || a.Problem != nil || len(a.Results) != 5 {
		t.Fatalf("%+v, %v", a, err)
	}
	for i, want := range []string{"[[1]]", "[]", "[]", "[]", "[[2]]"} {
		if res := a.Results[i]; string(res.Rows) != want || (res.Problem != nil) != (want == "[]") {
			t.Errorf("query %d: %s, %+v", i, res.Rows, res.Problem)
		}
	}
}

func TestAQueryThatIsGivenUpLeavesItsPlaceToTheNext(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux confines a process")
	}
	_, r := ledgerApp(t)
	run := worker(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 5 {
		if _, err := askOne(ctx, run, admin.QueryBatch{File: r.paths.LedgerFile}, admin.Query{SQL: "select 1"}); err == nil {
			t.Error("a cancelled query ran")
		}
	}
	res, err := askOne(t.Context(), run, admin.QueryBatch{File: r.paths.LedgerFile}, admin.Query{SQL: "select 1"})
	if err != nil || res.Problem == nil || res.Problem.Fix == "" {
		t.Errorf("a ledger that is not there: %+v, %v", res, err)
	}
}
