package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// conversation is a request body with this history; results are of the last tool calls.
func conversation(model string, parts ...string) string {
	return fmt.Sprintf(`{"model":%q,"max_tokens":9,"stream":true,"system":[{"type":"text","text":"sys"}],"tools":[{"name":"Bash"},{"name":"ToolSearch","defer_loading":true}],"messages":[%s]}`,
		model, strings.Join(parts, ","))
}

const (
	userSays  = `{"role":"user","content":[{"type":"text","text":"please build"}]}`
	systemIs  = `{"role":"system","content":"environment"}`
	callsTool = `{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"make"}}]}`
	hasResult = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":[{"type":"text","text":"exit 2"},{"type":"tool_reference","tool_name":"WebSearch"}]}]}`
	saysDone  = `{"role":"assistant","content":"done"}`
)

func TestTheRequestIsParsedForScripts(t *testing.T) {
	var got Request
	_, up := serve(t, Options{}, AnswerFunc(func(r Request) Answer {
		got = r
		got.Body = nil
		return Text("x")
	}))
	ask(t, up, conversation("m", userSays, systemIs, callsTool, hasResult), "Authorization: Bearer k", "X-Claude-Code-Session-Id: s", "X-Claude-Code-Agent-Id: a")
	if got.Model != "m" || !got.Stream || got.MaxTokens != 9 || got.System != "sys" || got.Key != "k" || got.SessionID != "s" || !got.IsSubagent() {
		t.Errorf("%+v", got)
	}
	if got.Turns != 1 || got.Rounds != 1 || got.Prompt != "please build" || got.Signed() != 1 || !got.HasTool("Bash") || !got.Tools[1].Deferred {
		t.Errorf("%+v", got)
	}
	if fmt.Sprintf("%+v", got.ToolResults) != "[{ToolUseID:toolu_1 Text:exit 2 IsError:true References:[WebSearch]}]" {
		t.Errorf("%+v", got.ToolResults)
	}
	if m := got.Messages[1]; m.Role != "system" || m.Text() != "environment" || string(got.Messages[2].Blocks[1].Input) != `{"command":"make"}` {
		t.Errorf("%+v", got.Messages)
	}
}

func TestStepsAreTakenInOrderByTheRequestsTheyAreFor(t *testing.T) {
	s, up := serve(t, Options{},
		Once(When(Model("*haiku*"), Text("ONE"))), When(All(Model("*haiku*"), Not(Session("s2"))), Text("TWO")),
		Times(2, When(LastText("build"), Text("THREE"))), Text("FOUR"),
		On(OpCountTokens, Always(RawBody(200, jsonType, []byte(`{"input_tokens":5}`)))), When(Any(Agent("a"), HeaderIs("X-Y", "z")), Text("FIVE")))
	for i, c := range []struct{ body, line, want string }{
		{conversation("claude-haiku-5-5", userSays), "", "ONE"},
		{conversation("claude-haiku-5-5", userSays), "", "TWO"},
		{conversation("claude-haiku-5-5", userSays), "X-Claude-Code-Session-Id: s2", "THREE"},
		{conversation("m", userSays), "", "THREE"},
		{conversation("m", userSays), "", "FOUR"},
		{conversation("m", userSays), "X-Claude-Code-Agent-Id: a", "FIVE"},
		{conversation("m", userSays), "X-Y: z", "FIVE"},
		{conversation("m", userSays), "", "answer of simulator"},
	} {
		var lines []string
		if c.line != "" {
			lines = []string{c.line}
		}
		if r := ask(t, up, c.body, lines...); !strings.Contains(deltas(t, r.body), c.want) {
			t.Errorf("%d: %s", i, deltas(t, r.body))
		}
	}
	conn := dial(t, up)
	conn.send(t, http.MethodPost, "/v1/messages/count_tokens", jsonBody)
	if r := conn.read(t); string(r.body) != `{"input_tokens":5}` || s.Unused() != 0 {
		t.Errorf("%s, %d unused", r.body, s.Unused())
	}
	s.ClearScript()
	s.Script(Text("unused"), Times(3, Always(Text("x"))))
	if s.Unused() != 4 {
		t.Errorf("%d unused", s.Unused())
	}
}

