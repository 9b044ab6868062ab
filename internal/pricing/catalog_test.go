package pricing

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func readCatalog(t testing.TB, file string) *Catalog {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadCatalog(data, "https://prices.example/"+file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// described writes a row in a few words: its five plain prices and what else it has.
func described(r *Row) string {
	text := r.Provider + " " + r.ModelMatch + " " + columns(r, setPlain)
	for set, name := range [sets]string{setTier: "tier", setPeak: "peak", setFast: "fast"} {
		if set != setPlain && columns(r, set) != "- - - - -" {
			text += " " + name + " " + columns(r, set)
		}
	}
	return strings.TrimSpace(text + " " + strings.Join(r.Extras(), " "))
}

// lines compares lists of texts.
func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func offersOf(c *Catalog) (offers, skipped []string) {
	for i := range c.Offers {
		o := &c.Offers[i]
		offers = append(offers, strings.Join(append([]string{described(&o.Row)}, o.Doubts...), " | "))
	}
	for _, s := range c.Skipped {
		skipped = append(skipped, s.Name+": "+s.Why)
	}
	return offers, skipped
}

// Prices per million tokens are taken as they stand; a tier's limit comes from the list of tiers
// where there is one, else it is 200,000 tokens.
func TestModelsDevIsRead(t *testing.T) {
	c := readCatalog(t, "modelsdev.json")
	offers, skipped := offersOf(c)
	if c.Shape != ShapeModelsDev {
		t.Errorf("shape %q", c.Shape)
	}
	sameLines(t, offers, []string{
		"anthropic claude-haiku-4-5 100 500 10 125 -",
		"anthropic claude-haiku-5-5 0.2 1 0.02 0.25 -",
		"anthropic claude-nova-9 6 30 7 7.5 - | cache_read is not below input",
		"anthropic claude-opus-4-5-20251101 5 25 0.5 6.25 -",
		"anthropic claude-opus-5-5 4 20 0.2 5 -",
		"anthropic claude-sonnet-4-5 3 15 0.3 3.75 - tier 6 22.5 0.6 7.5 - tier>200000",
		"anthropic claude-sonnet-5-5 2 9 0.1 2.5 -",
		"moonshot kimi-free 0 0 - - - | costs nothing: free, or not known?",
		"moonshot kimi-k4 1.5 7.5 0.15 - -",
		"openai gpt-6-sol 2 10 0.2 2.5 - tier 4 15 0.4 5 - tier>272000",
		"openrouter anthropic/claude-opus-5-5 4.2 21 - - -",
	})
	sameLines(t, skipped, []string{
		"moonshot/kimi*: the name is a pattern",
		"moonshot/kimi-k9: no price for input and output tokens",
		`moonshot/kimi-minus: input: "-1" is no price that the book can hold`,
		"moonshot/kimi-odd: cannot be read",
		"moonshot/kimi-thinks: reasoning has a price of its own, which the book cannot hold",
		"openai/gpt-7: 2 tiers, and the book holds one by prompt length",
	})
}

// Prices per token become prices per million exactly: 3.75e-06 is 3.75, 2.25e-05 is 22.5, 1e-07
// is 0.1. Fast mode multiplies all of them, reads and writes included: 0.2 x 2 = 0.4.
func TestLiteLLMIsRead(t *testing.T) {
	c := readCatalog(t, "litellm.json")
	offers, skipped := offersOf(c)
	if c.Shape != ShapeLiteLLM {
		t.Errorf("shape %q", c.Shape)
	}
	sameLines(t, offers, []string{
		"anthropic claude-opus-5-5 4 20 0.2 5 8 fast 8 40 0.4 10 16 fast us×1.1 search",
		"anthropic claude-opus-6 3.5 17.5 0.175 4.375 7 fast 7 35 0.35 8.75 14 fast batch×0.5 us×1.1",
		"anthropic claude-sonnet-4-5-20250929 3 15 0.3 3.75 6 tier 6 22.5 0.6 7.5 12 tier>200000",
		"google gemini-2.5-pro 1.25 10 0.125 - - tier 2.5 15 0.25 - - tier>200000",
		"moonshot kimi-k3 3 15 0.3 - - | input is 3.0000000000000003e-06 in the list, rounded to 3",
	})
	sameLines(t, skipped, []string{
		"anthropic/claude-opus-5-5: named twice, with different prices",
		"moonshot/kimi-quiet: prices by the hour in a form that is not understood",
		"openai/gpt-6-luna: tiers, and the book holds one by prompt length",
		"openai/text-embedding-4: no price for input and output tokens",
		"qwen/qwen-max: tiers, and the book holds one by prompt length",
	})
}

func TestOwnRowsAreReadAsACatalog(t *testing.T) {
	c, err := ReadCatalog([]byte(`[
		{"provider": "x", "model_match": "m-*", "input": "1", "output": "2", "effective_from": "2026-12-01T00:00:00Z", "cache_read": null},
		{"provider": "x", "model_match": "n", "input": "1", "output": "2", "profile": "work"},
		{"provider": "x", "model_match": "o", "output": "2"}]`), "f")
	if err != nil {
		t.Fatal(err)
	}
	offers, skipped := offersOf(c)
	sameLines(t, offers, []string{"x m-* 1 2 - - -"})
	sameLines(t, skipped, []string{"x/n: a row of one profile belongs into profiles.yaml", "x/o: input: missing"})
	if c.Shape != ShapePrism || c.Offers[0].Row.Source != "f" {
		t.Errorf("shape %q, source %q", c.Shape, c.Offers[0].Row.Source)
	}
}

func TestWhatIsNoPriceListIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "text": "hello", "a number": "3", "an empty object": "{}", "an empty list of models": `{"a": {"models": {}}}`,
		"a list of numbers": "[1]", "a row with a typo": `[{"provider": "x", "inptu": "1"}]`, "two lists": "[] []", "half a file": `{"a": {"models": {"b": `,
		"a web page": "<html></html>", "another object": `{"openapi": "3.0", "paths": {"x": {}}}`,
	} {
		if _, err := ReadCatalog([]byte(text), "f"); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := ReadCatalog([]byte("{}"), "f"); !errors.Is(err, ErrShape) {
		t.Errorf("got %v, want ErrShape", err)
	}
}

// comparedAt is the instant of the comparisons below.
func comparedAt() time.Time { return time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC) }

