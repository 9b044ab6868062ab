package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// askChat sends one request of Chat Completions on a connection of its own.
func askChat(t testing.TB, up *Running, body string) reply {
	t.Helper()
	return askAt(t, up, "/v1/chat/completions", body)
}

func askAt(t testing.TB, up *Running, path, body string) reply {
	t.Helper()
	c := dial(t, up)
	c.send(t, http.MethodPost, path, body, "Authorization: Bearer k")
	return c.read(t)
}

const (
	chatStream = `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
	chatJSON   = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
)

// chatChunk is as much of a chunk as the tests look at.
type chatChunk struct {
	Object  string
	Choices []struct {
		Index   int
		Delta   *chatDelta
		Message *chatDelta
		Finish  *string    `json:"finish_reason"`
		Usage   *chatUsage `json:"usage"`
		Stop    string     `json:"stop_reason"`
	}
	Usage *chatUsage
	XGroq struct{ Usage *chatUsage } `json:"x_groq"`
	Error json.RawMessage
}

type chatDelta struct {
	Content          any
	Refusal          string
	ReasoningContent string `json:"reasoning_content"`
	Reasoning        string
	Details          []struct{ Text string } `json:"reasoning_details"`
	ToolCalls        []struct {
		Index    *int
		ID       string
		Function struct {
			Name      string
			Arguments any
		}
	} `json:"tool_calls"`
}

type chatUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`
	Hit        int64 `json:"prompt_cache_hit_tokens"`
	Miss       int64 `json:"prompt_cache_miss_tokens"`
	Kimi       int64 `json:"cached_tokens"`
	Cost       float64
	Details    *struct {
		Cached int64 `json:"cached_tokens"`
		Write  int64 `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
	Output *struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// said is what a stream of chunks adds up to, by a reader that knows every habit.
type said struct {
	text, refusal, thinking string
	tools                   []string    // name and arguments
	slots                   map[int]int // where the pieces of an index go
	finish                  []string
	usage                   *chatUsage
	usages                  int
	chunks                  int
	failed                  string
	done                    bool
	stop                    string
}

func (s *said) take(d *chatDelta) {
	if d == nil {
		return
	}
	switch c := d.Content.(type) {
	case string:
		s.text += c
	case []any:
		for _, p := range c {
			for _, inner := range p.(object)["thinking"].([]any) {
				s.thinking += inner.(object)["text"].(string)
			}
		}
	}
	s.refusal += d.Refusal
	switch {
	case d.ReasoningContent != "":
		s.thinking += d.ReasoningContent
	case d.Reasoning != "":
		s.thinking += d.Reasoning
	default:
		for _, p := range d.Details {
			s.thinking += p.Text
		}
	}
	for _, c := range d.ToolCalls {
		slot, known := s.slots[at(c.Index)]
		switch {
		case c.ID != "", c.Function.Name != "" && !known:
			slot = len(s.tools)
			s.tools = append(s.tools, c.Function.Name+" ")
		case c.Index == nil:
			slot = len(s.tools) - 1
		}
		s.slots[at(c.Index)] = slot
		switch a := c.Function.Arguments.(type) {
		case string:
			s.tools[slot] += a
		case object:
			raw, _ := json.Marshal(a)
			s.tools[slot] += string(raw)
		}
	}
}

// at is the index of a piece; -1 = it has none.
func at(index *int) int {
	if index == nil {
		return -1
	}
	return *index
}

func hear(t *testing.T, r reply) *said {
	t.Helper()
	if r.status != http.StatusOK || r.err != nil {
		t.Fatalf("status %d, %v: %s", r.status, r.err, r.body)
	}
	s := &said{slots: map[int]int{}}
	for line := range strings.Lines(strings.ReplaceAll(string(r.body), "\r\n", "\n")) {
		if strings.HasPrefix(line, "event:") {
			t.Errorf("a chat has the line %q", line)
		}
		data, ok := strings.CutPrefix(line, "data:")
		if !ok {
			continue
		}
		if strings.TrimSpace(data) == "[DONE]" {
			s.done = true
			continue
		}
		var c chatChunk
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		s.chunk(&c)
	}
	return s
}

func (s *said) chunk(c *chatChunk) {
	s.chunks++
	s.failed += string(c.Error)
	for _, u := range []*chatUsage{c.Usage, c.XGroq.Usage} {
		if u != nil {
			s.usage = u
			s.usages++
		}
	}
	for _, choice := range c.Choices {
		s.take(choice.Delta)
		s.take(choice.Message)
		s.stop += choice.Stop
		if choice.Finish != nil && *choice.Finish != "" {
			s.finish = append(s.finish, *choice.Finish)
		}
		if choice.Usage != nil {
			s.usage = choice.Usage
			s.usages++
		}
	}
}

// everything is an answer with a block of each kind.
func everything() Answer {
	return Reply(
		Thinking("Let me see, 考える.", ""), Text("I will look — 見る."),
		ToolUse("Bash", `{"command":"ls -la /tmp","description":"list"}`), ToolUse("Read", `{"file_path":"/tmp/ünï"}`),
		Usage{Input: 100, CacheRead: 900, Output: 50, Thinking: 30},
	)
}

func TestAChatSaysTheSameInEveryVariant(t *testing.T) {
	for _, v := range ChatVariants() {
		t.Run(v.Name, func(t *testing.T) {
			s, up := serve(t, Options{}, everything().With(v.Part))
			r := askChat(t, up, chatStream)
			if v.Name == "JSON instead of a stream" {
				if decodeObject(t, r.body)["object"] != "chat.completion" {
					t.Errorf("%s", r.body)
				}
				return
			}
			got := hear(t, r)
			if got.text != "I will look — 見る." || got.thinking != "Let me see, 考える." || got.failed != "" {
				t.Errorf("%+v", got)
			}
			want := `Bash {"command":"ls -la /tmp","description":"list"}|Read {"file_path":"/tmp/ünï"}`
			if v.Name == "arguments repeated" {
				want = `Bash {"command":"ls -la /tmp","description":"list"}{"command":"ls -la /tmp","description":"list"}|Read {"file_path":"/tmp/ünï"}{"file_path":"/tmp/ünï"}`
			}
			if calls := strings.Join(got.tools, "|"); calls != want {
				t.Errorf("tools %s", calls)
			}
			if got.done == (v.Name == "no DONE") || len(got.finish) == 0 {
				t.Errorf("done %v, finish %q", got.done, got.finish)
			}
			if u := got.usage; u == nil || u.Prompt != 1000 || u.Completion != 50 || u.Total != 1050 || u.Details.Cached != 900 || u.Output.Reasoning != 30 {
				t.Errorf("usage %+v", u)
			}
			b := bills(t, s, 1)[0]
			if b.Source != SourceFinal || b.Dialect != DialectChat || b.Operation != OpMessages || b.Charged.Input != 100 || b.Charged.CacheRead != 900 || b.Charged.Output != 50 || b.Charged.Thinking != 30 {
				t.Errorf("billed %s %+v", b.Source, b.Charged)
			}
		})
	}
}

func TestAChatTellsItsUsageOnlyToWhoAsks(t *testing.T) {
	s, up := serve(t, Options{}, Always(everything()))
	got := hear(t, askChat(t, up, strings.Replace(chatStream, `"stream_options":{"include_usage":true},`, "", 1)))
	if got.usage != nil {
		t.Errorf("%+v", got.usage)
	}
	if b := bills(t, s, 1)[0]; b.Source != SourceNone || b.Charged.Output != Absent {
		t.Errorf("billed %s %+v", b.Source, b.Charged)
	}
}

func TestSpellingsOfTheUsage(t *testing.T) {
	tests := []struct {
		spelling string
		check    func(u *chatUsage) bool
		charged  [4]int64 // input, cache read, output, thinking
	}{
		{SpellOpenAI, func(u *chatUsage) bool { return u.Details.Cached == 900 && u.Output.Reasoning == 30 }, [4]int64{100, 900, 50, 30}},
		{SpellDeepSeek, func(u *chatUsage) bool { return u.Hit == 900 && u.Miss == 100 && u.Details == nil }, [4]int64{100, 900, 50, 30}},
		{SpellKimi, func(u *chatUsage) bool { return u.Kimi == 900 && u.Output == nil }, [4]int64{100, 900, 50, Absent}},
		{SpellBare, func(u *chatUsage) bool { return u.Details == nil && u.Output == nil && u.Prompt == 1000 }, [4]int64{1000, Absent, 50, Absent}},
		{SpellOutside, func(u *chatUsage) bool { return u.Completion == 20 && u.Total == 1050 && u.Output.Reasoning == 30 }, [4]int64{100, 900, 50, 30}},
	}
	for _, tt := range tests {
		t.Run(tt.spelling, func(t *testing.T) {
			s, up := serve(t, Options{}, everything().With(UsageSpelled(tt.spelling), StatedCost("0.0125")))
			got := hear(t, askChat(t, up, chatStream))
			if got.usage == nil || !tt.check(got.usage) || got.usage.Cost != 0.0125 {
				t.Errorf("usage %+v", got.usage)
			}
			c := bills(t, s, 1)[0].Charged
			if [4]int64{c.Input, c.CacheRead, c.Output, c.Thinking} != tt.charged {
				t.Errorf("charged %+v, want %v", c, tt.charged)
			}
		})
	}
}

func TestAChatWithoutStreamHasTheSameContent(t *testing.T) {
	s, up := serve(t, Options{}, everything(), Reply(Text("no."), RefusalText(), StopReason("refusal")), Reply(Thinking("hm", ""), Text("x"), ReasoningIn(ReasoningTags)))
	msg := func() object {
		r := askChat(t, up, chatJSON)
		choice := decodeObject(t, r.body)["choices"].([]any)[0].(object)
		m := choice["message"].(object)
		m["finish"] = choice["finish_reason"]
		return m
	}
	m := msg()
	calls := m["tool_calls"].([]any)
	if m["content"] != "I will look — 見る." || m["reasoning_content"] != "Let me see, 考える." || len(calls) != 2 || m["finish"] != "tool_calls" {
		t.Errorf("%v", m)
	}
	if f := calls[1].(object)["function"].(object); f["arguments"] != `{"file_path":"/tmp/ünï"}` {
		t.Errorf("%v", f)
	}
	if m := msg(); m["content"] != nil || m["refusal"] != "no." || m["finish"] != "content_filter" {
		t.Errorf("%v", m)
	}
	if m := msg(); m["content"] != "<think>hm</think>x" {
		t.Errorf("%v", m)
	}
	if b := bills(t, s, 3)[0]; b.Source != SourceFinal || b.Charged.Output != 50 {
		t.Errorf("billed %s %+v", b.Source, b.Charged)
	}
}

func TestThinkTagsAreCutInTwo(t *testing.T) {
	_, up := serve(t, Options{}, Reply(Thinking("hm", ""), Text("so"), ReasoningIn(ReasoningTags)))
	r := askChat(t, up, chatStream)
	if got := hear(t, r); got.text != "<think>hm</think>so" {
		t.Errorf("%q", got.text)
	}
	if strings.Contains(string(r.body), "<think>") {
		t.Error("a tag came in one piece")
	}
}

func TestFaultsOfAChat(t *testing.T) {
	long := Reply(TextPieces("one two three four", 4), Usage{Input: 9, Output: 4})
	tests := []struct {
		name   string
		answer Answer
		check  func(t *testing.T, r reply, b *Billed)
	}{
		{"cut", long.With(CutAfter(3, CutRST)), func(t *testing.T, r reply, b *Billed) {
			if !wasReset(r.err) || b.Ending != EndCut || b.Source != SourceNone {
				t.Errorf("%v, billed %s %s", r.err, b.Ending, b.Source)
			}
		}},
		{"cut, usage in every chunk", long.With(CutAfter(3, CutClean), UsageIn(UsageEverywhere)), func(t *testing.T, _ reply, b *Billed) {
			if b.Ending != EndCut || b.Source != SourcePartial || b.Usage.Output != 2 || b.Usage.Input != 9 {
				t.Errorf("billed %s %s %+v", b.Ending, b.Source, b.Usage)
			}
		}},
		{"no finish", long.With(NoFinish()), func(t *testing.T, r reply, _ *Billed) {
			if got := hear(t, r); len(got.finish) > 0 || got.usage != nil || got.done || got.text != "one two three four" {
				t.Errorf("%+v", got)
			}
		}},
		{"error after content", long.With(ErrorEventAfterContent("overloaded_error", "busy")), func(t *testing.T, r reply, b *Billed) {
			got := hear(t, r)
			if got.text != "one two three fo" || !strings.Contains(got.failed, `"message":"busy","type":"server_error"`) || got.done || b.ErrorType != "overloaded_error" {
				t.Errorf("%+v, billed %s", got, b.ErrorType)
			}
		}},
		{"error with a number", long.With(ErrorEventFirst("rate_limit_error", "slow"), NumericErrors()), func(t *testing.T, r reply, _ *Billed) {
			if got := hear(t, r); !strings.Contains(got.failed, `"code":429,"message":"slow"`) || got.text != "" {
				t.Errorf("%+v", got)
			}
		}},
		{"overloaded", Overloaded(), func(t *testing.T, r reply, b *Billed) {
			if r.status != 503 || b.Status != 503 || b.ErrorType != "overloaded_error" || !strings.Contains(string(r.body), `"error":{"message":"Overloaded"`) {
				t.Errorf("%d %s", r.status, r.body)
			}
		}},
		{"limited", RateLimited("2"), func(t *testing.T, r reply, _ *Billed) {
			if r.status != 429 || r.header.Get("Retry-After") != "2" || !strings.Contains(string(r.body), `"code":"rate_limit_exceeded"`) {
				t.Errorf("%d %v %s", r.status, r.header, r.body)
			}
		}},
		{"too long", PromptTooLong(140000, 128000), func(t *testing.T, r reply, _ *Billed) {
			if r.status != 400 || !strings.Contains(string(r.body), `maximum context length is 128000 tokens`) || !strings.Contains(string(r.body), `"code":"context_length_exceeded"`) {
				t.Errorf("%d %s", r.status, r.body)
			}
		}},
		{"a stop sequence", Reply(Text("x"), StopSequence("END"), MatchedStop()), func(t *testing.T, r reply, _ *Billed) {
			if got := hear(t, r); got.stop != "END" || got.finish[0] != "stop" {
				t.Errorf("%+v", got)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, up := serve(t, Options{}, tt.answer)
			r := askChat(t, up, chatStream)
			b := bills(t, s, 1)[0]
			tt.check(t, r, &b)
			if tt.name != "cut" && (r.header.Get("X-Request-Id") != b.RequestID || b.RequestID == "" || r.header.Get("Request-Id") != "") {
				t.Errorf("header %v, billed as %s", r.header, b.RequestID)
			}
		})
	}
}

func TestAChatIsParsedForScripts(t *testing.T) {
	var got Request
	s, up := serve(t, Options{}, AnswerFunc(func(r Request) Answer { got = r; return Text("x") }))
	r := askChat(t, up, `{"model":"m","max_completion_tokens":77,"stream":true,"reasoning_effort":"high","prompt_cache_key":"s-1","tool_choice":"auto","stop":["END"],
		"tools":[{"type":"function","function":{"name":"Bash","parameters":{"type":"object","properties":{}}}}],
		"messages":[{"role":"system","content":"sys"},{"role":"user","content":"please build"},{"role":"user","content":"<system-reminder>env</system-reminder>"},
		{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"Bash","arguments":"{\"command\":\"make\"}"}}]},
		{"role":"tool","tool_call_id":"call_1","content":"ok"},{"role":"user","content":[{"type":"text","text":"go on"}]}]}`)
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if b := bills(t, s, 1)[0]; b.SessionID != "s-1" {
		t.Errorf("billed to session %q", b.SessionID)
	}
	if got.System != "sys" || got.Turns != 1 || got.Rounds != 1 || !strings.HasPrefix(got.Prompt, "please build\n<system") || got.Effort != "high" || got.MaxTokens != 77 || got.SessionID != "s-1" {
		t.Errorf("%+v", got)
	}
	if len(got.ToolResults) != 1 || got.ToolResults[0].Text != "ok" || !ToolResultFor("Bash")(got) || !got.HasTool("Bash") || got.StopSequences[0] != "END" {
		t.Errorf("%+v", got)
	}
}

func TestTheListOfModelsIsInTheWordsOfWhoAsks(t *testing.T) {
	_, up := serve(t, Options{Models: []string{"gpt-x"}})
	c := dial(t, up)
	c.send(t, http.MethodGet, "/v1/models", "", "Authorization: Bearer k")
	if r := c.read(t); string(r.body) != `{"object":"list","data":[{"id":"gpt-x","object":"model","created":1790000000,"owned_by":"simulator"}]}` {
		t.Errorf("%s", r.body)
	}
}
