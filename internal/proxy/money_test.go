package proxy_test

import (
	"slices"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/stream"
)

// one sends a body to a provider that gives one answer, and returns the entry and the bill.
func one(t *testing.T, body string, p func(*config.Profile), parts ...simulator.Part) (ledger.Entry, simulator.Billed) {
	t.Helper()
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	s.Script(simulator.Reply(slices.Insert(parts, 0, simulator.Part(simulator.Text("done")))...))
	work := profile("work", up.URL)
	if p != nil {
		p(&work)
	}
	r := newRig(t, rigOptions{profiles: []config.Profile{work}})
	if got := r.post(body); got.status != 200 || got.err != nil {
		t.Fatalf("status %d, error %v: %s", got.status, got.err, got.body)
	}
	return r.Journal.wait(t, 1)[0], s.Bill()[0]
}

// TestIterationsArePricedAtTheirOwnModels has Opus 5.5 (4 in, 20 out, 0.2 read, 5 and 8 write per
// million) compact its context and ask Fable 5.2 (8, 40, 0.2, 10, 16) for advice.
//
//	top level   1,000 x 4 + 4,096 x 0.2 + 10 x 5 + 20 x 8 + 7 x 20        = 5,169.2 per million
//	compaction  180,000 x 4 + 3,500 x 20                                  = 790,000
//	advice      823 x 8 + 1,612 x 40 + 100 x 0.2 + 40 x 10 + 50 x 16      = 72,284
//	                                                                sum   = 867,453.2 = 0.8674532 USD
func TestIterationsArePricedAtTheirOwnModels(t *testing.T) {
	u := simulator.Usage{
		Input: 1000, CacheRead: 4096, CacheWrite5m: 10, CacheWrite1h: 20, Output: 7,
		Iterations: []simulator.Iteration{
			{Type: "compaction", Usage: simulator.Usage{Input: 180_000, Output: 3500}},
			{Type: "advisor_message", Model: "claude-fable-5-2", Usage: simulator.Usage{Input: 823, Output: 1612, CacheRead: 100, CacheWrite5m: 40, CacheWrite1h: 50}},
			{Type: "message", Usage: simulator.Usage{Input: 1000, CacheRead: 4096, CacheWrite5m: 10, CacheWrite1h: 20, Output: 7}},
		},
	}
	for _, body := range []string{streamBody, plainBody} {
		e, _ := one(t, body, func(p *config.Profile) { p.Multiplier = "0.5" }, u)
		if e.CostOther != 8_622_840_000 || e.CostList != 8_674_532_000 || e.Cost != 4_337_266_000 {
			t.Errorf("other %d, list %d, paid %d", e.CostOther, e.CostList, e.Cost)
		}
		if len(e.Iterations) != 2 || e.Iterations[0].Model != "claude-opus-5-5" || e.Iterations[0].CostList != 7_900_000_000 || e.Iterations[1].CostList != 722_840_000 || e.Iterations[1].PriceID == "" {
			t.Errorf("iterations %+v", e.Iterations)
		}
		if e.Usage.Input != 1000 || e.PromptTokens != 5126 || e.Usage.Output != 7 {
			t.Errorf("the top level became %+v", e.Usage)
		}
	}
}

func TestAnIterationWithoutAPriceMakesTheSumUnknown(t *testing.T) {
	for _, model := range []string{"nobody-prices-this", ""} {
		e, _ := one(t, streamBody, nil, simulator.Usage{Input: 1000, Output: 7, Iterations: []simulator.Iteration{
			{Type: "advisor_message", Model: model, Usage: simulator.Usage{Input: 5}},
		}})
		for _, m := range []ledger.Money{e.CostOther, e.CostList, e.Cost, e.CostUncached, e.Iterations[0].CostList} {
			if m.Known() {
				t.Errorf("model %q: an amount of %d, want none: %+v", model, m, e.Iterations)
			}
		}
		if e.PriceID == "" || e.CostInput != 40_000_000 {
			t.Errorf("model %q: the parts that have a price: %q, %d", model, e.PriceID, e.CostInput)
		}
	}
}

