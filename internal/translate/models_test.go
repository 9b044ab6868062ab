package translate_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// document is Anthropic's, read once.
var document = sync.OnceValues(translatetest.Load)

// page is a page of models, as a client reads it.
type page struct {
	Data []struct {
		ID     string `json:"id"`
		Name   string `json:"display_name"`
		Window int64  `json:"max_input_tokens"`
		Output int64  `json:"max_tokens"`
	} `json:"data"`
	First string `json:"first_id"`
	Last  string `json:"last_id"`
	More  bool   `json:"has_more"`
}

// pageOf reads a page, and holds it against Anthropic's document.
func pageOf(t *testing.T, all []translate.Model, query string) page {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	raw := translate.ModelPage(all, q)
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate("ListResponse_ModelInfo_", raw); err != nil {
		t.Error(err)
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// lines shows a page, one model each.
func (p *page) lines() string {
	var b strings.Builder
	for _, m := range p.Data {
		fmt.Fprintf(&b, "%s = %s\n", m.ID, m.Name)
	}
	return b.String()
}

func rules(pairs ...string) []config.ModelRule {
	var list []config.ModelRule
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, config.ModelRule{Match: pairs[i], Use: pairs[i+1]})
	}
	return list
}

// TestTheModelsOfAProfileAreFoundByTheClient: it keeps what is called after Claude, and shows the
// name for people.
func TestTheModelsOfAProfileAreFoundByTheClient(t *testing.T) {
	p := pageOf(t, translate.ModelsOf(rules("*haiku*", "kimi-small", "claude-mine", "kimi-mine", "*", "kimi-large"), "kimi"), "limit=1000")
	const want = `claude-haiku-5-5 = kimi-small (kimi)
claude-mine = kimi-mine (kimi)
claude-opus-5-5 = kimi-large (kimi)
claude-sonnet-5-5 = kimi-large (kimi)
claude-fable-5-2 = kimi-large (kimi)
claude-mythos-5-2 = kimi-large (kimi)
kimi-small = kimi-small
kimi-mine = kimi-mine
kimi-large = kimi-large
`
	if p.lines() != want {
		t.Errorf("got\n%swant\n%s", p.lines(), want)
	}
}

func TestAPatternOfOldModelsShowsTheNewestOfThem(t *testing.T) {
	all := translate.ModelsOf(rules("claude-opus-4*", "a", "claude-sonnet-5", "b"), "p")
	if p := pageOf(t, all, ""); p.lines() != "claude-opus-4-8 = a (p)\nclaude-sonnet-5 = b (p)\na = a\nb = b\n" {
		t.Errorf("got\n%s", p.lines())
	}
	if translate.ModelNamed(all, "claude-opus-4-6") == nil {
		t.Error("an older one is not there at all")
	}
	if translate.ModelNamed(all, "claude-opus-5") != nil {
		t.Error("one that no rule matches is there")
	}
}

func TestAModelTellsWhatItCanReadAndWrite(t *testing.T) {
	all := translate.ModelsOf([]config.ModelRule{{Match: "*", Use: "m", ContextWindow: 262144, MaxOutput: 32000}}, "")
	if p := pageOf(t, all, "limit=1"); p.Data[0].Window != 262144 || p.Data[0].Output != 32000 || p.Data[0].Name != "m" {
		t.Errorf("%+v", p.Data[0])
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate("ModelInfo", translate.ModelNamed(all, "claude-opus-4-6")); err != nil {
		t.Error(err)
	}
}

func TestPagesOfModelsFollowOneAnother(t *testing.T) {
	var all []translate.Model
	for i := range 45 {
		all = append(all, translate.Model{ID: fmt.Sprintf("m%02d", i)})
	}
	var forward, backward []string
	for query := ""; ; {
		p := pageOf(t, all, query)
		for _, m := range p.Data {
			forward = append(forward, m.ID)
		}
		if !p.More {
			break
		}
		query = "after_id=" + p.Last
	}
	for query := "limit=10&before_id=m44"; ; {
		p := pageOf(t, all, query)
		for _, m := range slices.Backward(p.Data) {
			backward = append(backward, m.ID)
		}
		if !p.More {
			break
		}
		query = "limit=10&before_id=" + p.First
	}
	if len(forward) != 45 || !slices.IsSorted(forward) {
		t.Errorf("forward: %q", forward)
	}
	if slices.Reverse(backward); len(backward) != 44 || !slices.IsSorted(backward) {
		t.Errorf("backward: %q", backward)
	}
}

func TestAPageOfNothingIsAPage(t *testing.T) {
	for _, query := range []string{"", "limit=0", "limit=-1", "limit=x", "after_id=x", "before_id=y", "limit=99999999999999999999"} {
		if p := pageOf(t, nil, query); len(p.Data) != 0 || p.More || p.First != "" {
			t.Errorf("%s: %+v", query, p)
		}
	}
}

func TestListsOfProvidersAreUnderstood(t *testing.T) {
	for name, c := range map[string]struct{ list, want string }{
		"OpenAI":     {`{"object":"list","data":[{"id":"a-1","object":"model","created":1715367049,"owned_by":"x"},{"id":"b"}]}`, "a-1|a-1|0|0|2024-05-10T18:50:49Z b|b|0|0|"},
		"Groq":       {`{"data":[{"id":"a","context_window":131072,"max_completion_tokens":32768}]}`, "a|a|131072|32768|"},
		"OpenRouter": {`{"data":[{"id":"v/a","name":"V: A","context_length":200000,"top_provider":{"context_length":131072,"max_completion_tokens":8192}}]}`, "v/a|V: A|200000|8192|"},
		"vLLM":       {`{"data":[{"id":"a","max_model_len":32768}]}`, "a|a|32768|0|"},
		"Together":   {`[{"id":"a","display_name":"A"}]`, "a|A|0|0|"},
		"Google":     {`{"models":[{"name":"models/g","displayName":"G","inputTokenLimit":1048576,"outputTokenLimit":65536}]}`, "g|G|1048576|65536|"},
		"Ollama":     {`{"models":[{"name":"l:8b","model":"l:8b"}]}`, "l:8b|l:8b|0|0|"},
		"twice":      {`{"data":[{"id":"a"},{"id":"a"}]}`, "a|a|0|0|"},
		"odd":        {`{"data":[1,null,{},{"id":5},"s",{"id":"` + strings.Repeat("x", 300) + `"},{"id":"a","created":99999999999999999}]}`, "s||0|0| a|a|0|0|"},
		"no JSON":    {`<html>`, ""},
		"nothing":    {``, ""},
	} {
		var got []string
		for _, m := range translate.ModelsFrom([]byte(c.list)) {
			got = append(got, fmt.Sprintf("%s|%s|%d|%d|%s", m.ID, m.Name, m.Window, m.Output, m.Created))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}
