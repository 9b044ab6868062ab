package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// home is a ledger in a folder of its own.
type home struct {
	t       testing.TB
	dir     string
	opt     FoldOptions
	journal *ledger.Journal
}

func newHome(t testing.TB) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{t: t, dir: dir, opt: FoldOptions{
		File: filepath.Join(dir, "ledger.duckdb"), JournalDir: filepath.Join(dir, "journal"), ArchiveDir: filepath.Join(dir, "archive"),
	}}
	h.reopen(ledger.JournalOptions{})
	return h
}

// reopen begins another run of the journal.
func (h *home) reopen(opt ledger.JournalOptions) *ledger.Recovery {
	h.t.Helper()
	if h.journal != nil {
		if err := h.journal.Shutdown(context.Background()); err != nil {
			h.t.Fatal(err)
		}
	}
	opt.Dir, opt.Reserve = h.opt.JournalDir, -1
	j, found, err := ledger.OpenJournal(opt)
	if err != nil {
		h.t.Fatal(err)
	}
	h.journal = j
	h.t.Cleanup(func() { _ = j.Shutdown(context.Background()) })
	return found
}

func (h *home) fold() ledger.FoldResult {
	h.t.Helper()
	res, err := Fold(context.Background(), h.opt)
	if err != nil {
		h.t.Fatal(err)
	}
	return res
}