// deltas returns the text a stream adds up to.
func deltas(t *testing.T, stream []byte) string {
	t.Helper()
	var out strings.Builder
	for line := range bytes.Lines(stream) {
		var e struct {
			Delta struct{ Text string }
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if err := json.Unmarshal(data, &e); err != nil {
				t.Fatal(err)
			}
			out.WriteString(e.Delta.Text)
		}
	}
	return out.String()
}

func TestAnswersFollowAConversation(t *testing.T) {
	steps := []Replier{Text("ZERO"), Text("ONE"), AnswerFunc(func(r Request) Answer { return Text(fmt.Sprint("TURNS ", r.Turns)) })}
	for name, c := range map[string]struct {
		script AnswerFunc
		bodies []string
		want   string
	}{
		"turns": {Turns(steps...), []string{
			conversation("m", userSays), conversation("m", userSays, callsTool, hasResult), conversation("m", userSays, callsTool, hasResult, saysDone, userSays),
			conversation("m", userSays, saysDone, userSays, saysDone, userSays, saysDone, userSays),
		}, "ZERO ONE TURNS 2 TURNS 3"},
		"rounds": {Rounds(steps...), []string{
			conversation("m", userSays), conversation("m", userSays, callsTool, hasResult), conversation("m", userSays, callsTool, hasResult, saysDone, userSays),
		}, "ZERO ONE ZERO"},
		"sequence": {Sequence(steps...), []string{conversation("m", userSays), conversation("m", userSays), conversation("m", userSays)}, "ZERO ONE TURNS 0"},
	} {
		_, up := serve(t, Options{}, Always(c.script))
		var got []string
		for _, body := range c.bodies {
			got = append(got, deltas(t, ask(t, up, body).body))
		}
		if all := strings.Join(got, " "); all != c.want {
			t.Errorf("%s: %s", name, all)
		}
	}
	_, up := serve(t, Options{}, Always(Sequence(Text("A"), Text("B"))))
	for _, agent := range []string{"x", "y"} {
		if got := deltas(t, ask(t, up, conversation("m", userSays), "X-Claude-Code-Agent-Id: "+agent).body); got != "A" {
			t.Errorf("agent %s begins with %s", agent, got)
		}
	}
}

func TestMatchesKnowWhatTheClientIsDoing(t *testing.T) {
	var seen string
	_, up := serve(t, Options{}, Always(AnswerFunc(func(r Request) Answer {
		seen = fmt.Sprint(MainAgent()(r), Subagent()(r), r.IsTitle(), r.IsWebSearch(), r.IsClassifier(), r.IsCompaction(), Auxiliary()(r), HasToolResult()(r), ToolResultFor("Bash")(r), OffersTool("Bash")(r), Turn(1)(r), Streaming()(r))
		return Answer{}
	})))
	for _, c := range []struct{ body, line, want string }{
		{conversation("m", userSays), "X: y", "true false false false false false false false false true false true"},
		{conversation("m", userSays, callsTool, hasResult), "X-Claude-Code-Agent-Id: a", "false true false false false false false true true true true true"},
		{`{"model":"m","output_config":{"format":{"type":"json_schema"}},"messages":[]}`, "X: y", "false false true false false false true false false false false false"},
		{`{"model":"m","tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[]}`, "X: y", "false false false true false false true false false false false false"},
		{`{"model":"m","stop_sequences":["</severity>"],"messages":[]}`, "X: y", "false false false false true false true false false false false false"},
		{conversation("m", userSays), "X-Claude-Code-Request-Class: compaction", "true false false false false true false false false true false true"},
	} {
		if ask(t, up, c.body, c.line); seen != c.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", c.body, c.line, seen, c.want)
		}
	}
}

