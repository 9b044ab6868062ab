package lang

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "sort the catalogues")

// texts is a catalogue as it is on the disk.
func texts(t *testing.T, name string) map[string]forms {
	t.Helper()
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(b, &entries); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	out := make(map[string]forms, len(entries))
	for key, entry := range entries {
		if out[key] = formsOf(entry); len(out[key]) == 0 {
			t.Fatalf("%s.json: %q is neither a text nor an object of texts", name, key)
		}
	}
	return out
}

// catalogues are the names of all of them, that of the code first.
func catalogues() []string {
	var names []string
	for _, tag := range Languages() {
		names = append(names, tag.String())
	}
	return names
}

// translations are the catalogues that say every text in another language.
func translations() []string { return catalogues()[1:] }

// lines is a list in testdata; what begins with # is a remark.
func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(b), "\n"), func(l string) bool { return l == "" || strings.HasPrefix(l, "#") })
}

// verbsOf are the placeholders of a text in the order of its arguments.
func verbsOf(s string) []string {
	var out []string
	next := 0
	for _, v := range verb.FindAllString(s, -1) {
		if v == "%%" {
			continue
		}
		if n, ok := position(v); ok {
			next = n
		}
		_, rest, numbered := strings.Cut(v, "]")
		if numbered {
			v = "%" + rest
		}
		for len(out) <= next {
			out = append(out, "")
		}
		out[next] = v
		next++
	}
	return out
}

func TestTranslationsHaveTheVerbsOfTheirKeys(t *testing.T) {
	for _, name := range catalogues() {
		for key, said := range texts(t, name) {
			for form, text := range said {
				if want, got := verbsOf(key), verbsOf(text); !slices.Equal(want, got) {
					t.Errorf("%s.json: %q (%s) has the verbs %q, its key %q has %q", name, text, form, got, key, want)
				}
			}
		}
	}
}

// TestTranslationsKeepTheEdges: what is put together by others relies on the spaces around it.
func TestTranslationsKeepTheEdges(t *testing.T) {
	for _, name := range translations() {
		for key, said := range texts(t, name) {
			text := said[other]
			if strings.HasPrefix(key, "\n") != strings.HasPrefix(text, "\n") || strings.HasSuffix(key, "\n") != strings.HasSuffix(text, "\n") {
				t.Errorf("%s.json: %q and %q begin or end on different lines", name, key, text)
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s.json: %q has no translation", name, key)
			}
		}
	}
}

func TestEveryTranslationIsAskedFor(t *testing.T) {
	asked := everyText(t)
	library := lines(t, "library.txt")
	for _, name := range catalogues() {
		for key := range texts(t, name) {
			if !asked[key] && !slices.Contains(library, strconv.Quote(key)) {
				t.Errorf("%s.json: nothing says %q any more", name, key)
			}
		}
	}
}

// TestWhatIsCountedHasAFormForOne: English says 1 row, not 1 rows.
func TestWhatIsCountedHasAFormForOne(t *testing.T) {
	english := texts(t, "en")
	counted := webTexts(t)
	for _, dir := range speakers() {
		counted = append(counted, sourceTexts(t, dir)...)
	}
	for _, s := range counted {
		if slices.Contains([]string{"plural", "count", "Count", "Number", "tn"}, s.by) && s.said && strings.Contains(s.key, "%") && english[s.key]["one"] == "" {
			t.Errorf("%s: en.json has no form of %q for one", s.at, s.key)
		}
	}
}

func TestChineseIsChinese(t *testing.T) {
	same := lines(t, "same.txt")
	for key, said := range texts(t, "zh") {
		if !strings.ContainsFunc(said[other], func(r rune) bool { return unicode.Is(unicode.Han, r) }) && !slices.Contains(same, key) {
			t.Errorf("%q is still %q; what is the same in both languages is named in testdata/same.txt", key, said[other])
		}
	}
}

// TestCataloguesAreSorted keeps edits of several people apart; -update sorts them.
func TestCataloguesAreSorted(t *testing.T) {
	for _, name := range catalogues() {
		b, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		want := sorted(t, b)
		if bytes.Equal(b, want) {
			continue
		}
		if *update {
			if err := os.WriteFile(name+".json", want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s.json is not sorted, one entry a line; run: go test ./internal/lang -update", name)
	}
}

// sorted writes a catalogue with one entry a line.
func sorted(t *testing.T, b []byte) []byte {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(all))
	sort.Strings(keys)
	var out bytes.Buffer
	out.WriteString("{\n")
	for i, key := range keys {
		line := bytes.NewBuffer(nil)
		enc := json.NewEncoder(line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(key); err != nil {
			t.Fatal(err)
		}
		end := ","
		if i == len(keys)-1 {
			end = ""
		}
		out.WriteString("  " + strings.TrimSpace(line.String()) + ": " + string(all[key]) + end + "\n")
	}
	out.WriteString("}\n")
	return out.Bytes()
}
