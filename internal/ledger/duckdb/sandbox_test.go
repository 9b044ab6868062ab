package duckdb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// confinedEnv makes the test binary a confined process without DuckDB's own sandbox.
const confinedEnv = "LEDGER_TEST_CONFINED"

// attempts of a statement that got past every check of the text, on a database that has external
// access: the limits of the process are all that is left.
func wallAttempts(file string) map[string]string {
	dir := filepath.Dir(file)
	return map[string]string{
		"the log of the ledger": "copy (select 'evil') to " + quote(file+".wal"),
		"a new file":            "copy (select 'evil') to " + quote(filepath.Join(dir, "evil.csv")),
		"a new database":        "attach " + quote(filepath.Join(dir, "evil.duckdb")) + " as evil; create table evil.t as select 1",
		"another file":          "from read_text('/etc/hostname')",
		"the environment":       "from read_text('/proc/self/environ')",
		"a folder":              "select count(*) from glob('/etc/*') having count(*) > 0",
		"too much memory":       "select len(range(400000000))",
	}
}

// tryWalls is the confined process: it prints what succeeded.
func tryWalls(file string) {
	if err := Confine(Confinement{File: file, CPU: 10 * time.Second, Memory: 1 << 30, Files: 64}); err != nil {
		fmt.Println("confine:", err)
		return
	}
	ctx := context.Background()
	db, err := connect(ctx, file+"?access_mode=read_only", "set threads = 2; set memory_limit = '100GB'; set temp_directory = '';")
	if err != nil {
		fmt.Println("open:", err)
		return
	}
	var n int
	if err := db.QueryRowContext(ctx, "select count(*) from requests").Scan(&n); err != nil || n == 0 {
		fmt.Println("the ledger cannot be read:", n, err)
	}
	for name, sql := range wallAttempts(file) {
		if _, rows, err := Query(ctx, db, sql, nil); err == nil && (len(rows) > 0 || !strings.HasPrefix(sql, "select count")) {
			fmt.Println("succeeded:", name)
		}
	}
	if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", os.Getenv("LEDGER_TEST_ADDRESS")); err == nil {
		_ = conn.Close()
		fmt.Println("succeeded: a connection")
	}
	fmt.Println("done")
}

func TestTheLimitsOfTheProcessHoldWhereDuckDBsOwnDoNot(t *testing.T) {
	if runtime.GOOS != "linux" {
		if err := Confine(Confinement{}); !errors.Is(err, ErrNotConfined) {
			t.Errorf("error %v", err)
		}
		return
	}
	h := sample(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	before := ledgerFiles(t, h)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{confinedEnv + "=" + h.opt.File, "LEDGER_TEST_ADDRESS=" + ln.Addr().String()}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "done\n" {
		t.Errorf("error %v:\n%s", err, out)
	}
	if after := ledgerFiles(t, h); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func ledgerFiles(t *testing.T, h *home) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(h.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a directory
		}
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(text))
	}
	return b.String()
}

func TestOnlyAQueryThatDoesNothingIsRunForAStranger(t *testing.T) {
	h := sample(t)
	db, err := OpenConfined(t.Context(), h.opt.File, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(sql string) (n int, err error) {
		err = StreamConfined(t.Context(), db, ConfinedQuery{SQL: sql, MaxRows: 2}, func(Columns) error { return nil }, func([]any) error {
			n++
			return nil
		})
		return n, err
	}
	for _, sql := range []string{
		"select 1) union all (select 2", "from enable_logging()", "select write_log('x')", "from query('select 1')", "with x as (from checkpoint()) from x",
		"select (select count(*) from force_checkpoint())", "drop table requests", "explain select 1", "select 1; select 2",
		"from enable_profiling(save_location := '/tmp/x')", "select 1 where exists (from Disable_Profiling())", "from \"enable_peg_parser\"()", "from system.main.disable_peg_parser()",
		"from (values (1)) t, lateral (from read_text('/etc/hostname'))", "from json_execute_serialized_sql(json_serialize_sql('select 1'))", "from truncate_duckdb_logs()",
		"from arrow_scan(1::pointer, 1::pointer, 1::pointer)", "from sniff_csv('x')", "with r as (from seq_scan()) from r", "pivot (from enable_logging()) on 1",
	} {
		if _, err := run(sql); !errors.Is(err, ErrNotSelect) && !strings.HasPrefix(fmt.Sprint(err), "parse statement") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := run("from spent(1)"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a mistake in a name: %v", err)
	}
	for _, sql := range []string{
		"from requests", "select request_id as query, 'checkpoint' as \"write_log\" from requests -- the end", "show tables",
		"from RANGE(5)", "select unnest([1, 2, 3])", "from unnest([1, 2, 3])", "from duckdb_settings()", "from pragma_table_info('requests')", "from json_each('[1,2]')", "summarize requests", "from repeat('x', 3)",
		"select repeat('x', 3), version(), generate_series(1, 2) from requests", "from histogram_values(requests, profile) union all by name from range(2)", "from cache_breaks() union all by name from range(2)",
	} {
		if n, err := run(sql); err != nil || n != 2 {
			t.Errorf("%s: %d rows, %v", sql, n, err)
		}
	}
}

// What a new version of DuckDB brings is looked at by somebody before it can be called.
func TestEveryFunctionInAFromIsKnownOrRefused(t *testing.T) {
	h := sample(t)
	db, err := OpenConfined(t.Context(), h.opt.File, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, rows, err := Query(t.Context(), db, "select distinct function_name from duckdb_functions() where internal and function_type = 'table' order by 1", nil)
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	known := rowFunctions()
	for _, row := range rows {
		name := row[0].(string)
		if i := slices.Index(known, name); i >= 0 {
			known = slices.Delete(known, i, i+1)
			continue
		}
		refused = append(refused, name)
	}
	if len(known) > 0 {
		t.Errorf("these are no functions any more: %q", known)
	}
	want := []string{
		"arrow_scan", "arrow_scan_dumb", "check_peg_parser", "checkpoint", "disable_logging", "disable_peg_parser", "disable_profiling", "enable_logging", "enable_peg_parser",
		"enable_profiling", "force_checkpoint", "glob", "json_execute_serialized_sql", "parquet_bloom_probe", "parquet_file_metadata", "parquet_full_metadata", "parquet_kv_metadata",
		"parquet_metadata", "parquet_scan", "parquet_schema", "query", "read_blob", "read_csv", "read_csv_auto", "read_duckdb", "read_json", "read_json_auto", "read_json_objects",
		"read_json_objects_auto", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects", "read_parquet", "read_text", "seq_scan", "sniff_csv", "truncate_duckdb_logs",
	}
	if !slices.Equal(refused, want) {
		t.Errorf("refused are\n%q, and here are named\n%q", refused, want)
	}
}
