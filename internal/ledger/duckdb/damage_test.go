package duckdb

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// Variables that make the test binary another process.
const (
	holderEnv = "LEDGER_TEST_HOLDER" // holds a file open, read-only, until its input ends
	folderEnv = "LEDGER_TEST_FOLDER" // folds until it is killed
	restEnv   = "LEDGER_TEST_REST"   // and rests for that long in between
)

func TestMain(m *testing.M) {
	if file := os.Getenv(holderEnv); file != "" {
		hold(file)
		return
	}
	if opt := os.Getenv(folderEnv); opt != "" {
		foldUntilKilled(opt)
		return
	}
	if file := os.Getenv(confinedEnv); file != "" {
		tryWalls(file)
		return
	}
	os.Exit(m.Run())
}

func hold(file string) {
	db, err := OpenReader(context.Background(), file, ReaderOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = db.Close()
}

func foldUntilKilled(text string) {
	var opt FoldOptions
	if err := json.Unmarshal([]byte(text), &opt); err != nil {
		fmt.Println("failed", err)
		return
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: opt.JournalDir, Reserve: -1, SegmentBytes: 200 << 10})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	rest, _ := time.ParseDuration(os.Getenv(restEnv))
	fmt.Println("begun")
	for ; ; time.Sleep(rest) {
		for range 50 {
			e := entry(0)
			e.RequestID = ledger.NewID(time.Now())
			if err := j.Close(e); err != nil {
				fmt.Println("failed", err)
				return
			}
			fmt.Println("close", e.RequestID)
		}
		_, err := Fold(context.Background(), opt)
		if errors.Is(err, ErrBusy) { // somebody looks, or makes it anew
			continue
		}
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("folded")
	}
}

// child starts this binary with one more variable.
func child(t *testing.T, variable string) (*exec.Cmd, *bufio.Scanner, io.Closer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), variable)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), in
}

