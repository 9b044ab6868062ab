package reconcile

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// usageExport has the header of the console's usage export.
const usageExport = "\ufeffusage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m," +
	"usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed\n" +
	"2026-11-01,claude-opus-5-5,key one,Default,standard,≤ 200k,100,20,3,4000,50,1,global,\n" +
	"2026-11-01,claude-opus-5-5,\"key, two\",Default,standard,> 200k,11,2,1,1,5,0,global,\n" +
	"2026-11-02,claude-haiku-4-5-20251001,key one,Default,standard,≤ 200k,7,0,0,0,1,0,not_available,\n"

const costExport = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd\n" +
	"2026-11-01,Claude Opus 5.5,Default,k,message,≤ 200k,input_no_cache,1.25\n" +
	"2026-11-01,Claude Opus 5.5,Default,k,message,≤ 200k,input_cache_write_5m,0.50\n" +
	"2026-11-01,Claude Opus 5.5,Default,k,message,≤ 200k,input_cache_write_1h,0.25\n" +
	"2026-11-01,Claude Opus 5.5,Default,k,message,≤ 200k,output,2\n" +
	"2026-11-01,Claude Opus 5.5,Default,k,web_search,,,0.03\n"

func read(t *testing.T, text string, mapped map[string]string) *Statement {
	t.Helper()
	s, err := Read(strings.NewReader(text), mapped)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// want compares the figures of a line, those of 0 left out.
func want(t *testing.T, s *Statement, day, model string, figures map[Kind]string) {
	t.Helper()
	l := s.Lines[Key{day, ModelKey(model)}]
	if l == nil {
		t.Fatalf("nothing of %s on %s among %v", model, day, slices.Collect(maps.Keys(s.Lines)))
	}
	for kind, v := range l.Figures {
		got := v.RatString()
		if wanted, ok := figures[kind]; ok && got != wanted || !ok && v.Sign() != 0 {
			t.Errorf("%s: %s, want %q", kind, got, wanted)
		}
	}
	for kind := range figures {
		if l.Figures[kind] == nil {
			t.Errorf("%s is missing", kind)
		}
	}
}

func TestTheConsolesUsageExportIsSummedByDayAndModel(t *testing.T) {
	s := read(t, usageExport, nil)
	if s.Format != FormatAnthropicUsage || s.Rows != 3 || len(s.Lines) != 2 {
		t.Fatalf("%s, %d rows, %d lines", s.Format, s.Rows, len(s.Lines))
	}
	want(t, s, "2026-11-01", "claude-opus-5-5", map[Kind]string{
		Input: "111", CacheWrite5m: "22", CacheWrite1h: "4", CacheRead: "4001", Output: "55", WebSearches: "1",
	})
	want(t, s, "2026-11-02", "claude-haiku-4-5", map[Kind]string{Input: "7", Output: "1"})
}

func TestTheConsolesCostExportIsSummedByPart(t *testing.T) {
	s := read(t, costExport, nil)
	if s.Format != FormatAnthropicCost {
		t.Fatal(s.Format)
	}
	want(t, s, "2026-11-01", "claude-opus-5-5", map[Kind]string{
		CostInput: "5/4", CostCacheWrite: "3/4", CostOutput: "2", CostOther: "3/100", Cost: "403/100",
	})
}

func TestOtherExportsAreReadByTheirHeaders(t *testing.T) {
	tests := map[string]struct {
		text   string
		mapped map[string]string
		want   map[Kind]string
	}{
		"semicolons and thousands": {"Date;Model;Input tokens;Total cost\n2026/11/1;kimi-k3;1,234;$1,000.50\n", nil, map[Kind]string{Input: "1234", Cost: "2001/2"}},
		"tabs and a time":          {"Day\tmodel name\tOutput Tokens\n2026-11-01T23:59:59Z\tkimi-k3\t5\n", nil, map[Kind]string{Output: "5"}},
		"mapped": {
			"when,what,eaten\n2026-11-01,kimi-k3,9\n",
			map[string]string{"date": "When", "model": "what", "input_tokens": "eaten"},
			map[Kind]string{Input: "9"},
		},
		"the mapping wins": {
			"date,model,input_tokens,fresh\n2026-11-01,kimi-k3,100,40\n", map[string]string{"input_tokens": "fresh"}, map[Kind]string{Input: "40"},
		},
		"nothing is 0": {"date,model,input_tokens,output_tokens\n2026-11-01,kimi-k3,,–\n", nil, map[Kind]string{Input: "0", Output: "0"}},
		"short rows":   {"date,model,input_tokens,output_tokens\n2026-11-01,kimi-k3,4\n\n,,,\n", nil, map[Kind]string{Input: "4", Output: "0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want(t, read(t, tt.text, tt.mapped), "2026-11-01", "kimi-k3", tt.want)
		})
	}
}

func TestAFileThatIsNoExportSaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		text   string
		mapped map[string]string
		want   string
	}{
		"empty":            {"", nil, "empty"},
		"no date":          {"model,input_tokens\n", nil, "no column for date"},
		"no figures":       {"date,model\n", nil, "any figure"},
		"no such column":   {"date,model,x\n", map[string]string{"input_tokens": "y"}, `no column is called "y"`},
		"no such kind":     {"date,model,x\n", map[string]string{"tokens": "x"}, `"tokens" is not a column`},
		"not a date":       {"date,model,input_tokens\nsoon,m,1\n", nil, `line 2: "soon" is not a date`},
		"not a number":     {"date,model,input_tokens\n2026-11-01,m,many\n", nil, `line 2: column 3: "many"`},
		"a fraction":       {"date,model,input_tokens\n2026-11-01,m,1/3\n", nil, "not a number"},
		"a huge exponent":  {"date,model,input_tokens\n2026-11-01,m,1e999999999\n", nil, "not a number"},
		"too many digits":  {"date,model,input_tokens\n2026-11-01,m," + strings.Repeat("9", 100) + "\n", nil, "not a number"},
		"a quote too few":  {"date,model,input_tokens\n2026-11-01,\"m,1\n", nil, "\""},
		"an absurd column": {"date,model,input_tokens\n2026-11-01,m,0x10\n", nil, "not a number"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.text), tt.mapped)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestAFigureIsReadAsItsCountryWritesIt(t *testing.T) {
	tests := []struct {
		text   string
		kind   Kind
		comma  bool // commas before decimals
		want   string
		digits int
	}{
		{"1234", Input, false, "1234", 0},
		{"1,234", Input, false, "1234", 0},
		{"1,234,567", Input, true, "1234567", 0},
		{"1.234.567", Input, false, "1234567", 0},
		{"1.234", Input, true, "1234", 0},
		{"1.234", Input, false, "617/500", 3},
		{"1,234", Input, true, "1234", 0},
		{"1 234 567", Input, false, "1234567", 0},
		{"1\u202f234", Input, false, "1234", 0},
		{"1'234", Input, false, "1234", 0},
		{"0.25", Cost, false, "1/4", 2},
		{"0,25", Cost, false, "1/4", 2},
		{"0,25", Cost, true, "1/4", 2},
		{"$1,234.50", Cost, false, "2469/2", 2},
		{"1.234,50", Cost, true, "2469/2", 2},
		{"1.234.567,5", Cost, false, "2469135/2", 1},
		{"1,234", Cost, false, "1234", 0},
		{"1,234", Cost, true, "617/500", 3},
		{"1.234", Cost, true, "617/500", 3},
		{".5", Cost, false, "1/2", 1},
		{"-0.03", Cost, false, "-3/100", 2},
		{"-1,234", Input, false, "-1234", 0},
		{"12.", Cost, false, "12", 0},
		{"", Cost, false, "0", 0},
		{"–", Cost, false, "0", 0},
	}
	for _, tt := range tests {
		v, digits, err := numbers{comma: tt.comma}.read(tt.text, tt.kind)
		if err != nil || v.RatString() != tt.want || digits != tt.digits {
			t.Errorf("%q as %s, comma %v: %v with %d decimals, %v; want %s with %d", tt.text, tt.kind, tt.comma, v, digits, err, tt.want, tt.digits)
		}
	}
	for _, text := range []string{"1,23,456", "1.23.4", "12,34,5.6", "1,234,", "1.2,3.4", "1e5", "NaN", "0x1", "1/2", "x", ",", ".", "1,.5", strings.Repeat("9", maxDigits+1)} {
		if v, _, err := (numbers{}).read(text, Cost); err == nil {
			t.Errorf("%q was read as %s", text, v)
		}
	}
}

