//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// dialects are those that prism translates for the client.
func dialects() []string { return []string{sim.DialectChat, sim.DialectResponses} }

// abroad is one of the scenarios that the client runs against a provider of another dialect.
type abroad struct {
	name   string
	rules  sim.Rules
	quirks []string
	run    func(t *testing.T, h *house)
}

// TestTheClientWorksWithProvidersOfOtherDialects runs the scenarios of the Messages API against
// providers that have never heard of it and check every request by the rules of their own.
func TestTheClientWorksWithProvidersOfOtherDialects(t *testing.T) {
	for _, d := range dialects() {
		for _, s := range scenariosAbroad(d) {
			t.Run(d+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, openOther(t, d, sim.Options{CheckSignatures: true, Rules: s.rules}, s.quirks...))
			})
		}
	}
}

// scenariosAbroad are the scenarios of a dialect. Reasoning comes back to who wants it: in a chat
// that is a provider like DeepSeek.
func scenariosAbroad(dialect string) []abroad {
	thinking := abroad{name: "thinking and a tool", run: thinkingAbroad}
	if dialect == sim.DialectChat {
		thinking.rules = sim.Rules{Open: true, Reasoning: "must"}
		thinking.quirks = []string{"reasoning_in: reasoning_content", "reasoning_must: true"}
	}
	return []abroad{
		thinking,
		{name: "plain text", run: func(t *testing.T, h *house) {
			h.other.Script(sim.Reply(sim.Text("Hello from far away. Ünïcödé 🌈"), otherCounts(1)))
			tr := newClient(t, h).ask(t, "say hello")
			tr.mustSay(t, "Hello from far away. Ünïcödé 🌈")
			h.otherReconcile(t, 1, 0, tr)
		}},
		{name: "a loop of tools", run: loopAbroad},
		{name: "parallel tools", run: parallelAbroad},
		{name: "a subagent", run: subagentAbroad},
		{name: "a session that goes on", run: func(t *testing.T, h *house) {
			h.other.Script(sim.Always(sim.Turns(
				sim.Reply(sim.Thinking("first", ""), sim.Text("one"), otherCounts(1)), sim.Reply(sim.Text("two"), otherCounts(2)))))
			c := newClient(t, h)
			first := c.ask(t, "begin")
			second := c.ask(t, "and again", "--continue")
			second.mustSay(t, "two")
			for _, r := range h.otherReconcile(t, 2, 0, second) {
				if r.text("session_id") != first.last(t).SessionID {
					t.Errorf("session %s, want %s", r.text("session_id"), first.last(t).SessionID)
				}
			}
		}},
		{name: "an overloaded provider", run: func(t *testing.T, h *house) {
			h.other.Script(sim.Overloaded(), sim.Reply(sim.Text("now"), otherCounts(1)))
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "now")
			tr.mustHaveWaited(t, 1)
			mustBeStatus(t, h.otherReconcile(t, 2, 0, tr), 529, "overloaded_error", 200, "")
		}},
		{name: "a limit of the rate", run: func(t *testing.T, h *house) {
			h.other.Script(sim.RateLimited("2"), sim.Reply(sim.Text("later"), otherCounts(1)))
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "later")
			tr.mustHaveWaited(t, 1)
			rows := h.otherReconcile(t, 2, 0, tr)
			mustBeStatus(t, rows, 429, "rate_limit_error", 200, "")
			// From its first question on: when it had the answer, nobody but the client knows.
			if gap := rows[1].time(t, "started_at").Sub(rows[0].time(t, "started_at")).Seconds(); gap < 2 {
				t.Errorf("the client came back after %.1f s, although it was told to wait for 2", gap)
			}
		}},
		{name: "a stream that is cut", run: cutAbroad},
		{name: "a prompt that is too long", run: tooLongAbroad},
		{name: "tools that are searched for, and the web", run: searchAbroad},
		{name: "an error within the stream", run: func(t *testing.T, h *house) {
			h.other.Script(
				sim.Reply(sim.Text(strings.Repeat("words and more words ", 20)), otherCounts(1), sim.ErrorEventAfterContent("overloaded_error", "busy")),
				sim.Reply(sim.Text("asked without stream"), otherCounts(2)))
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "asked without stream")
			rows := h.otherBooks(t, 2, 0)
			if rows[1].text("stream") != "false" || rows[1].text("outcome") != "ok" {
				t.Errorf("the second request: stream %s, %s", rows[1].text("stream"), rows[1].text("outcome"))
			}
		}},
		{name: "the size of everything", run: func(t *testing.T, h *house) {
			tr := newClient(t, h).ask(t, "/context")
			if tr.exit != 0 || !strings.Contains(tr.last(t).Result, "Context Usage") {
				t.Errorf("exit %d, result %q", tr.exit, tr.last(t).Result)
			}
			rows := h.otherBooks(t, 0, -1)
			if len(rows) < 10 {
				t.Errorf("%d rows, want the 25 or so that /context asks for", len(rows))
			}
		}},
	}
}

