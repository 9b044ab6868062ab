package sqlfile

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// texts reads one column of a table.
func texts(t *testing.T, f *File, table, column string) []string {
	t.Helper()
	var out []string
	if err := f.Each(t.Context(), table, func(r Row) error {
		out = append(out, r.Text(column))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// written makes a database and leaves it open, with its log beside it.
func written(t *testing.T, mode string, rows int) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "it's a base #1?.db")
	plain := filepath.Join(t.TempDir(), "plain.db")
	open := func(path string) *sql.DB {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db = open(plain)
	exec(t, db, "pragma journal_mode = "+mode, "pragma wal_autocheckpoint = 0", "create table t (a integer primary key, b text)")
	for i := range rows {
		exec(t, db, fmt.Sprintf("insert into t values (%d, '%s')", i, strings.Repeat("x", 300)))
	}
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(plain + end)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil {
			if err := os.WriteFile(path+end, data, 0o400); err != nil {
				t.Fatal(err)
			}
		}
	}
	return path, db
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASnapshotHasWhatIsOnlyInTheLog(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		path, _ := written(t, mode, 60)
		f, err := Snapshot(t.Context(), path)
		if err != nil {
			t.Fatal(mode, err)
		}
		defer f.Close()
		if got := texts(t, f, "t", "a"); len(got) != 60 || got[59] != "59" {
			t.Errorf("%s: %d rows", mode, len(got))
		}
	}
}

func TestASnapshotLeavesNothingBesideTheDatabase(t *testing.T) {
	path, _ := written(t, "wal", 20)
	before, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Snapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	texts(t, f, "t", "a")
	after, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(after) != len(before) {
		t.Errorf("%d files became %d: %v", len(before), len(after), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatALogDidNotCommitIsNotRead(t *testing.T) {
	path, _ := written(t, "wal", 50)
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path+"-wal", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 10, 31, 32, 100, len(log) / 2, len(log) - 1} {
		if err := os.WriteFile(path+"-wal", log[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Snapshot(t.Context(), path)
		if err != nil {
			t.Fatal(cut, err)
		}
		rows := 0
		err = f.Each(t.Context(), "t", func(r Row) error {
			if r.Text("b") != strings.Repeat("x", 300) {
				t.Errorf("log cut at %d: a row is damaged", cut)
			}
			rows++
			return nil
		})
		if err != nil && !errors.Is(err, ErrNoTable) || rows >= 50 {
			t.Errorf("log cut at %d: %d rows, %v", cut, rows, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestADatabaseInTheMiddleOfAChangeIsRefused(t *testing.T) {
	path, _ := written(t, "delete", 1)
	if err := os.WriteFile(path+"-journal", []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Snapshot(t.Context(), path); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
}

// FuzzOverlay: whatever a database and its log hold, a snapshot is refused or read, and nothing hangs or
// panics.
func FuzzOverlay(f *testing.F) {
	f.Add([]byte(magic+strings.Repeat("\x00", 600)), []byte{0x37, 0x7f, 0x06, 0x82, 0, 0, 0, 0, 0, 0, 2, 0})
	f.Fuzz(func(_ *testing.T, pages, log []byte) {
		_, _ = withLog(pages, log)
	})
}