func TestAnExportOfASpreadsheetIsReadLikeTheProvidersOwn(t *testing.T) {
	s := read(t, "\ufeff\"Date\";\"Model\";\"Output Tokens\";\"Cost (USD)\"\r\n\"2026-11-01\";\"claude-opus-5-5\";\"1.234.567\";\"24,69\"\r\n", map[string]string{"cost_list_usd": "Cost (USD)"})
	want(t, s, "2026-11-01", "claude-opus-5-5", map[Kind]string{Output: "1234567", Cost: "2469/100"})
	if _, err := Read(strings.NewReader("\xff\xfeD\x00a\x00"), nil); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("%v, want that the file is in UTF-16", err)
	}
}

func TestNamesOfTheSameModelAreEqual(t *testing.T) {
	for _, same := range [][]string{
		{"claude-opus-4-5", "claude-opus-4-5-20251101", "Claude Opus 4.5", "anthropic/claude-opus-4-5", "claude-opus-4-5[1m]", "Claude Opus 4.5 (≤ 200k)"},
		{"kimi-k2.7-code", "Kimi K2.7 Code"},
	} {
		for _, name := range same {
			if ModelKey(name) != ModelKey(same[0]) {
				t.Errorf("%q is %q, %q is %q", name, ModelKey(name), same[0], ModelKey(same[0]))
			}
		}
	}
	if ModelKey("claude-opus-4-5") == ModelKey("claude-opus-4-6") {
		t.Error("two models are one")
	}
}

