//go:build e2e

package e2e

import (
	"math"
	"slices"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// Every answer has counts of its own, so that a row cannot be taken for another one.
func counts(n int64) sim.Usage {
	return sim.Usage{
		Input: 1000 + n, Output: 200 + 3*n, CacheRead: 30_000 + 7*n,
		CacheWrite5m: 400 + 11*n, CacheWrite1h: 50 + 13*n,
	}
}

func TestPlainText(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Reply(sim.Text("Hello from the other side. Ünïcödé 🌈"), counts(1)))
	tr := newClient(t, h).ask(t, "say hello")
	tr.mustSay(t, "Hello from the other side. Ünïcödé 🌈")
	h.reconcile(t, 1, tr)
}

func TestThinkingKeepsItsSignature(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Rounds(
		sim.Reply(sim.Thinking("Let me look first.", ""), sim.ToolUse("Bash", `{"command":"echo signed"}`), counts(1)),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			if r.Signed() != 1 {
				t.Errorf("%d signed thinking blocks came back, want 1", r.Signed())
			}
			return sim.Reply(sim.Thinking("That was it.", ""), sim.Text("signed"), counts(2))
		}),
	)))
	tr := newClient(t, h).ask(t, "think", "--allowedTools", "Bash")
	tr.mustSay(t, "signed")
	h.reconcile(t, 2, tr)
}

func TestToolLoopOfSeveralTurns(t *testing.T) {
	h := open(t)
	echo := func(word string, n int64) sim.Answer {
		return sim.Reply(sim.Text("next"), sim.ToolUse("Bash", `{"command":"echo `+word+`","description":"say it"}`), counts(n))
	}
	h.work.Script(sim.Always(sim.Rounds(echo("one", 1), echo("two", 2), echo("three", 3), sim.Reply(sim.Text("finished"), counts(4)))))
	tr := newClient(t, h).ask(t, "go on", "--allowedTools", "Bash")
	tr.mustSay(t, "finished")
	h.reconcile(t, 4, tr)
}

func TestParallelTools(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Rounds(
		sim.Reply(
			sim.ToolUse("Bash", `{"command":"echo left"}`), sim.ToolUse("Bash", `{"command":"echo middle"}`),
			sim.ToolUse("Bash", `{"command":"echo right"}`), counts(1),
		),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			var got []string
			for _, res := range r.ToolResults {
				got = append(got, strings.TrimSpace(res.Text))
			}
			slices.Sort(got) // they come back in the order they ended
			if want := []string{"left", "middle", "right"}; !slices.Equal(got, want) {
				t.Errorf("tool results %q, want %q", got, want)
			}
			return sim.Reply(sim.Text("all three"), counts(2))
		}),
	)))
	tr := newClient(t, h).ask(t, "do three things", "--allowedTools", "Bash")
	tr.mustSay(t, "all three")
	h.reconcile(t, 2, tr)
}

// subagents scripts a parent that starts one subagent, which uses a tool.
func subagents(h *house) {
	h.work.Script(
		sim.When(sim.Match(func(r sim.Request) bool { return r.IsSubagent() }), sim.Rounds(
			sim.Reply(sim.ToolUse("Bash", `{"command":"echo below"}`), counts(10)),
			sim.Reply(sim.Text("below is done"), counts(11)),
		)),
		sim.Always(sim.Sequence(
			sim.Reply(sim.ToolUse("Agent", `{"description":"look","prompt":"look below","subagent_type":"general-purpose"}`), counts(1)),
			sim.Reply(sim.Text("handed over"), counts(2)),
			sim.Reply(sim.Text("back from below"), counts(3)),
		)),
	)
}

func TestSubagentInTheBackground(t *testing.T) {
	h := open(t)
	subagents(h)
	tr := newClient(t, h).ask(t, "delegate", "--allowedTools", "Bash,Agent")
	tr.mustSay(t, "back from below")
	rows := h.reconcile(t, 5, tr)
	mustHaveAgents(t, rows, 2)
}

func TestSubagentTheParentWaitsFor(t *testing.T) {
	h := open(t)
	subagents(h)
	tr := newClient(t, h, "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1").ask(t, "delegate", "--allowedTools", "Bash,Agent")
	tr.mustSay(t, "handed over")
	rows := h.reconcile(t, 4, tr)
	mustHaveAgents(t, rows, 2)
}

// mustHaveAgents checks that want rows, and no others, belong to one subagent of the session.
func mustHaveAgents(t *testing.T, rows []row, want int) {
	t.Helper()
	agents := map[string]int{}
	sessions := map[string]bool{}
	for _, r := range rows {
		sessions[r.text("session_id")] = true
		if id := r.text("agent_id"); id != "" {
			agents[id]++
		}
	}
	if len(agents) != 1 || len(sessions) != 1 {
		t.Fatalf("agents %v, sessions %v; want one of each", agents, sessions)
	}
	for id, n := range agents {
		if n != want {
			t.Errorf("agent %s has %d rows, want %d", id, n, want)
		}
	}
}

