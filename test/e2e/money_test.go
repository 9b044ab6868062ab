//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// These tests compare money where it is not simply a matter of the top level of the usage. Where
// client and ledger differ, the test says by how much, which of them is right, and why.

// TestAdviceIsPricedAtTheAdvisorsModel: the client prices advisor_message iterations at their own
// model, and names them so. So does the ledger.
func TestAdviceIsPricedAtTheAdvisorsModel(t *testing.T) {
	h := open(t)
	u := counts(1)
	u.Iterations = []sim.Iteration{
		{Type: "message", Usage: counts(1)},
		{Type: "advisor_message", Model: "claude-fable-5-2", Usage: sim.Usage{Input: 823, Output: 1612, CacheRead: 100, CacheWrite5m: 40, CacheWrite1h: 50}},
	}
	h.work.Script(sim.Reply(sim.Text("ok"), u))
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "ok")
	h.reconcile(t, 1, tr)
}

// TestACompactionOfTheProviderIsBilledAlthoughTheClientOverlooksIt: the client prices the top level
// and advisors only. The ledger is right: the API's own specification says that the tokens of a
// compaction are not included in the top level of usage.
func TestACompactionOfTheProviderIsBilledAlthoughTheClientOverlooksIt(t *testing.T) {
	h := open(t)
	u := counts(1)
	u.Iterations = []sim.Iteration{{Type: "compaction", Usage: sim.Usage{Input: 2000, Output: 300, CacheWrite5m: 10}}, {Type: "message", Usage: counts(1)}}
	h.work.Script(sim.Reply(sim.Text("ok"), u))
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "ok")
	rows := h.books(t, 1)
	const compaction = (2000*4 + 300*20 + 10*5) / 1e6
	mustCost(t, "the ledger, without the compaction", listCost(t, rows)-compaction, tr.total(t))
	mustCost(t, "the compaction", rows[0].iterations(t)[0].dollars(t, "cost_list_usd"), compaction)
}

// TestAFallbackOfTheProviderIsPricedByWhoServed: Opus declines, Sonnet serves. A client that did
// not ask for a fallback prices all of it as Opus, with the cache reads of the model that declined,
// which a zero does not take away, and without the hop. The ledger is right: it prices what was
// served as Sonnet, which is what the provider says served, and the declined hop beside it as Opus.
func TestAFallbackOfTheProviderIsPricedByWhoServed(t *testing.T) {
	h := open(t)
	first, served := sim.Usage{Input: 10, CacheRead: 30_000}, counts(1)
	served.CacheRead = 0
	u := served
	u.Start = &first
	declined := first
	declined.Output = 3
	u.Iterations = []sim.Iteration{
		{Type: "message", Model: "claude-opus-5-5", Usage: declined},
		{Type: "fallback_message", Model: "claude-sonnet-5-5", Usage: served},
	}
	hop := sim.RawBlock(`{"type":"fallback","from":{"model":"claude-opus-5-5"},"to":{"model":"claude-sonnet-5-5"},"trigger":{"type":"refusal","category":null}}`)
	h.work.Script(sim.Reply(hop, sim.Text("ok"), u))
	tr := newClient(t, h).ask(t, "hi")
	r := h.books(t, 1)[0]
	asSonnet := float64(2*served.Input+10*served.Output) + 2.5*float64(served.CacheWrite5m) + 4*float64(served.CacheWrite1h)
	asOpus := float64(4*declined.Input+20*declined.Output) + 0.2*float64(declined.CacheRead)
	mustCost(t, "the ledger", r.dollars(t, "cost_list_usd"), (asSonnet+asOpus)/1e6)
	atOpus := float64(4*served.Input+20*served.Output) + 0.2*float64(first.CacheRead) + 5*float64(served.CacheWrite5m+served.CacheWrite1h)
	mustCost(t, "the client", tr.total(t), atOpus/1e6)
}

// TestSamplesOfALongAnswerAreTieredOneByOne: a provider that runs tools of its own samples the
// model several times. Client and ledger measure Haiku's long-prompt price on each sample.
func TestSamplesOfALongAnswerAreTieredOneByOne(t *testing.T) {
	h := open(t)
	part := func(in, out int64) sim.Iteration {
		return sim.Iteration{Type: "message", Usage: sim.Usage{Input: in, Output: out}}
	}
	short, mixed := sim.Usage{Input: 120_000, Output: 300}, sim.Usage{Input: 160_000, Output: 400}
	short.Iterations = []sim.Iteration{part(60_000, 100), part(60_000, 200)}
	mixed.Iterations = []sim.Iteration{part(50_000, 150), part(110_000, 250)}
	h.work.Script(sim.Always(sim.Turns(sim.Reply(sim.Text("short"), short), sim.Reply(sim.Text("mixed"), mixed))))
	k := newClient(t, h).start(t, "--model", "haiku")
	k.turn(t, "two short ones")
	k.turn(t, "a short one and a long one")
	rows := h.reconcile(t, 2, k.end(t))
	mustCost(t, "two samples of 60,000", rows[0].dollars(t, "cost_list_usd"), (120_000*0.10+300*0.50)/1e6)
	mustCost(t, "50,000 and 110,000", rows[1].dollars(t, "cost_list_usd"), (50_000*0.10+150*0.50+110_000*0.50+250*2.50)/1e6)
}

