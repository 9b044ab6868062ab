package sqlfile

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
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
	// The first frames make the table; each row is a commit of its own.
	for cut, want := range map[int]int{0: 0, 10: 0, 31: 0, 32: 0, 100: 0, len(log) / 2: -1, len(log) - 1: 49, len(log): 50} {
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
		if none := want == 0; none != errors.Is(err, ErrNoTable) || !none && err != nil {
			t.Errorf("log cut at %d: %v", cut, err)
		}
		if want >= 0 && rows != want || want < 0 && (rows < 1 || rows > 49) {
			t.Errorf("log cut at %d: %d rows, want %d", cut, rows, want)
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

// TestAJournalThatIsKeptForTheNextChangeIsNone: journal_mode=persist.
func TestAJournalThatIsKeptForTheNextChangeIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec(t, db, "pragma journal_mode = persist", "create table t (a integer primary key)", "insert into t values (1)", "insert into t values (2)")
	if st, err := os.Stat(path + "-journal"); err != nil || st.Size() == 0 {
		t.Fatalf("there is no journal: %v", err)
	}
	f, err := Snapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := texts(t, f, "t", "a"); len(got) != 2 {
		t.Errorf("%d rows", len(got))
	}
	exec(t, db, "begin immediate", "insert into t values (3)", "pragma cache_spill = 1", "pragma cache_size = 1")
	for i := range 2000 { // until a page goes to the disk
		exec(t, db, fmt.Sprintf("insert into t values (%d)", i+10))
	}
	if _, err := Snapshot(t.Context(), path); !errors.Is(err, ErrBusy) {
		t.Errorf("in the middle of a change: %v, want ErrBusy", err)
	}
	exec(t, db, "rollback")
}

// framed makes a log of commits, each of one page, after which the database has so many pages.
func framed(size int, counts []uint32) []byte {
	log := make([]byte, logHeader, logHeader+len(counts)*(frameHeader+size))
	binary.BigEndian.PutUint32(log, logMagic|1)
	binary.BigEndian.PutUint32(log[8:], uint32(size))
	sum := checksum{}
	sum.add(log[:24])
	put := func(b []byte) {
		binary.BigEndian.PutUint32(b, sum.a)
		binary.BigEndian.PutUint32(b[4:], sum.b)
	}
	put(log[24:])
	for i, count := range counts {
		frame := make([]byte, frameHeader+size)
		binary.BigEndian.PutUint32(frame, 1)
		binary.BigEndian.PutUint32(frame[4:], count)
		copy(frame[frameHeader:], magic)
		frame[frameHeader+16] = byte(size >> 8)
		frame[frameHeader+100] = byte(i)
		sum.add(frame[:8])
		sum.add(frame[frameHeader:])
		put(frame[16:])
		log = append(log, frame...)
	}
	return log
}

// TestOnlyTheLastSizeInALogCounts: a log may say of each commit that the database shrinks and grows by
// half a gigabyte, and none of it is done.
func TestOnlyTheLastSizeInALogCounts(t *testing.T) {
	const size = 512
	pages := append(framed(size, []uint32{1})[logHeader+frameHeader:], bytes.Repeat([]byte("b"), 2*size)...)
	log := framed(size, []uint32{maxSnapshot, 1, maxSnapshot / size, 1, 3})
	out, err := withLog(t.Context(), pages, log)
	if err != nil || len(out) != 3*size || out[100] != 4 {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if string(out[size:]) != strings.Repeat("b", 2*size) {
		t.Error("a page that no commit holds is not that of the database")
	}
	if out, err = withLog(t.Context(), pages, framed(size, []uint32{1, maxSnapshot})); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d bytes, %v, want ErrTooLarge", len(out), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := withLog(ctx, pages, log); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestProgramsOfASchemaAreNotRun: what a column is generated of came with the file.
func TestProgramsOfASchemaAreNotRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hostile.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `create table t (a text, "odd ""name" text, twice text generated always as (a || a) stored)`,
		`insert into t (a, "odd ""name") values ('x', 'y')`, "alter table t add column huge blob generated always as (zeroblob(2000000000)) virtual", "create virtual table v using fts5(a)", "insert into v values ('x')")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Snapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []Row
	if err := f.Each(t.Context(), "t", func(r Row) error { rows = append(rows, maps.Clone(r)); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || len(rows[0]) != 2 || rows[0].Text("a") != "x" || rows[0].Text(`odd "name`) != "y" {
		t.Errorf("%v", rows)
	}
	if err := f.Each(t.Context(), "v", func(Row) error { return nil }); !errors.Is(err, ErrNoTable) {
		t.Errorf("a virtual table: %v, want ErrNoTable", err)
	}
}

// FuzzOverlay: whatever a database and its log hold, a snapshot is refused or read, and nothing hangs or
// panics.
func FuzzOverlay(f *testing.F) {
	f.Add([]byte(magic+strings.Repeat("\x00", 600)), []byte{0x37, 0x7f, 0x06, 0x82, 0, 0, 0, 0, 0, 0, 2, 0})
	f.Fuzz(func(t *testing.T, pages, log []byte) {
		_, _ = withLog(t.Context(), pages, log)
	})
}
