package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// scrape returns the lines of /metrics, those about the process itself left out.
func scrape(t *testing.T, x *Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	x.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var out strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "promhttp_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestMetricsHaveTheNamesOfTheConventions(t *testing.T) {
	x := counting(t)
	x.Finished(entry(1))
	x.Finished(fallen(2))
	x.Finished(broken(3))
	count := &ledger.Entry{Operation: ledger.OpCountTokens, Profile: "work", Provider: "anthropic", RequestModel: "claude-opus-5", Outcome: ledger.OutcomeOK, StartedAt: noon, EndedAt: noon}
	x.Finished(count)
	x.Health(&ledger.HealthEvent{Profile: "kimi", FromState: ledger.HealthOK, ToState: ledger.HealthOpen})
	x.Swap(true)
	x.Swap(false)
	got := scrape(t, x)
	const golden = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%v; got\n%s", err, got)
	}
}

func TestWhatCameBeforeTheFirstScrapeCounts(t *testing.T) {
	x := counting(t)
	for n := range 50 {
		x.Finished(entry(n))
	}
	if got := scrape(t, x); !strings.Contains(got, "gen_ai_client_token_usage_sum{") || !strings.Contains(got, `gen_ai_token_type="input",prism_profile="work"} 70000`) {
		t.Errorf("fifty times 1400 tokens are missing:\n%s", got)
	}
}

func TestASessionIsNeverALabel(t *testing.T) {
	x := counting(t)
	for n := range 3 {
		e := entry(n)
		e.Project, e.Cwd, e.GitBranch, e.ErrorMessage, e.Tags = "secretproject", "/secretproject", "secretproject", "secretproject", map[string]string{"secretproject": "secretproject"}
		x.Finished(e)
	}
	if got := scrape(t, x); strings.Contains(got, "session-") || strings.Contains(got, "agent-1") || strings.Contains(got, "secretproject") || strings.Contains(got, "req_1") {
		t.Errorf("metrics tell who asked:\n%s", got)
	}
}

// The price book's name and that of the conventions are one label: a series that is there twice
// would fail every scrape from then on.
func TestTwoNamesOfAProviderAreOneSeries(t *testing.T) {
	x := counting(t)
	for _, name := range []string{"bedrock", "aws.bedrock", "xai", "x_ai"} {
		e := entry(1)
		e.Provider = name
		x.Finished(e)
	}
	got := scrape(t, x)
	if !strings.Contains(got, `gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="aws.bedrock"`) || strings.Contains(got, `"bedrock"`) {
		t.Errorf("the two are not counted together:\n%s", got)
	}
}

// A client may ask for any model, and an upstream may name any error.
func TestLabelsAndSeriesAreBounded(t *testing.T) {
	x := counting(t)
	sent := 0
	for n := range 5000 {
		e := entry(n)
		e.RequestModel, e.ResponseModel = fmt.Sprintf("model-%d", n%997), fmt.Sprintf("answer-%d\xff", n)
		e.Outcome, e.ErrorType = ledger.OutcomeError, fmt.Sprintf("error-%d", n)+strings.Repeat("x", 4096)
		e.Attempts[0].Profile, e.Attempts[0].Why = fmt.Sprintf("profile-%d", n), fmt.Sprintf("rule %d", n)
		x.Finished(e)
		sent++
	}
	c := x.counts
	for name, n := range map[string]int{"operations": len(c.operations), "uses": len(c.uses), "attempts": len(c.attempts)} {
		if n > maxSeries+1 {
			t.Errorf("%d series of %s", n, name)
		}
	}
	var all uint64
	for _, h := range c.operations {
		all += h.count
	}
	if all != uint64(sent) {
		t.Errorf("%d of %d exchanges are counted", all, sent)
	}
	got := scrape(t, x)
	if !strings.Contains(got, otherValue) || len(got) > 16<<20 {
		t.Errorf("%d bytes of metrics", len(got))
	}
	for line := range strings.Lines(got) {
		if len(line) > 2048 {
			t.Fatalf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}

func TestTheSumsAreExact(t *testing.T) {
	x := counting(t)
	var wg sync.WaitGroup
	const workers, each = 8, 500
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				e := entry(n)
				e.Profile, e.Cost, e.PromptTokens = []string{"work", "kimi"}[w%2], ledger.Money(n), stream.Count(n)
				x.Finished(e)
			}
		})
	}
	wg.Wait()
	var cost ledger.Money
	var in float64
	for _, u := range x.counts.uses {
		cost += u.cost
		in += u.in.sum
	}
	if want := workers * each * (each - 1) / 2; cost != ledger.Money(want) || in != float64(want) {
		t.Errorf("cost %d and %v tokens, want %d", cost, in, want)
	}
}

func TestAValueOnABorderIsInTheBucketBelow(t *testing.T) {
	h := newHistogram([]float64{1, 2, 4})
	for _, v := range []float64{0, 1, 1.5, 2, 4, 4.1, 1e9} {
		h.observe(v)
	}
	if got := fmt.Sprint(h.counts, h.count); got != "[2 2 1 2] 7" {
		t.Errorf("buckets %s", got)
	}
}

// Counting happens on every request; showing happens when somebody asks.
func TestCountingAllocatesNothing(t *testing.T) {
	x := counting(t)
	e := fallen(1)
	x.Finished(e)
	if n := testing.AllocsPerRun(100, func() { x.Finished(e) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if x.scrape != nil {
		t.Error("the exposition was made before anybody asked for it")
	}
}

func TestScrapesMayComeAllAtOnce(t *testing.T) {
	x := counting(t)
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			x.Finished(entry(n))
			w := httptest.NewRecorder()
			x.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			if w.Code != 200 && w.Code != 503 { // too many at a time are turned away
				body, _ := io.ReadAll(w.Body)
				t.Errorf("status %d: %s", w.Code, bytes.TrimSpace(body))
			}
		})
	}
	wg.Wait()
	if got := scrape(t, x); !strings.Contains(got, `prism_upstream_attempts_total`) {
		t.Errorf("after the rush:\n%s", got)
	}
}

func BenchmarkFinished(b *testing.B) {
	x := counting(b)
	e := entry(1)
	b.ReportAllocs()
	for b.Loop() {
		x.Finished(e)
	}
}

func TestBothFormatsCanBeReadBack(t *testing.T) {
	x := counting(t)
	e := entry(1)
	e.Profile, e.RequestModel = "quote\" back\\ slash", "line\nfeed\x00\xff"
	x.Finished(e)
	x.Finished(fallen(2))
	w := httptest.NewRecorder()
	x.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gen_ai_client_operation_duration_seconds", "prism_cost_total", "prism_profile_health", "process_resident_memory_bytes"} {
		if families[want] == nil {
			t.Errorf("%s cannot be found", want)
		}
	}
	open := httptest.NewRequest("GET", "/metrics", nil)
	open.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w = httptest.NewRecorder()
	x.ServeHTTP(w, open)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("%s, ends with %q", w.Header().Get("Content-Type"), w.Body.String()[max(0, w.Body.Len()-20):])
	}
}
