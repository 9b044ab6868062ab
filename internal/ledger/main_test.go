package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"prism/internal/stream"
)

// childEnv makes the test binary a process that writes records until it is killed.
const childEnv = "LEDGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		writeUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

// full returns an entry in which every field is known.
func full(n int) *Entry {
	e := &Entry{}
	e.Reset()
	e.RequestID = fmt.Sprintf("01K%023d", n)
	e.StartedAt, e.EndedAt = testNow, testNow.Add(1500*time.Millisecond)
	e.Source, e.Generation, e.HostName, e.GatewayVersion = "proxy", 3, "box", "0.1.0"
	e.SessionID, e.AgentID, e.ParentAgentID, e.ClientName, e.ClientVersion = "s", "a", "p", "claude-cli", "2.1"
	e.RequestClass, e.PromptID, e.Project, e.Cwd, e.GitBranch = "main", "p-1", "prism", "/src/prism", "main"
	e.Tags = map[string]string{"team": "blue", "ticket": "X-1"}
	e.Profile, e.Provider, e.ServerAddress, e.RouteReason, e.Operation = "work", "anthropic", "api.anthropic.com", "active", OpMessages
	e.RequestModel, e.UpstreamModel, e.ResponseModel, e.ResponseID = "claude-opus-5", "claude-opus-5", "claude-opus-5", "msg_1"
	e.UpstreamRequestID, e.StopReason, e.ServiceTier, e.Speed, e.InferenceGeo = "req_1", "end_turn", "standard", "fast", "us"
	e.Stream, e.MaxTokens, e.HTTPStatus, e.Outcome = true, 32000, 200, OutcomeOK
	e.ErrorType, e.ErrorMessage = "none", "line\nwith \"quotes\" and a tab\t"
	e.Usage = stream.Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite: 9, CacheWrite5m: 4, CacheWrite1h: 5, Reasoning: 0, WebSearches: 1}
	e.UsageSource, e.UsageNotes, e.TranslationNotes = UsageFinal, []string{"ttl_inferred"}, []string{"none"}
	e.UsageRaw = []byte(`{"input_tokens":1,"x":[1,{"y":"z"}]}`)
	e.PromptTokens, e.OverheadUS, e.TTFBMS, e.TTFTMS, e.DurationMS, e.LongestGapMS = 13, 180, 300, 500, 1500, 90
	e.RequestBytes, e.ResponseBytes = 2048, 4096
	e.Attempts = []Attempt{{
		N: 1, Profile: "work", ServerAddress: "api.anthropic.com", Model: "claude-opus-5", StartedAt: testNow,
		HTTPStatus: 200, ErrorType: "none", TTFBMS: 300, DurationMS: 1500, Outcome: OutcomeOK, Key: "spare", Why: "key", MaybeBilled: true, Usage: e.Usage, CostList: 5,
	}}
	e.Iterations = []Iteration{{Type: "compaction", Model: "claude-haiku-5-5", Usage: e.Usage, PriceID: "q", CostList: 9}}
	e.RetryOf, e.RetryCount = "01K0", 2
	e.PriceID, e.CostInput, e.CostCacheRead, e.CostCacheWrite = "p", 1, 10_000_000_000, -3
	e.CostOutput, e.CostOther, e.CostList, e.Cost, e.CostUncached = 4, 0, 6, 7, 8
	e.RL5hUsed, e.RL5hResetAt, e.RL7dUsed, e.RL7dResetAt = 0.25, testNow, 0.5, testNow
	return e
}

// openTest opens a journal without a reserve that ends with the test.
func openTest(t *testing.T, opt JournalOptions) (*Journal, *Recovery) {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = filepath.Join(t.TempDir(), "journal")
	}
	if opt.Reserve == 0 && opt.files == nil {
		opt.Reserve = -1
	}
	j, found, err := OpenJournal(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Shutdown(context.Background()) })
	return j, found
}

func shut(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// closes returns the ids of all close records, in order.
func closes(t *testing.T, source Source) []string {
	t.Helper()
	var ids []string
	_, err := source.Read(Watermark{}, func(r *Record) error {
		if r.Kind == KindClose {
			ids = append(ids, r.RequestID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

var errInjected = errors.New("injected")
