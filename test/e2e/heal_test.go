//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sim "prism/internal/simulator"
)

// settle writes lines into the profile of a provider, beside its base_url, and waits until prism
// has taken them.
func (h *house) settle(t *testing.T, p *provider, lines ...string) {
	t.Helper()
	file := h.path("config", "profiles.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := h.status(t).Generation
	var out []string
	for l := range strings.SplitSeq(string(src), "\n") {
		out = append(out, l)
		if at := strings.Index(l, "base_url: "+p.url); at >= 0 {
			for _, add := range lines {
				out = append(out, strings.Repeat(" ", at)+add)
			}
		}
	}
	write(t, file+".new", strings.Join(out, "\n"))
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	h.wait(t, "the profile is settled", func() bool { return h.status(t).Generation > before })
}

// strict answers like script, and refuses thinking that another provider has signed, in
// Anthropic's words.
func strict(p *provider, script sim.AnswerFunc) {
	p.Script(sim.Always(sim.AnswerFunc(func(r sim.Request) sim.Answer {
		for i, m := range r.Messages {
			for j, b := range m.Blocks {
				if b.Type == "thinking" && !strings.Contains(b.Text, p.name) {
					return sim.BadSignature(i, j)
				}
			}
		}
		return script(r)
	})))
}

// thinker is a provider's answer to any turn: it thinks, and tells its name.
func thinker(p *provider) sim.AnswerFunc {
	return func(r sim.Request) sim.Answer {
		return sim.Reply(sim.Thinking("so thinks "+p.name, ""), sim.Text(p.name+" speaks"), counts(int64(r.Turns)))
	}
}

func TestAProfileSwitchAndBackIsHealedWithoutTheClientNoticing(t *testing.T) {
	h := open(t)
	strict(h.work, thinker(h.work))
	h.spare.Script(sim.Always(thinker(h.spare)))
	k := newClient(t, h).start(t)
	say := func(prompt, want string) {
		t.Helper()
		if res := k.turn(t, prompt); res.IsError || res.Result != want {
			t.Fatalf("%s: %+v, want %q", prompt, res, want)
		}
	}
	say("first", "work speaks")
	h.activate(t, "spare")
	say("second", "spare speaks")
	h.activate(t, "work")
	say("third", "work speaks")
	say("fourth", "work speaks")
	tr := k.end(t)
	if len(tr.retries) > 0 {
		t.Errorf("the client tried again: %q", tr.retries)
	}
	var statuses []int
	for _, b := range h.work.Bill() {
		statuses = append(statuses, b.Status)
	}
	if want := []int{200, 400, 200, 200}; !slices.Equal(statuses, want) {
		t.Errorf("work answered %v, want %v", statuses, want)
	}
	rows := h.query(t, `select outcome, profile, len(attempts) as attempts, attempts[-1].why as why, array_to_string(translation_notes, ' ') as notes from requests order by started_at`)
	var got []string
	for _, r := range rows {
		got = append(got, strings.TrimSpace(strings.Join([]string{r.text("outcome"), r.text("profile"), r.text("why"), r.text("notes")}, " ")))
	}
	want := []string{"ok work active", "ok spare active", "ok work healed thinking_removed", "ok work active thinking_removed"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("the ledger has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheClientCompactsWhereThePromptIsTooLong(t *testing.T) {
	const words = "prompt is too long: 213462 tokens > 200000 maximum"
	for name, refusal := range map[string]sim.Answer{
		"as a 400":                   sim.PromptTooLong(213_462, 200_000),
		"as the first of the events": sim.ErrorEventFirst("invalid_request_error", words),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			refused := 0
			h.work.Script(sim.Always(sim.AnswerFunc(func(r sim.Request) sim.Answer {
				last := r.Messages[len(r.Messages)-1].Text()
				switch {
				case strings.Contains(last, "CRITICAL: Respond with TEXT ONLY") || strings.Contains(last, "summary of the conversation"):
					return sim.Reply(sim.Text("<analysis>short</analysis>\n<summary>They said first and second.</summary>"), counts(3))
				case strings.Contains(last, "second") && refused == 0:
					refused++
					return refusal
				}
				return sim.Reply(sim.Text("fine"), counts(int64(len(r.Messages))))
			})))
			k := newClient(t, h).start(t)
			k.turn(t, "first")
			if res := k.turn(t, "second"); res.IsError || res.Result != "fine" {
				t.Errorf("%+v", res)
			}
			k.end(t)
			if n := len(h.work.Bill()); n != 4 {
				t.Errorf("%d calls, want 4: two turns, a compaction, and the second turn again", n)
			}
			rows := h.query(t, "select http_status, error_type, error_message from requests where outcome <> 'ok'")
			if len(rows) != 1 || rows[0].text("error_message") != words {
				t.Errorf("rows that failed: %v", rows)
			}
		})
	}
}

func TestALongSilenceDoesNotCutTheClientOff(t *testing.T) {
	// The client gives a stream up after 20 s without a byte.
	const patience = "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS=20000"
	answer := sim.Reply(sim.Thinking("a long thought", ""), sim.Text("worth the wait"), counts(1), sim.Pause(3, 26*time.Second))
	t.Run("keepalive", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.settle(t, h.work, "keepalive: true")
		h.work.Script(sim.Always(answer))
		tr := newClient(t, h, patience).ask(t, "think long")
		tr.mustSay(t, "worth the wait")
		h.reconcile(t, 1, tr)
	})
	if !soak() {
		return
	}
	t.Run("without it the client asks again", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.work.Script(sim.Once(sim.Always(answer)), sim.Always(sim.Reply(sim.Text("at last"), counts(2))))
		newClient(t, h, patience).ask(t, "think long").mustSay(t, "at last")
		if n := len(h.work.Bill()); n < 2 {
			t.Errorf("%d call: the silence is too short to prove anything", n)
		}
	})
}
