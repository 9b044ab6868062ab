package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

func (b *books) ids(o logsOptions) string {
	b.t.Helper()
	if o.n == 0 {
		o.n = 50
	}
	b.a.format, b.a.jq = "", ".[].request_id"
	b.out.Reset()
	if err := b.journal.Sync(); err != nil {
		b.t.Fatal(err)
	}
	if err := b.a.logs(context.Background(), b.r, o); err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.out.String()), " ")
}

func TestLogsFiltersByWhatIsKnownOfARequest(t *testing.T) {
	b := week(t)
	b.row("e1", b.now.Add(-time.Hour), func(e *ledger.Entry) {
		e.Outcome, e.HTTPStatus, e.ErrorType, e.SessionID, e.UsageSource = ledger.OutcomeError, 529, "overloaded_error", "0f3a-22", ledger.UsageNone
		unpriced(e)
	})
	for _, c := range []struct {
		o    logsOptions
		want string
	}{
		{logsOptions{selection: selection{since: "2026-11-26"}}, "n1 r1 r2 r3 e1"},
		{logsOptions{selection: selection{since: "2026-11-26"}, n: 2}, "r3 e1"},
		{logsOptions{selection: selection{until: "2026-11-25"}}, "r7 r6"},
		{logsOptions{selection: selection{model: "claude-b"}}, "r4 r5"},
		{logsOptions{selection: selection{model: "*-k3"}}, "r3"},
		{logsOptions{selection: selection{model: "claude-a", profile: "kimi"}}, "r3"}, // as it was asked for
		{logsOptions{selection: selection{session: "0f…22"}}, "e1"},
		{logsOptions{selection: selection{tags: []string{"team=blue"}}}, "r1 r3"},
		{logsOptions{selection: selection{branch: "feature/?"}}, "r1 r3"},
		{logsOptions{status: "5xx"}, "e1"},
		{logsOptions{status: "529"}, "e1"},
		{logsOptions{status: "error"}, "e1"},
		{logsOptions{outcome: ledger.OutcomeError}, "e1"},
		{logsOptions{minCost: "0.1"}, "r4 r5"},
		{logsOptions{minCost: "0.1000000001"}, ""},
		{logsOptions{grep: "over.*error$"}, "e1"},
	} {
		if got := b.ids(c.o); got != c.want {
			t.Errorf("%+v: %q, want %q", c.o, got, c.want)
		}
	}
	for _, o := range []logsOptions{
		{n: -1}, {status: "bad"}, {outcome: "lost"}, {minCost: "-1"}, {minCost: "1e3"}, {minCost: "$1"}, {grep: "("}, {follow: true, selection: selection{until: "1h"}},
	} {
		if err := b.a.logs(context.Background(), b.r, o); exitCode(err) != exitUsage {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// The list, one who follows it and the sums mean the same by a request that failed.
func TestWhatFailedIsTheSameEverywhere(t *testing.T) {
	b := newBooks(t)
	var failed []string
	follows := logsOptions{status: "error"}.follower(regexp.MustCompile(""))
	for i, outcome := range outcomes() {
		b.row(outcome, b.now.Add(time.Duration(i-20)*time.Second), func(e *ledger.Entry) { e.Outcome = outcome })
		if ledger.Failed(outcome) {
			failed = append(failed, outcome)
		}
		if got := follows(admin.Exchange{Outcome: outcome}); got != ledger.Failed(outcome) {
			t.Errorf("--follow --status error: %s: %v", outcome, got)
		}
	}
	if len(failed) != len(outcomes())-2 || slices.Contains(failed, ledger.OutcomeClientAbort) {
		t.Errorf("failed: %v", failed)
	}
	if got := b.ids(logsOptions{status: "error"}); got != strings.Join(failed, " ") {
		t.Errorf("--status error: %s, want %v", got, failed)
	}
	if got := b.ids(logsOptions{status: "ok"}); got != ledger.OutcomeOK {
		t.Errorf("--status ok: %s", got)
	}
	want := fmt.Sprintf("%d\n", len(failed))
	b.a.format, b.a.jq = formatJSON, ".[0].failed"
	b.says(want, func(ctx context.Context) error { return b.a.spendReport(ctx, b.r, spendOptions{by: "model"}) })
}

// What a follower lets through is what the ledger would have listed.
func TestAFollowerWantsWhatTheListHas(t *testing.T) {
	cost := "0.1000000000"
	x := admin.Exchange{
		RequestID: "r1", Profile: "work", RequestModel: "claude-a", UpstreamModel: "kimi-k3", HTTPStatus: 200, Outcome: "ok", Project: "shop",
		GitBranch: "feature/x", SessionID: "0f3a-22", CostUSD: &cost, Tags: map[string]string{"team": "blue"},
	}
	for _, c := range []struct {
		o    logsOptions
		want bool
	}{
		{logsOptions{}, true},
		{logsOptions{selection: selection{model: "kimi-*", branch: "feature/*", session: "0f…22", tags: []string{"team"}}}, true},
		{logsOptions{selection: selection{model: "kimi"}}, false},
		{logsOptions{selection: selection{profile: "wor"}}, false},
		{logsOptions{selection: selection{project: "s.op"}}, false},
		{logsOptions{selection: selection{tags: []string{"team=red"}}}, false},
		{logsOptions{minCost: "0.1", outcome: "ok"}, true},
		{logsOptions{minCost: "0.11"}, false},
		{logsOptions{outcome: "error"}, false},
	} {
		if got := c.o.follower(regexp.MustCompile(c.o.grep))(x); got != c.want {
			t.Errorf("%+v: %v", c.o, got)
		}
	}
	x.CostUSD = nil
	if (logsOptions{minCost: "0.0"}).follower(regexp.MustCompile(""))(x) {
		t.Error("what has no price costs something")
	}
}

func TestARequestIsShownWhole(t *testing.T) {
	b := newBooks(t)
	at := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	b.row("01AAAAAAAAAAAAAAAAAAAAAAA1", at, func(e *ledger.Entry) {
		e.ClientName, e.SessionID, e.Project, e.GitBranch = "claude-cli", "s-1\x1b[2J", "shop", "main"
		e.RL5hUsed, e.RL5hResetAt = 0.58, at.Add(3*time.Hour)
		e.Attempts = []ledger.Attempt{
			{N: 1, Profile: "kimi", Model: "kimi-k3", StartedAt: at, HTTPStatus: 529, ErrorType: "overloaded_error", TTFBMS: 500, DurationMS: 500, Outcome: "error", Why: "rule 2", Key: "team", Usage: stream.NoUsage(), CostList: ledger.NoMoney, MaybeBilled: true},
			{N: 2, Profile: "kimi", Model: "kimi-k3", StartedAt: at.Add(500 * time.Millisecond), HTTPStatus: 200, ErrorType: "reset", TTFBMS: 100, DurationMS: 200, Outcome: "truncated", Why: "key", Key: "spare", Usage: stream.NoUsage(), CostList: 2 * cent},
			{N: 3, Profile: "work", Model: "claude-a", Why: "fallback", StartedAt: at.Add(time.Second), HTTPStatus: 200, TTFBMS: 500, DurationMS: 1000, Outcome: "ok", Usage: e.Usage, CostList: 4 * cent},
		}
		e.Iterations = []ledger.Iteration{{Type: "advisor_message", Model: "claude-x", PriceID: "test/claude-x", CostList: cent, Usage: stream.Usage{Input: 7, Output: 3, CacheRead: stream.Unknown, CacheWrite: stream.Unknown, CacheWrite5m: stream.Unknown, CacheWrite1h: stream.Unknown, Reasoning: stream.Unknown, WebSearches: stream.Unknown}}}
		e.CostOther, e.CostList, e.Cost, e.CostUncached = cent, 5*cent, 7*cent, 10*cent
	})
	b.row("01AAAAAAAAAAAAAAAAAAAAAAA2", at.Add(time.Minute), func(e *ledger.Entry) { e.RetryOf, e.RetryCount = "01AAAAAAAAAAAAAAAAAAAAAAA1", 1 })
	b.row("01AAAAAAAAAAAAAAAAAAAAAAA3", at.Add(2*time.Minute), func(e *ledger.Entry) {
		e.Attempts = []ledger.Attempt{
			{N: 1, Profile: "work", StartedAt: e.StartedAt, Outcome: "error", Usage: e.Usage, CostList: 4 * cent}, // of most use to the client
			{N: 2, Profile: "kimi", StartedAt: e.StartedAt, Outcome: "error", Usage: stream.NoUsage(), CostList: 3 * cent},
		}
	})
	b.a.format = formatTable
	show := func(id string) string {
		b.out.Reset()
		if err := b.journal.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := b.a.logDetail(context.Background(), b.r, id); err != nil {
			t.Fatal(err)
		}
		return b.out.String()
	}
	got := show("01AA…A1")
	drawn, _, _ := strings.Cut(got, "\n\nrequest_id")
	want := `01AAAAAAAAAAAAAAAAAAAAAAA1   claude-a   200   ok   ` + at.Local().Format("2006-01-02 15:04:05 MST") + `
route    work   provider anthropic   by active
client   claude-cli   session s-1\u001b[2J
project  shop   branch main
retry    repeated by 01AAAAAAAAAAAAAAAAAAAAAAA2
limits   5h 58% used, until ` + at.Add(3*time.Hour).Local().Format("Jan 2 15:04") + `

TRY  PROFILE  WHY               STATUS                0s                                  2.0s  FIRST BYTE   END  NOTE
  1  kimi     rule 2 with team  529 overloaded_error  ░░░░░░░░░░                                      0.5s  0.5s  may be billed
  2  kimi     key with spare    200 reset truncated             ░░██                                  0.1s  0.2s  $0.0200000000 at list price
  3  work     fallback          200                                       ░░░░░░░░░░██████████        0.5s  1.0s

PART         TOKENS     LIST PRICE  SHARE  NOTE
input            10  $0.0100000000    20%
cache read       80  $0.0100000000    20%
cache write      10  $0.0100000000    20%  5m 10   1h 0
output            5  $0.0100000000    20%
other                $0.0100000000    20%
list                 $0.0500000000         price test/claude-a
paid                 $0.0700000000         with $0.0200000000 at list price for lost attempts
saved                $0.0500000000         by caching, at list price

ITERATION        MODEL     INPUT  CACHE READ  CACHE WRITE  OUTPUT     LIST PRICE  PRICE
advisor_message  claude-x      7           –            –       3  $0.0100000000  test/claude-x`
	if drawn != want {
		t.Errorf("got\n%s\nwant\n%s", drawn, want)
	}
	if got := show("01AAAAAAAAAAAAAAAAAAAAAAA2"); !strings.Contains(got, "\nretry    repeats 01AAAAAAAAAAAAAAAAAAAAAAA1   retry 1 by the client's count\n") {
		t.Errorf("the repetition is not named:\n%s", got)
	}
	if got := show("01AAAAAAAAAAAAAAAAAAAAAAA3"); !strings.Contains(got, "with $0.0300000000 at list price for lost attempts") {
		t.Errorf("the served attempt is not told from the lost one:\n%s", got)
	}
	for id, code := range map[string]int{"nosuch": exitNotFound, "01AA": exitUsage} {
		if err := b.a.logDetail(context.Background(), b.r, id); exitCode(err) != code {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// The second request pays again for 2,000 tokens that the first had written.
func TestCacheShowsWhatBrokeIt(t *testing.T) {
	b := newBooks(t)
	at := time.Now().UTC().Add(-3 * time.Hour).Truncate(time.Second)
	b.now = time.Now()
	long := func(read, written stream.Count) func(*ledger.Entry) {
		return func(e *ledger.Entry) {
			e.SessionID = "s-1"
			e.Usage.CacheRead, e.Usage.CacheWrite, e.Usage.CacheWrite5m, e.PromptTokens = read, written, written, read+written+10
		}
	}
	b.row("r1", at, long(0, 2000))
	b.row("r2", at.Add(time.Minute), long(0, 2000))
	b.row("r3", at.Add(2*time.Minute), func(e *ledger.Entry) { long(0, 2000)(e); e.Profile, e.ResponseModel = "kimi", "kimi-k3-0905" })
	for model, want := range map[string]string{"kimi-k3-0905": "r3", "claude-a": "r2", "claude*": "r2", "kimi": ""} { // the one that is priced
		b.a.format, b.a.jq = "", ".[].request_id"
		b.says(strings.TrimLeft(want+"\n", "\n"), func(ctx context.Context) error {
			return b.a.cache(ctx, b.r, cacheOptions{selection: selection{since: "7d", model: model}, breaks: true})
		})
	}
	b.a.format = formatTSV
	b.a.jq = ""
	b.says(strings.Join([]string{
		"started_at\trequest_id\tsession_id\tprofile\tprev_profile\tupstream_model\tcause\tidle_s\trebilled_tokens\textra_usd",
		at.Add(time.Minute).Format(time.RFC3339) + "\tr2\ts-1\twork\twork\tclaude-a\tprefix changed\t60\t2000\t",
		at.Add(2*time.Minute).Format(time.RFC3339) + "\tr3\ts-1\tkimi\twork\tclaude-a\tprofile switched\t60\t2000\t",
	}, "\n")+"\n", func(ctx context.Context) error {
		return b.a.cache(ctx, b.r, cacheOptions{selection: selection{since: "7d"}, breaks: true})
	})
	b.a.format = formatJSON
	b.out.Reset()
	if err := b.a.cache(context.Background(), b.r, cacheOptions{selection: selection{since: "7d", profile: "work"}}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Models []struct {
			Requests int     `json:"requests"`
			Prompt   int     `json:"prompt_tokens"`
			Unread   int     `json:"never_read_tokens"`
			Saved    *string `json:"saved_usd"`
		}
		Breaks []struct {
			Cause string
			N     int `json:"breaks"`
		}
	}
	if err := json.Unmarshal(b.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Models) != 1 || got.Models[0].Requests != 2 || got.Models[0].Prompt != 4020 || got.Models[0].Unread != 4000 || *got.Models[0].Saved != "0.1000000000" {
		t.Errorf("models %+v", got.Models)
	}
	if len(got.Breaks) != 1 || got.Breaks[0].Cause != "prefix changed" || got.Breaks[0].N != 1 {
		t.Errorf("breaks %+v", got.Breaks)
	}
}

func TestAnExportHoldsEveryRowOnceAndIsSafeToOpen(t *testing.T) {
	b := week(t)
	b.row("x1", b.now.Add(-time.Hour), func(e *ledger.Entry) { e.Project = "=cmd|' /C calc'!A0"; e.ErrorMessage = "a,\"b\"\x1b[2J" })
	dir := t.TempDir()
	run := func(o exportOptions) error {
		b.out.Reset()
		if err := b.journal.Sync(); err != nil {
			t.Fatal(err)
		}
		return b.a.export(context.Background(), b.r, o)
	}
	file := filepath.Join(dir, "r.csv")
	if err := run(exportOptions{out: file}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	last := rows[9]
	if got := last[col["project"]]; last[col["request_id"]] != "x1" || got != "'=cmd|' /C calc'!A0" || last[col["cost_usd"]] != "0.0400000000" || last[col["error_message"]] != `a,"b"\u001b[2J` {
		t.Errorf("the last row: %q", last)
	}
	if err := run(exportOptions{out: dir, by: "day"}); err != nil {
		t.Fatal(err)
	}
	var days []string
	names, _ := filepath.Glob(filepath.Join(dir, "*.parquet"))
	for _, n := range names {
		days = append(days, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(n), "requests-"), ".parquet"))
	}
	if got := strings.Join(days, " "); got != "2026-11-22 2026-11-23 2026-11-25 2026-11-26" {
		t.Errorf("files for %s", got)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".prism*"))
	if len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
	if err := run(exportOptions{out: filepath.Join(dir, "one.ndjson"), selection: selection{model: "claude-b", since: "2026-11-25 10:00"}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "one.ndjson"))
	if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `"request_id":"r5"`) || !strings.Contains(string(text), `"cost_usd":"0.1000000000"`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAnExportSaysWhatItCannotDo(t *testing.T) {
	b := week(t)
	dir := t.TempDir()
	for _, c := range []struct {
		o      exportOptions
		format string
		code   int
	}{
		{exportOptions{}, "", exitUsage},
		{exportOptions{out: filepath.Join(dir, "x.txt")}, "", exitUsage},
		{exportOptions{out: filepath.Join(dir, "x.csv")}, formatMarkdown, exitUsage},
		{exportOptions{out: "-"}, formatParquet, exitUsage},
		{exportOptions{out: "-"}, "", exitUsage},
		{exportOptions{out: "-", by: "day"}, formatCSV, exitUsage},
		{exportOptions{out: dir, by: "year"}, "", exitUsage},
		{exportOptions{out: dir}, formatCSV, exitUsage},
		{exportOptions{out: filepath.Join(dir, "no", "such", "x.csv")}, "", exitNotFound},
	} {
		b.a.format = c.format
		if err := b.a.export(context.Background(), b.r, c.o); exitCode(err) != c.code {
			t.Errorf("%+v as %q: %v", c.o, c.format, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStretchesAreSmallAndMissNothing(t *testing.T) {
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var f exportFile
	for i, rows := range []int64{5, 10, stretchRows, stretchRows - 5, 5, 1, 3 * stretchRows, 7} {
		f.days = append(f.days, exportPart{day.AddDate(0, 0, 2*i), day.AddDate(0, 0, 2*i+1), rows})
	}
	var rows int64
	end := time.Time{}
	for _, s := range f.stretches() {
		if s.rows > stretchRows && s.to.Sub(s.from) > 24*time.Hour || s.from.Before(end) {
			t.Errorf("%+v after %s", s, end)
		}
		rows, end = rows+s.rows, s.to
	}
	if rows != f.rows() || len(f.stretches()) != 6 {
		t.Errorf("%d of %d rows in %d stretches", rows, f.rows(), len(f.stretches()))
	}
	if n := len((exportFile{}).stretches()); n != 1 {
		t.Errorf("a file without rows has %d stretches: it would not name its columns", n)
	}
}