func TestContinueAddsToTheSameSession(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Turns(
		sim.Reply(sim.Thinking("first", ""), sim.Text("one"), counts(1)),
		sim.Reply(sim.Text("two"), counts(2)),
	)))
	c := newClient(t, h)
	first := c.ask(t, "begin")
	second := c.ask(t, "and again", "--continue")
	second.mustSay(t, "two")
	rows := h.reconcile(t, 2, second)
	for _, r := range rows {
		if r.text("session_id") != first.last(t).SessionID {
			t.Errorf("session %s, want %s", r.text("session_id"), first.last(t).SessionID)
		}
	}
}

func TestModelTiersHaveTheirOwnPrices(t *testing.T) {
	tests := []struct{ alias, model string }{
		{"opus", "claude-opus-5-5"},
		{"sonnet", "claude-sonnet-5-5"},
		{"haiku", "claude-haiku-5-5"},
		{"fable", "claude-fable-5-2"},
		{"claude-fable-5-1", "claude-fable-5-1"},
		{"claude-opus-4-8", "claude-opus-4-8"},
		{"claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"},
	}
	for _, tt := range tests {
		t.Run(tt.alias, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.work.Script(sim.Always(sim.Reply(sim.Text("ok"), counts(1))))
			tr := newClient(t, h).ask(t, "hi", "--model", tt.alias)
			tr.mustSay(t, "ok")
			rows := h.reconcile(t, 1, tr)
			if got := rows[0].text("request_model"); got != tt.model {
				t.Errorf("model %s, want %s", got, tt.model)
			}
		})
	}
}

func TestModelWithoutAPriceCostsNullNotZero(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Reply(sim.Text("ok"), counts(1))))
	tr := newClient(t, h).ask(t, "hi", "--model", "nobody-prices-this")
	tr.mustSay(t, "ok")
	r := h.books(t, 1)[0]
	for _, column := range []string{"price_id", "cost_usd", "cost_list_usd", "cost_input_usd", "cost_output_usd"} {
		if r[column] != nil {
			t.Errorf("%s is %v, want NULL", column, r[column])
		}
	}
}

func TestLongPromptsOfHaikuCostMore(t *testing.T) {
	h := open(t)
	short, long := counts(1), counts(2)
	short.Input, long.Input = 100_000-short.CacheRead-short.CacheWrite5m-short.CacheWrite1h, 120_000
	h.work.Script(sim.Always(sim.Turns(sim.Reply(sim.Text("short"), short), sim.Reply(sim.Text("long"), long))))
	k := newClient(t, h).start(t, "--model", "haiku")
	k.turn(t, "up to the border")
	k.turn(t, "beyond it")
	h.reconcile(t, 2, k.end(t))
}

func TestSurchargesOfRegionSpeedAndWebSearch(t *testing.T) {
	near, fast, search := counts(1), counts(2), counts(3)
	near.InferenceGeo, fast.Speed, search.WebSearches = "us", "fast", 3
	tests := map[string]sim.Usage{"region": near, "speed": fast, "search": search}
	for name, usage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.work.Script(sim.Reply(sim.Text("ok"), usage))
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "ok")
			h.reconcile(t, 1, tr)
		})
	}
}

// TestCountTokens uses /context, which asks for the size of every part of the prompt at once.
func TestCountTokens(t *testing.T) {
	h := open(t)
	tr := newClient(t, h).ask(t, "/context")
	if tr.exit != 0 || !strings.Contains(tr.last(t).Result, "Context Usage") {
		t.Errorf("exit %d, result %q", tr.exit, tr.last(t).Result)
	}
	rows := h.reconcile(t, 0, tr)
	if len(rows) < 10 {
		t.Errorf("%d rows, want the 25 or so that /context asks for", len(rows))
	}
	for _, r := range rows {
		if r.text("operation") != "count_tokens" || r.text("outcome") != "ok" {
			t.Errorf("a row of %s, %s", r.text("operation"), r.text("outcome"))
		}
	}
}

func TestOverloadedThenSuccess(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Overloaded(), sim.Reply(sim.Text("now"), counts(1)))
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "now")
	tr.mustHaveWaited(t, 1)
	rows := h.reconcile(t, 2, tr)
	mustBeStatus(t, rows, 529, "overloaded_error", 200, "")
}