// TestADeclinedHopIsBilledBesideTheModelThatServed lets Opus 5.5 decline after 3 tokens and Sonnet
// 5.5 (2 in, 10 out, 0.1 read, 2.5 write) serve. What message_start said is Opus's.
//
//	served    1,110 x 2 + 30 x 2.5 + 50 x 10    = 2,795 per million
//	declined  10 x 4 + 1,000 x 0.2 + 3 x 20     =   300
func TestADeclinedHopIsBilledBesideTheModelThatServed(t *testing.T) {
	first := simulator.Usage{Input: 10, CacheRead: 1000}
	served := simulator.Usage{Input: 1110, CacheWrite5m: 30, Output: 50}
	u := served
	u.Start = &first
	first.Output = 3
	u.Iterations = []simulator.Iteration{
		{Type: "message", Model: "claude-opus-5-5", Usage: first},
		{Type: "fallback_message", Model: "claude-sonnet-5-5", Usage: served},
	}
	hop := simulator.RawBlock(`{"type":"fallback","from":{"model":"claude-opus-5-5"},"to":{"model":"claude-sonnet-5-5"},"trigger":{"type":"refusal","category":null}}`)
	e, _ := one(t, streamBody, nil, u, hop)
	if e.ResponseModel != "claude-sonnet-5-5" || e.Usage.CacheRead != 0 || e.Usage.CacheWrite5m != 30 || e.CostOther != 3_000_000 || e.CostList != 30_950_000 {
		t.Errorf("%s: usage %+v, other %d, list %d", e.ResponseModel, e.Usage, e.CostOther, e.CostList)
	}
}

// TestALongPromptOfManySamplesIsPricedByEach searches the web with Haiku 5.5, whose prompts cost five
// times as much above 100,000 tokens: two samples of 60,000 are not one of 120,000.
func TestALongPromptOfManySamplesIsPricedByEach(t *testing.T) {
	u := simulator.Usage{Input: 120_000, Output: 20, WebSearches: 1}
	body := strings.Replace(streamBody, "opus", "haiku", 1)
	e, _ := one(t, body, nil, u)
	if e.CostInput != 600_000_000 {
		t.Errorf("one sample: input costs %d, want 0.06 USD", e.CostInput)
	}
	half := simulator.Usage{Input: 60_000, Output: 10}
	u.Iterations = []simulator.Iteration{{Type: "message", Usage: half}, {Type: "message", Usage: half}}
	e, _ = one(t, body, nil, u)
	if !slices.Equal(e.UsageNotes, []string{"priced_by_sample"}) {
		t.Errorf("notes %q", e.UsageNotes)
	}
	if e.CostInput != 120_000_000 || e.CostOutput != 100_000 || e.CostList != 120_000_000+100_000+100_000_000 {
		t.Errorf("two samples: input %d, output %d, list %d; want 0.012, 0.00001 and with a search 0.02201 USD", e.CostInput, e.CostOutput, e.CostList)
	}
}

// TestCacheWritesWithoutASplitAreBookedAsTheRequestAsked sends the marks of a request through the
// whole gateway to a provider that reports only the sum.
func TestCacheWritesWithoutASplitAreBookedAsTheRequestAsked(t *testing.T) {
	mark := func(ttl ...string) string {
		blocks := ""
		for _, v := range ttl {
			blocks += `{"type":"text","text":"x","cache_control":{"type":"ephemeral"` + v + `}},`
		}
		return strings.Replace(streamBody, `"content":"hi"`, `"content":[`+blocks+`{"type":"text","text":"hi"}]`, 1)
	}
	const hour, five = `,"ttl":"1h"`, `,"ttl":"5m"`
	tests := []struct {
		name, body string
		w5m, w1h   stream.Count
		note       string
	}{
		{"no mark", streamBody, 90, 0, stream.NoteTTLAssumed},
		{"a mark without a time", mark(""), 90, 0, stream.NoteTTLInferred},
		{"all of five minutes", mark("", five), 90, 0, stream.NoteTTLInferred},
		{"all of an hour", mark(hour, hour), 0, 90, stream.NoteTTLInferred},
		{"mixed", mark(hour, ""), 90, 0, stream.NoteTTLAssumed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			usage := simulator.Usage{Input: 5, Output: 6, CacheWrite: 90, InStart: simulator.UsageNoSplit, Iterations: []simulator.Iteration{
				{Type: "compaction", Usage: simulator.Usage{Input: 1, CacheWrite: 90, InStart: simulator.UsageNoSplit}},
			}}
			e, _ := one(t, tt.body, nil, usage)
			if e.Usage.CacheWrite5m != tt.w5m || e.Usage.CacheWrite1h != tt.w1h || !slices.Equal(e.UsageNotes, []string{tt.note}) {
				t.Errorf("5m %d, 1h %d, notes %q; want %d, %d, %s", e.Usage.CacheWrite5m, e.Usage.CacheWrite1h, e.UsageNotes, tt.w5m, tt.w1h, tt.note)
			}
			want := ledger.Money(tt.w5m)*50_000 + ledger.Money(tt.w1h)*80_000 // 5 and 8 USD per million
			if e.CostCacheWrite != want || e.CostOther != want+40_000 {
				t.Errorf("cache writes cost %d and in the iteration %d, want %d", e.CostCacheWrite, e.CostOther-40_000, want)
			}
			if u := e.Iterations[0].Usage; u.CacheWrite5m != tt.w5m || u.CacheWrite1h != tt.w1h {
				t.Errorf("the iteration's writes are %+v", u)
			}
		})
	}
}

