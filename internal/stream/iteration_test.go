package stream

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// part is an iteration as a provider writes it.
func part(typ, model string, in, out, read, write int) string {
	return fmt.Sprintf(`{"type":%q,"model":%s,"input_tokens":%d,"output_tokens":%d,"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d}`, typ, model, in, out, read, write)
}

func TestWhatIsBilledBesideTheTopLevelIsTold(t *testing.T) {
	end := `"end_turn"`
	advised := Iteration{IterationAdvisor, "claude-fable-5-2", usage(823, 1612, 7, 9, 4, 5, u, u)}
	compacted := Iteration{IterationCompaction, "claude-opus-5-5", usage(180_000, 3500, 0, 0, 0, 0, u, u)}
	with := func(list string) string {
		return messageStart(startUsage) + messageDelta(end, `{"output_tokens":50,"iterations":`+list+`}`)
	}
	tests := []struct {
		name, stream, ttl string
		want              []Iteration
		notes             []string
	}{
		{"none", plain(), "", nil, nil},
		{"an empty list", with(`[]`), "", nil, nil},
		{"no list", with(`{"type":"compaction","input_tokens":1}`), "", nil, nil},
		{"compaction at the model that serves, advice at its own", with(`[` + compaction + `,` + advice + `]`), "", []Iteration{compacted, advised}, nil},
		{"samples of the model are within the top level", with(`[` + part("message", "null", 4, 20, 500, 0) + `,` + part("message", `"claude-opus-5-5"`, 6, 30, 500, 100) + `]`), "", nil, nil},
		{"an alias of the model is not a fallback", with(`[` + part("message", `"claude-opus-5-5-20260922"`, 10, 50, 1000, 100) + `]`), "", nil, nil},
		{"the last list counts, and is not added to the first", messageStart(startUsage) + messageDelta("null", `{"iterations":[`+compaction+`]}`) + messageDelta(end, `{"output_tokens":50,"iterations":[`+compaction+`]}`), "", []Iteration{compacted}, nil},
		{"null takes nothing away", messageStart(`{"input_tokens":10,"output_tokens":1,"iterations":[`+compaction+`]}`) + messageDelta(end, `{"output_tokens":50,"iterations":null}`), "", []Iteration{compacted}, nil},
		{"what was seen before a cut counts", messageStart(`{"input_tokens":10,"output_tokens":1,"iterations":[`+compaction+`]}`) + textDelta("Hi"), "", []Iteration{compacted}, nil},
		{
			"a model that declined before another one served", fallen(), "",
			[]Iteration{{IterationMessage, "claude-opus-5-5", usage(10, 2, 1000, 100, 40, 60, u, u)}},
			nil,
		},
		{
			"cache writes of an iteration are divided as the request says", with(`[` + part("advisor_message", `"m"`, 1, 2, 3, 8) + `]`), "1h",
			[]Iteration{{IterationAdvisor, "m", usage(1, 2, 3, 8, 0, 8, u, u)}},
			[]string{NoteTTLInferred},
		},
		{
			"advice of a model that is not named", with(`[` + part("advisor_message", "null", 1, 2, 3, 0) + `]`), "",
			[]Iteration{{IterationAdvisor, ModelUnnamed, usage(1, 2, 3, 0, 0, 0, u, u)}},
			nil,
		},
		{"counts that are none", with(`[{"type":"compaction","input_tokens":-4,"output_tokens":"7"}]`), "", nil, []string{NoteCountIgnored}},
		{
			"an unknown type beside samples that make up the top level", with(`[` + part("message", "null", 10, 50, 1000, 100) + `,` + part("novelty", "null", 5, 5, 5, 0) + `]`), "",
			[]Iteration{{"novelty", "claude-opus-5-5", usage(5, 5, 5, 0, 0, 0, u, u)}},
			[]string{NoteIterationUnknown},
		},
		{
			"an unknown type that the top level needs", with(`[` + part("message", "null", 4, 20, 500, 0) + `,` + part("novelty", `"x"`, 6, 30, 500, 100) + `]`), "",
			nil,
			[]string{NoteIterationUnknown},
		},
		{
			"an unknown type of another model", with(`[` + part("novelty", `"x"`, 1, 1, 1, 0) + `,` + part("novelty", "null", 2, 2, 2, 0) + `]`), "",
			[]Iteration{{"novelty", "x", usage(1, 1, 1, 0, 0, 0, u, u)}},
			[]string{NoteIterationUnknown},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Meter
			m.Reset(KindSSE)
			m.SetTTL(tt.ttl)
			_, _ = m.Write([]byte(tt.stream))
			m.Finish()
			r := m.Result()
			if !reflect.DeepEqual(r.Iterations, tt.want) || !slices.Equal(r.Notes, tt.notes) {
				t.Errorf("iterations %+v, notes %q\nwant       %+v, %q", r.Iterations, r.Notes, tt.want, tt.notes)
			}
			checkResult(t, r)
		})
	}
}