// TestCacheWritesOfUnknownLife: the provider reports no division. With the default marks client and
// ledger book five minutes. With marks of an hour the client still books five minutes, and the
// ledger an hour, noted as inferred. The ledger is right: that is what the marks asked for and what
// the provider charges.
func TestCacheWritesOfUnknownLife(t *testing.T) {
	u := sim.Usage{Input: 1000, Output: 200, CacheRead: 30_000, CacheWrite5m: 400, InStart: sim.UsageNoSplit}
	t.Run("five minutes", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.work.Script(sim.Reply(sim.Text("ok"), u))
		tr := newClient(t, h).ask(t, "hi")
		rows := h.books(t, 1)
		mustNote(t, rows[0], "ttl_inferred")
		mustCost(t, "the ledger", listCost(t, rows), tr.total(t))
	})
	t.Run("an hour", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		u := u
		u.CacheWrite5m, u.CacheWrite1h = 0, 400
		h.work.Script(sim.Reply(sim.Text("ok"), u))
		tr := newClient(t, h, "ENABLE_PROMPT_CACHING_1H=1").ask(t, "hi")
		rows := h.books(t, 1)
		mustNote(t, rows[0], "ttl_inferred")
		mustCost(t, "the ledger", listCost(t, rows), tr.total(t)+400*(8-5)/1e6)
	})
}

// TestAnHourOfCacheIsPricedAlikeWhereItIsReported uses the marks of an hour and their division.
func TestAnHourOfCacheIsPricedAlikeWhereItIsReported(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Reply(sim.Text("ok"), counts(1)))
	tr := newClient(t, h, "ENABLE_PROMPT_CACHING_1H=1").ask(t, "hi")
	h.reconcile(t, 1, tr)
}

// TestAProviderThatCountsCachedTokensInside reports input_tokens with them in it, and a total that
// proves it. The client takes the input as it stands and counts the cached tokens twice. The ledger
// is right: it subtracts them, and has what the provider charges.
func TestAProviderThatCountsCachedTokensInside(t *testing.T) {
	h := open(t)
	u := sim.Usage{Input: 1000, Output: 200, CacheRead: 30_000, CacheWrite5m: 400, CacheInside: true, Total: true}
	h.work.Script(sim.Reply(sim.Text("ok"), u))
	tr := newClient(t, h).ask(t, "hi")
	rows := h.books(t, 1)
	mustNote(t, rows[0], "cache_proved")
	mustNote(t, rows[0], "cache_subtracted")
	mustCost(t, "the ledger", listCost(t, rows), tr.total(t)-30_400*4/1e6)
}

// TestBatchIsHalfThePriceAlthoughTheClientShowsTheWhole: the client shows service_tier and does not
// price it. The ledger is right: batches cost half. A client in a terminal is not served so.
func TestBatchIsHalfThePriceAlthoughTheClientShowsTheWhole(t *testing.T) {
	h := open(t)
	u := counts(1)
	u.ServiceTier = "batch"
	h.work.Script(sim.Reply(sim.Text("ok"), u))
	tr := newClient(t, h).ask(t, "hi")
	mustCost(t, "the ledger", listCost(t, h.books(t, 1)), tr.total(t)/2)
}

