package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

func (h *home) verify() *Report {
	h.t.Helper()
	report, err := Verify(context.Background(), VerifyOptions{File: h.opt.File, JournalDir: h.opt.JournalDir, ArchiveDir: h.opt.ArchiveDir, Prices: h.opt.Prices})
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

// lived returns a ledger with several packed segments, a plain one, and rows in every table,
// whose gateway has stopped.
func lived(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	h.opt.Prices = []PriceRow{{ID: "a", Layer: 2, Provider: "anthropic", ModelMatch: "claude-*", Input: "5"}}
	h.reopen(ledger.JournalOptions{SegmentBytes: 40_000})
	for n := range 120 {
		h.close(entry(n))
		if n%20 == 0 {
			h.notes(n)
			h.fold()
		}
	}
	h.fold()
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

// notes writes a record of each of the other kinds.
func (h *home) notes(n int) {
	h.t.Helper()
	at := noon.Add(time.Duration(n) * time.Second)
	if err := h.journal.Config(&ledger.ConfigEvent{Generation: uint64(n + 1), EventAt: at, Trigger: "file", Hash: "00ff", Accepted: true}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.journal.Correct(&ledger.Correction{RequestID: entry(n).RequestID, CorrectedAt: at, Reason: "reprice", Cost: 5, CostList: ledger.NoMoney}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.journal.Alert(&ledger.AlertEvent{EventAt: at, Name: "daily", Rule: "budget", State: "reached", Amount: 5, Limit: ledger.NoMoney}); err != nil {
		h.t.Fatal(err)
	}
	ev := &ledger.HealthEvent{EventAt: at, Profile: "work", Key: "spare", FromState: ledger.HealthOK, ToState: ledger.HealthCooling, Why: "rate_limit_error", Until: at.Add(time.Minute)}
	if err := h.journal.Health(ev); err != nil {
		h.t.Fatal(err)
	}
}

func TestVerifyFindsNothingInASoundLedger(t *testing.T) {
	h := lived(t)
	report := h.verify()
	if !report.Sound() || !report.Compared {
		t.Fatalf("report = %+v", report)
	}
	if report.Rows["requests"] != 120 || report.Rows["config_events"] != 6 || report.Rows["corrections"] != 6 || report.Rows["alerts"] != 6 || report.Rows["health_events"] != 6 {
		t.Errorf("compared %v", report.Rows)
	}
	if report.Archived < 3 || report.Segments == 0 || report.Blocks == 0 || report.Waiting != 0 {
		t.Errorf("report = %+v", report)
	}
}

// files lists the files of a ledger by store.
func (h *home) files(store string) []string {
	h.t.Helper()
	pattern := map[string]string{
		StoreJournal: filepath.Join(h.opt.JournalDir, "*.jsonl"), StoreArchive: filepath.Join(h.opt.ArchiveDir, "*.zst"), StoreDatabase: h.opt.File,
	}[store]
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		h.t.Fatalf("no files of %s: %v", store, err)
	}
	return list
}

// spoil flips a bit of a file, or cuts it short.
func spoil(t *testing.T, path string, random *rand.Rand) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := random.IntN(len(b))
	what := fmt.Sprintf("%s cut to %d of %d bytes", filepath.Base(path), at, len(b))
	if random.IntN(3) > 0 {
		bit := random.IntN(8)
		what = fmt.Sprintf("%s, byte %d of %d, bit %d", filepath.Base(path), at, len(b), bit)
		b[at] ^= 1 << bit
	} else {
		b = b[:at]
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return what
}

func TestVerifyFindsEveryDamage(t *testing.T) {
	rounds := 50
	if os.Getenv("PRISM_SOAK") != "" {
		rounds = 2000
	}
	h := lived(t)
	for _, store := range []string{StoreJournal, StoreArchive, StoreDatabase} {
		t.Run(store, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(len(store))))
			for range rounds {
				list := h.files(store)
				path := list[random.IntN(len(list))]
				whole, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				what := spoil(t, path, random)
				report := h.verify()
				if report.Sound() {
					t.Errorf("%s: not found", what)
				} else if f := report.Findings[0]; f.Store != store || f.File != path {
					t.Errorf("%s: first finding is %+v", what, f)
				}
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if report := h.verify(); !report.Sound() {
				t.Fatalf("after everything was put back: %+v", report)
			}
		})
	}
}

// write changes the database as another program would.
func (h *home) write(statement string) {
	h.t.Helper()
	db, err := connect(context.Background(), h.opt.File, guards)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := db.Exec(statement); err != nil {
		h.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func TestVerifyNamesTheFirstDifference(t *testing.T) {
	tests := []struct {
		name, change                           string
		table, column, what, journal, database string
		row                                    int64
	}{
		{
			"an amount", `update requests set cost_usd = 9 where rowid = 7`,
			"requests", "cost_usd", "differs", "0.0148750000", "9.0000000000", 7,
		},
		{
			"an unknown made nothing", `update requests set rl_7d_used = 0 where rowid = 3`,
			"requests", "rl_7d_used", "differs", "NULL", "0.0", 3,
		},
		{
			"a nested value", `update requests set tags = map {'team': 'red'} where rowid = 119`,
			"requests", "tags", "differs", "{team=blue, ticket=X-1}", "{team=red}", 119,
		},
		{
			"an event", `update config_events set accepted = false where rowid = 2`,
			"config_events", "accepted", "differs", "true", "false", 2,
		},
		{"a view", `create or replace view daily as select 1 as one`, "", "", "view daily", "", "", -1},
		{"a price", `update prices set input = 6`, "", "", "price a", "", "", -1},
		{"a macro", `drop macro usd`, "", "", "macro usd is missing", "", "", -1},
	}
	h := lived(t)
	whole, err := os.ReadFile(h.opt.File)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.t = t
			if err := os.WriteFile(h.opt.File, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			h.write(tt.change)
			report := h.verify()
			if report.Count != 1 {
				t.Fatalf("report = %+v", report)
			}
			f := report.Findings[0]
			if f.Table != tt.table || f.Column != tt.column || f.Row != tt.row || f.Journal != tt.journal || f.Database != tt.database || !strings.Contains(f.What, tt.what) {
				t.Errorf("finding = %+v", f)
			}
		})
	}
}

func TestVerifyFindsRowsAndRecordsThatStandAlone(t *testing.T) {
	h := lived(t)
	whole, err := os.ReadFile(h.opt.File)
	if err != nil {
		t.Fatal(err)
	}
	// What is appended by another program has no record; the rows behind it are in order.
	h.write(`insert into requests select * replace ('alien' as request_id) from requests where rowid = 5;
		insert into alerts (name) values ('alien');
		insert into health_events (profile) values ('alien')`)
	report := h.verify()
	var got []string
	for _, f := range report.Findings {
		got = append(got, fmt.Sprintf("%s %d %s", f.Table, f.Row, f.What))
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"requests 120 1 rows have no record", "alerts 6 1 rows have no record", "health_events 6 1 rows have no record", "tables and watermark disagree"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// A row in the middle that is gone, and one in its place.
	if err := os.WriteFile(h.opt.File, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	h.write(`create table others as select * from requests where rowid <> 50 order by rowid;
		drop table requests; alter table others rename to requests`)
	report = h.verify()
	alone := 0
	for _, f := range report.Findings {
		if f.What == "the record has no row" {
			alone++
			if f.RequestID != entry(50).RequestID || f.Row != 50 || f.Store != StoreArchive || f.Offset <= 0 {
				t.Errorf("finding = %+v", f)
			}
		}
	}
	if alone != 1 {
		t.Errorf("%d records without a row, want 1: %+v", alone, report)
	}
}

func TestVerifyCountsWhatWaitsAndSaysWhatIsTorn(t *testing.T) {
	h := newHome(t)
	h.close(entry(1))
	h.fold()
	h.close(entry(2))
	if report := h.verify(); !report.Sound() || report.Waiting != 1 {
		t.Fatalf("report = %+v", report)
	}
	f, err := os.OpenFile(h.journal.State().Segment, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":9,"wall":`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if report := h.verify(); report.Count != 1 || !strings.Contains(report.Findings[0].What, "not complete") {
		t.Fatalf("report = %+v", report)
	}
	opt := VerifyOptions{File: h.opt.File, JournalDir: h.opt.JournalDir, ArchiveDir: h.opt.ArchiveDir, Growing: true}
	if report, err := Verify(context.Background(), opt); err != nil || !report.Sound() {
		t.Fatalf("while the gateway writes: %+v, %v", report, err)
	}
}

func TestVerifyKeepsFoldsAway(t *testing.T) {
	h := newHome(t)
	h.close(entry(1))
	h.fold()
	h.close(entry(2))
	cmd, out, in := child(t, holderEnv+"="+h.opt.File)
	if !out.Scan() || out.Text() != "held" {
		t.Fatalf("holder says %q", out.Text())
	}
	if report := h.verify(); !report.Sound() { // beside another reader
		t.Fatalf("report = %+v", report)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if res := h.fold(); res.Rows != 1 {
		t.Fatalf("folded %d rows after verify, want 1", res.Rows)
	}
}

// While a gateway writes, folds and packs, there is always something that waits and never a
// difference. Making the file anew meanwhile changes nothing about that.
func TestALivingLedgerIsSoundAtAnyMoment(t *testing.T) {
	h := newHome(t)
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(h.opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(restEnv, "300ms") // a gateway rests for seconds
	cmd, out, in := child(t, folderEnv+"="+string(raw))
	defer in.Close()
	folded, failed := make(chan struct{}, 1), make(chan string, 1)
	go func() {
		defer close(failed)
		for out.Scan() {
			switch what, why, _ := strings.Cut(out.Text(), " "); what {
			case "folded":
				select {
				case folded <- struct{}{}:
				default:
				}
			case "failed":
				failed <- why
			}
		}
	}()
	opt := VerifyOptions{File: h.opt.File, JournalDir: h.opt.JournalDir, ArchiveDir: h.opt.ArchiveDir, Growing: true}
	work := []func() error{
		func() error { _, err := Compact(context.Background(), h.upkeep()); return err },
		func() error { _, err := Rebuild(context.Background(), h.upkeep(), false); return err },
	}
	for n := range 5 {
		select {
		case <-folded: // something is new
		case why := <-failed:
			t.Fatalf("the gateway: %s", why)
		}
		report, err := Verify(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if !report.Sound() || !report.Compared {
			t.Fatalf("round %d: %+v", n, report)
		}
		if n%2 == 1 {
			if err := work[n/2%len(work)](); err != nil {
				t.Fatalf("round %d: %v", n, err)
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if why := <-failed; why != "" {
		t.Fatalf("the gateway: %s", why)
	}
	_ = cmd.Wait() // it was killed
	h.reopen(ledger.JournalOptions{})
	h.fold()
	if report, err := Verify(context.Background(), opt); err != nil || !report.Sound() || report.Waiting != 0 {
		t.Fatalf("at the end: %+v, %v", report, err)
	}
}

// A fold that was killed leaves its rows in the log of DuckDB; they are a part of the ledger.
func TestVerifyReadsWhatIsInTheLog(t *testing.T) {
	h, _ := withLog(t)
	if report := h.verify(); !report.Sound() || report.Rows["requests"] != 4 || report.Waiting != 0 {
		t.Errorf("report = %+v", report)
	}
	if _, err := Rebuild(context.Background(), h.upkeep(), false); err != nil {
		t.Fatal(err)
	}
	h.wantIDs(4)
	h.wantSound()
}
