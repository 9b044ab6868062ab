package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/config"
	"prism/internal/translate"
)

// conversation renders a request whose conversation has n exchanges, each with two tool calls, a
// picture now and then, and a reminder of the system's.
func conversation(n int) []byte {
	var w writer
	w.begin('{')
	w.rawField("max_tokens", integer(1000))
	w.rawField("system", []byte(`[{"type":"text","text":"You are a gardener.","cache_control":{"type":"ephemeral"}}]`))
	w.rawField("tools", []byte(`[{"name":"Water","input_schema":{"type":"object"}},{"name":"Find","input_schema":{"type":"object"}},`+
		`{"name":"Dig","defer_loading":true,"input_schema":{"type":"object"}}]`))
	w.key("messages")
	w.begin('[')
	for i := range n {
		w.raw(fmt.Appendf(nil, `{"role":"user","content":[{"type":"text","text":"Plant %d."}]}`, i))
		if i%3 == 0 {
			w.raw(fmt.Appendf(nil, `{"role":"system","content":"It is day %d."}`, i))
		}
		w.raw(fmt.Appendf(nil, `{"role":"assistant","content":[{"type":"text","text":"I look."},`+
			`{"type":"tool_use","id":"toolu_%da","name":"Water","input":{"plant":%d}},{"type":"tool_use","id":"toolu_%db","name":"Find","input":{"q":"dig"}}]}`, i, i, i))
		w.raw(fmt.Appendf(nil, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%db","content":[{"type":"tool_reference","tool_name":"Dig"}]},`+
			`{"type":"tool_result","tool_use_id":"toolu_%da","content":[{"type":"text","text":"wet"},`+
			`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aW1n"}}]}]}`, i, i))
		w.raw(fmt.Appendf(nil, `{"role":"assistant","content":"Plant %d is well."}`, i))
	}
	w.raw([]byte(`{"role":"user","content":"Thank you."}`))
	w.end(']')
	w.end('}')
	return w.b
}

func TestAConversationThatHasGrownBeginsWithTheBytesItHad(t *testing.T) {
	for _, q := range []config.Quirks{
		{}, {SystemMiddle: "inplace", ToolID: "short9"}, {AfterTool: "filler", CacheControl: true}, {Images: "in_tool", TextOnly: true},
	} {
		var last []byte
		for n := 1; n < 8; n++ {
			body := conversation(n)
			out, err := Chat{}.Request(&translate.Call{Body: body, Model: "m", Quirks: q})
			if err != nil {
				t.Fatal(err)
			}
			history := messagesBefore(t, out.Body, "Thank you.")
			if last != nil && !bytes.HasPrefix(history, last) {
				t.Fatalf("%+v: the beginning has changed\n%s\n%s", q, last, history)
			}
			last = history
		}
	}
}

// messagesBefore returns the tools and the messages in front of the last one.
func messagesBefore(t *testing.T, body []byte, last string) []byte {
	t.Helper()
	at := bytes.LastIndex(body, []byte(last))
	if at < 0 {
		t.Fatalf("no %q in %s", last, body)
	}
	at = bytes.LastIndex(body[:at], []byte(`{"role"`))
	return body[:at]
}

// TestHostileSchemasCostLittle feeds schemas that would grow without end.
func TestHostileSchemasCostLittle(t *testing.T) {
	doubling := `{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`
	for i := range 60 {
		doubling += fmt.Sprintf(`"d%d":{"type":"object","properties":{"l":{"$ref":"#/$defs/d%d"},"r":{"$ref":"#/$defs/d%d"}}},`, i, i+1, i+1)
	}
	doubling += `"d60":{"type":"string"}}}`
	var wide, union writer
	wide.raw([]byte(`{"type":"object","required":[`))
	for i := range 20_000 {
		wide.text(fmt.Sprintf("p%d", i))
	}
	wide.b = append(wide.b, `],"properties":{`...)
	for i := range 20_000 {
		wide.rawField(fmt.Sprintf("p%d", i), []byte(`{"$ref":"#/$defs/x"}`))
	}
	wide.b = append(wide.b, `},"$defs":{"x":{"type":"string","description":"`+strings.Repeat("long ", 1000)+`"}}}`...)
	union.raw([]byte(`{"type":"object","allOf":[`))
	for i := range 5_000 {
		union.raw(fmt.Appendf(nil, `{"properties":{"p%d":{"type":"string"}},"required":["p%d"]}`, i, i))
	}
	union.b = append(union.b, `]}`...)
	schemas := map[string]string{
		"doubling": doubling, "wide": string(wide.b), "union": string(union.b),
		"itself":        `{"$ref":"#"}`,
		"itself inside": `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"allOf":[{"$ref":"#/properties/b"}]}}}`,
		"deep":          strings.Repeat(`{"type":"array","items":`, 5_000) + `{}` + strings.Repeat(`}`, 5_000),
		"alternatives":  `{"anyOf":[` + strings.Repeat(`{"anyOf":[{"type":"string"},{"type":"null"}]},`, 2_000) + `true]}`,
		"no schema":     `{"type":7,"properties":[],"required":{},"items":"x","enum":{},"anyOf":7,"$ref":7}`,
	}
	for name, raw := range schemas {
		for _, dialect := range []string{"", schemaOpenAI, schemaGemini, schemaLlama} {
			start := time.Now()
			out := cleanSchema(json.RawMessage(raw), dialect)
			if !json.Valid(out) || !translate.Is(out, '{') {
				t.Errorf("%s for %q: not an object: %.300s", name, dialect, out)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s for %q: took %v", name, dialect, d)
			}
			if limit := 2*len(raw) + 4*maxSchemaBytes; len(out) > limit {
				t.Errorf("%s for %q: %d bytes became %d", name, dialect, len(raw), len(out))
			}
			enforceable(json.RawMessage(raw))
		}
	}
}

