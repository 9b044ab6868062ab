package duckdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func lines(rows ...string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, r := range rows {
			if !yield([]byte(r), nil) {
				return
			}
		}
	}
}

// readParquet returns the types and the rows of a file, as text.
func readParquet(t *testing.T, file string) (types, rows string) {
	t.Helper()
	db, err := connect(context.Background(), "", guards+"set TimeZone = 'UTC';")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	columns, values, err := Query(context.Background(), db, "from "+quote(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(columns), fmt.Sprint(values)
}

func TestParquetKeepsTypesDigitsAndWhatIsNotKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's.parquet")
	columns := Columns{
		{`na"me`, "VARCHAR"}, {"n", "BIGINT"}, {"cost_usd", "DECIMAL(38, 10)"}, {"at", "TIMESTAMPTZ"}, {"ok", "BOOLEAN"}, {"list", "VARCHAR[]"}, {"share", "DOUBLE"},
	}
	err := WriteParquet(context.Background(), file, columns, lines(
		`{"na\"me":"a'b\n","n":9007199254740993,"cost_usd":"123456789012345678.0123456789","at":"2026-11-26T01:02:03.5Z","ok":true,"list":["x"],"share":0.25}`,
		`{"na\"me":null,"n":null,"cost_usd":null,"at":null,"ok":null,"list":null,"share":null}`))
	if err != nil {
		t.Fatal(err)
	}
	types, rows := readParquet(t, file)
	if want := `[{na"me VARCHAR} {n BIGINT} {cost_usd DECIMAL(38,10)} {at TIMESTAMPTZ} {ok BOOLEAN} {list VARCHAR[]} {share DOUBLE}]`; types != want {
		t.Errorf("types %s, want %s", types, want)
	}
	if want := "[[a'b\n 9007199254740993 123456789012345678.0123456789 2026-11-26 01:02:03.5 +0000 UTC true [x] 0.25] [<nil> <nil> <nil> <nil> <nil> <nil> <nil>]]"; rows != want {
		t.Errorf("rows %s, want %s", rows, want)
	}
}

func TestParquetOfNoRowsHasItsColumns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "none.parquet")
	if err := WriteParquet(context.Background(), file, Columns{{"n", "BIGINT"}}, lines()); err != nil {
		t.Fatal(err)
	}
	if types, rows := readParquet(t, file); types != "[{n BIGINT}]" || rows != "[]" {
		t.Errorf("%s %s", types, rows)
	}
}

func TestAFailedRowLeavesNoParquetFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.parquet")
	broken := errors.New("broken")
	err := WriteParquet(context.Background(), file, Columns{{"n", "BIGINT"}}, func(yield func([]byte, error) bool) {
		_ = yield([]byte(`{"n":1}`), nil) && yield(nil, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestTheExporterWritesBelowItsDirectoryAndNowhereElse(t *testing.T) {
	h := sample(t)
	h.fold()
	dir := filepath.Join(h.dir, "out, 'here'")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := OpenExporter(context.Background(), h.opt.File, dir, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n, err := CopyParquet(context.Background(), db, Statement{SQL: "select * from requests where request_id > ? -- all", Args: []any{""}}, filepath.Join(dir, "r.parquet"))
	if err != nil || n == 0 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if _, rows := readParquet(t, filepath.Join(dir, "r.parquet")); int64(strings.Count(rows, "[01K0000")) != n {
		t.Errorf("%d rows were written, the file has %s", n, rows)
	}
	for _, statement := range []string{
		`copy (select 1) to ` + quote(filepath.Join(h.dir, "beside.parquet")), `copy (select 1) to ` + quote(filepath.Join(dir, "..", "above.csv")),
		`select * from read_text('/etc/passwd')`, `insert into config_events (generation) values (1)`, `set allowed_directories = ['/']`,
	} {
		if _, _, err := Query(context.Background(), db, statement, nil); err == nil {
			t.Errorf("%s was not refused", statement)
		}
	}
}

func TestStreamNamesTheColumnsFirstAndEndsWithTheError(t *testing.T) {
	h := sample(t)
	db := h.read("")
	var got []string
	enough := errors.New("enough")
	err := Stream(context.Background(), db, Statement{SQL: "select range as n from range(5)"}, func(c Columns) error {
		got = append(got, c[0].Name)
		return nil
	}, func(values []any) error {
		got = append(got, fmt.Sprint(values[0]))
		if len(got) == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || strings.Join(got, " ") != "n 0 1" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestASelectIsKnownWithoutALedger(t *testing.T) {
	for text, want := range map[string]bool{"from requests": true, "select $a": true, "drop table requests": false, "select 1; select 2": false} {
		if got, err := ParsesAsSelect(context.Background(), text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := ParsesAsSelect(context.Background(), "selec"); err == nil {
		t.Error("what does not parse was taken")
	}
}