func TestAReaderDelaysTheFoldAndIsNamed(t *testing.T) {
	h := newHome(t)
	h.close(entry(1))
	h.fold()
	cmd, out, in := child(t, holderEnv+"="+h.opt.File)
	if !out.Scan() || out.Text() != "held" {
		t.Fatalf("holder says %q", out.Text())
	}
	h.close(entry(2))
	res, err := Fold(context.Background(), h.opt)
	want := fmt.Sprintf("%s (PID %d)", filepath.Base(os.Args[0]), cmd.Process.Pid)
	if !errors.Is(err, ErrBusy) || res.Holder != want {
		t.Fatalf("fold: %v, holder %q, want %q", err, res.Holder, want)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if res := h.fold(); res.Rows != 1 {
		t.Fatalf("folded %d rows after the reader left, want 1", res.Rows)
	}
}

func TestKillNineInAFoldLosesAndDoublesNothing(t *testing.T) {
	h := newHome(t)
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	opt, err := json.Marshal(h.opt)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 30
	if os.Getenv("PRISM_SOAK") != "" {
		rounds = 300
	}
	acknowledged := make(map[string]bool)
	for range rounds {
		killFold(t, string(opt), acknowledged)
	}
	h.reopen(ledger.JournalOptions{})
	res := h.fold()
	if len(res.Notes) > 0 {
		t.Logf("notes of the last fold: %v", res.Notes)
	}
	got := h.rows(`select request_id, count(*) from requests group by all`)
	for _, r := range got {
		if r[1] != int64(1) {
			t.Errorf("%v has %v rows", r[0], r[1])
		}
		delete(acknowledged, fmt.Sprint(r[0]))
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged records are lost", len(acknowledged))
	}
	t.Logf("%d rounds, %d rows", rounds, len(got))
}

func killFold(t *testing.T, opt string, acknowledged map[string]bool) {
	t.Helper()
	cmd, out, in := child(t, folderEnv+"="+opt)
	defer in.Close()
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for out.Scan() {
		switch what, id, _ := strings.Cut(out.Text(), " "); {
		case what == "begun":
			kill.Reset(time.Duration(rand.IntN(400)) * time.Millisecond)
		case what == "close" && len(id) == 26:
			acknowledged[id] = true
		case what == "failed":
			t.Fatal(out.Text())
		}
	}
	_ = cmd.Wait()
}

// withLog returns a home whose last fold left its rows in the log of DuckDB: a copy of both
// files, taken while the database was open.
func withLog(t *testing.T) (h *home, log string) {
	t.Helper()
	h = newHome(t)
	h.close(entry(1), entry(2))
	h.fold()
	h.close(entry(3), entry(4))
	db, err := connect(context.Background(), h.opt.File+foldFile, guards+"set wal_autocheckpoint = '1TB'; set threads = 1;")
	if err != nil {
		t.Fatal(err)
	}
	f := folder{opt: h.opt}
	if err := f.use(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	kept := make(map[string][]byte)
	for _, path := range []string{h.opt.File, h.opt.File + ".wal"} {
		if kept[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for path, b := range kept {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h, h.opt.File + ".wal"
}

func (h *home) wantIDs(n int) {
	h.t.Helper()
	got := h.rows(`select count(*), count(distinct request_id) from requests`)[0]
	if got[0] != int64(n) || got[1] != int64(n) {
		h.t.Errorf("rows, distinct ids = %v, want %d", got, n)
	}
}

func TestADamagedLogIsMovedAsideAndMadeGood(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"zero tail":     func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"garbage":       func(b []byte) []byte { return append(b, "this is not a log"...) },
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"one byte":      func(b []byte) []byte { return b[:1] },
		"flipped":       func(b []byte) []byte { b[len(b)/3] ^= 4; return b },
		"flipped early": func(b []byte) []byte { b[20] ^= 1; return b },
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			h, log := withLog(t)
			b, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(log, spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			res := h.fold()
			t.Logf("%d rows, notes %v", res.Rows, res.Notes)
			h.wantIDs(4)
			h.close(entry(5))
			h.fold()
			h.wantIDs(5)
		})
	}
}

func TestADamagedFileIsMovedAsideAndMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"header":         func(b []byte) []byte { b[9] ^= 0xff; return b },
		"main header":    func(b []byte) []byte { b[4096+20] ^= 0xff; b[8192+20] ^= 0xff; return b },
		"text":           func([]byte) []byte { return []byte("hello, this is a text file\n") },
		"half":           func(b []byte) []byte { return b[:len(b)/2] },
		"zeros in front": func(b []byte) []byte { clear(b[:64<<10]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.reopen(ledger.JournalOptions{SegmentBytes: 5000})
			for n := range 10 {
				h.close(entry(n))
			}
			if res := h.fold(); res.Archived == 0 {
				t.Fatal("nothing was archived: the test would not prove much")
			}
			b, err := os.ReadFile(h.opt.File)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.opt.File, spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			res := h.fold()
			if len(res.Notes) == 0 || res.Rows != 10 {
				t.Fatalf("result = %+v", res)
			}
			h.wantIDs(10)
			if aside, _ := filepath.Glob(h.opt.File + ".corrupt-*"); len(aside) != 1 {
				t.Fatalf("kept aside: %v", aside)
			}
		})
	}
}

func TestADeletedFileAndAnOlderCopyAreCompleted(t *testing.T) {
	h := newHome(t)
	h.reopen(ledger.JournalOptions{SegmentBytes: 5000})
	for n := range 5 {
		h.close(entry(n))
	}
	h.fold()
	older, err := os.ReadFile(h.opt.File)
	if err != nil {
		t.Fatal(err)
	}
	for n := 5; n < 12; n++ {
		h.close(entry(n))
	}
	h.fold()
	if err := os.WriteFile(h.opt.File, older, 0o600); err != nil {
		t.Fatal(err)
	}
	h.fold()
	h.wantIDs(12)
	if err := os.Remove(h.opt.File); err != nil {
		t.Fatal(err)
	}
	if res := h.fold(); res.Rows != 12 {
		t.Fatalf("made anew with %d rows, want 12", res.Rows)
	}
	h.wantIDs(12)
}

func TestACrashBetweenCommitAndArchiveDoublesNothing(t *testing.T) {
	h := newHome(t)
	h.reopen(ledger.JournalOptions{SegmentBytes: 5000})
	for n := range 10 {
		h.close(entry(n))
	}
	f := folder{opt: h.opt}
	if err := f.once(context.Background()); err != nil { // commits, and does not archive
		t.Fatal(err)
	}
	res := h.fold()
	if res.Rows != 0 || res.Archived == 0 {
		t.Fatalf("result = %+v", res)
	}
	h.wantIDs(10)
}

func TestARecoveredCloseIsNotAddedToARowThatExists(t *testing.T) {
	h := newHome(t)
	e := entry(1)
	if err := h.journal.Open(e); err != nil {
		t.Fatal(err)
	}
	path := h.journal.State().Segment
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.journal.Close(e); err != nil {
		t.Fatal(err)
	}
	h.fold()
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, st.Size()); err != nil { // power failed before the sync
		t.Fatal(err)
	}
	found := h.reopen(ledger.JournalOptions{})
	if len(found.Open) != 1 {
		t.Fatalf("found %v", found.Open)
	}
	found.Open[0].Outcome = ledger.OutcomeCrashed
	if err := h.journal.Close(found.Open[0]); err != nil {
		t.Fatal(err)
	}
	h.fold()
	h.wantIDs(1)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	h := newHome(t)
	h.close(entry(1))
	h.fold()
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == h.dir {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