func thinkingAbroad(t *testing.T, h *house) {
	t.Helper()
	h.other.Script(sim.Always(sim.Rounds(
		sim.Reply(sim.Thinking("Let me look first.", ""), sim.ToolUse("Bash", `{"command":"echo signed"}`), otherCounts(1)),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			// The Responses API wants what it has encrypted, a chat the words.
			if got := thoughts(&r); h.other.dialect == sim.DialectChat && !slices.Equal(got, []string{"Let me look first."}) {
				t.Errorf("the thinking that came back is %q", got)
			}
			if h.other.dialect == sim.DialectResponses && r.Signed() != 1 {
				t.Errorf("%d encrypted items came back, want 1", r.Signed())
			}
			return sim.Reply(sim.Thinking("That was it.", ""), sim.Text("signed"), otherCounts(2))
		}),
	)))
	tr := newClient(t, h).ask(t, "think", "--allowedTools", "Bash")
	tr.mustSay(t, "signed")
	h.otherReconcile(t, 2, 0, tr)
}

// thoughts returns the thinking in a history.
func thoughts(r *sim.Request) []string {
	var list []string
	for _, m := range r.Messages {
		for _, b := range m.Blocks {
			if b.Type == "thinking" {
				list = append(list, b.Text)
			}
		}
	}
	return list
}

func loopAbroad(t *testing.T, h *house) {
	t.Helper()
	echo := func(word string, n int64) sim.Answer {
		return sim.Reply(sim.Text("next"), sim.ToolUse("Bash", `{"command":"echo `+word+`","description":"say it"}`), otherCounts(n))
	}
	h.other.Script(sim.Always(sim.Rounds(echo("one", 1), echo("two", 2), echo("three", 3), sim.AnswerFunc(func(r sim.Request) sim.Answer {
		if len(r.ToolResults) != 1 || !strings.Contains(r.ToolResults[0].Text, "three") {
			t.Errorf("tool results %+v", r.ToolResults)
		}
		return sim.Reply(sim.Text("finished"), otherCounts(4))
	}))))
	tr := newClient(t, h).ask(t, "go on", "--allowedTools", "Bash")
	tr.mustSay(t, "finished")
	h.otherReconcile(t, 4, 0, tr)
}

func parallelAbroad(t *testing.T, h *house) {
	t.Helper()
	h.other.Script(sim.Always(sim.Rounds(
		sim.Reply(sim.ToolUse("Bash", `{"command":"sleep 0.2; echo left"}`), sim.ToolUse("Bash", `{"command":"echo middle"}`),
			sim.ToolUse("Bash", `{"command":"echo right"}`), otherCounts(1)),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			var got []string
			for _, res := range r.ToolResults {
				got = append(got, strings.TrimSpace(res.Text))
			}
			if want := []string{"left", "middle", "right"}; !slices.Equal(got, want) { // in the order of the calls
				t.Errorf("tool results %q, want %q", got, want)
			}
			return sim.Reply(sim.Text("all three"), otherCounts(2))
		}),
	)))
	tr := newClient(t, h).ask(t, "do three things", "--allowedTools", "Bash")
	tr.mustSay(t, "all three")
	h.otherReconcile(t, 2, 0, tr)
}