// TestAFallbackLeavesNothingOfTheModelThatDeclined compares the top level: zeros of the model
// that served replace what the other one had, also in the raw object, and the division of its
// cache writes is that of its own iterations.
func TestAFallbackLeavesNothingOfTheModelThatDeclined(t *testing.T) {
	want := usage(1110, 50, 0, 30, 10, 20, u, u)
	r := meter(KindSSE, fallen()).Result()
	if r.Usage != want || r.Model != "claude-sonnet-5-5" || r.Notes != nil {
		t.Errorf("%s: usage %+v, notes %q, want %+v", r.Model, r.Usage, r.Notes, want)
	}
	if raw := string(r.Raw); strings.Contains(strings.Split(raw, `"iterations"`)[0], "cache_creation\"") || !strings.Contains(raw, `"cache_read_input_tokens":0`) {
		t.Errorf("raw %s", raw)
	}
	short := strings.Replace(fallen(), `"input_tokens":1110,"cache_creation_input_tokens":30,"cache_read_input_tokens":0,`, "", 1)
	if got := meter(KindSSE, short).Result().Usage; got != want {
		t.Errorf("without a sum at the top: %+v, want %+v", got, want)
	}
}

func TestManyIterationsAreAddedUpAndNothingIsLost(t *testing.T) {
	list := strings.TrimSuffix(strings.Repeat(compaction+",", 3*maxIterations), ",")
	r := meter(KindSSE, messageStart(startUsage)+messageDelta(`"end_turn"`, `{"output_tokens":5,"iterations":[`+list+`]}`)).Result()
	sum := NoUsage()
	for i := range r.Iterations {
		sum.add(&r.Iterations[i].Usage)
	}
	if len(r.Iterations) != maxIterations || sum.Input != 3*maxIterations*180_000 || sum.Output != 3*maxIterations*3500 || !slices.Equal(r.Notes, []string{NoteIterationsMerged, NoteRawCut}) && !slices.Equal(r.Notes, []string{NoteRawCut, NoteIterationsMerged}) {
		t.Errorf("%d iterations of %+v, notes %q", len(r.Iterations), sum, r.Notes)
	}

	var models []string
	for i := range 3 * maxIterations {
		models = append(models, part("advisor_message", fmt.Sprintf(`"m%d"`, i), 1, 2, 3, 0))
	}
	r = meter(KindJSON, `{"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2,"iterations":[`+strings.Join(models, ",")+`]}}`).Result()
	last := r.Iterations[len(r.Iterations)-1]
	if len(r.Iterations) != maxIterations || last.Model != ModelUnnamed || last.Usage.Input != 2*maxIterations+1 {
		t.Errorf("%d iterations, the last one %+v: what has too many models must not be priced at one of them", len(r.Iterations), last)
	}
}