// oddQuirks turns the bits of n into the habits of a provider.
func oddQuirks(n uint32) config.Quirks {
	pick := func(words ...string) string {
		s := words[int(n)%len(words)]
		n /= uint32(len(words))
		return s
	}
	q := config.Quirks{
		Schema: pick("", schemaOpenAI, schemaGemini, schemaLlama), ToolID: pick("", "short9", "max40"),
		Effort:       pick("", config.EffortObject, config.EffortThinking, config.EffortEnable, config.EffortTemplate, config.EffortNone),
		ReasoningIn:  pick("", "reasoning_content", "reasoning_details"),
		SystemMiddle: pick("", "inplace"), Images: pick("", "none", "base64", "in_tool"), Documents: pick("", "file", "url"), Prefill: pick("", "prefix", "continue"),
		ToolChoice: pick("", "named_only_required", "auto_thinking", "auto"), Format: pick("", "json_object", "none"),
		WebSearch: pick("", "zai", "qwen"),
	}
	bit := func() bool { return pick("", "x") != "" }
	q.ReasoningMust, q.CacheControl, q.TextOnly, q.Signatures, q.ThinksAnyway = bit(), bit(), bit(), bit(), bit()
	return q
}

// FuzzChatRequest states that whatever a client sends becomes valid JSON, or a refusal with words
// of ours, and the same each time.
func FuzzChatRequest(f *testing.F) {
	paths, err := filepath.Glob("testdata/request/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			if file.Name == "in.json" {
				f.Add(file.Data, uint32(i)*2_654_435_761)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, quirks uint32) {
		call := translate.Call{Body: body, Model: "m", Quirks: oddQuirks(quirks), Provider: "deepseek", Session: "s"}
		out, err := Chat{}.Request(&call)
		again, err2 := Chat{}.Request(&call)
		var refusal *translate.Refusal
		if err != nil {
			if !errors.As(err, &refusal) || refusal.Message == "" {
				t.Fatalf("an error that is no refusal: %v", err)
			}
			if err2 == nil {
				t.Fatal("refused once only")
			}
			return
		}
		if err2 != nil || !bytes.Equal(out.Body, again.Body) {
			t.Fatal("the same request became something else")
		}
		if out.Path != "" && !json.Valid(out.Body) {
			t.Fatalf("not valid JSON: %s", out.Body)
		}
		checkChat(t, out)
	})
}