func subagentAbroad(t *testing.T, h *house) {
	t.Helper()
	h.other.Script(
		sim.When(sim.LastText("look below"), sim.Rounds(
			sim.Reply(sim.ToolUse("Bash", `{"command":"echo below"}`), otherCounts(10)),
			sim.Reply(sim.Text("below is done"), otherCounts(11)))),
		sim.Always(sim.Rounds(
			sim.Reply(sim.ToolUse("Agent", `{"description":"look","prompt":"look below","subagent_type":"general-purpose"}`), otherCounts(1)),
			sim.Reply(sim.Text("handed over"), otherCounts(2)))),
	)
	tr := newClient(t, h, "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1").ask(t, "delegate", "--allowedTools", "Bash,Agent")
	tr.mustSay(t, "handed over")
	mustHaveAgents(t, h.otherReconcile(t, 4, 0, tr), 2)
}

// cutAbroad cuts before the model has said why it ends: the client must not take it for an answer.
func cutAbroad(t *testing.T, h *house) {
	t.Helper()
	long := strings.Repeat("words and more words ", 20)
	h.other.Script(
		sim.Reply(sim.Text(long), otherCounts(1), sim.CutAfter(6, sim.CutClean)),
		sim.Always(sim.Reply(sim.Text("whole"), otherCounts(2))))
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "whole")
	rows := h.otherBooks(t, 2, 0)
	if got := rows[0].text("outcome") + " " + rows[0].text("usage_source"); got != "truncated estimated" {
		t.Errorf("the cut stream is %q, want truncated estimated", got)
	}
	if got := rows[1].text("outcome"); got != "ok" {
		t.Errorf("the second request is %s, want ok", got)
	}
}

// tooLongAbroad refuses a prompt in the provider's own words; the client must compact its history
// and go on.
func tooLongAbroad(t *testing.T, h *house) {
	t.Helper()
	h.other.Script(
		sim.When(func(r sim.Request) bool { return r.IsCompaction() }, sim.Reply(sim.Text("<analysis>a</analysis><summary>We echoed words.</summary>"), otherCounts(9))),
		sim.Times(3, sim.Always(sim.Rounds(
			sim.Reply(sim.ToolUse("Bash", `{"command":"echo one"}`), otherCounts(1)),
			sim.Reply(sim.ToolUse("Bash", `{"command":"echo two"}`), otherCounts(2)),
			sim.PromptTooLong(140_000, 128_000)))),
		sim.Always(sim.Reply(sim.Text("went on"), otherCounts(3))),
	)
	tr := newClient(t, h).ask(t, "go on", "--allowedTools", "Bash")
	tr.mustSay(t, "went on")
	rows := h.otherBooks(t, len(h.other.Bill()), 0)
	refused := slices.IndexFunc(rows, func(r row) bool { return r.text("http_status") == "400" })
	if refused != 2 || len(rows) < 5 {
		t.Fatalf("the request that was refused is row %d of %d", refused, len(rows))
	}
	if got := rows[refused].text("error_message"); !strings.Contains(got, "prompt is too long: 140000 tokens > 128000 maximum") {
		t.Errorf("the client was told %q", got)
	}
}

// searchAbroad finds a tool, which is then offered, and uses it for what this route cannot do: the
// client must take that for a failed tool, not for a result.
func searchAbroad(t *testing.T, h *house) {
	t.Helper()
	h.other.Script(sim.Always(sim.Rounds(
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			if r.HasTool("WebSearch") || !r.HasTool("ToolSearch") {
				t.Errorf("tools at first: %v", r.Tools)
			}
			return sim.Reply(sim.ToolUse("ToolSearch", `{"query":"select:WebSearch","max_results":1}`), otherCounts(1))
		}),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			if !r.HasTool("WebSearch") {
				t.Errorf("the tool that was found is not offered: %v", r.Tools)
			}
			return sim.Reply(sim.ToolUse("WebSearch", `{"query":"prism"}`), otherCounts(2))
		}),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			if len(r.ToolResults) != 1 || !strings.Contains(r.ToolResults[0].Text, "web search is not available through this route") {
				t.Errorf("the result of the search: %+v", r.ToolResults)
			}
			return sim.Reply(sim.Text("no web here"), otherCounts(3))
		}),
	)))
	tr := newClient(t, h).ask(t, "search the web", "--allowedTools", "WebSearch,ToolSearch")
	tr.mustSay(t, "no web here")
	refused := 0
	for _, r := range h.otherReconcile(t, 3, -1, tr) {
		if r.text("http_status") == "400" {
			refused++
		}
	}
	if refused < 1 || refused > 2 { // the client asks once more, with less
		t.Errorf("%d requests for a search were refused, want one or two", refused)
	}
}
