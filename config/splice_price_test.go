package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// localRow is a row that every test below puts into a file.
func localRow() PriceRow {
	return PriceRow{Provider: "local", ModelMatch: "qwen3-coder", Input: "0.5", Output: "1"}
}

func TestSplicePriceKeepsTheRestOfTheFile(t *testing.T) {
	const row = "- provider: local\n  model_match: qwen3-coder\n  input: 0.5\n  output: 1\n"
	indented := "  " + strings.ReplaceAll(strings.TrimSuffix(row, "\n"), "\n", "\n  ") + "\n"
	for _, c := range []struct{ name, src, want string }{
		{"no list", "active: a # b\n", "active: a # b\n\nprices:\n" + indented},
		{"no line feed at the end", "active: a", "active: a\n\nprices:\n" + indented},
		{"before the block of sops", "active: a\nsops:\n  mac: x\n", "active: a\nprices:\n" + indented + "\nsops:\n  mac: x\n"},
		{"an empty list", "prices: [] # none\nactive: a\n", "prices: # none\n" + indented + "active: a\n"},
		{"an empty list, no comment", "prices: []\nactive: a\n", "prices:\n" + indented + "active: a\n"},
		{"an empty field", "prices:\nactive: a\n", "prices:\n" + indented + "active: a\n"},
		{"an empty field at the end", "active: a\nprices:", "active: a\nprices:\n" + indented},
		{"below the last row", "prices:\n  - provider: x\n    model_match: m # why\n    # since May\n\n# ours\nactive: a\n", "prices:\n  - provider: x\n    model_match: m # why\n    # since May\n" + indented + "\n# ours\nactive: a\n"},
		{"rows that are not indented", "prices:\n- provider: x\n  model_match: m\nactive: a\n", "prices:\n- provider: x\n  model_match: m\n" + row + "active: a\n"},
		{"the file ends within the row", "prices:\n- {provider: x, model_match: m}", "prices:\n- {provider: x, model_match: m}\n" + row},
		{"a list on one line", "prices: [{provider: x, model_match: m}]\nactive: a\n", "prices: [{provider: x, model_match: m}, {provider: local, model_match: qwen3-coder, input: 0.5, output: 1}]\nactive: a\n"},
		{"a list on one line with a comma", "prices: [{provider: x, model_match: m},\n]\n", "prices: [{provider: x, model_match: m},\n{provider: local, model_match: qwen3-coder, input: 0.5, output: 1}]\n"},
		{"Windows line ends", "prices: []\r\nactive: a\r\n", "prices:\r\n" + strings.ReplaceAll(indented, "\n", "\r\n") + "active: a\r\n"},
		{"a byte order mark", "\ufeffprices: []\n", "\ufeffprices:\n" + indented},
		{"a row of another day", "prices:\n  - provider: local\n    model_match: qwen3-coder\n    effective_from: 2026-11-01\n", "prices:\n  - provider: local\n    model_match: qwen3-coder\n    effective_from: 2026-11-01\n" + indented},
		{"a row of one profile", "prices:\n  - {profile: p, provider: local, model_match: qwen3-coder}\n", "prices:\n  - {profile: p, provider: local, model_match: qwen3-coder}\n" + indented},
	} {
		out, replaced, err := SplicePrice([]byte(c.src), localRow())
		if err != nil || replaced || string(out) != c.want {
			t.Errorf("%s: replaced %t, error %v, got\n%s\nwant\n%s", c.name, replaced, err, out, c.want)
		}
	}
}

func TestSplicePriceReplacesTheRowForTheSameModel(t *testing.T) {
	const src = "prices:\n  # what the shop charges\n  - provider: local\n    model_match: \"qwen3-coder\"\n    input: 9\n    output: 9\n  - provider: x\n    model_match: m\nactive: a\n"
	const want = "prices:\n  # what the shop charges\n  - provider: local\n    model_match: qwen3-coder\n    input: 0.5\n    output: 1\n  - provider: x\n    model_match: m\nactive: a\n"
	out, replaced, err := SplicePrice([]byte(src), localRow())
	if err != nil || !replaced || string(out) != want {
		t.Errorf("replaced %t, error %v, got\n%s", replaced, err, out)
	}
	dated := localRow()
	dated.EffectiveFrom = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	out, _, err = SplicePrice([]byte(src), dated)
	if err != nil {
		t.Fatal(err)
	}
	again, replaced, err := SplicePrice(out, dated)
	if err != nil || !replaced || !bytes.Equal(again, out) {
		t.Errorf("the same row again: replaced %t, error %v, got\n%s", replaced, err, again)
	}
}

