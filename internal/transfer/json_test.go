package transfer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONIsReadAsPeopleWriteIt(t *testing.T) {
	const text = "\ufeff// a comment\r\n{\r\n  plain: 'it\\'s', \"twice\": 1, /* and\n another */ twice: 2,\r\n" +
		`  "numbers": [1, -2.5e-3, .5, 5., 0x1F, +3, Infinity,], 'escapes': "\u00e9\ud83d\ude00\x41\
B", nothing: null, yes: true,
}
`
	n, err := parseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if n.at("plain").str() != "it's" || n.at("twice").str() != "2" || n.at("escapes").str() != "é😀AB" || !n.at("yes").on() || !n.at("nothing").empty() {
		t.Errorf("%+v", n)
	}
	if got := len(n.at("numbers").list()); got != 7 {
		t.Errorf("%d numbers", got)
	}
}

func TestErrorsOfJSONDoNotRepeatTheFile(t *testing.T) {
	for _, text := range []string{`{"api_key": "sk-secret-0123456789` + "\n", `{"api_key": sk-secret-0123456789}`, `{"a" "sk-secret"}`, "{\n\n'a': /* sk-secret", `["\u12"]`, `{"a": 1} sk-secret`, "\xff"} {
		_, err := parseJSON([]byte(text))
		if !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAHugeOrDeepFileIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"deep":   strings.Repeat("[", 10_000),
		"wide":   "[" + strings.Repeat("1,", maxNodes+1) + "]",
		"large":  strings.Repeat(" ", maxSource+1),
		"fields": strings.Repeat(`{"a":`, 1000),
	} {
		if _, err := parseJSON([]byte(text)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 12; i++ {
		before, now := string(rune('a'+i-1)), string(rune('a'+i))
		bomb += now + ": &" + now + " [" + strings.TrimSuffix(strings.Repeat("*"+before+",", 10), ",") + "]\n"
		if i == 1 {
			bomb = strings.Replace(bomb, "&a0", "&a", 1)
		}
	}
	if _, err := parseYAML([]byte(bomb)); err == nil {
		t.Error("a file that grows without end was read")
	}
	if _, err := parseYAML([]byte("a: &a [*a]\n")); err == nil {
		t.Error("a file that holds itself was read")
	}
}

// FuzzJSON: any text is refused or read, and what strict JSON is reads as there.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a": [1, "b", null, true], 'c': {d: .5,},}`)
	f.Add("// x\n[/* */]")
	f.Fuzz(func(t *testing.T, document string) {
		n, err := parseJSON([]byte(document))
		var strict map[string]string
		if json.Unmarshal([]byte(document), &strict) != nil || !utf8.ValidString(document) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		for key, value := range strict {
			if got := n.at(key); got == nil || got.kind == kindText && got.value != value {
				t.Fatalf("%q: %q is %+v, want %q", document, key, got, value)
			}
		}
	})
}

func TestNumbersAreExact(t *testing.T) {
	for _, tt := range []struct {
		in     string
		factor int64
		want   string
	}{
		{"3e-06", 1_000_000, "3"},
		{"0.00000015", 1_000_000, "0.15"},
		{"1.25E-6", 1_000_000, "1.25"},
		{"0.27", 1, "0.27"},
		{"0", 1, "0"},
		{"-1", 1, ""},
		{"1e400", 1, ""},
		{"1e-400", 1, "0"},
		{"NaN", 1, ""},
		{"0x10", 1, ""},
		{"12 USD", 1, ""},
		{"", 1, ""},
	} {
		if got := decimalOf(tt.in, tt.factor); got != tt.want {
			t.Errorf("%q × %d is %q, want %q", tt.in, tt.factor, got, tt.want)
		}
	}
}
