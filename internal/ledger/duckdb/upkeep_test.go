package duckdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"prism/internal/ledger"
)

func (h *home) upkeep() UpkeepOptions { return UpkeepOptions{FoldOptions: h.opt} }

// tables returns all that the ledger holds, but for the history of its folds.
func (h *home) tables() map[string]Rows {
	h.t.Helper()
	all := make(map[string]Rows)
	for _, name := range []string{"requests", "config_events", "corrections", "alerts", "health_events", "prices"} {
		all[name] = h.rows("select rowid, * from " + name + " order by rowid")
	}
	return all
}

func (h *home) wantSound() {
	h.t.Helper()
	if report := h.verify(); !report.Sound() || !report.Compared {
		h.t.Errorf("verify: %+v", report)
	}
}

func TestCompactKeepsEveryRowInLessSpace(t *testing.T) {
	h := lived(t)
	before := h.tables()
	h.write(`create table foreign_table as select hash(range) as n from range(500000)`) // is no part of the ledger
	res, err := Compact(context.Background(), h.upkeep())
	if err != nil {
		t.Fatal(err)
	}
	if res.RowsBefore != 144 || res.RowsAfter != 144 || res.BytesAfter >= res.BytesBefore {
		t.Errorf("result = %+v", res)
	}
	if after := h.tables(); !reflect.DeepEqual(after, before) {
		t.Errorf("tables differ")
	}
	h.wantSound()
	h.reopen(ledger.JournalOptions{})
	h.close(entry(200))
	if res := h.fold(); res.Rows != 1 || len(res.Notes) > 0 {
		t.Errorf("the next fold: %+v", res)
	}
	h.wantSound()
}

func TestRebuildGivesIdenticalTables(t *testing.T) {
	h := lived(t)
	before := h.tables()
	res, err := Rebuild(context.Background(), h.upkeep(), false)
	if err != nil {
		t.Fatal(err)
	}
	if res.Before == nil || *res.Before != res.After || res.After.Requests != 120 || res.After.Alerts != 6 || res.After.Health != 6 || res.Aside != "" {
		t.Errorf("result = %+v", res)
	}
	if after := h.tables(); !reflect.DeepEqual(after, before) {
		t.Errorf("tables differ")
	}
	h.wantSound()
}

func TestRebuildMakesGoodEveryDamageOfTheDatabase(t *testing.T) {
	h := lived(t)
	before := h.tables()
	random := rand.New(rand.NewPCG(7, 7))
	for range 5 {
		what := spoil(t, h.opt.File, random)
		res, err := Rebuild(context.Background(), h.upkeep(), false)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if res.Aside == "" {
			t.Errorf("%s: the damaged file was not kept", what)
		}
		if after := h.tables(); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: tables differ", what)
		}
		h.wantSound()
	}
}