// checkChat checks what every provider demands: each call of a message is answered right behind
// it, in order, and nothing else is; the user and the assistant take turns.
func checkChat(t *testing.T, out *translate.Request) {
	t.Helper()
	if out.Path == "" {
		return
	}
	var v struct {
		Messages []struct {
			Role      string
			ID        string `json:"tool_call_id"`
			ToolCalls []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
	}
	if err := json.Unmarshal(out.Body, &v); err != nil {
		t.Fatalf("%v: %s", err, out.Body)
	}
	var waiting []string
	last := ""
	for i, m := range v.Messages {
		if m.Role == last && m.Role != "tool" && m.Role != "system" {
			t.Fatalf("message %d is of %s, as the one before it: %s", i, m.Role, out.Body)
		}
		last = m.Role
		if m.Role == "tool" {
			if len(waiting) == 0 || waiting[0] != m.ID {
				t.Fatalf("message %d answers %q, expected are %q", i, m.ID, waiting)
			}
			waiting = waiting[1:]
			continue
		}
		if len(waiting) > 0 {
			t.Fatalf("message %d comes before the results of %q", i, waiting)
		}
		seen := make(map[string]bool)
		for _, c := range m.ToolCalls {
			if seen[c.ID] || c.Function.Name == "" || !json.Valid([]byte(c.Function.Arguments)) {
				t.Fatalf("message %d: a broken call: %+v", i, c)
			}
			seen[c.ID] = true
			waiting = append(waiting, c.ID)
		}
	}
	if len(waiting) > 0 || len(v.Messages) == 0 {
		t.Fatalf("no results for %q", waiting)
	}
}

func BenchmarkChatRequest(b *testing.B) {
	text := strings.Repeat("Roses are red, and \\\"violets\\\" are blue.\\n", 100)
	talk := bytes.ReplaceAll(conversation(100), []byte("I look."), []byte(text))
	picture := bytes.ReplaceAll(conversation(4), []byte("aW1n"), bytes.Repeat([]byte("aW1n"), 100_000))
	for name, body := range map[string][]byte{"talk": talk, "pictures": picture, "short": conversation(1)} {
		b.Run(fmt.Sprintf("%s=%dKB", name, len(body)/1000), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Chat{}).Request(&translate.Call{Body: body, Model: "m"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRandomConversationsKeepTheOrderThatProvidersDemand makes conversations of anything that a
// client may send, in any order, and checks what comes of them.
func TestRandomConversationsKeepTheOrderThatProvidersDemand(t *testing.T) {
	for seed := range uint64(3000) {
		body := randomRequest(rand.New(rand.NewPCG(seed, 5)))
		call := translate.Call{Body: body, Model: "m", Quirks: oddQuirks(uint32(seed * 2_654_435_761)), Provider: "deepseek"}
		out, err := Chat{}.Request(&call)
		var refusal *translate.Refusal
		switch {
		case errors.As(err, &refusal):
		case err != nil:
			t.Fatalf("seed %d: %v", seed, err)
		case out.Path != "" && !json.Valid(out.Body):
			t.Fatalf("seed %d: not valid JSON: %s", seed, out.Body)
		default:
			checkChat(t, out)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, body)
		}
	}
}

func randomRequest(r *rand.Rand) []byte {
	one := func(words ...string) string { return words[r.IntN(len(words))] }
	id := func() string { return one("a", "b", "c", "toolu_"+strings.Repeat("x", 60), "pid_f_3a0") }
	block := func() string {
		return one(
			`{"type":"text","text":"x"}`, `{"type":"text","text":""}`, `{"type":"text","text":"y","cache_control":{"type":"ephemeral"}}`,
			`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aW1n"}}`, `{"type":"image","source":{"type":"url","url":"u"}}`,
			`{"type":"document","title":"t","source":{"type":"base64","media_type":"application/pdf","data":"cGRm"}}`,
			`{"type":"thinking","thinking":"hm","signature":"`+translate.Envelope{Provider: one("deepseek", "other")}.String()+`"}`,
			`{"type":"redacted_thinking","data":"x"}`, `{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}`,
			`{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"t","url":"u"}]}`,
			`{"type":"tool_use","id":"`+id()+`","name":"`+one("Dig", "Cut.it", strings.Repeat("n", 90))+`","input":{"k":1}}`,
			`{"type":"tool_result","tool_use_id":"`+id()+`","content":`+one(`"ok"`, `[]`, `[{"type":"tool_reference","tool_name":"Dig"}]`,
				`[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aW1n"}},{"type":"text","text":"z"}]`)+`}`,
		)
	}
	var w writer
	w.begin('{')
	w.rawField("max_tokens", integer(int64(1+r.IntN(9))))
	w.rawField("tools", []byte(`[{"name":"Dig","input_schema":{"type":"object"},"defer_loading":`+one("true", "false")+`}`+
		one("", `,{"type":"web_search_20250305","name":"web_search"}`, `,{"type":"computer_20250124","name":"c"}`)+`]`))
	w.rawField("tool_choice", []byte(one(`null`, `{"type":"any"}`, `{"type":"none"}`, `{"type":"tool","name":"Dig"}`)))
	w.key("messages")
	w.begin('[')
	for range 1 + r.IntN(8) {
		blocks := make([]string, r.IntN(5))
		for i := range blocks {
			blocks[i] = block()
		}
		w.raw([]byte(`{"role":"` + one("user", "assistant", "user", "assistant", "system") + `","content":[` + strings.Join(blocks, ",") + `]}`))
	}
	w.end(']')
	w.end('}')
	return w.b
}