// compared writes the changes that a catalog has for the embedded book.
func compared(t *testing.T, b *Book, c *Catalog) []string {
	t.Helper()
	changes, skipped := b.Compare(c, comparedAt())
	var texts []string
	for i := range changes {
		ch := &changes[i]
		if ch.Kind == ChangeUnchanged {
			texts = append(texts, ch.Kind+" "+ch.Row.ID)
			continue
		}
		from := "always"
		if !ch.Row.EffectiveFrom.IsZero() {
			from = ch.Row.EffectiveFrom.Format("2006-01-02T15:04Z")
		}
		texts = append(texts, strings.Join(append([]string{ch.Kind + " " + from + " " + described(&ch.Row)}, ch.Doubts...), " | "))
	}
	for _, s := range skipped {
		texts = append(texts, "skipped "+s.Name)
	}
	return texts
}

// A list that speaks of less than the book is not taken to say that the rest is gone: what goes
// with unchanged prices is kept, what does not is told of.
func TestComparingAListWithTheBook(t *testing.T) {
	b := embeddedBook(t)
	c := readCatalog(t, "modelsdev.json")
	if left := c.Only([]string{"anthropic", "moonshot", "openai"}); left != 1 {
		t.Errorf("%d rows left aside, want 1", left)
	}
	sameLines(t, compared(t, b, c), []string{
		// 1 to 100 and so on: a hundredfold; one-hour writes do not go with the new input
		"changed 2026-11-26T09:30Z anthropic claude-haiku-4-5 100 500 10 125 - batch×0.5 us×1.1 search | cache_write_1h is not in the list, and input changed: it would no longer be known | input goes from 1 to 100 | output goes from 5 to 500 | cache_read goes from 0.1 to 10 | cache_write_5m goes from 1.25 to 125",
		"changed 2026-11-26T09:30Z anthropic claude-haiku-5-5 0.2 1 0.02 0.25 - batch×0.5 us×1.1 search | cache_write_1h is not in the list, and input changed: it would no longer be known | the prices above 100000 prompt tokens are not in the list, and would be lost",
		"new always anthropic claude-nova-9 6 30 7 7.5 - | cache_read is not below input",
		"unchanged anthropic/claude-opus-4-5",
		"unchanged anthropic/claude-opus-5-5@2026-09-22",
		"unchanged anthropic/claude-sonnet-4-5",
		// only output changed: the one-hour writes go with input, which did not
		"changed 2026-11-26T09:30Z anthropic claude-sonnet-5-5 2 9 0.1 2.5 4 batch×0.5 us×1.1 search",
		"new always moonshot kimi-free 0 0 - - - | costs nothing: free, or not known?",
		"new always moonshot kimi-k4 1.5 7.5 0.15 - -",
		"unchanged openai/gpt-6-sol@2026-09-22",
	})
}

func TestRowsWithDatesKeepThem(t *testing.T) {
	c, err := ReadCatalog([]byte(`[
		{"provider": "google", "model_match": "gemini-3.6-flash", "effective_from": "2027-01-01T00:00:00Z", "input": "1.5", "output": "7.5", "cache_read": "0.15", "batch_multiplier": "0.5"},
		{"provider": "google", "model_match": "gemini-3.7-flash", "effective_from": "2027-01-01T00:00:00Z", "input": "1.4", "output": "7.5"},
		{"provider": "zai", "model_match": "glm-5", "effective_from": "2026-12-01T00:00:00Z", "input": "0.9", "output": "3"}]`), "f")
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, compared(t, embeddedBook(t), c), []string{
		"unchanged google/gemini-3.6-flash@2027-01-01",
		"new 2026-12-01T00:00Z zai glm-5 0.9 3 - - -",
		"skipped google/gemini-3.7-flash", // would contradict the row of the book from the same day on
	})
}