func TestRebuildRefusesToLoseRowsThatOnlyTheDatabaseHas(t *testing.T) {
	h := lived(t)
	before := h.tables()
	archived := h.files(StoreArchive)
	if err := os.Remove(archived[1]); err != nil {
		t.Fatal(err)
	}
	_, err := Rebuild(context.Background(), h.upkeep(), false)
	if !errors.Is(err, ErrFewer) {
		t.Fatalf("rebuild: %v", err)
	}
	if after := h.tables(); !reflect.DeepEqual(after, before) {
		t.Errorf("tables differ although the rebuild stopped")
	}
	if left, _ := filepath.Glob(h.opt.File + newExt + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	res, err := Rebuild(context.Background(), h.upkeep(), true)
	if err != nil {
		t.Fatal(err)
	}
	if res.After.Requests >= res.Before.Requests || res.After.Requests == 0 {
		t.Errorf("forced: %+v", res)
	}
	h.wantSoundBut("records before this place are missing")
}

func TestARefusalNamesTheRowsThatWouldBeLost(t *testing.T) {
	has := Counts{Requests: 10, Events: 2, Corrections: 5, Alerts: 1}
	for want, other := range map[string]Counts{
		"":                                      {Requests: 9, Events: 2, Corrections: 5},
		"10 of 11 requests":                     {Requests: 11},
		"5 of 6 corrections":                    {Requests: 10, Corrections: 6},
		"1 of 2 alerts":                         {Alerts: 2},
		"0 of 3 health events":                  {Health: 3},
		"2 of 3 config events":                  {Events: 3},
		"10 of 11 requests, 5 of 7 corrections": {Requests: 11, Corrections: 7},
	} {
		if got := has.short(other); got != want {
			t.Errorf("%+v of %+v: %q, want %q", has, other, got, want)
		}
	}
}

// wantSoundBut allows findings of one kind.
func (h *home) wantSoundBut(what string) {
	h.t.Helper()
	report := h.verify()
	for _, f := range report.Findings {
		if !strings.Contains(f.What, what) {
			h.t.Errorf("finding = %+v", f)
		}
	}
	if report.Sound() {
		h.t.Errorf("nothing was found")
	}
}

// A flipped bit in a packed segment or in the journal costs the line it is in, at most.
func TestRebuildSavesEveryLineBesideADamage(t *testing.T) {
	for _, store := range []string{StoreJournal, StoreArchive} {
		t.Run(store, func(t *testing.T) {
			h := lived(t)
			random := rand.New(rand.NewPCG(3, 3))
			for range 8 {
				path := h.files(store)[0]
				whole, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				b := append([]byte{}, whole...)
				at := random.IntN(len(b))
				b[at] ^= 1 << random.IntN(8)
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(h.opt.File); err != nil { // nothing but journal and archive is left
					t.Fatal(err)
				}
				res, err := Rebuild(context.Background(), h.upkeep(), false)
				if err != nil {
					t.Fatal(err)
				}
				if store == StoreJournal && res.After.Requests < 119 {
					t.Errorf("byte %d: %d requests of 120 are left", at, res.After.Requests)
				}
				if res.After.Requests < 100 {
					t.Errorf("byte %d: %d requests of 120 are left: more than one segment is lost", at, res.After.Requests)
				}
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// aged returns a ledger of twelve days, a segment or more for each, and the instant at which the
// eighth begins.
func aged(t *testing.T) (*home, time.Time) {
	t.Helper()
	h := newHome(t)
	h.opt.Now = func() time.Time { return noon.AddDate(0, 0, 12) }
	n := 0
	for day := range 12 {
		now := noon.AddDate(0, 0, day)
		h.reopen(ledger.JournalOptions{SegmentBytes: 20_000, Now: func() time.Time { return now.Add(time.Minute) }})
		for range 10 {
			e := entry(n)
			e.StartedAt, e.EndedAt = now, now.Add(time.Second)
			h.close(e)
			n++
		}
		if err := h.journal.Alert(&ledger.AlertEvent{EventAt: now, Name: "daily", State: "reached", Amount: ledger.NoMoney, Limit: ledger.NoMoney}); err != nil {
			t.Fatal(err)
		}
		if err := h.journal.Health(&ledger.HealthEvent{EventAt: now, Profile: "work", ToState: ledger.HealthOpen}); err != nil {
			t.Fatal(err)
		}
		h.fold()
	}
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h, noon.AddDate(0, 0, 8)
}

func TestCollectLetsGoOfOldRowsForGood(t *testing.T) {
	h, from := aged(t)
	before := h.tables()
	archived := len(h.files(StoreArchive))
	dry, err := Collect(context.Background(), h.upkeep(), from, true)
	if err != nil {
		t.Fatal(err)
	}
	if dry.Rows != 96 || len(dry.Segments) == 0 || !dry.DryRun {
		t.Errorf("dry run = %+v", dry)
	}
	if after := h.tables(); !reflect.DeepEqual(after, before) || len(h.files(StoreArchive)) != archived {
		t.Error("the dry run changed something")
	}
	res, err := Collect(context.Background(), h.upkeep(), from, false)
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 96 || res.RowsAfter != 48 || len(res.Segments) != len(dry.Segments) {
		t.Errorf("result = %+v", res)
	}
	if got := len(h.files(StoreArchive)); got != archived-len(dry.Segments) {
		t.Errorf("%d packed segments are left of %d", got, archived)
	}
	kept := h.tables()
	if len(kept["requests"]) != 40 || len(kept["alerts"]) != 4 || len(kept["health_events"]) != 4 {
		t.Errorf("%d requests, %d alerts and %d health events are left", len(kept["requests"]), len(kept["alerts"]), len(kept["health_events"]))
	}
	h.wantSound()
	if err := os.Remove(h.opt.File); err != nil {
		t.Fatal(err)
	}
	h.fold()
	if after := h.tables(); !reflect.DeepEqual(after, kept) {
		t.Error("a ledger that was made anew is another one")
	}
	h.wantSound()
}

// A collection that dies is completed by the next one, and nothing disagrees in between.
func TestCollectCanBeCutShort(t *testing.T) {
	h, from := aged(t)
	if err := (ledger.Horizon{KeepFrom: from, SetAt: from}).Write(h.opt.ArchiveDir); err != nil { // it died behind this
		t.Fatal(err)
	}
	h.wantSound()
	h.reopen(ledger.JournalOptions{})
	h.close(entry(500)) // older than the horizon
	h.fold()
	h.wantSound()
	if _, err := Rebuild(context.Background(), h.upkeep(), false); err != nil {
		t.Fatal(err)
	}
	h.wantSound()
	if _, err := Collect(context.Background(), h.upkeep(), from, false); err != nil {
		t.Fatal(err)
	}
	if got := h.rows("select count(*) from requests where started_at < ?", from); got[0][0] != int64(0) {
		t.Errorf("%v old requests are left", got[0][0])
	}
	h.wantSound()
}

// A wrong horizon would let rows go that were to be kept, or bring back what was let go.
func TestADamagedHorizonIsFoundAndMendedFromTheDatabase(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"later":   func(path string) error { return replaceIn(path, "-11-", "-12-") },
		"torn":    func(path string) error { return os.Truncate(path, 20) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			h, from := aged(t)
			if _, err := Collect(context.Background(), h.upkeep(), from, false); err != nil {
				t.Fatal(err)
			}
			kept := h.tables()
			path := ledger.HorizonPath(h.opt.ArchiveDir)
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			if report := h.verify(); report.Count != 1 || report.Findings[0].File != path || !report.Compared {
				t.Errorf("report = %+v, want one finding, of the horizon", report)
			}
			if _, err := Rebuild(context.Background(), h.upkeep(), false); err != nil {
				t.Fatal(err)
			}
			if after := h.tables(); !reflect.DeepEqual(after, kept) {
				t.Error("tables differ")
			}
			h.wantSound()
		})
	}
}

func replaceIn(path, old, with string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.Replace(b, []byte(old), []byte(with), 1), 0o600)
}

func TestThePolicyIsLookedAtOnceADay(t *testing.T) {
	h, _ := aged(t)
	now := noon.AddDate(0, 0, 12)
	h.opt.Now = func() time.Time { return now }
	for _, tt := range []struct {
		after time.Duration
		days  int
		did   bool
		left  int64
	}{
		{0, 0, false, 120}, {0, 6, true, 60}, {time.Hour, 2, false, 60}, {25 * time.Hour, 2, true, 10}, {26 * time.Hour, 2, false, 10},
	} {
		now = noon.AddDate(0, 0, 12).Add(tt.after)
		_, did, err := CollectByPolicy(context.Background(), h.opt, tt.days)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.rows("select count(*) from requests")[0][0]; did != tt.did || got != tt.left {
			t.Errorf("after %v with %d days: %v, %v rows, want %v, %d", tt.after, tt.days, did, got, tt.did, tt.left)
		}
	}
	h.wantSound()
}

func TestAFileThatFoldsDieOnIsMovedAside(t *testing.T) {
	h := newHome(t)
	h.close(entry(1), entry(2))
	h.fold()
	if _, err := os.Stat(h.opt.File + trialExt); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a fold that ended is still counted: %v", err)
	}
	for died := 1; died <= maxTrials; died++ {
		f := folder{opt: h.opt}
		f.begin() // and the process is gone
		if len(f.res.Notes) > 0 {
			t.Fatalf("after %d: %v", died, f.res.Notes)
		}
	}
	res := h.fold()
	if res.Rows != 2 || len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "3 folds in a row died on it") {
		t.Fatalf("result = %+v", res)
	}
	h.wantIDs(2)
	if aside, _ := filepath.Glob(h.opt.File + ".corrupt-*"); len(aside) != 1 {
		t.Errorf("kept aside: %v", aside)
	}
	if res := h.fold(); len(res.Notes) > 0 {
		t.Errorf("the next fold: %+v", res)
	}
}

// earlier is a ledger that an earlier version wrote, from a folder of testdata.
func earlier(t *testing.T, dir string) *home {
	t.Helper()
	h := newHome(t)
	if err := h.journal.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(h.opt.JournalDir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(h.dir, os.DirFS("testdata/"+dir)); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(h.opt.File + ".zst")
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	plain, err := dec.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.opt.File, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestALedgerOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	h := earlier(t, "schema1") // twelve requests and three config events
	const same = `select request_id, started_at, tags, len(attempts), attempts[1].profile, attempts[1].outcome, attempts[1].usage, attempts[1].cost_list_usd,
		cost_list_usd, usage_raw from requests where rowid < 12 order by rowid`
	old := h.rows(same)
	if report := h.verify(); !report.Sound() || report.Compared || len(report.Notes) == 0 {
		t.Errorf("verify before the fold: %+v", report)
	}
	h.reopen(ledger.JournalOptions{})
	h.close(entry(100))
	h.notes(100)
	if res := h.fold(); res.Rows != 5 || len(res.Notes) > 0 {
		t.Fatalf("result = %+v", res)
	}
	if now := h.rows(same); !reflect.DeepEqual(now, old) {
		t.Error("rows changed")
	}
	if got := fmt.Sprint(h.rows(`select distinct iterations is null, retry_of is null, retry_count is null, schema_version from requests where rowid < 12`)); got != "[[true true true 1]]" {
		t.Errorf("new columns of old rows: %s", got)
	}
	h.wantRebuilt()
}

// wantRebuilt wants the ledger sound, and the same once it is made anew.
func (h *home) wantRebuilt() {
	h.t.Helper()
	h.wantSound()
	before := h.tables()
	if _, err := Rebuild(context.Background(), h.upkeep(), false); err != nil {
		h.t.Fatal(err)
	}
	after := h.tables()
	delete(before, "prices") // the book is the next fold's affair
	delete(after, "prices")
	if !reflect.DeepEqual(after, before) {
		h.t.Error("tables differ after a rebuild")
	}
	h.wantSound()
}

// The third version knew neither keys nor health: twelve requests, three of every other record,
// and one of each that it had not folded yet.
func TestALedgerOfTheThirdVersionIsBroughtUpToDate(t *testing.T) {
	h := earlier(t, "schema3")
	const same = `select request_id, len(attempts), attempts[1].n, attempts[1].profile, attempts[1].outcome, attempts[1].maybe_billed, attempts[1].usage,
		attempts[2].outcome, attempts[-1].cost_list_usd, cost_usd from requests where rowid < 12 order by rowid`
	old := h.rows(same)
	if _, err := Compact(context.Background(), h.upkeep()); !errors.Is(err, errEarlier) {
		t.Errorf("compact before the fold: %v", err)
	}
	if _, err := Collect(context.Background(), h.upkeep(), noon, true); !errors.Is(err, errEarlier) {
		t.Errorf("collect before the fold: %v", err)
	}
	if report := h.verify(); !report.Sound() || report.Compared || len(report.Notes) == 0 {
		t.Errorf("verify before the fold: %+v", report)
	}
	h.reopen(ledger.JournalOptions{})
	e := entry(100)
	e.Attempts[0].Key, e.Attempts[0].Why = "spare", "fallback"
	h.close(e)
	h.notes(100)
	if res := h.fold(); res.Rows != 9 || len(res.Notes) > 0 {
		t.Fatalf("result = %+v", res)
	}
	if now := h.rows(same); !reflect.DeepEqual(now, old) || len(old) != 12 {
		t.Errorf("rows changed:\n got %v\nwant %v", now, old)
	}
	const lost = `select count(*) filter (attempts is null), sum(len(attempts)), count(*) filter (attempts[1].key is null and attempts[1].why is null) from requests where rowid < 12`
	if got := fmt.Sprint(h.rows(lost)); got != "[[1 12 12]]" {
		t.Errorf("attempts of old rows: %s", got)
	}
	if got := fmt.Sprint(h.rows(`select attempts[1].key, attempts[1].why from requests where rowid = 13`)); got != "[[spare fallback]]" {
		t.Errorf("attempt of the new row: %s", got)
	}
	h.wantRebuilt()
}

func TestUpkeepWaitsForAReaderAndNamesAHolder(t *testing.T) {
	h := lived(t)
	cmd, out, in := child(t, holderEnv+"="+h.opt.File)
	if !out.Scan() || out.Text() != "held" {
		t.Fatalf("holder says %q", out.Text())
	}
	opt := h.upkeep()
	opt.Patience = time.Millisecond
	if _, err := Compact(context.Background(), opt); !errors.Is(err, ErrBusy) {
		t.Errorf("while it is held: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = in.Close() })
	if _, err := Compact(context.Background(), h.upkeep()); err != nil {
		t.Errorf("after it was let go of: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	h.wantSound()
}
