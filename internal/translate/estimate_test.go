package translate_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/internal/translate"
)

// quoted is a JSON string.
func quoted(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// off is how far got is away from want, as a share of it.
func off(got, want int64) float64 {
	d := float64(got-want) / float64(want)
	return max(d, -d)
}

// samples are texts, by name, and how many tokens they have.
func samples(t testing.TB) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.FromSlash("testdata/estimate/samples.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, f := range a.Files {
		texts[f.Name] = string(f.Data)
	}
	return texts
}

// TestEstimatesAreNearWhatATokenizerCounts: every text within a quarter, and all of them within
// seven parts of a hundred on average.
func TestEstimatesAreNearWhatATokenizerCounts(t *testing.T) {
	texts, sum := samples(t), 0.0
	for name, text := range texts {
		kind, count, _ := strings.Cut(name, ".")
		want, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got := translate.Estimate([]byte(`{"messages":[{"role":"user","content":` + quoted(t, text) + `}]}`))
		d := off(got, want)
		sum += d
		t.Logf("%-9s %4d, estimated %4d (%.0f %%)", kind, want, got, 100*d)
		if d > 0.25 {
			t.Errorf("%s: %d tokens, estimated %d", kind, want, got)
		}
	}
	if mean := sum / float64(len(texts)); mean > 0.07 {
		t.Errorf("on average an estimate is %.1f %% off", 100*mean)
	}
}

// png is the start of a picture of that size, and as much behind it as one has.
func png(width, height uint32) string {
	raw := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 100_000)...)
	binary.BigEndian.PutUint32(raw[16:], width)
	binary.BigEndian.PutUint32(raw[20:], height)
	return base64.StdEncoding.EncodeToString(raw)
}

func TestWhatIsAttachedCountsByWhatItShows(t *testing.T) {
	block := func(b string) string { return `{"messages":[{"role":"user","content":[` + b + `]}]}` }
	image := func(media, data string) string {
		return `{"type":"image","source":{"type":"base64","media_type":"` + media + `","data":"` + data + `"}}`
	}
	for name, c := range map[string]struct {
		body string
		want int64
	}{
		"a small picture":                {block(image("image/png", png(300, 200))), 81 + 4},
		"a large picture":                {block(image("image/png", png(4000, 3000))), 1600 + 4},
		"a picture of a size not known":  {block(image("image/jpeg", strings.Repeat("/9j/4AAQ", 20_000))), 1500 + 4},
		"a picture somewhere else":       {block(`{"type":"image","source":{"type":"url","url":"https://example.org/x.png"}}`), 1500 + 4},
		"a document":                     {block(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + strings.Repeat("JVBERi0x", 10_000) + `"}}`), 2000 + 4},
		"a picture in a tool's result":   {block(`{"type":"tool_result","tool_use_id":"toolu_1","content":[` + image("image/png", png(750, 100)) + `]}`), 101 + 4 + 8},
		"a document that is a text":      {block(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"one two three"}}`), 4 + 4},
		"signatures":                     {block(`{"type":"thinking","thinking":"","signature":"` + strings.Repeat("abcd", 10_000) + `"}`), 4},
		"marks of the cache, and an id":  {block(`{"type":"tool_use","id":"` + strings.Repeat("a", 60) + `","name":"","input":{},"cache_control":{"type":"ephemeral"}}`), 4 + 8 + 2},
		"a tool that nobody has loaded":  {`{"tools":[{"name":"a","description":"` + strings.Repeat("word ", 500) + `","defer_loading":true}]}`, 1},
		"a prompt of nothing":            {`{}`, 1},
		"nothing":                        {``, 0},
		"safeguards are not in a prompt": {`{"safeguards":[{"type":"x","classifier_context":{"y":"` + strings.Repeat("word ", 500) + `"}}]}`, 1},
	} {
		if got := translate.Estimate([]byte(c.body)); got < c.want-2 || got > c.want+2 {
			t.Errorf("%s: %d tokens, want about %d", name, got, c.want)
		}
	}
}

func TestSpaceAroundTheBodyDoesNotCount(t *testing.T) {
	body := `{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 500) + `"}]}`
	if want, got := translate.Estimate([]byte(body)), translate.Estimate([]byte("\r\n "+body+"\n")); got != want {
		t.Errorf("%d tokens, %d without the space", got, want)
	}
}

func TestAToolThatWasFoundCounts(t *testing.T) {
	tools := `"tools":[{"name":"lookup","description":"` + strings.Repeat("word ", 500) + `","defer_loading":true}]`
	without := translate.Estimate([]byte(`{` + tools + `,"messages":[{"role":"user","content":"x"}]}`))
	with := translate.Estimate([]byte(`{` + tools + `,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"tool_reference","tool_name":"lookup"}]}]}]}`))
	if without > 20 || with < 500 {
		t.Errorf("%d tokens without it, %d with it", without, with)
	}
}

// TestTheSpellingOfJSONDoesNotCount: the same text has the same tokens however it is escaped.
func TestTheSpellingOfJSONDoesNotCount(t *testing.T) {
	plain := translate.Estimate([]byte(`{"system":"灯塔的看守人 über <a> \n\n done"}`))
	ascii := translate.Estimate([]byte(`{"system":"\u706f\u5854\u7684\u770b\u5b88\u4eba \u00fcber \u003ca\u003e \n\n done"}`))
	if plain-ascii > 3 || ascii-plain > 3 {
		t.Errorf("%d tokens as it is, %d escaped", plain, ascii)
	}
}

// FuzzEstimate: no panic, nothing for nothing, and never much more than a token for each byte
// beside what is attached.
func FuzzEstimate(f *testing.F) {
	f.Add([]byte(`{"system":[{"type":"text","text":"a\u00e9\n"}],"messages":[{"content":"x"}],"tools":[{"name":"y"}]}`))
	f.Add([]byte(`{"messages":[{"content":[{"type":"image","source":{"data":"` + png(2, 2)[:64] + `"}}]}]`))
	f.Add([]byte("\xff\\u12"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := translate.Estimate(body)
		attached := int64(bytes.Count(body, []byte("image"))+bytes.Count(body, []byte("document"))+bytes.Count(body, []byte(`\u`))) * 1600
		nothing := len(bytes.TrimSpace(body)) == 0
		if nothing && got != 0 || !nothing && got < 1 || got > 4*int64(len(body))+16+attached {
			t.Errorf("%d tokens in %d bytes", got, len(body))
		}
	})
}

func BenchmarkEstimate(b *testing.B) {
	var turns []string
	for _, text := range samples(b) {
		turns = append(turns, `{"role":"user","content":[{"type":"text","text":`+quoted(b, text)+`}]}`)
	}
	body := []byte(`{"messages":[` + strings.Repeat(strings.Join(turns, ",")+",", 50) + turns[0] + `]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		translate.Estimate(body)
	}
}
