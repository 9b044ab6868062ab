//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// TestTheClientIsServedInEveryWayOfOtherServers has one session per way in which servers are known
// to answer: thinking, text and two tools, then their results.
func TestTheClientIsServedInEveryWayOfOtherServers(t *testing.T) {
	for d, variants := range map[string][]sim.Variant{
		sim.DialectChat: sim.ChatVariants(), sim.DialectResponses: sim.ResponsesVariants(),
	} {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			h := openOther(t, d, sim.Options{CheckSignatures: true})
			for _, v := range variants {
				t.Run(v.Name, func(t *testing.T) { h.session(t, v.Part) })
			}
			h.otherBooks(t, 2*len(variants), 0)
		})
	}
}

// session has the client use two tools with a provider that answers in its own way.
func (h *house) session(t *testing.T, way sim.Answer) {
	t.Helper()
	first, second := otherCounts(1), otherCounts(2)
	h.other.ClearScript()
	h.other.Script(sim.Always(sim.Rounds(
		sim.Reply(sim.Thinking("Two things — 二つ.", ""), sim.Text("Both at once."),
			sim.ToolUse("Bash", `{"command":"echo \"left — 左\"","description":"a \\ b"}`), sim.ToolUse("Bash", `{"command":"echo right"}`), first, way),
		sim.AnswerFunc(func(r sim.Request) sim.Answer {
			if len(r.ToolResults) != 2 || strings.TrimSpace(r.ToolResults[0].Text) != "left — 左" || strings.TrimSpace(r.ToolResults[1].Text) != "right" {
				t.Errorf("tool results %+v", r.ToolResults)
			}
			return sim.Reply(sim.Text("both"), second, way)
		}),
	)))
	tr := newClient(t, h).ask(t, "do two things", "--allowedTools", "Bash")
	tr.mustSay(t, "both")
	if !slices.Contains(tr.texts, "Both at once.") {
		t.Errorf("the client showed %q", tr.texts)
	}
	for model, u := range tr.last(t).ModelUsage {
		if u.Input != first.Input+second.Input || u.Output != first.Output+second.Output || u.CacheRead != first.CacheRead+second.CacheRead {
			t.Errorf("the client counts for %s: %+v", model, u)
		}
	}
	tr.mustHaveWaited(t, 0)
}

// TestAProviderThatRefusesAFieldIsAskedOtherwise: what the first refusal teaches is remembered, so
// that the second request is right at once.
func TestAProviderThatRefusesAFieldIsAskedOtherwise(t *testing.T) {
	tests := []struct {
		name  string
		rules sim.Rules
	}{
		{"max_tokens", sim.Rules{MaxTokens: "max_completion_tokens"}},
		{"max_completion_tokens", sim.Rules{MaxTokens: "max_tokens"}},
		{"too many tokens", sim.Rules{MaxOutput: 16384}},
		{"stream_options", sim.Rules{NoStreamOptions: true}},
		{"effort", sim.Rules{Efforts: []string{"none", "low"}}},
		{"effort beside tools", sim.Rules{ToolsOrEffort: true}}, // why there is the other dialect of OpenAI
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := openOther(t, sim.DialectChat, sim.Options{Rules: tt.rules})
			h.other.Script(sim.Always(sim.AnswerFunc(func(r sim.Request) sim.Answer {
				if !r.HasTool("Bash") {
					t.Errorf("tools %v: what was learned has cost the client its own", r.Tools)
				}
				return sim.Reply(sim.Text("fine"), otherCounts(1), sim.UsageIn(sim.UsageInFinish))
			})))
			c := newClient(t, h)
			c.ask(t, "hi").mustSay(t, "fine")
			first := len(h.other.Bill())
			c.ask(t, "again").mustSay(t, "fine")
			h.mustHaveLearned(t, first)
			if n := len(h.other.Bill()) - first; first > 2 || n != 1 {
				t.Errorf("%d requests at first, %d later; want at most 2, and 1", first, n)
			}
		})
	}
}

// mustHaveLearned checks the rows of two requests of which only the first was refused at first: they
// have the figures of the answer, and nothing is billed for what was refused.
func (h *house) mustHaveLearned(t *testing.T, attempts int) {
	t.Helper()
	var rows []row
	h.wait(t, "the ledger has a row for each request", func() bool {
		rows = h.query(t, "select *, len(attempts) as tries from requests where operation = 'messages' order by started_at")
		return len(rows) == 2
	})
	bill := h.other.Bill()
	for i, want := range []int64{int64(attempts), 1} {
		if got := rows[i].num(t, "tries"); got != want {
			t.Errorf("row %d has %d attempts, want %d", i, got, want)
		}
		b := bill[attempts-1+i]
		h.compareOther(t, rows[i], &b)
	}
}

// TestASessionThatGoesAbroadAndBack: Claude, another dialect, Claude again, with thinking and tools
// at each. Neither provider sees the thinking of the other one, and no request is refused.
func TestASessionThatGoesAbroadAndBack(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			h := openOther(t, d, sim.Options{CheckSignatures: true})
			h.activate(t, "work")
			scene := func(at *provider, name string, n int64, usage func(int64) sim.Usage) {
				at.Script(sim.Always(sim.Rounds(
					sim.Reply(sim.Thinking("thinking at "+name, ""), sim.ToolUse("Bash", `{"command":"echo `+name+`"}`), usage(n)),
					sim.AnswerFunc(func(r sim.Request) sim.Answer {
						for _, thought := range thoughts(&r) {
							if thought != "" && thought != "thinking at "+name { // what is encrypted has no words
								t.Errorf("%s was sent the thought %q", name, thought)
							}
						}
						return sim.Reply(sim.Thinking("thinking at "+name, ""), sim.Text("from "+name), usage(n+1))
					}))))
			}
			scene(h.work, "work", 1, counts)
			scene(h.other.provider, "other", 3, otherCounts)
			k := newClient(t, h).start(t, "--allowedTools", "Bash")
			for i, name := range []string{"work", "other", "work", "other"} {
				if i > 0 {
					h.activate(t, name)
				}
				if got := k.turn(t, "who is there?").Result; got != "from "+name {
					t.Errorf("turn %d: the answer is %q, want one from %s", i, got, name)
				}
			}
			k.end(t)
			rows := h.otherBooks(t, 4, 0)
			for i, want := range []string{"work", "work", "other", "other", "work", "work", "other", "other"} {
				if got := rows[i].text("profile"); got != want || rows[i].text("outcome") != "ok" {
					t.Errorf("row %d is of %s, %s; want one of %s", i, got, rows[i].text("outcome"), want)
				}
			}
			for _, b := range h.work.Bill() {
				if b.Status != 200 || strings.Contains(string(b.RequestBody), "prism1.") {
					t.Errorf("request %d at work: status %d, or minted thinking in it", b.Seq, b.Status)
				}
			}
		})
	}
}
