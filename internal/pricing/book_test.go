package pricing

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWithLeavesTheBookAsItWas(t *testing.T) {
	b := embeddedBook(t)
	embedded := len(b.Rows())
	windows := []string{"01:00-02:00"}
	rows := []Row{{Provider: "x", ModelMatch: "m", Input: "1", Output: "2", PeakWindowsUTC: windows, PeakInput: "3"}}
	with, err := b.With(rows)
	if err != nil {
		t.Fatal(err)
	}
	if rows[0].ID != "" || rows[0].Layer != 0 {
		t.Errorf("the caller's row became %+v", rows[0])
	}
	if len(b.Rows()) != embedded || b.Covers("x", "m", time.Now()) {
		t.Error("the old book has the new row")
	}
	got := with.Rows()
	if len(got) != embedded+1 || got[embedded].Layer != LayerUser || !with.Covers("x", "m", time.Now()) {
		t.Errorf("the new book ends with %+v", got[len(got)-1])
	}
	windows[0], got[embedded].PeakWindowsUTC[0] = "changed", "changed too"
	if with.Rows()[embedded].PeakWindowsUTC[0] != "01:00-02:00" {
		t.Error("the book shares its windows")
	}
	twice, err := with.With([]Row{{Profile: "home", Provider: "x", ModelMatch: "m", Input: "3", Output: "4"}})
	if err != nil {
		t.Fatal(err)
	}
	if all := twice.Rows(); len(all) != embedded+2 || all[embedded].Layer != LayerUser || all[embedded+1].Layer != LayerProfile {
		t.Errorf("rows added later: %d", len(all))
	}
}