func TestForeignSignaturesAreRefusedWhereAsked(t *testing.T) {
	_, one := serve(t, Options{Name: "one", CheckSignatures: true}, Always(Thinking("hm", "")))
	_, two := serve(t, Options{Name: "two", CheckSignatures: true}, Always(Text("fine")))
	blocks := checkStream(t, ask(t, one, streamBody).body)
	body := conversation("m", userSays, fmt.Sprintf(`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":%q}]}`, blocks[0]["signature"]), userSays)
	if r := ask(t, one, body); r.status != 200 {
		t.Errorf("its own signature: %d %s", r.status, r.body)
	}
	if r := ask(t, two, body); r.status != 400 || !strings.Contains(string(r.body), "messages.1.content.0: Invalid `signature` in `thinking` block") {
		t.Errorf("a foreign signature: %d %s", r.status, r.body)
	}
}

func TestBodiesTheProviderWouldRefuse(t *testing.T) {
	_, up := serve(t, Options{MaxBody: 1000})
	for _, body := range []string{"", "[1]", "{", `{"model":"x"`, "nonsense", `{"model":"x"}}`} {
		if r := ask(t, up, body); r.status != 400 || !strings.Contains(string(r.body), "invalid_request_error") {
			t.Errorf("%q: %d %s", body, r.status, r.body)
		}
	}
	if r := ask(t, up, strings.Repeat(" ", 1001)); r.status != 413 {
		t.Errorf("too large: %d %s", r.status, r.body)
	}
}

func TestSafeguardVerdictsCoverEveryToolCall(t *testing.T) {
	_, up := serve(t, Options{}, Always(AnswerFunc(func(Request) Answer { return Reply(ToolUse("Bash", "{}"), ToolUse("Read", "{}")) })))
	r := ask(t, up, `{"model":"m","stream":true,"safeguards":[{"type":"dangerous_tool_use"}],"messages":[]}`)
	blocks := checkStream(t, r.body)
	for _, b := range blocks {
		if !strings.Contains(string(r.body), fmt.Sprintf(`%q:{"type":"evaluated","outcome":"not_flagged"}`, b["id"])) {
			t.Errorf("no verdict on %v in %s", b["id"], r.body)
		}
	}
}

func TestFreezingStopsEverythingUntilItThaws(t *testing.T) {
	s, up := serve(t, Options{}, Always(Text("x")))
	thaw := s.Freeze()
	c := dial(t, up)
	c.send(t, http.MethodPost, "/v1/messages", streamBody)
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.r.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a frozen simulator answered: %v", err)
	}
	if seen, ended := s.Requests(); seen != 1 || ended != 0 {
		t.Errorf("%d requests seen, %d ended", seen, ended)
	}
	thaw()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if r := c.read(t); r.status != 200 || r.err != nil {
		t.Errorf("%+v", r)
	}
}

func FuzzPeekAgreesWithEncodingJSON(f *testing.F) {
	f.Add([]byte(streamBody))
	f.Add([]byte(`{"a":"\\\"}","model" : "m" , "stream":true,"x":[{"y":"]"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var want struct {
			Model  string
			Stream bool
		}
		p := peek(body)
		var top map[string]json.RawMessage
		if json.Unmarshal(body, &top) != nil || top == nil {
			return
		}
		if !p.ok {
			t.Fatalf("an object was not recognised: %q", body)
		}
		if bytes.Count(body, []byte(`model`)) == 1 && json.Unmarshal(top["model"], &want.Model) == nil && !bytes.ContainsAny(top["model"], `\`) && strings.ToValidUTF8(want.Model, "") == want.Model && bytes.Contains(body, []byte(`"model"`)) {
			if p.model != want.Model && !strings.Contains(want.Model, "\ufffd") {
				t.Fatalf("model %q, want %q in %q", p.model, want.Model, body)
			}
		}
	})
}