func (h *home) read(zone string) *sql.DB {
	h.t.Helper()
	db, err := OpenReader(context.Background(), h.opt.File, ReaderOptions{TimeZone: zone})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

// rows runs a query and closes the file again.
func (h *home) rows(statement string, args ...any) Rows {
	h.t.Helper()
	db, err := OpenReader(context.Background(), h.opt.File, ReaderOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	_, rows, err := Query(context.Background(), db, statement, args)
	if err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
	return rows
}

func (h *home) close(entries ...*ledger.Entry) {
	h.t.Helper()
	for _, e := range entries {
		if err := h.journal.Open(e); err != nil {
			h.t.Fatal(err)
		}
		if err := h.journal.Close(e); err != nil {
			h.t.Fatal(err)
		}
	}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

// entry returns a finished exchange with everything known.
func entry(n int) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID = fmt.Sprintf("01K%023d", n)
	e.StartedAt = noon.Add(time.Duration(n) * time.Second)
	e.EndedAt = e.StartedAt.Add(1500 * time.Millisecond)
	e.Source, e.Generation, e.HostName, e.GatewayVersion = "proxy", 3, "box", "0.1.0"
	e.SessionID, e.ClientName, e.ClientVersion = "session-a", "claude-cli", "2.1.0"
	e.Project, e.Cwd, e.GitBranch = "prism", "/home/alice/prism", "main"
	e.Tags = map[string]string{"team": "blue", "ticket": "X-1"}
	e.Profile, e.Provider, e.ServerAddress, e.RouteReason = "work", "anthropic", "api.anthropic.com:443", "active"
	e.Operation, e.RequestModel, e.UpstreamModel, e.ResponseModel = "messages", "claude-opus-5", "claude-opus-5", "claude-opus-5"
	e.ResponseID, e.UpstreamRequestID, e.StopReason = fmt.Sprintf("msg_%d", n), fmt.Sprintf("req_%d", n), "end_turn"
	e.Stream, e.MaxTokens, e.HTTPStatus, e.Outcome = true, 32000, 200, "ok"
	e.Usage = stream.Usage{Input: 100, CacheRead: 1000, CacheWrite: 300, CacheWrite5m: 100, CacheWrite1h: 200, Output: 50, Reasoning: 10, WebSearches: 1}
	e.UsageSource, e.UsageNotes = "final", []string{"ttl_inferred"}
	e.UsageRaw = []byte(`{"input_tokens":100,"new_field":{"a":[1,2]}}`)
	e.PromptTokens = 1400
	e.OverheadUS, e.TTFBMS, e.TTFTMS, e.DurationMS, e.LongestGapMS = 180, 300, 500, 1500, 90
	e.RequestBytes, e.ResponseBytes = 2048, 4096
	e.Attempts = []ledger.Attempt{{
		N: 1, Profile: "work", ServerAddress: e.ServerAddress, Model: "claude-opus-5", StartedAt: e.StartedAt, HTTPStatus: 200,
		TTFBMS: 300, DurationMS: 1500, Outcome: "ok", Usage: e.Usage, CostList: 127_500_000,
	}}
	// 5 USD in, 25 out, 0.5 read, 6.25 and 10 written, 10 per 1,000 searches.
	e.PriceID = "anthropic/claude-opus-5"
	e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput, e.CostOther = 5_000_000, 5_000_000, 26_250_000, 12_500_000, 100_000_000
	e.CostList, e.Cost, e.CostUncached = 148_750_000, 148_750_000, 182_500_000
	e.RL5hUsed, e.RL5hResetAt = 0.25, noon.Add(3*time.Hour)
	return e
}

func TestFoldMovesEveryEntryOnce(t *testing.T) {
	h := newHome(t)
	h.close(entry(1), entry(2), entry(3))
	if err := h.journal.Config(&ledger.ConfigEvent{Generation: 3, EventAt: noon, Trigger: "file", Hash: "00ff", Accepted: true, Added: []string{"kimi"}}); err != nil {
		t.Fatal(err)
	}
	if res := h.fold(); res.Rows != 4 {
		t.Fatalf("first fold added %d rows, want 4", res.Rows)
	}
	if res := h.fold(); res.Rows != 0 {
		t.Fatalf("second fold added %d rows, want 0", res.Rows)
	}
	h.close(entry(4))
	if res := h.fold(); res.Rows != 1 {
		t.Fatalf("third fold added %d rows, want 1", res.Rows)
	}
	got := h.rows(`select count(*), count(distinct request_id) from requests`)[0]
	if got[0] != int64(4) || got[1] != int64(4) {
		t.Fatalf("rows, distinct ids = %v, want 4, 4", got)
	}
	ev := h.rows(`select generation, trigger, accepted, added, removed, event_at from config_events`)[0]
	if fmt.Sprint(ev[:5]) != "[3 file true [kimi] <nil>]" || !ev[5].(time.Time).Equal(noon) {
		t.Fatalf("config event = %v", ev)
	}
}

func TestFoldTakesEveryOtherRecord(t *testing.T) {
	h := newHome(t)
	h.close(entry(1))
	c := &ledger.Correction{RequestID: entry(1).RequestID, CorrectedAt: noon, Reason: "reprice", PriceID: "new", CostList: 5, Cost: ledger.NoMoney}
	ev := &ledger.AlertEvent{EventAt: noon, Name: "week", Rule: "budget", State: ledger.AlertReached, Amount: 20_000_000_000, Limit: ledger.NoMoney}
	health := &ledger.HealthEvent{EventAt: noon, Profile: "work", FromState: ledger.HealthOK, ToState: ledger.HealthOpen, Why: "overloaded_error", Until: noon.Add(15 * time.Second)}
	if err := errors.Join(h.journal.Correct(c), h.journal.Alert(ev), h.journal.Health(health)); err != nil {
		t.Fatal(err)
	}
	if res := h.fold(); res.Rows != 4 {
		t.Fatalf("the fold added %d rows, want 4", res.Rows)
	}
	if got := h.rows(`select request_id, reason, price_id, cost_list_usd, cost_usd from corrections`)[0]; fmt.Sprint(got) != "["+c.RequestID+" reprice new 0.0000000005 <nil>]" {
		t.Errorf("correction = %v", got)
	}
	if got := h.rows(`select name, rule, state, amount_usd, limit_usd from alerts`)[0]; fmt.Sprint(got) != "[week budget reached 2.0000000000 <nil>]" {
		t.Errorf("alert = %v", got)
	}
	if got := h.rows(`select profile, key, from_state, to_state, why, until - event_at = interval 15 second from health_events`)[0]; fmt.Sprint(got) != "[work <nil> ok open overloaded_error true]" {
		t.Errorf("health event = %v", got)
	}
}

func TestNewFilesHaveSmallBlocks(t *testing.T) {
	h := newHome(t)
	h.fold()
	if size := h.rows(`select block_size from pragma_database_size()`)[0][0]; size != int64(65536) {
		t.Errorf("blocks of %v bytes", size)
	}
}

func TestFilesWithLargeBlocksAreFoldedInto(t *testing.T) {
	h := newHome(t)
	db, err := connect(context.Background(), h.opt.File, guards)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	h.close(entry(1))
	h.fold()
	if size := h.rows(`select block_size from pragma_database_size()`)[0][0]; size != int64(262144) {
		t.Errorf("blocks of %v bytes", size)
	}
	h.wantIDs(1)
}
