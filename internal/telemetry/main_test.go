package telemetry

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"prism/internal/ledger"
	"prism/internal/stream"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) {
	// Where a shutdown has no time left, the SDK returns and empties its queue behind it, with the
	// exporter's help.
	const processor = "go.opentelemetry.io/otel/sdk/trace.(*batchSpanProcessor)"
	const exporter = "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp.(*client)"
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(processor+".drainQueue"), goleak.IgnoreAnyFunction(processor+".Shutdown.func1.1"),
		goleak.IgnoreAnyFunction(exporter+".contextWithStop.func1"))
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// gateway is a sample with two profiles.
func gateway() Sample {
	return Sample{
		Generation: 7, InFlight: 2, Refused: 3, Waiting: 4, Dropped: 0,
		Profiles: []ProfileState{{"kimi", ledger.HealthOpen}, {"work", ledger.HealthOK}},
	}
}

// counting is a Telemetry that sends nothing.
func counting(t testing.TB) *Telemetry {
	t.Helper()
	x, err := New(Options{Version: "1.2.3", HostName: "box", Logger: zerolog.Nop(), Sample: gateway, Now: func() time.Time { return noon }, Getenv: none})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func none(string) string { return "" }

// entry is a stream that ended well after one attempt.
func entry(n int) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.StartedAt, e.EndedAt = ledger.NewID(noon), noon, noon.Add(3*time.Second)
	e.SessionID, e.AgentID, e.Generation = fmt.Sprintf("session-%d", n), "agent-1", 7
	e.Profile, e.Provider, e.ServerAddress, e.RouteReason, e.Operation = "work", "anthropic", "api.anthropic.com:443", "active", ledger.OpMessages
	e.RequestModel, e.UpstreamModel, e.ResponseModel = "claude-opus-5", "claude-opus-5", "claude-opus-5-20260801"
	e.ResponseID, e.UpstreamRequestID, e.StopReason = "msg_1", "req_1", "end_turn"
	e.Stream, e.MaxTokens, e.HTTPStatus, e.Outcome = true, 32000, 200, ledger.OutcomeOK
	e.Usage = stream.Usage{Input: 100, CacheRead: 1000, CacheWrite: 300, CacheWrite5m: 100, CacheWrite1h: 200, Output: 51, Reasoning: 10, WebSearches: stream.Unknown}
	e.UsageSource, e.PromptTokens = ledger.UsageFinal, 1400
	e.TTFBMS, e.TTFTMS, e.DurationMS = 300, 500, 3000
	e.Cost, e.CostList = 148_750_000, 148_750_000
	e.Attempts = []ledger.Attempt{{N: 1, Profile: "work", Why: "rule 2", Model: "claude-opus-5", StartedAt: noon, HTTPStatus: 200, DurationMS: 3000, Outcome: ledger.OutcomeOK}}
	return e
}

// fallen is a stream whose first attempt failed.
func fallen(n int) *ledger.Entry {
	e := entry(n)
	lost := ledger.Attempt{
		N: 1, Profile: "kimi", Why: "active", ServerAddress: "api.moonshot.ai:443", Model: "kimi-k3", StartedAt: noon, HTTPStatus: 529, ErrorType: "overloaded_error",
		TTFBMS: 100, DurationMS: 200, Outcome: ledger.OutcomeError, MaybeBilled: true,
	}
	e.Attempts[0].N, e.Attempts[0].Why, e.Attempts[0].StartedAt = 2, "fallback", noon.Add(200*time.Millisecond)
	e.Attempts = append([]ledger.Attempt{lost}, e.Attempts...)
	return e
}

// broken is an exchange that failed without a usage.
func broken(n int) *ledger.Entry {
	e := entry(n)
	e.Outcome, e.ErrorType, e.HTTPStatus, e.ResponseModel, e.ResponseID, e.StopReason = ledger.OutcomeError, "rate_limit_error", 429, "", "", ""
	e.Usage, e.UsageSource, e.PromptTokens, e.Cost, e.TTFTMS = stream.NoUsage(), ledger.UsageNone, stream.Unknown, ledger.NoMoney, stream.Unknown
	e.Attempts[0].Outcome, e.Attempts[0].ErrorType, e.Attempts[0].HTTPStatus = ledger.OutcomeError, "rate_limit_error", 429
	return e
}