func TestCachedTokensAreTakenOutOfTheInputWhereItHoldsThem(t *testing.T) {
	inside := simulator.Usage{Input: 1000, CacheRead: 900, CacheWrite5m: 50, Output: 7, CacheInside: true}
	proved, apart, provedApart := inside, inside, inside
	proved.Total = true
	apart.CacheInside = false
	provedApart.CacheInside, provedApart.Total = false, true
	more := simulator.Usage{Input: 10, CacheRead: 900, Output: 7}
	tests := []struct {
		name, setting string
		usage         simulator.Usage
		input         stream.Count
		notes         []string
	}{
		{"yes", "yes", inside, 1000, []string{"cache_subtracted"}},
		{"yes, and proved", "yes", proved, 1000, []string{"cache_subtracted"}},
		{"yes, but the answer disproves it", "yes", provedApart, 50, []string{"cache_disputed", "cache_subtracted"}},
		{"yes, but more is cached than there is", "yes", more, 10, []string{"cache_disputed"}},
		{"auto without a proof", "auto", inside, 1950, nil},
		{"auto, and proved", "auto", proved, 1000, []string{"cache_proved", "cache_subtracted"}},
		{"auto of a provider that counts apart", "auto", apart, 1000, nil},
		{"auto, proved to be apart", "auto", provedApart, 1000, nil},
		{"no", "no", inside, 1950, nil},
		{"no, but the answer disproves it", "no", proved, 1950, []string{"cache_disputed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, body := range []string{streamBody, plainBody} {
				e, _ := one(t, body, func(p *config.Profile) { p.InputIncludesCache = tt.setting }, tt.usage)
				if e.Usage.Input != tt.input || !slices.Equal(e.UsageNotes, tt.notes) || e.CostInput != ledger.Money(tt.input)*40_000 {
					t.Errorf("input %d for %d, notes %q; want %d, %q", e.Usage.Input, e.CostInput, e.UsageNotes, tt.input, tt.notes)
				}
			}
		})
	}
}

func TestFastGeographyBatchAndSearchesAreCharged(t *testing.T) {
	tests := []struct {
		name string
		set  func(*simulator.Usage)
		want ledger.Money
	}{
		// 1,000 in and 100 out on Opus 5.5: 4,000 + 2,000 = 6,000 per million = 0.006 USD.
		{"plain", func(*simulator.Usage) {}, 60_000_000},
		{"fast, 8 and 40", func(u *simulator.Usage) { u.Speed = "fast" }, 120_000_000},
		{"us, 1.1", func(u *simulator.Usage) { u.InferenceGeo = "us" }, 66_000_000},
		{"batch, 0.5", func(u *simulator.Usage) { u.ServiceTier = "batch" }, 30_000_000},
		{"batch in the us", func(u *simulator.Usage) { u.ServiceTier, u.InferenceGeo = "batch", "us" }, 33_000_000},
		{"three searches of 0.01", func(u *simulator.Usage) { u.WebSearches = 3 }, 360_000_000},
	}
	for _, tt := range tests {
		u := simulator.Usage{Input: 1000, Output: 100}
		tt.set(&u)
		if e, _ := one(t, streamBody, nil, u); e.CostList != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, e.CostList, tt.want)
		}
	}
}