func rat(s string) *big.Rat {
	v, _ := new(big.Rat).SetString(s)
	return v
}

func TestADifferenceIsShownWithItsSide(t *testing.T) {
	provider := read(t, usageExport, nil)
	own := NewStatement()
	own.Add("2026-11-01", "claude-opus-5-5", Input, rat("111"))
	own.Add("2026-11-01", "claude-opus-5-5", Output, rat("56"))
	own.Add("2026-11-03", "claude-opus-5-5", Output, rat("1"))
	differ := map[string]string{}
	for _, d := range Compare(provider, own, Tolerance{}) {
		if !d.Equal {
			differ[d.Day+" "+d.Model+" "+string(d.Kind)] = d.Diff.RatString()
		}
	}
	wanted := map[string]string{
		"2026-11-01 claude-opus-5-5 cache_read_tokens": "-4001", "2026-11-01 claude-opus-5-5 cache_write_5m_tokens": "-22",
		"2026-11-01 claude-opus-5-5 cache_write_1h_tokens": "-4", "2026-11-01 claude-opus-5-5 output_tokens": "1",
		"2026-11-01 claude-opus-5-5 web_search_requests": "-1",
		"2026-11-02 claude-haiku-4-5 input_tokens":       "-7", "2026-11-02 claude-haiku-4-5 output_tokens": "-1",
		"2026-11-03 claude-opus-5-5 output_tokens": "1",
	}
	if !maps.Equal(differ, wanted) {
		t.Errorf("differences %v, want %v", differ, wanted)
	}
}

func TestRoundingIsNoDifferenceAndToleranceIsAsked(t *testing.T) {
	// Two costs of two decimals each: their sum may be a cent off, not more.
	provider := read(t, "date,model,cost_usd\n2026-11-01,m,1.00\n2026-11-01,m,2.00\n", nil)
	tests := []struct {
		ledger string
		t      Tolerance
		equal  bool
	}{
		{"3.01", Tolerance{}, true},
		{"2.99", Tolerance{}, true},
		{"3.0100000001", Tolerance{}, false},
		{"3.02", Tolerance{USD: rat("0.01")}, true},
		{"3.04", Tolerance{Share: rat("0.01")}, true},
		{"3.0400000001", Tolerance{Share: rat("0.01")}, false},
	}
	for _, tt := range tests {
		own := NewStatement()
		own.Add("2026-11-01", "m", Cost, rat(tt.ledger))
		if got := Compare(provider, own, tt.t); len(got) != 1 || got[0].Equal != tt.equal {
			t.Errorf("%s against 3.00 with %+v: %+v, want equal %t", tt.ledger, tt.t, got, tt.equal)
		}
	}
}

// FuzzRead: whatever a file holds, it is refused or makes figures, and a statement is equal to
// itself.
func FuzzRead(f *testing.F) {
	for _, s := range []string{usageExport, costExport, "date;model;cost\n2026-11-01;m;$1,000.5\n", "", "date,model,input_tokens\n\"\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text), nil)
		if err != nil {
			return
		}
		for _, d := range Compare(s, s, Tolerance{}) {
			if !d.Equal || d.Diff.Sign() != 0 {
				t.Fatalf("%q: %+v differs from itself", text, d)
			}
		}
	})
}