func TestSamplesAreToldWhereTheyMakeUpTheTopLevel(t *testing.T) {
	raw := func(list string) []byte { return []byte(`{"input_tokens":10,"iterations":[` + list + `]}`) }
	two := part("message", "null", 4, 20, 500, 0) + `,` + part("message", "null", 6, 30, 500, 100)
	top := usage(10, 50, 1000, 100, 40, 60, u, u)
	split := []Usage{usage(4, 20, 500, 0, 0, 0, u, u), usage(6, 30, 500, 100, 40, 60, u, u)}
	other := top
	other.Input++
	tests := []struct {
		name string
		raw  []byte
		top  Usage
		want []Usage
	}{
		{"two samples", raw(two), top, split},
		{"a compaction is none", raw(compaction + `,` + two), top, split},
		{"one sample", raw(part("message", "null", 10, 50, 1000, 100)), top, nil},
		{"they do not add up", raw(two), other, nil},
		{"no iterations", []byte(`{"input_tokens":10}`), top, nil},
		{"not JSON", []byte(`{"iterations":[`), top, nil},
		{"nothing", nil, top, nil},
		{"of a fallback", meter(KindSSE, fallen()).Result().Raw, usage(1110, 50, 0, 30, 10, 20, u, u), []Usage{usage(400, 20, 0, 0, 0, 0, u, u), usage(710, 30, 0, 30, 10, 20, u, u)}},
	}
	for _, tt := range tests {
		if got := Samples(tt.raw, tt.top); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestOnlyAProofSaysHowCachedTokensAreCounted(t *testing.T) {
	tests := []struct {
		name, usage string
		want        Counting
	}{
		{"nothing cached", `"input_tokens":1000,"total_tokens":1050`, CountingUnproved},
		{"no sums", `"input_tokens":1000,"cache_read_input_tokens":900`, CountingUnproved},
		{"more cached than input", `"input_tokens":100,"cache_read_input_tokens":900`, CountingApart},
		{"total of all", `"input_tokens":1000,"cache_read_input_tokens":900,"total_tokens":1950`, CountingApart},
		{"total of input and output", `"input_tokens":1000,"cache_read_input_tokens":900,"total_tokens":1050`, CountingInside},
		{"total with writes", `"input_tokens":1000,"cache_read_input_tokens":500,"cache_creation_input_tokens":400,"total_tokens":1050`, CountingInside},
		{"prompt is the input", `"input_tokens":1000,"cache_read_input_tokens":900,"prompt_tokens":1000`, CountingInside},
		{"prompt is more", `"input_tokens":1000,"cache_read_input_tokens":900,"prompt_tokens":1900`, CountingApart},
		{"the missed part is less", `"input_tokens":1000,"cache_read_input_tokens":900,"prompt_cache_hit_tokens":900,"prompt_cache_miss_tokens":100`, CountingInside},
		{"the missed part is the input", `"input_tokens":1000,"cache_read_input_tokens":900,"prompt_cache_miss_tokens":1000`, CountingApart},
		{"a sum that fits neither", `"input_tokens":1000,"cache_read_input_tokens":900,"total_tokens":4711`, CountingUnproved},
		{"sums that contradict each other", `"input_tokens":1000,"cache_read_input_tokens":900,"prompt_tokens":1000,"total_tokens":1950`, CountingUnproved},
		{"zeros prove nothing", `"input_tokens":1000,"cache_read_input_tokens":1000,"prompt_tokens":0,"total_tokens":0,"prompt_cache_miss_tokens":0`, CountingUnproved},
		{"text is no sum", `"input_tokens":1000,"cache_read_input_tokens":900,"total_tokens":"1050"`, CountingUnproved},
	}
	for _, tt := range tests {
		body := `{"stop_reason":"end_turn","usage":{"output_tokens":50,` + tt.usage + `}}`
		if got := meter(KindJSON, body).Result().Counting; got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