// TestMoneyOfBrokenStreams: however an upstream breaks off, prism tells the client by an error event
// and breaks the connection off. Of a stream that ended by an error event the client counts
// nothing; if it sees the broken connection first, it counts the prompt and a third of the
// characters that it got. The ledger is right: the provider had read the whole prompt and charges
// for it, and for what it wrote until then, which nobody was told. So the row has the prompt
// exactly and an estimate of the output, marked as one.
func TestMoneyOfBrokenStreams(t *testing.T) {
	long := strings.Repeat("words and more words ", 20)
	for name, broken := range map[string]sim.Answer{
		"reset within a block":     sim.Reply(sim.Text(long), counts(1), sim.CutAfter(4, sim.CutRST)),
		"clean end within a block": sim.Reply(sim.Text(long), counts(1), sim.CutAfter(4, sim.CutClean)),
		"reset after a block":      sim.Reply(sim.TextPieces("half", 0), sim.Text(long), counts(1), sim.CutAfter(6, sim.CutRST)),
		"error event":              sim.Reply(sim.Text(long), counts(1), sim.ErrorEventAfter(5, "overloaded_error", "busy")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.work.Script(broken, sim.Always(sim.Reply(sim.Text("whole"), counts(2))))
			tr := newClient(t, h).ask(t, "hi")
			rows := h.books(t, 2)
			cut, good := rows[0], rows[1]
			p := counts(1)
			prompt := (4*float64(p.Input) + 0.2*float64(p.CacheRead) + 5*float64(p.CacheWrite5m) + 8*float64(p.CacheWrite1h)) / 1e6
			mustCost(t, "the broken stream", cut.dollars(t, "cost_list_usd"), prompt+float64(20*cut.num(t, "output_tokens"))/1e6)
			client, seen := good.dollars(t, "cost_list_usd"), tr.last(t).ModelUsage["claude-opus-5-5"]
			if seen.Input != good.num(t, "input_tokens") {
				guess := seen.Output - good.num(t, "output_tokens")
				t.Logf("the client counts the broken stream: output %d, by the ledger %d", guess, cut.num(t, "output_tokens"))
				client += prompt + float64(20*guess)/1e6
			}
			mustCost(t, "the client", tr.total(t), client)
			if source, out := cut.text("usage_source"), cut.num(t, "output_tokens"); source != "estimated" || out < 1 {
				t.Errorf("the usage of the broken stream is %s, output %d; want an estimate", source, out)
			}
		})
	}
}

// TestMoneyOfAnAnswerTheClientCannotUse: the client asks again without a stream and forgets the
// first answer. The ledger is right: the provider wrote both and charges for both.
func TestMoneyOfAnAnswerTheClientCannotUse(t *testing.T) {
	h := open(t)
	h.work.Script(
		sim.Reply(sim.Text("not streamed"), counts(1), sim.JSONInsteadOfStream()),
		sim.Reply(sim.Text("asked without stream"), counts(2)),
	)
	tr := newClient(t, h).ask(t, "hi")
	tr.mustSay(t, "asked without stream")
	rows := h.books(t, 2)
	mustCost(t, "the second answer", rows[1].dollars(t, "cost_list_usd"), tr.total(t))
	mustRepeat(t, rows)
}

// TestRepeatsOfTheClientAreLinked has the real client come back after failures of several kinds.
// Its own count of retries is always 0: it repeats by itself, not through its SDK.
func TestRepeatsOfTheClientAreLinked(t *testing.T) {
	good := sim.Reply(sim.Text("now"), counts(9))
	refused := sim.Error(400, "invalid_request_error", "something about this request is odd", nil)
	tests := []struct {
		name   string
		script []sim.Step
		rows   int
	}{
		{"overloaded twice", []sim.Step{sim.Overloaded(), sim.Overloaded(), good}, 3},
		{"not allowed now", []sim.Step{sim.RateLimited("1"), good}, 2},
		// The third repair would change the messages themselves, and is an exchange of its own.
		{"refused, and sent again with less and less", []sim.Step{refused, refused, good}, 3},
		{"cut", []sim.Step{sim.Reply(sim.Text("lost words"), counts(1), sim.CutAfter(4, sim.CutRST)), good}, 2},
		{"error in the stream, then without one", []sim.Step{sim.Reply(sim.Text(strings.Repeat("lost words ", 20)), counts(1), sim.ErrorEventAfter(5, "overloaded_error", "busy")), good}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.work.Script(tt.script...)
			tr := newClient(t, h).ask(t, "hi")
			tr.mustSay(t, "now")
			mustRepeat(t, h.books(t, tt.rows))
		})
	}
}

// TestAToolLoopIsNoChainOfRepeats: requests of one conversation that go on are none.
func TestAToolLoopIsNoChainOfRepeats(t *testing.T) {
	h := open(t)
	h.work.Script(sim.Always(sim.Rounds(
		sim.Reply(sim.ToolUse("Bash", `{"command":"echo one"}`), counts(1)), sim.Reply(sim.Text("done"), counts(2)))))
	tr := newClient(t, h).ask(t, "go", "--allowedTools", "Bash")
	for _, r := range h.reconcile(t, 2, tr) {
		if r["retry_of"] != nil {
			t.Errorf("a row repeats %v", r["retry_of"])
		}
	}
}

// mustRepeat checks that every row but the first repeats the one before it.
func mustRepeat(t *testing.T, rows []row) {
	t.Helper()
	before := ""
	for i, r := range rows {
		if got := r.text("retry_of"); got != before {
			t.Errorf("row %d repeats %q, want %q", i, got, before)
		}
		if n := r.num(t, "retry_count"); n != 0 {
			t.Errorf("row %d: the client says %d retries, it used to say 0 always", i, n)
		}
		before = r.text("request_id")
	}
}

// mustNote checks that a row carries a usage note.
func mustNote(t *testing.T, r row, note string) {
	t.Helper()
	notes, _ := r["usage_notes"].([]any)
	if !slices.Contains(notes, any(note)) {
		t.Errorf("notes %v, want %s among them", notes, note)
	}
}