func TestCoversLeavesOverridesAside(t *testing.T) {
	b, err := (&Book{}).With([]Row{{Profile: "work", Provider: "x", ModelMatch: "m", Input: "1", Output: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if b.Covers("x", "m", time.Now()) {
		t.Error("an override of one profile covers everybody")
	}
}

func TestDerivedIDChangesWithTheMeaningOfTheRow(t *testing.T) {
	row := Row{Provider: "x", ModelMatch: "m", Input: "1", Output: "2", EffectiveFrom: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}
	id := func(change func(*Row)) string {
		r := row
		change(&r)
		b, err := (&Book{}).With([]Row{r})
		if err != nil {
			t.Fatal(err)
		}
		return b.Rows()[0].ID
	}
	first := id(func(*Row) {})
	if !strings.HasPrefix(first, "user:x/m#") {
		t.Errorf("id %q", first)
	}
	for name, same := range map[string]func(*Row){
		"notes":     func(r *Row) { r.Notes, r.Source, r.Confidence = "a", "b", "c" },
		"time zone": func(r *Row) { r.EffectiveFrom = r.EffectiveFrom.In(time.FixedZone("", 3600)) },
	} {
		if got := id(same); got != first {
			t.Errorf("%s: %q became %q", name, first, got)
		}
	}
	seen := []string{first}
	for _, other := range []func(*Row){
		func(r *Row) { r.Input = "1.5" },
		func(r *Row) { r.EffectiveTo = r.EffectiveFrom.Add(time.Hour) },
		func(r *Row) { r.Profile = "work" },
		func(r *Row) { r.BatchMultiplier = "0.5" },
	} {
		got := id(other)
		if slices.Contains(seen, got) {
			t.Errorf("id %q has two meanings", got)
		}
		seen = append(seen, got)
	}
}

func TestWithTellsEveryProblemByRowAndField(t *testing.T) {
	good := Row{Provider: "x", ModelMatch: "m", Input: "1", Output: "1"}
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		field string
		spoil func(*Row)
	}{
		{"provider", func(r *Row) { r.Provider = "" }},
		{"model_match", func(r *Row) { r.ModelMatch = "" }},
		{"model_match", func(r *Row) { r.ModelMatch = "claude-[45" }},
		{"model_match", func(r *Row) { r.ModelMatch = `claude-\` }},
		{"input", func(r *Row) { r.Input = "" }},
		{"input", func(r *Row) { r.Input = "1,5" }},
		{"output", func(r *Row) { r.Output = "-1" }},
		{"output", func(r *Row) { r.Output = "100000000" }},
		{"cache_read", func(r *Row) { r.CacheRead = "1e2" }},
		{"cache_write_5m", func(r *Row) { r.CacheWrite5m = "0.00000000001" }},
		{"cache_write_1h", func(r *Row) { r.CacheWrite1h = "$5" }},
		{"tier_output", func(r *Row) { r.TierOverPromptTokens, r.TierOutput = 1, "x" }},
		{"tier_over_prompt_tokens", func(r *Row) { r.TierInput = "1" }},
		{"tier_over_prompt_tokens", func(r *Row) { r.TierOverPromptTokens = 1 }},
		{"tier_over_prompt_tokens", func(r *Row) { r.TierOverPromptTokens, r.TierInput = -1, "1" }},
		{"peak_windows_utc", func(r *Row) { r.PeakWindowsUTC = []string{"01:00-02:00"} }},
		{"peak_windows_utc", func(r *Row) { r.PeakInput = "1" }},
		{"peak_windows_utc", func(r *Row) { r.PeakInput, r.PeakWindowsUTC = "1", []string{"23:00-01:00"} }},
		{"peak_windows_utc", func(r *Row) { r.PeakInput, r.PeakWindowsUTC = "1", []string{"1:00-2:00"} }},
		{"peak_windows_utc", func(r *Row) { r.PeakInput, r.PeakWindowsUTC = "1", []string{"01:00-25:00"} }},
		{"peak_days", func(r *Row) { r.PeakInput, r.PeakWindowsUTC, r.PeakDays = "1", []string{"01:00-02:00"}, []int{0} }},
		{"peak_days", func(r *Row) { r.PeakDays = []int{1} }},
		{"fast_input", func(r *Row) { r.FastInput = "fast" }},
		{"batch_multiplier", func(r *Row) { r.BatchMultiplier = "0.12345" }},
		{"geo_multiplier", func(r *Row) { r.GeoMultiplier = "10000" }},
		{"web_search_per_1k", func(r *Row) { r.WebSearchPer1k = "100000" }},
		{"effective_to", func(r *Row) { r.EffectiveFrom, r.EffectiveTo = day, day }},
	} {
		bad := good
		c.spoil(&bad)
		_, err := (&Book{}).With([]Row{good, bad})
		var field *FieldError
		if !errors.As(err, &field) || field.Field != c.field || !strings.HasPrefix(err.Error(), "prices[1]."+c.field+": ") {
			t.Errorf("%s: got %v", c.field, err)
		}
	}
	_, err := embeddedBook(t).With([]Row{{}, {ID: "anthropic/claude-opus-4", Provider: "x", ModelMatch: "m", Input: "1", Output: "1"}})
	for _, want := range []string{"prices[0].provider: missing", "prices[0].model_match: missing", "prices[0].output: missing", "prices[1].id: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
}

func TestParseRowReadsEveryColumn(t *testing.T) {
	columns := map[string]string{
		"id": "mine", "profile": "work", "provider": "deepseek", "model_match": "deepseek-*",
		"effective_from": "2026-11-26", "effective_to": "2026-12-01T16:00Z",
		"tier_over_prompt_tokens": "200000", "peak_windows_utc": "01:00-04:00, 20:00-24:00", "peak_days": "1, 7",
		"batch_multiplier": "0.5", "geo_multiplier": "1.1", "web_search_per_1k": "10",
		"notes": "n", "source": "s", "confidence": "c",
	}
	for set := range sets {
		for class := range classes {
			columns[priceColumn(set, class)] = string(rune('1'+set)) + "." + string(rune('1'+class))
		}
	}
	r, err := ParseRow(columns)
	if err != nil {
		t.Fatal(err)
	}
	want := Row{
		ID: "mine", Profile: "work", Provider: "deepseek", ModelMatch: "deepseek-*",
		EffectiveFrom: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), EffectiveTo: time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC),
		Input: "1.1", Output: "1.2", CacheRead: "1.3", CacheWrite5m: "1.4", CacheWrite1h: "1.5",
		TierOverPromptTokens: 200000, TierInput: "2.1", TierOutput: "2.2", TierCacheRead: "2.3", TierCacheWrite5m: "2.4", TierCacheWrite1h: "2.5",
		PeakWindowsUTC: []string{"01:00-04:00", "20:00-24:00"}, PeakDays: []int{1, 7},
		PeakInput: "3.1", PeakOutput: "3.2", PeakCacheRead: "3.3", PeakCacheWrite5m: "3.4", PeakCacheWrite1h: "3.5",
		FastInput: "4.1", FastOutput: "4.2", FastCacheRead: "4.3", FastCacheWrite5m: "4.4", FastCacheWrite1h: "4.5",
		BatchMultiplier: "0.5", GeoMultiplier: "1.1", WebSearchPer1k: "10", Notes: "n", Source: "s", Confidence: "c",
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var names map[string]any
	if err := json.Unmarshal(text, &names); err != nil {
		t.Fatal(err)
	}
	for name := range columns {
		if _, ok := names[name]; !ok {
			t.Errorf("column %s is not in the JSON of a row", name)
		}
	}
	if len(names) != len(columns)+1 { // layer is not for the user to say
		t.Errorf("%d names in JSON, %d columns", len(names), len(columns))
	}
}

func TestParseRowTellsEveryProblemByField(t *testing.T) {
	_, err := ParseRow(map[string]string{
		"provider": "x", "model_match": "m", "input": "one", "output": "1", "inptu": "1",
		"effective_from": "26.11.2026", "effective_to": "soon", "tier_over_prompt_tokens": "200k", "tier_input": "2",
		"peak_days": "Mon", "peak_windows_utc": "night", "peak_input": "1",
	})
	var got []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, ":")
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{"effective_from", "effective_to", "inptu", "input", "peak_days", "peak_windows_utc", "tier_over_prompt_tokens"}
	if !slices.Equal(got, want) {
		t.Errorf("problems of %q, want %q:\n%v", got, want, err)
	}
	if _, ok := errors.AsType[*FieldError](err); !ok {
		t.Errorf("%T has no FieldError", err)
	}
}

func TestPriceDoesNotAllocate(t *testing.T) {
	b := embeddedBook(t)
	q := benchQuery()
	if n := testing.AllocsPerRun(100, func() { b.Price(&q) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// benchQuery is a turn that needs every step: a stripped name, the factors, a multiplier.
func benchQuery() Query {
	return Query{
		At: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Profile: "work", Provider: "anthropic", Model: "claude-sonnet-4-5-20250929[1m]",
		ServiceTier: "batch", InferenceGeo: "us", Usage: Usage{1000, 20000, 3000, 400, 500, 1}, Multiplier: "0.85",
	}
}

func BenchmarkPrice(b *testing.B) {
	book := embeddedBook(b)
	q := benchQuery()
	b.ReportAllocs()
	for b.Loop() {
		book.Price(&q)
	}
}

func BenchmarkPriceAtPeakAboveGlobs(b *testing.B) {
	rows := make([]Row, 20)
	for i := range rows {
		rows[i] = Row{Provider: "deepseek", ModelMatch: "deepseek-*-" + strings.Repeat("x", i+1), Input: "1", Output: "1"}
	}
	book, err := embeddedBook(b).With(rows)
	if err != nil {
		b.Fatal(err)
	}
	q := Query{
		At: time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC), Provider: "deepseek", Model: "deepseek-flash",
		Usage: Usage{Input: 1000, CacheRead: 20000, Output: 500},
	}
	b.ReportAllocs()
	for b.Loop() {
		book.Price(&q)
	}
}

func BenchmarkEmbedded(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Embedded(); err != nil {
			b.Fatal(err)
		}
	}
}
