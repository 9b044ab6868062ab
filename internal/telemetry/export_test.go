package telemetry

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"prism/internal/ledger"
)

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// collector takes OTLP over HTTP and keeps what it gets.
type collector struct {
	*httptest.Server

	mu      sync.Mutex
	traces  []*traces.ExportTraceServiceRequest
	metrics []*metrics.ExportMetricsServiceRequest
	seen    []http.Header
	paths   []string
	answer  func(w http.ResponseWriter, r *http.Request) bool // true = it has answered
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.paths = append(c.seen, r.Header.Clone()), append(c.paths, r.URL.Path)
	if c.answer != nil && c.answer(w, r) {
		return
	}
	var err error
	switch {
	case strings.HasSuffix(r.URL.Path, "/v1/traces"):
		q := &traces.ExportTraceServiceRequest{}
		err = proto.Unmarshal(body, q)
		c.traces = append(c.traces, q)
	case strings.HasSuffix(r.URL.Path, "/v1/metrics"):
		q := &metrics.ExportMetricsServiceRequest{}
		err = proto.Unmarshal(body, q)
		c.metrics = append(c.metrics, q)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// sending is a Telemetry that sends to a collector; the log is what it says meanwhile.
func sending(t *testing.T, export Export, env map[string]string) (x *Telemetry, log *lines) {
	t.Helper()
	log = &lines{}
	x, err := New(Options{
		Version: "1.2.3", HostName: "box", Export: export, Logger: zerolog.New(log), Sample: gateway,
		Now: func() time.Time { return noon }, Getenv: func(k string) string { return env[k] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return x, log
}

func shut(t *testing.T, x *Telemetry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := x.Close(ctx); err != nil {
		t.Error(err)
	}
}

// describeSpan writes a span as a line per attribute.
func describeSpan(s *spans.Span) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %v %s\n", s.Name, s.Kind, s.Status.GetCode())
	for _, kv := range s.Attributes {
		fmt.Fprintf(&out, "  %s = %s\n", kv.Key, value(kv.Value))
	}
	return out.String()
}

func value(v *common.AnyValue) string {
	switch x := v.Value.(type) {
	case *common.AnyValue_StringValue:
		return x.StringValue
	case *common.AnyValue_ArrayValue:
		var all []string
		for _, e := range x.ArrayValue.Values {
			all = append(all, value(e))
		}
		return "[" + strings.Join(all, " ") + "]"
	case *common.AnyValue_IntValue:
		return fmt.Sprint(x.IntValue)
	case *common.AnyValue_DoubleValue:
		return fmt.Sprint(x.DoubleValue)
	case *common.AnyValue_BoolValue:
		return fmt.Sprint(x.BoolValue)
	}
	return v.String()
}

func (c *collector) spans() []*spans.Span {
	var all []*spans.Span
	for _, q := range c.traces {
		for _, r := range q.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

func TestATraceTellsAnExchangeByTheNamesOfTheConventions(t *testing.T) {
	c := newCollector(t)
	x, _ := sending(t, Export{OTLP: c.URL, Traces: true}, nil)
	e := fallen(1)
	e.RequestID, e.ErrorMessage, e.Cwd = "01M8BMBRGD350NK1C1T4THXG3D", "the prompt was …", "/home/alice"
	x.Finished(e)
	shut(t, x)
	all := c.spans()
	if len(all) != 3 {
		t.Fatalf("%d spans", len(all))
	}
	root := all[2]
	const want = `chat claude-opus-5 SPAN_KIND_CLIENT STATUS_CODE_UNSET
  gen_ai.operation.name = chat
  gen_ai.provider.name = anthropic
  server.address = api.anthropic.com:443
  gen_ai.request.model = claude-opus-5
  gen_ai.response.model = claude-opus-5-20260801
  gen_ai.response.id = msg_1
  gen_ai.conversation.id = session-1
  gen_ai.agent.id = agent-1
  gen_ai.request.max_tokens = 32000
  gen_ai.usage.input_tokens = 1400
  gen_ai.usage.output_tokens = 51
  gen_ai.usage.cache_read.input_tokens = 1000
  gen_ai.usage.cache_creation.input_tokens = 300
  gen_ai.usage.reasoning.output_tokens = 10
  gen_ai.response.finish_reasons = [end_turn]
  gen_ai.request.stream = true
  gen_ai.response.time_to_first_chunk = 0.5
  http.response.status_code = 200
  prism.profile = work
  prism.route_reason = active
  prism.outcome = ok
  prism.upstream_model = claude-opus-5
  prism.request_id = 01M8BMBRGD350NK1C1T4THXG3D
  prism.upstream_request_id = req_1
  prism.usage_source = final
  prism.generation = 7
  prism.attempts = 2
  prism.cost_usd = 0.014875
`
	if got := describeSpan(root); got != want {
		t.Errorf("got\n%s", got)
	}
	if id, _ := ulid.ParseStrict(e.RequestID); hex.EncodeToString(root.TraceId) != hex.EncodeToString(id[:]) {
		t.Errorf("trace %x does not belong to %s", root.TraceId, e.RequestID)
	}
	if root.StartTimeUnixNano != uint64(e.StartedAt.UnixNano()) || root.EndTimeUnixNano != uint64(e.EndedAt.UnixNano()) || len(root.ParentSpanId) > 0 {
		t.Errorf("root = %v", root)
	}
	first := all[0]
	const wantFirst = `attempt 1 kimi SPAN_KIND_INTERNAL STATUS_CODE_ERROR
  prism.profile = kimi
  server.address = api.moonshot.ai:443
  prism.upstream_model = kimi-k3
  prism.outcome = error
  prism.why = active
  error.type = overloaded_error
  prism.attempt = 1
  prism.maybe_billed = true
  http.response.status_code = 529
`
	if got := describeSpan(first); got != wantFirst || !bytes.Equal(first.ParentSpanId, root.SpanId) || !bytes.Equal(first.TraceId, root.TraceId) {
		t.Errorf("first attempt:\n%s", got)
	}
	if first.EndTimeUnixNano-first.StartTimeUnixNano != uint64(200*time.Millisecond) {
		t.Errorf("it took %d ns", first.EndTimeUnixNano-first.StartTimeUnixNano)
	}
}

func TestAnExchangeOfOneAttemptIsOneSpanAndAFailureSaysItsType(t *testing.T) {
	c := newCollector(t)
	x, _ := sending(t, Export{OTLP: c.URL, Traces: true}, nil)
	x.Finished(broken(1))
	shut(t, x)
	all := c.spans()
	if len(all) != 1 || all[0].Status.GetMessage() != "rate_limit_error" || !strings.Contains(describeSpan(all[0]), "error.type = rate_limit_error") {
		t.Errorf("spans: %v", all)
	}
	if got := describeSpan(all[0]); strings.Contains(got, "usage.input_tokens") || strings.Contains(got, "cost_usd") {
		t.Errorf("what is not known is sent:\n%s", got)
	}
}

func TestMetricsAreSentWithWhatMetricsShows(t *testing.T) {
	c := newCollector(t)
	x, _ := sending(t, Export{OTLP: c.URL + "/base", Traces: true, Metrics: true}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc, x-team=blue"})
	x.Finished(entry(1))
	shut(t, x)
	if len(c.metrics) != 1 {
		t.Fatalf("%d times metrics were sent", len(c.metrics))
	}
	names := map[string]bool{}
	for _, m := range c.metrics[0].ResourceMetrics[0].ScopeMetrics[0].Metrics {
		names[m.Name] = true
	}
	for _, want := range []string{metricTokenUsage, metricDuration, metricFirstChunk, metricPerToken, metricAttempts, metricHealth, metricCost, metricSwaps, metricWaiting} {
		if !names[want] {
			t.Errorf("%s is missing in %v", want, names)
		}
	}
	resource := fmt.Sprint(c.metrics[0].ResourceMetrics[0].Resource)
	for _, want := range []string{"service.name", "prism", "service.version", "1.2.3", "host.name", "box"} {
		if !strings.Contains(resource, want) {
			t.Errorf("resource = %s", resource)
		}
	}
	for i, h := range c.seen {
		if h.Get("Authorization") != "Bearer abc" || h.Get("X-Team") != "blue" || !strings.HasPrefix(c.paths[i], "/base/v1/") {
			t.Errorf("%s with %v", c.paths[i], h)
		}
	}
}

// What authorizes at the collector is for the collector alone.
func TestARedirectIsNotFollowed(t *testing.T) {
	other := newCollector(t)
	c := newCollector(t)
	c.answer = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	x, log := sending(t, Export{OTLP: c.URL, Traces: true}, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=topsecret"})
	x.Finished(entry(1))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_ = x.Close(ctx)
	if len(other.seen) > 0 {
		t.Errorf("the other host got %v", other.seen)
	}
	if strings.Contains(log.String(), "topsecret") {
		t.Errorf("log: %s", log)
	}
}

func TestACollectorThatIsAwayDelaysNobodyAndIsOneLineOfTheLog(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // connections are taken by the kernel, and nobody answers
	x, log := sending(t, Export{OTLP: "http://" + ln.Addr().String() + "/hidden-path", Traces: true, Metrics: true, Interval: time.Second}, nil)
	began := time.Now()
	for n := range 20_000 { // many times what the SDK's queue holds
		x.Finished(entry(n))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("20,000 exchanges took %v", took)
	}
	began = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := x.Close(ctx); err == nil {
		t.Error("nobody noticed")
	} else if strings.Contains(err.Error(), "hidden-path") {
		t.Errorf("the error tells the address: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	if lines := strings.Count(log.String(), "\n"); lines > 1 || strings.Contains(log.String(), "hidden-path") {
		t.Errorf("%d lines: %s", lines, log)
	}
}

func TestWhatTheCollectorSaysIsCutAndItsAddressLeftOut(t *testing.T) {
	c := newCollector(t)
	c.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(strings.Repeat("no ", 10_000)))
		return true
	}
	x, log := sending(t, Export{OTLP: c.URL + "/token-in-path", Traces: true}, nil)
	later := atomic.Int64{} // the handler is the process's: the end of another test may be told to it as well
	otel.SetErrorHandler(&complaints{log: x.opt.Logger, hide: hide(target{traces: &place{url: mustURL(t, c.URL+"/token-in-path/v1/traces")}}), now: func() time.Time {
		return noon.Add(time.Duration(later.Add(1)) * complainOnce)
	}})
	x.Finished(entry(1))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_ = x.Close(ctx)
	got := log.String()
	if !strings.Contains(got, "telemetry not sent") || !strings.Contains(got, "401") || strings.Contains(got, "token-in-path") {
		t.Errorf("log: %.700s", got)
	}
	for line := range strings.Lines(got) {
		if len(line) > 600 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestIDsThatAreNoULIDsHaveTracesOfTheirOwn(t *testing.T) {
	seen := map[[16]byte]string{}
	for _, id := range []string{"", "x", "00000000000000000000000000", "row-1", "row-2", ledger.NewID(noon), "01m8bmbrgd350nk1c1t4thxg3d"} {
		tid := traceID(id)
		if !tid.IsValid() {
			t.Errorf("%q gives no trace", id)
		}
		if other, ok := seen[tid]; ok {
			t.Errorf("%q and %q share a trace", id, other)
		}
		seen[tid] = id
	}
}

func BenchmarkFinishedAndTraced(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	x, err := New(Options{Export: Export{OTLP: server.URL, Traces: true}, Logger: zerolog.Nop(), Sample: gateway, Getenv: none})
	if err != nil {
		b.Fatal(err)
	}
	e := entry(1)
	b.ReportAllocs()
	for b.Loop() {
		x.Finished(e)
	}
	_ = x.Close(context.Background())
}