func TestRateLimitWithRetryAfter(t *testing.T) {
	h := open(t)
	h.work.Script(sim.RateLimited("2"), sim.Reply(sim.Text("later"), counts(1)))
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "later")
	tr.mustHaveWaited(t, 1)
	rows := h.reconcile(t, 2, tr)
	mustBeStatus(t, rows, 429, "rate_limit_error", 200, "")
	// From its first question on: when it had the answer, nobody but the client knows.
	if gap := rows[1].time(t, "started_at").Sub(rows[0].time(t, "started_at")).Seconds(); gap < 2 {
		t.Errorf("the client came back after %.1f s, although it was told to wait for 2", gap)
	}
}

func mustBeStatus(t *testing.T, rows []row, first int64, errorType string, second int64, none string) {
	t.Helper()
	for i, want := range []struct {
		status int64
		typ    string
	}{{first, errorType}, {second, none}} {
		if got, typ := rows[i].num(t, "http_status"), rows[i].text("error_type"); got != want.status || typ != want.typ {
			t.Errorf("row %d: status %d, error %q; want %d, %q", i, got, typ, want.status, want.typ)
		}
	}
}

// TestStreamCutInTheMiddle cuts before the first block is complete, and after: the client asks
// again in one case and resumes in the other. The rows of both cut streams are marked. The
// client's own figures are not compared: whether it counts a stream that broke depends on what
// it had read by then.
func TestStreamCutInTheMiddle(t *testing.T) {
	long := strings.Repeat("words and more words ", 20)
	tests := []struct {
		name   string
		broken sim.Answer
	}{
		{"within a block, reset", sim.Reply(sim.Text(long), counts(1), sim.CutAfter(4, sim.CutRST))},
		{"within a block, clean end", sim.Reply(sim.Text(long), counts(1), sim.CutAfter(4, sim.CutClean))},
		{"after a block, reset", sim.Reply(sim.TextPieces("half", 0), sim.Text(long), counts(1), sim.CutAfter(6, sim.CutRST))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.work.Script(tt.broken, sim.Always(sim.Reply(sim.Text("whole"), counts(2))))
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "whole")
			rows := h.books(t, 2)
			if got := rows[0].text("outcome") + " " + rows[0].text("usage_source"); got != "truncated estimated" {
				t.Errorf("the cut stream is %q, want truncated estimated", got)
			}
			t.Logf("the client waited %d times and came back with stream %s", len(tr.retries), rows[1].text("stream"))
			if got := rows[1].text("outcome"); got != "ok" {
				t.Errorf("the second request is %s, want ok", got)
			}
		})
	}
}

func TestProviderThatDoesNotStream(t *testing.T) {
	h := open(t)
	h.work.Script(
		sim.Reply(sim.Text("not streamed"), counts(1), sim.JSONInsteadOfStream()),
		sim.Reply(sim.Text("asked without stream"), counts(2)),
	)
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "asked without stream")
	rows := h.books(t, 2)
	if got := rows[1].text("stream"); got != "false" {
		t.Errorf("the second request has stream %s, want false", got)
	}
}

// TestProfileSwitchBetweenTurns keeps one client through two switches made by saving the file.
func TestProfileSwitchBetweenTurns(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Turns(
		sim.Reply(sim.Text("from work"), counts(1)), sim.Reply(sim.Text("wrong"), counts(9)), sim.Reply(sim.Text("work again"), counts(3)),
	)))
	plain := counts(2)
	plain.CacheWrite5m, plain.CacheWrite1h = 0, 0 // this provider has no price for cache writes
	h.spare.Script(sim.Always(sim.Reply(sim.Text("from spare"), plain)))
	k := newClient(t, h).start(t)
	for _, turn := range []struct{ profile, want string }{{"", "from work"}, {"spare", "from spare"}, {"work", "work again"}} {
		if turn.profile != "" {
			h.activate(t, turn.profile)
		}
		if got := k.turn(t, "who is there?").Result; got != turn.want {
			t.Errorf("the answer is %q, want %q", got, turn.want)
		}
	}
	rows := h.reconcile(t, 3, k.end(t))
	for i, want := range []string{"work claude-opus-5-5 1", "spare kimi-k3 2", "work claude-opus-5-5 3"} {
		got := strings.Join([]string{rows[i].text("profile"), rows[i].text("upstream_model"), rows[i].text("generation")}, " ")
		if got != want {
			t.Errorf("row %d was served by %q, want %q", i, got, want)
		}
	}
	want := (3*float64(plain.Input) + 0.3*float64(plain.CacheRead) + 15*float64(plain.Output)) / 1e6
	if got := rows[1].dollars(t, "cost_usd"); !(math.Abs(got-want) < 1e-11) {
		t.Errorf("the turn at the spare provider cost %.10f USD, want %.10f", got, want)
	}
}