// A model whose rows have all ended is not given a price for the past by a list of today.
func TestANewPriceForARetiredModelDoesNotReachBack(t *testing.T) {
	c, err := ReadCatalog([]byte(`{"deepseek": {"models": {"deepseek-v4-flash": {"cost": {"input": 0.1, "output": 0.2}}}}}`), "f")
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, compared(t, embeddedBook(t), c), []string{"new 2026-11-26T09:30Z deepseek deepseek-v4-flash 0.1 0.2 - - -"})
}

func TestFetchedRowsHoldFromTheirStartUntilALaterRow(t *testing.T) {
	fetched := []Row{
		{Provider: "anthropic", ModelMatch: "claude-sonnet-5-5", Input: "3", Output: "12", EffectiveFrom: comparedAt()},
		{Provider: "google", ModelMatch: "gemini-3.6-flash", Input: "1", Output: "5", EffectiveFrom: comparedAt()},
		{Provider: "anthropic", ModelMatch: "claude-nova-9", Input: "6", Output: "30"},
		{Provider: "anthropic", ModelMatch: "claude-nova-9", Input: "6", Output: "30", Notes: "the same row"},
	}
	b, err := embeddedBook(t).WithFetched(fetched)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Rows()) != 79+3 {
		t.Errorf("%d rows", len(b.Rows()))
	}
	in := Usage{Input: 1000}
	price := func(usd string) (string, string) { return usd + " 0 0 0 0", usd + " " + usd + " " + usd }
	ids := map[string]string{}
	for _, r := range b.Rows() {
		if r.Fetched() != strings.HasPrefix(r.ID, "fetched:") || r.Fetched() && (r.Layer != LayerEmbedded || r.Origin() != "fetched") {
			t.Errorf("%s: fetched %t, layer %d, origin %q", r.ID, r.Fetched(), r.Layer, r.Origin())
		}
		if r.Fetched() {
			ids[r.ModelMatch] = r.ID
		}
	}
	for _, c := range []struct{ model, at, id, usd string }{
		// 1000 tokens at 2, 3, 0.75, 1, 1.5, 6 per million
		{"anthropic claude-sonnet-5-5", "2026-11-26T09:29:59Z", "anthropic/claude-sonnet-5-5@2026-10-07", "0.002"},
		{"anthropic claude-sonnet-5-5", "2026-11-26T09:30:00Z", ids["claude-sonnet-5-5"], "0.003"},
		{"google gemini-3.6-flash", "2026-11-26T09:29:59Z", "google/gemini-3.6-flash", "0.00075"},
		{"google gemini-3.6-flash", "2026-12-31T23:59:59Z", ids["gemini-3.6-flash"], "0.001"},
		{"google gemini-3.6-flash", "2027-01-01T00:00:00Z", "google/gemini-3.6-flash@2027-01-01", "0.0015"},
		{"anthropic claude-nova-9", "2020-01-01T00:00:00Z", ids["claude-nova-9"], "0.006"},
	} {
		parts, sums := price(c.usd)
		golden{c.model, c.model, c.at, in, nil, c.id, parts, sums}.run(t, b)
	}
	mine, err := b.With([]Row{{ID: "mine", Provider: "anthropic", ModelMatch: "claude-nova-9", Input: "1", Output: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	golden{"mine", "anthropic claude-nova-9", "", in, nil, "mine", "0.001 0 0 0 0", "0.001 0.001 0.001"}.run(t, mine)
	if _, err := embeddedBook(t).WithFetched([]Row{{Profile: "work", Provider: "x", ModelMatch: "m", Input: "1", Output: "1"}}); err == nil {
		t.Error("a row of one profile was taken for everybody's")
	}
	if _, err := embeddedBook(t).WithFetched([]Row{{Provider: "x", ModelMatch: "m", Input: "1"}}); err == nil {
		t.Error("a row without a price for output was taken")
	}
}

// FuzzReadCatalog: whatever the list, every row that comes out of it can stand in a book, and
// comparing it does not fail.
func FuzzReadCatalog(f *testing.F) {
	for _, file := range []string{"modelsdev.json", "litellm.json"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`[{"provider": "x", "model_match": "m", "input": "1", "output": "2", "peak_days": [8]}]`))
	f.Add([]byte(`{"a": {"litellm_provider": "a", "input_cost_per_token": 1e-999, "output_cost_per_token": 9e9}}`))
	f.Add([]byte(`{"\u001b]0;x": {"models": {"\u202e": {"cost": {"input": 1, "output": 1}}}}}`))
	book, err := Embedded()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadCatalog(data, "f")
		if err != nil {
			return
		}
		changes, _ := book.Compare(c, comparedAt())
		var rows []Row
		for _, ch := range changes {
			if ch.Kind != ChangeUnchanged {
				rows = append(rows, ch.Row)
			}
		}
		if _, err := book.WithFetched(rows); err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
		for _, s := range c.Skipped {
			if printable(s.Name) != s.Name {
				t.Fatalf("%q would act on a terminal", s.Name)
			}
		}
	})
}