func TestSplicePriceTouchesNothingItDoesNotUnderstand(t *testing.T) {
	for name, src := range map[string]string{
		"remarks within the row":   "prices:\n  - provider: local\n    model_match: qwen3-coder # do not lose me\n    input: 9\n    output: 9\n",
		"the same row on one line": "prices: [{provider: local, model_match: qwen3-coder, input: 9, output: 9}]\n",
		"prices that are no list":  "prices: {a: b}\n",
		"a value":                  "prices: 3\n",
		"an empty list over lines": "prices: [\n]\n",
		"an end of the document":   "active: a\n...\n",
	} {
		if out, _, err := SplicePrice([]byte(src), localRow()); !errors.Is(err, ErrPricesShape) {
			t.Errorf("%s: %v, got\n%s", name, err, out)
		}
	}
	if _, _, err := SplicePrice([]byte("active: [\n"), localRow()); err == nil {
		t.Error("a file with an error was extended")
	}
}

// fullRow has something in every column.
func fullRow(t testing.TB) PriceRow {
	t.Helper()
	var row PriceRow
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case string:
			f.SetString("1.25")
		case int64:
			f.SetInt(200_000)
		case time.Time:
			f.Set(reflect.ValueOf(time.Date(2026, 11, 1+i, i, 0, 0, 0, time.UTC)))
		case []string:
			f.Set(reflect.ValueOf([]string{"01:00-04:00", "06:00-10:00"}))
		case []int:
			f.Set(reflect.ValueOf([]int{1, 5}))
		default:
			t.Fatalf("no value for %s", v.Type().Field(i).Name)
		}
	}
	row.ID, row.Profile, row.Provider, row.ModelMatch = "a: b # c", "work", "x'y\"", "kimi-*[0-9]"
	row.Notes, row.Source, row.Confidence = "yes", "- no\\list", "null"
	return row
}

const profilesWithPrices = "active: work\nprofiles:\n  - {name: work, base_url: https://a.example, auth: none}\n"

func TestEveryColumnOfASplicedPriceIsReadBack(t *testing.T) {
	row := fullRow(t)
	out, _, err := SplicePrice([]byte(profilesWithPrices), row)
	if err != nil {
		t.Fatal(err)
	}
	p, problems := ParseProfiles(out, ParseOptions{AllowPlaintext: true})
	if p == nil {
		t.Fatalf("%v\n%s", problems, out)
	}
	if len(p.Prices) != 1 || !reflect.DeepEqual(p.Prices[0], row) {
		t.Errorf("got  %+v\nwant %+v\n%s", p.Prices, row, out)
	}
}

// FuzzSplicePrice: whatever the file, either nothing is said to be written, or every byte of it
// is still there and one more row is read.
func FuzzSplicePrice(f *testing.F) {
	f.Add([]byte(profilesWithPrices), "local", "qwen3-coder")
	f.Add([]byte(exampleFile), "x", "*")
	f.Add([]byte("prices: []\r\n"), "null", "#")
	f.Add([]byte("prices:\n- {}\n- a: |\n   b\n\n\nsops: {}\n"), "1", "a: b")
	f.Add([]byte("{prices: [[]]}"), "", "")
	f.Fuzz(func(t *testing.T, src []byte, provider, model string) {
		row := PriceRow{Provider: provider, ModelMatch: model, Input: "1", Output: "2"}
		out, replaced, err := SplicePrice(src, row)
		if err != nil || replaced {
			return
		}
		if !subsequence(src, out) {
			t.Fatalf("bytes are gone:\n%q\n%q", src, out)
		}
		m, err := parseForSplice(out)
		if err != nil {
			t.Fatalf("the result does not parse: %v\n%q", err, out)
		}
		if valueOf(m, "prices") == nil {
			t.Fatalf("no prices in %q", out)
		}
	})
}

// subsequence tells whether out has the bytes of src in their order, an empty list left aside.
func subsequence(src, out []byte) bool {
	for _, c := range bytes.Join(bytes.FieldsFunc(src, func(r rune) bool { return strings.ContainsRune("[] \t", r) }), nil) {
		i := bytes.IndexByte(out, c)
		if i < 0 {
			return false
		}
		out = out[i+1:]
	}
	return true
}

func TestPricePosFindsTheFieldElseTheRow(t *testing.T) {
	src := []byte("active: a\nprices:\n  - {provider: x, input: 1}\n  - ENC[AES256_GCM,data:a,type:comment]\n  - provider: x\n    batch_multiplier: 0.33333\n")
	for _, c := range []struct {
		src   []byte
		row   int
		field string
		want  Pos
	}{
		{src, 0, "input", Pos{3, 26}},
		{src, 0, "output", Pos{3, 5}},
		{src, 1, "batch_multiplier", Pos{6, 23}},
		{src, 1, "input", Pos{5, 5}},
		{src, 2, "input", Pos{}},
		{[]byte("active: a\n"), 0, "input", Pos{}},
		{[]byte("prices: none\n"), 0, "input", Pos{}},
		{[]byte("prices: [1]\n"), 0, "input", Pos{1, 10}},
		{[]byte("prices: [\n"), 0, "input", Pos{}},
		{nil, 0, "input", Pos{}},
	} {
		if got := PricePos(c.src, c.row, c.field); got != c.want {
			t.Errorf("row %d, %s of %q: %v, want %v", c.row, c.field, c.src, got, c.want)
		}
	}
}
