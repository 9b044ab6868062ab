package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
)

// writePrices writes the file of fetched rows.
func (r *rig) writePrices(rows ...pricing.Row) {
	r.t.Helper()
	data, err := json.Marshal(rows)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(r.paths.Prices), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.paths.Prices, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// lastPrice sends a request and returns the price row of its entry.
func (r *rig) lastPrice(n int) string {
	r.t.Helper()
	if status, text, err := r.post(); err != nil || status != 200 {
		r.t.Fatalf("status %d, %v: %s", status, err, text)
	}
	var rows []ledger.Entry
	r.until("the entry is in the journal", func() bool {
		rows = r.rows()
		return len(rows) == n
	})
	return rows[n-1].PriceID
}

func TestFetchedPricesAreTakenAtTheNextReload(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	const builtIn = "anthropic/claude-opus-5-5@2026-09-22"
	first := r.lastPrice(1)
	if first != builtIn {
		t.Errorf("price id %q, want %q", first, builtIn)
	}
	r.writePrices(pricing.Row{Provider: "anthropic", ModelMatch: "claude-opus-5-5", Input: "3", Output: "15", CacheRead: "0.1", CacheWrite5m: "4", CacheWrite1h: "6", EffectiveFrom: time.Now().Add(-time.Minute)})
	if v := r.reload(false); !v.OK || v.Generation != 2 || !slices.Contains(v.Changed, "prices") {
		t.Errorf("verdict %+v", v)
	}
	fetched := r.lastPrice(2)
	if !strings.HasPrefix(fetched, "fetched:anthropic/claude-opus-5-5#") {
		t.Errorf("price id %q after the reload", fetched)
	}
	if v := r.reload(false); !v.OK || v.Generation != 2 {
		t.Errorf("nothing changed, verdict %+v", v)
	}
	if err := os.WriteFile(r.paths.Prices, []byte(`[{"provider": "anthropic"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if v := r.reload(false); !v.OK || v.Generation != 2 {
		t.Errorf("a broken file of prices: verdict %+v", v)
	}
	if id := r.lastPrice(3); id != fetched {
		t.Errorf("price id %q, want that of the rows in force, %q", id, fetched)
	}
	if !strings.Contains(r.log.String(), "fetched prices not read") {
		t.Error("a broken file of prices is not told of")
	}
	if err := os.Remove(r.paths.Prices); err != nil {
		t.Fatal(err)
	}
	if v := r.reload(false); !v.OK || v.Generation != 3 {
		t.Errorf("no file of prices: verdict %+v", v)
	}
	if id := r.lastPrice(4); id != builtIn {
		t.Errorf("price id %q without the file, want %q", id, builtIn)
	}
}

func TestAModelWithoutAPriceIsNamedUntilItHasOne(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(strings.ReplaceAll(r.two("a"), "provider: anthropic", "provider: nowhere")))
	r.start()
	for n := range 3 {
		if id := r.lastPrice(n + 1); id != "" {
			t.Fatalf("priced by %q", id)
		}
	}
	names := r.status().Unpriced
	if len(names) != 1 || !strings.HasPrefix(names[0], "nowhere/") {
		t.Fatalf("without a price: %q", names)
	}
	if n := strings.Count(r.log.String(), "model has no price"); n != 1 {
		t.Errorf("named %d times in the log", n)
	}
	r.halt()
	r.start()
	if again := r.status().Unpriced; !slices.Equal(again, names) {
		t.Errorf("after a restart: %q, want %q", again, names)
	}
	if id := r.lastPrice(4); id != "" {
		t.Fatalf("priced by %q", id)
	}
	if n := strings.Count(r.log.String(), "model has no price"); n != 1 {
		t.Errorf("named %d times in the log after a restart", n)
	}
	r.writePrices(pricing.Row{Provider: "nowhere", ModelMatch: strings.TrimPrefix(names[0], "nowhere/"), Input: "1", Output: "2"})
	if v := r.reload(false); !v.OK {
		t.Fatalf("verdict %+v", v)
	}
	if left := r.status().Unpriced; len(left) != 0 {
		t.Errorf("with a price, and still named: %q", left)
	}
	r.halt()
	r.start()
	if left := r.status().Unpriced; len(left) != 0 {
		t.Errorf("named again after a restart: %q", left)
	}
}

func TestAPartWithoutAPriceIsNamedByItsOwnModel(t *testing.T) {
	var e ledger.Entry
	e.Reset()
	e.Operation, e.UsageSource, e.Provider, e.ResponseModel, e.PriceID = ledger.OpMessages, ledger.UsageFinal, "anthropic", "claude-opus-5-5", "row"
	e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput = 1, 0, 0, 1
	e.Iterations = []ledger.Iteration{{Model: "claude-nova-9", CostList: ledger.NoMoney}, {Model: "claude-haiku-4-5", PriceID: "row", CostList: 1}}
	var u unpriced
	u.see(&e)
	if names := u.all(); !slices.Equal(names, []string{"anthropic/claude-nova-9"}) {
		t.Errorf("named %q", names)
	}
	e.CostList = 1
	var none unpriced
	none.see(&e)
	if names := none.all(); len(names) != 0 {
		t.Errorf("named %q, and the row has a price", names)
	}
}

func TestAModelWhoseRowDoesNotSayEnoughIsNamedUntilAnotherRowDoes(t *testing.T) {
	var e ledger.Entry
	e.Reset()
	e.Operation, e.UsageSource, e.Provider, e.ResponseModel = ledger.OpMessages, ledger.UsageFinal, "anthropic", "claude-nova-9"
	book := func(rows ...pricing.Row) *pricing.Book {
		t.Helper()
		b, err := (&pricing.Book{}).With(rows)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain := pricing.Row{Provider: "anthropic", ModelMatch: "claude-nova-9", Input: "1", Output: "2"}
	poor := book(plain)
	e.Usage.Input, e.Usage.CacheRead = 10, 10
	proxy.Price(poor, proxy.Terms{}, &e)
	if e.PriceID == "" || e.CostList.Known() {
		t.Fatalf("price %q, cost %v", e.PriceID, e.CostList)
	}
	var u unpriced
	u.see(&e)
	now := time.Now()
	u.settle(poor, now)
	if names := u.all(); !slices.Equal(names, []string{"anthropic/claude-nova-9"}) {
		t.Errorf("named %q", names)
	}
	later := plain
	later.CacheRead, later.EffectiveFrom = "0.1", now.Add(time.Hour)
	rich := book(plain, later)
	u.settle(rich, now)
	if names := u.all(); len(names) != 1 {
		t.Errorf("named %q, and the row is not in force yet", names)
	}
	u.settle(rich, now.Add(time.Hour))
	if names := u.all(); len(names) != 0 {
		t.Errorf("named %q, and the row has a price", names)
	}
}

// TestStatusDropsAModelWhoseRowHasComeIntoForce: between two swaps, time goes on.
func TestStatusDropsAModelWhoseRowHasComeIntoForce(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.start()
	soon := time.Now().Add(200 * time.Millisecond)
	r.writePrices(pricing.Row{Provider: "anthropic", ModelMatch: "claude-nova-9", Input: "1", Output: "2", EffectiveFrom: soon})
	if v := r.reload(false); !v.OK {
		t.Fatalf("verdict %+v", v)
	}
	r.d.unpriced.add(nameless{Provider: "anthropic", Model: "claude-nova-9"})
	r.until("the model to be let go", func() bool { return len(r.status().Unpriced) == 0 })
}

func TestARowThatTheBookRefusesIsShownWhereItStands(t *testing.T) {
	base, err := BaseBook("")
	if err != nil {
		t.Fatal(err)
	}
	src := []byte("active: a\nprofiles:\n  - {name: a, base_url: 'https://a.example', auth: none}\nprices:\n  - {provider: x, model_match: m, input: 1, output: 2}\n" +
		"  - provider: x\n    model_match: n\n    input: 1\n    output: 2\n    batch_multiplier: 0.33333\n    tier_over_prompt_tokens: 5\n")
	p, problems := config.ParseProfiles(src, config.ParseOptions{File: "profiles.yaml", AllowPlaintext: true})
	if p == nil {
		t.Fatal(problems)
	}
	book, problems := BookOf(base, &File{Path: "profiles.yaml", Src: src, Profiles: p})
	if book != nil || len(problems) != 2 {
		t.Fatalf("book %v, problems %v", book != nil, problems)
	}
	for i, want := range []struct {
		line int
		path string
	}{{10, "prices[1].batch_multiplier"}, {11, "prices[1].tier_over_prompt_tokens"}} {
		if got := problems[i]; got.Line != want.line || got.Path != want.path || got.Excerpt == "" || got.Fix == "" || strings.Contains(got.Message, "prices[") {
			t.Errorf("problem %d: %+v, want line %d and path %s", i, got, want.line, want.path)
		}
	}
}

func TestBaseBookOfAFileThatCannotBeReadIsTheEmbeddedOne(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "prices.json")
	for name, text := range map[string]string{
		"half a file": "[{", "another shape": `{"rows": []}`, "a row without a price": `[{"provider": "x", "model_match": "m", "input": "1"}]`,
		"a row of one profile": `[{"provider": "x", "model_match": "m", "input": "1", "output": "1", "profile": "work"}]`, "a typo": `[{"inptu": "1"}]`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := BaseBook(file); err == nil || b == nil || !b.Covers("anthropic", "claude-opus-5-5", time.Now()) || b.Covers("x", "m", time.Now()) {
			t.Errorf("%s: book %v, error %v", name, b != nil, err)
		}
	}
	for name, path := range map[string]string{"a directory": dir, "nothing": filepath.Join(dir, "nosuch.json"), "no path": ""} {
		b, err := BaseBook(path)
		if b == nil || (err != nil) != (name == "a directory") {
			t.Errorf("%s: book %v, error %v", name, b != nil, err)
		}
	}
}
