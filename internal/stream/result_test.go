package stream

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// usage is a Usage of the counts in the order of its fields.
func usage(in, out, read, write, w5m, w1h, reasoning, searches Count) Usage {
	return Usage{
		Input: in, Output: out, CacheRead: read, CacheWrite: write,
		CacheWrite5m: w5m, CacheWrite1h: w1h, Reasoning: reasoning, WebSearches: searches,
	}
}

const u = Unknown

func TestUsageIsMergedAsTheProviderMeansIt(t *testing.T) {
	end := `"end_turn"`
	tests := []struct {
		name, stream, ttl string
		want              Usage
		source            string
		notes             []string
	}{
		{
			"output from the delta, the rest from the start",
			messageStart(startUsage) + messageDelta(end, `{"output_tokens":50}`), "",
			usage(10, 50, 1000, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"inputs repeated are not doubled",
			messageStart(startUsage) + messageDelta(end, `{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":50}`), "",
			usage(10, 50, 1000, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"a web search raises the input",
			messageStart(`{"input_tokens":2679,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}`) +
				messageDelta(end, `{"input_tokens":10682,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}`), "",
			usage(10682, 510, 0, 0, 0, 0, u, 1), SourceFinal, nil,
		},
		{
			"all zero at the start, all in the delta",
			messageStart(`{"input_tokens":0,"output_tokens":0}`) +
				messageDelta(end, `{"input_tokens":25,"cache_read_input_tokens":7,"output_tokens":9}`), "",
			usage(25, 9, 7, u, u, u, u, u), SourceFinal, nil,
		},
		{
			"no usage at the start",
			messageStart(`null`) + messageDelta(end, `{"input_tokens":25,"output_tokens":9}`), "",
			usage(25, 9, u, u, u, u, u, u), SourceFinal, nil,
		},
		{
			"the last of two deltas wins",
			messageStart(startUsage) + messageDelta(`null`, `{"output_tokens":20}`) + messageDelta(end, `{"output_tokens":19}`), "",
			usage(10, 19, 1000, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"a zero does not take away input",
			messageStart(startUsage) + messageDelta(end, `{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":50}`), "",
			usage(10, 50, 1000, 100, 40, 60, u, u), SourceFinal,
			[]string{NoteZeroIgnored},
		},
		{
			"a zero output is zero",
			messageStart(startUsage) + messageDelta(`"refusal"`, `{"output_tokens":0}`), "",
			usage(10, 0, 1000, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"null replaces nothing",
			messageStart(startUsage) + messageDelta(end, `{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":4,"server_tool_use":null}`), "",
			usage(10, 4, 1000, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"counts may go down",
			messageStart(startUsage) + messageDelta(end, `{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":2}`), "",
			usage(9, 2, 1, 100, 40, 60, u, u), SourceFinal, nil,
		},
		{
			"a raised sum goes to 5m",
			messageStart(startUsage) + messageDelta(end, `{"cache_creation_input_tokens":130,"output_tokens":2}`), "1h",
			usage(10, 2, 1000, 130, 70, 60, u, u), SourceFinal,
			[]string{NoteSplitAdjusted},
		},
		{
			"a lowered sum takes from 5m, then from 1h",
			messageStart(startUsage) + messageDelta(end, `{"cache_creation_input_tokens":50,"output_tokens":2}`), "",
			usage(10, 2, 1000, 50, 0, 50, u, u), SourceFinal,
			[]string{NoteSplitAdjusted},
		},
		{
			"parts without a sum",
			messageStart(`{"cache_creation":{"ephemeral_1h_input_tokens":8},"output_tokens":1}`) + messageDelta(end, `{"output_tokens":2}`), "",
			usage(u, 2, u, 8, 0, 8, u, u), SourceFinal, nil,
		},
		{
			"no parts, the request says 1h",
			messageStart(`{"input_tokens":1,"cache_creation_input_tokens":8}`) + messageDelta(end, `{"output_tokens":2}`), "1h",
			usage(1, 2, u, 8, 0, 8, u, u), SourceFinal,
			[]string{NoteTTLInferred},
		},
		{
			"no parts, the request says 5m",
			messageStart(`{"input_tokens":1,"cache_creation_input_tokens":8}`) + messageDelta(end, `{"output_tokens":2}`), "5m",
			usage(1, 2, u, 8, 8, 0, u, u), SourceFinal,
			[]string{NoteTTLInferred},
		},
		{
			"no parts, the request says both",
			messageStart(`{"input_tokens":1,"cache_creation_input_tokens":8,"cache_creation":null}`) + messageDelta(end, `{"output_tokens":2}`), "mixed",
			usage(1, 2, u, 8, 8, 0, u, u), SourceFinal,
			[]string{NoteTTLAssumed},
		},
		{
			"nothing written needs no note",
			messageStart(`{"input_tokens":1,"cache_creation_input_tokens":0}`) + messageDelta(end, `{"output_tokens":2}`), "1h",
			usage(1, 2, u, 0, 0, 0, u, u), SourceFinal, nil,
		},
		{
			"thinking is a part of the output",
			tools(), "",
			usage(10, 77, 1000, 100, 40, 60, 12, u), SourceFinal, nil,
		},
		{
			"the placeholder is no output",
			messageStart(startUsage) + textDelta("Hi"), "",
			usage(10, u, 1000, 100, 40, 60, u, u), SourcePartial, nil,
		},
		{
			"a delta before the end is not final",
			messageStart(startUsage) + messageDelta(`null`, `{"output_tokens":20}`), "",
			usage(10, 20, 1000, 100, 40, 60, u, u), SourcePartial, nil,
		},
		{
			"an end without usage is not final",
			messageStart(startUsage) + messageDelta(end, `null`), "",
			usage(10, u, 1000, 100, 40, 60, u, u), SourcePartial, nil,
		},
		{
			"usage before an error counts",
			messageStart(startUsage) + messageDelta(`null`, `{"output_tokens":20}`) + frame("error", `{"type":"error","error":{"type":"overloaded_error","message":"x"}}`), "",
			usage(10, 20, 1000, 100, 40, 60, u, u), SourcePartial, nil,
		},
		{
			"what is no count is unknown",
			corpus()["odd counts"], "",
			usage(u, u, u, u, u, u, u, u), SourceNone,
			[]string{NoteCountIgnored},
		},
		{
			"a whole number may be written as a float",
			messageStart(`{"input_tokens":12.0}`) + messageDelta(end, `{"output_tokens":1e2}`), "",
			usage(12, 100, u, u, u, u, u, u), SourceFinal, nil,
		},
		{"nothing at all", ping, "", NoUsage(), SourceNone, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Meter
			m.Reset(KindSSE)
			m.SetTTL(tt.ttl)
			_, _ = m.Write([]byte(tt.stream))
			m.Finish()
			r := m.Result()
			if r.Usage != tt.want || r.Source != tt.source || !slices.Equal(r.Notes, tt.notes) {
				t.Errorf("usage %+v, %s, %q\nwant  %+v, %s, %q", r.Usage, r.Source, r.Notes, tt.want, tt.source, tt.notes)
			}
		})
	}
}

func TestRawKeepsWhatIsUnknown(t *testing.T) {
	start := `{"input_tokens":10,"cache_read_input_tokens":5,"tier":{"a":"}"},"iterations":[{"type":"message","input_tokens":10}]}`
	tests := []struct{ name, stream, want string }{
		{"as it was reported", messageStart(start), start},
		{
			"merged member by member",
			messageStart(start) + messageDelta(`"end_turn"`,
				`{"input_tokens":null,"cache_read_input_tokens":0,"output_tokens":4,"iterations":[{"type":"compaction","input_tokens":9},{"type":"message"}],"new.field":{"x":null}}`),
			`{"input_tokens":10,"cache_read_input_tokens":5,"tier":{"a":"}"},"iterations":[{"type":"compaction","input_tokens":9},{"type":"message"}],"output_tokens":4,"new.field":{"x":null}}`,
		},
		{"no usage", messageStart("null"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(meter(KindSSE, tt.stream).Result().Raw); got != tt.want {
				t.Errorf("raw %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRawLeavesOutWhatDoesNotFit(t *testing.T) {
	big := `"` + strings.Repeat("x", 10<<10) + `"`
	r := meter(KindSSE, messageStart(`{"input_tokens":10,"a":`+big+`}`)+messageDelta(`"end_turn"`, `{"b":`+big+`,"output_tokens":4}`)).Result()
	var raw map[string]any
	if err := json.Unmarshal(r.Raw, &raw); err != nil {
		t.Fatalf("raw: %v", err)
	}
	if len(r.Raw) > maxRaw || raw["output_tokens"] != 4.0 || raw["a"] == nil || raw["b"] != nil {
		t.Errorf("raw has %d bytes and members %v", len(r.Raw), raw)
	}
	if !slices.Equal(r.Notes, []string{NoteRawCut}) || r.Usage.Output != 4 {
		t.Errorf("notes %q, output %d", r.Notes, r.Usage.Output)
	}
}

func TestRawOfOneAnswerIsNotOverwrittenByTheNext(t *testing.T) {
	m := meter(KindSSE, plain())
	raw := m.Result().Raw
	before := string(raw)
	m.Reset(KindSSE)
	_, _ = m.Write([]byte(tools()))
	if string(raw) != before {
		t.Errorf("raw became %s", raw)
	}
}

func TestStreamTellsWhoAnsweredAndHowItEnded(t *testing.T) {
	r := meter(KindSSE, plain()).Result()
	want := Result{
		Usage: r.Usage, Source: SourceFinal, Raw: r.Raw, Counting: CountingApart,
		ID: "msg_01", Model: "claude-opus-5-5", StopReason: "end_turn",
		ServiceTier: "standard", Speed: "fast", InferenceGeo: "us",
		Complete: true, Stopped: true, Events: 9,
	}
	if got, want := render(r), render(&want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func render(r *Result) string {
	b, _ := json.Marshal(r)
	return string(b)
}

func TestTheFormOfTheStreamDoesNotMatter(t *testing.T) {
	want := meter(KindSSE, plain()).Result()
	for _, name := range []string{
		"crlf", "cr", "mixed ends", "bom", "no event lines", "wrong events",
		"other fields", "multi line", "no last blank", "no last newline",
	} {
		got := meter(KindSSE, corpus()[name]).Result()
		if render(got) != render(want) {
			t.Errorf("%s: %s\nwant %s", name, render(got), render(want))
		}
	}
	for _, name := range []string{"comments", "after stop", "unknown", "twice", "spaces"} {
		got := meter(KindSSE, corpus()[name]).Result()
		if got.Usage != want.Usage || !got.Complete || !got.Stopped || got.Source != SourceFinal {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestStreamIsCompleteOnlyWithAStopReason(t *testing.T) {
	tests := []struct {
		name              string
		complete, stopped bool
	}{
		{"plain", true, true},
		{"no stop", true, false},
		{"cut in delta", false, false},
		{"cut in start", false, false},
		{"cut in usage", false, false},
		{"broken JSON", false, false},
		{"nulls", false, false},
		{"error later", false, false},
		{"empty", false, false},
	}
	for _, tt := range tests {
		r := meter(KindSSE, corpus()[tt.name]).Result()
		if r.Complete != tt.complete || r.Stopped != tt.stopped {
			t.Errorf("%s: complete %v, stopped %v", tt.name, r.Complete, r.Stopped)
		}
	}
}

func TestUnknownTypesMeanNothing(t *testing.T) {
	r := meter(KindSSE, frame("message_delta", `{"type":"novelty","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`)).Result()
	if r.Complete || r.Usage != NoUsage() || r.Events != 1 {
		t.Errorf("%+v", r)
	}
}

func TestTheEventLineStandsInForAMissingType(t *testing.T) {
	r := meter(KindSSE, frame("message_delta", `{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`)).Result()
	if !r.Complete || r.Usage.Output != 1 {
		t.Errorf("%+v", r)
	}
}

func TestErrorsAreRead(t *testing.T) {
	tests := []struct {
		kind               Kind
		body, typ, message string
	}{
		{KindSSE, corpus()["error first"], "overloaded_error", "Overloaded"},
		{KindSSE, frame("error", `{"type":"overloaded_error","message":"busy"}`), "overloaded_error", "busy"},
		{KindSSE, frame("error", `{"error":{"message":"no type"}}`), "error", "no type"},
		{KindSSE, frame("error", `{"error":"just text"}`), "error", "just text"},
		{KindSSE, frame("error", `upstream died`), "error", "upstream died"},
		{KindSSE, ping + "data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"" + strings.Repeat("é", 600) + "\"}}\n\n", "api_error", strings.Repeat("é", 500)},
		{KindSSE, plain(), "", ""},
		{KindJSON, bodies()["error"], "rate_limit_error", "slow down"},
		{KindJSON, bodies()["error text"], "error", "model not found"},
		{KindJSON, bodies()["error null"], "", ""},
		{KindJSON, bodies()["whole"], "", ""},
	}
	for _, tt := range tests {
		r := meter(tt.kind, tt.body).Result()
		if r.ErrorType != tt.typ || r.ErrorMessage != tt.message {
			t.Errorf("%.60q: error %q %q", tt.body, r.ErrorType, r.ErrorMessage)
		}
	}
}

func TestFallbackNamesTheModelThatAnswers(t *testing.T) {
	if got := meter(KindSSE, corpus()["fallback"]).Result().Model; got != "claude-sonnet-5-5" {
		t.Errorf("model %q", got)
	}
	long := messageStart(startUsage) + textDelta("Hi") + blockStart(`{"type":"fallback","from":{"x":"`+strings.Repeat("y", 500)+`"},"to":{"model":"b"}}`)
	if got := meter(KindSSE, long).Result().Model; got != "b" {
		t.Errorf("model of a long block %q", got)
	}
}

func TestContentBeginsWithTheFirstDeltaOrFullBlock(t *testing.T) {
	start := messageStart(startUsage)
	tests := []struct {
		name, stream string
		want         bool
	}{
		{"start only", start + ping, false},
		{"empty text", start + blockStart(`{"type":"text","text":""}`), false},
		{"empty thinking", start + blockStart(`{"type":"thinking","thinking":"","signature":""}`), false},
		{"delta", start + textDelta("x"), true},
		{"half a delta", start + strings.TrimSuffix(textDelta("x"), "\n"), false},
		{"tool", start + blockStart(`{"type":"tool_use","id":"a","name":"Bash","input":{}}`), true},
		{"text in the start", start + blockStart(`{"type":"text","text":"x"}`), true},
		{"long block", corpus()["long block"], true},
	}
	for _, tt := range tests {
		var m Meter
		m.Reset(KindSSE)
		_, _ = m.Write([]byte(tt.stream))
		if m.Content() != tt.want || !m.Started() {
			t.Errorf("%s: content %v, started %v", tt.name, m.Content(), m.Started())
		}
	}
}

func TestEstimateCountsWhatWasDelivered(t *testing.T) {
	start := messageStart(startUsage)
	long := strings.Repeat("0123456789", 100)
	tests := []struct {
		name, stream string
		want         Count
	}{
		{"36 bytes are 10 tokens", start + textDelta(long[:36]), 10},
		{"rounded up", start + textDelta(long[:37]), 11},
		{"all kinds of deltas", start + blockDelta(`{"type":"thinking_delta","thinking":"`+long[:18]+`","estimated_tokens":99}`) +
			blockDelta(`{"type":"input_json_delta","partial_json":"`+long[:9]+`"}`) + textDelta(long[:9]), 10},
		{"not signatures, citations, errors", start + textDelta(long[:36]) + blockDelta(`{"type":"signature_delta","signature":"`+long+`"}`) +
			blockDelta(`{"type":"citations_delta","citation":{"text":"`+long+`"}}`) + frame("error", `{"type":"error","error":{"type":"api_error","message":"`+long+`"}}`), 10},
		{"an escape is one byte", start + textDelta(strings.Repeat(`\n`, 18)+strings.Repeat(`\"`, 18)), 10},
		{"16 characters of Chinese are 10 tokens", start + textDelta(strings.Repeat("数", 16)), 10},
		{"Chinese and text", start + textDelta(strings.Repeat("数", 8)+long[:18]), 10},
		{"long delta", start + textDelta(long[:720]), 200},
		{"type last", start + frame("content_block_delta", `{"delta":{"text":"`+long[:720]+`","type":"text_delta"},"type":"content_block_delta"}`), 200},
		{"with spaces", start + frame("content_block_delta", `{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "`+long[:36]+`"}}`), 10},
		{"cut within the delta", start + textDelta(long[:18]) + strings.TrimSuffix(textDelta(long[:18]), "\"}}\n\n"), 10},
		{"nothing delivered", start + ping, Unknown},
		{"reported output stays", plain(), 50},
		{"reported zero stays", start + textDelta(long) + messageDelta(`"refusal"`, `{"output_tokens":0}`), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := meter(KindSSE, tt.stream)
			before := m.Result().Source
			if got := m.Estimate(); got.Output != tt.want || got.Input != 10 || got != m.Result().Usage {
				t.Errorf("estimated %+v, want output %d", got, tt.want)
			}
			estimated := slices.Contains(m.Result().Notes, NoteOutputEstimate)
			if want := before == SourcePartial && tt.want.Known(); estimated != want || (m.Result().Source == SourceEstimated) != want {
				t.Errorf("source %s, notes %q", m.Result().Source, m.Result().Notes)
			}
		})
	}
}

func TestJSONBodiesAreMetered(t *testing.T) {
	whole := usage(3, 12, u, u, u, u, u, 2)
	tests := []struct {
		name     string
		want     Usage
		source   string
		complete bool
		model    string
	}{
		{"whole", whole, SourceFinal, true, "claude-haiku-5-5"},
		{"spaced", whole, SourceFinal, true, "claude-haiku-5-5"},
		{"after end", whole, SourceFinal, true, "claude-haiku-5-5"},
		{"cut", whole, SourcePartial, false, "claude-haiku-5-5"},
		{"cut earlier", NoUsage(), SourceNone, false, "claude-haiku-5-5"},
		{"error", NoUsage(), SourceNone, false, ""},
		{"array", NoUsage(), SourceNone, false, ""},
		{"text", NoUsage(), SourceNone, false, ""},
		{"count", NoUsage(), SourceNone, false, ""},
		{"empty", NoUsage(), SourceNone, false, ""},
		{"long key", usage(u, 4, u, u, u, u, u, u), SourcePartial, false, ""},
		{"deep", usage(u, 8, u, u, u, u, u, u), SourcePartial, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := meter(KindJSON, bodies()[tt.name])
			r := m.Result()
			if r.Usage != tt.want || r.Source != tt.source || r.Complete != tt.complete || r.Model != tt.model {
				t.Errorf("%+v", r)
			}
			if m.Started() != (r.Usage != NoUsage()) || !m.AtBoundary() || len(m.Tail()) > 0 {
				t.Errorf("started %v, boundary %v, tail %q", m.Started(), m.AtBoundary(), m.Tail())
			}
		})
	}
}

func TestOpaqueBodiesAreNotMetered(t *testing.T) {
	m := meter(KindOpaque, plain(), bodies()["whole"])
	if r := m.Result(); r.Usage != NoUsage() || r.Source != SourceNone || r.Events != 0 || !m.AtBoundary() {
		t.Errorf("%+v", r)
	}
}

func TestLargeEventsDoNotHurt(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("x", n) }
	const mib = 1 << 20
	tests := []struct {
		name, stream string
		gaveUp       bool
		input        Count
	}{
		{"a delta of 64 MiB is counted", messageStart(startUsage) + textDelta(fill(64*mib)) + messageDelta(`"end_turn"`, `{"output_tokens":5}`), false, 10},
		{"a start of 7 MiB is read", messageStart(`{"input_tokens":10,"x":"`+fill(7*mib)+`"}`) + messageDelta(`"end_turn"`, `{"output_tokens":5}`), false, 10},
		{"a start of 9 MiB is not", messageStart(`{"input_tokens":10,"x":"`+fill(9*mib)+`"}`) + messageDelta(`"end_turn"`, `{"output_tokens":5}`), true, Unknown},
		{"nor an event that hides its type", messageStart(startUsage) + frame("x", `{"x":"`+fill(9*mib)+`","type":"ping"}`) + messageDelta(`"end_turn"`, `{"output_tokens":5}`), true, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Meter
			m.Reset(KindSSE)
			for p := []byte(tt.stream); len(p) > 0; {
				n := min(len(p), 32<<10)
				_, _ = m.Write(p[:n])
				p = p[n:]
			}
			r := m.Result()
			if r.GaveUp != tt.gaveUp || slices.Contains(r.Notes, NoteGaveUp) != tt.gaveUp {
				t.Errorf("gave up %v, notes %q", r.GaveUp, r.Notes)
			}
			if r.Usage.Input != tt.input || r.Usage.Output != 5 || !r.Complete || !m.AtBoundary() {
				t.Errorf("%+v, boundary %v", r, m.AtBoundary())
			}
			if cap(m.buf) > keepBuf {
				t.Errorf("a buffer of %d bytes was kept", cap(m.buf))
			}
		})
	}
}

// checkResult fails if a result breaks what every result promises.
func checkResult(t *testing.T, r *Result) {
	t.Helper()
	if len(r.Raw) > maxRaw || r.Raw != nil && !json.Valid(r.Raw) {
		t.Fatalf("raw has %d bytes: %.100q", len(r.Raw), r.Raw)
	}
	for _, s := range []string{string(r.Raw), r.ID, r.Model, r.StopReason, r.ServiceTier, r.Speed, r.InferenceGeo, r.ErrorType, r.ErrorMessage} {
		if !utf8.ValidString(s) || len(s) > max(maxRaw, 4*maxText) {
			t.Fatalf("text %.100q", s)
		}
	}
	w := r.Usage
	if w.CacheWrite.Known() && w.CacheWrite5m+w.CacheWrite1h != w.CacheWrite || min(w.CacheWrite5m, w.CacheWrite1h, w.Input, w.Output) < Unknown {
		t.Fatalf("usage %+v", w)
	}
	if (r.Source == SourceNone) != (w == NoUsage() && len(r.Iterations) == 0) {
		t.Fatalf("source %s of %+v", r.Source, w)
	}
	if len(r.Iterations) > maxIterations {
		t.Fatalf("%d iterations", len(r.Iterations))
	}
	for _, it := range r.Iterations {
		if v := it.Usage; v.CacheWrite.Known() && v.CacheWrite5m+v.CacheWrite1h != v.CacheWrite || v == NoUsage() {
			t.Fatalf("iteration %+v", it)
		}
	}
	for _, v := range Samples(r.Raw, w) {
		if v.Output > w.Output {
			t.Fatalf("a sample %+v of %+v", v, w)
		}
	}
}
