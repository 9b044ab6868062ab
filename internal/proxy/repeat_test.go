package proxy_test

import (
	"fmt"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	sim "prism/internal/simulator"
	"prism/internal/stream"
)

// asking is a body with that last prompt.
func asking(prompt string) string { return strings.Replace(streamBody, "hi", prompt, 1) }

// TestARepeatNamesTheExchangeThatItRepeats sends pairs of requests: the first one fails or is of no
// use to the client, the second one may be its repeat.
func TestARepeatNamesTheExchangeThatItRepeats(t *testing.T) {
	session := []string{"X-Claude-Code-Session-Id", "s-1"}
	with := func(more ...string) []string { return append([]string{"X-Claude-Code-Session-Id", "s-1"}, more...) }
	long := strings.Repeat("words ", 20_000)
	tests := []struct {
		name          string
		first         sim.Answer
		before, after string
		head, head2   []string
		linked        bool
	}{
		{"overloaded", sim.Overloaded(), streamBody, streamBody, session, session, true},
		{"refused for its rate", sim.RateLimited("1"), streamBody, streamBody, session, session, true},
		{"an error in the stream", text(sim.ErrorEventAfterContent("overloaded_error", "busy")), streamBody, streamBody, session, session, true},
		{"cut", text(sim.CutAfter(4, sim.CutRST)), streamBody, streamBody, session, session, true},
		{"cut, asked again without a stream", text(sim.CutAfter(4, sim.CutRST)), streamBody, strings.Replace(plainBody, "100", "64", 1), session, session, true},
		{"a long conversation", sim.Overloaded(), asking(long), asking(long), session, session, true},
		{"JSON where a stream was asked for", text(sim.JSONInsteadOfStream()), streamBody, plainBody, session, session, true},
		{"another model", sim.Overloaded(), streamBody, strings.Replace(streamBody, "opus", "sonnet", 1), session, session, true},
		{"an agent's", sim.Overloaded(), streamBody, streamBody, with("X-Claude-Code-Agent-Id", "a"), with("X-Claude-Code-Agent-Id", "a"), true},
		{"no session, but the client says so", sim.Overloaded(), streamBody, streamBody, nil, []string{"X-Stainless-Retry-Count", "1"}, true},

		{"it had succeeded", text(), streamBody, streamBody, session, session, false},
		{"other words", sim.Overloaded(), streamBody, asking("ho"), session, session, false},
		{"other words at the end of a long conversation", sim.Overloaded(), asking(long + "a"), asking(long + "b"), session, session, false},
		{"other words at its beginning", sim.Overloaded(), asking("a" + long), asking("b" + long), session, session, false},
		{"another session", sim.Overloaded(), streamBody, streamBody, session, []string{"X-Claude-Code-Session-Id", "s-2"}, false},
		{"another agent", sim.Overloaded(), streamBody, streamBody, session, with("X-Claude-Code-Agent-Id", "a"), false},
		{"no session and no word of the client", sim.Overloaded(), streamBody, streamBody, nil, nil, false},
		{"no session, for the first time", sim.Overloaded(), streamBody, streamBody, nil, []string{"X-Stainless-Retry-Count", "0"}, false},
		{"no messages", sim.Overloaded(), `{"model":"m"}`, `{"model":"m"}`, session, session, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sim.New(sim.Options{})
			up := s.Start()
			t.Cleanup(up.Close)
			s.Script(tt.first, sim.Always(text()))
			r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
			r.post(tt.before, tt.head...)
			first := r.Journal.wait(t, 1)[0]
			r.post(tt.after, tt.head2...)
			second := r.Journal.wait(t, 2)[1]
			want := ""
			if tt.linked {
				want = first.RequestID
			}
			if second.RetryOf != want || first.RetryOf != "" {
				t.Errorf("repeats %q, want %q", second.RetryOf, want)
			}
		})
	}
}

func TestRepeatsOfRepeatsAreAChainThatEndsWithSuccess(t *testing.T) {
	s := sim.New(sim.Options{})
	up := s.Start()
	t.Cleanup(up.Close)
	s.Script(sim.Overloaded(), sim.Overloaded(), sim.Always(text()))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for range 4 {
		r.post(streamBody, "X-Claude-Code-Session-Id", "s-1")
	}
	var chain []string
	entries := r.Journal.wait(t, 4)
	for i, e := range entries {
		link := "-"
		for j := range entries[:i] {
			if entries[j].RequestID == e.RetryOf {
				link = fmt.Sprint(j)
			}
		}
		chain = append(chain, link)
	}
	if got := strings.Join(chain, " "); got != "- 0 1 -" {
		t.Errorf("chain %q, want - 0 1 -: the fourth repeats one that had succeeded", got)
	}
}

func TestOnlyAsManyFailuresAreRememberedAsFit(t *testing.T) {
	s := sim.New(sim.Options{Default: sim.Overloaded(), Record: sim.RecordCount})
	up := s.Start()
	t.Cleanup(up.Close)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	const failures = 1024 + 8 // eight more than are kept
	for i := range failures {
		r.post(streamBody, "X-Claude-Code-Session-Id", fmt.Sprint(i))
	}
	ids := map[string]string{}
	for _, e := range r.Journal.wait(t, failures) {
		ids[e.SessionID] = e.RequestID
	}
	for _, i := range []int{8, 7, failures - 1} { // each of these fails as well, and is kept
		want := ids[fmt.Sprint(i)]
		if i == 7 {
			want = ""
		}
		n := len(r.Journal.entries())
		r.post(streamBody, "X-Claude-Code-Session-Id", fmt.Sprint(i))
		if e := r.Journal.wait(t, n+1)[n]; e.RetryOf != want {
			t.Errorf("session %d repeats %q, want %q", i, e.RetryOf, want)
		}
	}
}

func TestTheClientsOwnCountOfRetriesIsKept(t *testing.T) {
	s := sim.New(sim.Options{})
	up := s.Start()
	t.Cleanup(up.Close)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for i, tt := range []struct {
		header string
		want   stream.Count
	}{{"", stream.Unknown}, {"0", 0}, {"3", 3}, {"-1", stream.Unknown}, {"many", stream.Unknown}, {"99999999999", stream.Unknown}} {
		var head []string
		if tt.header != "" {
			head = []string{"X-Stainless-Retry-Count", tt.header}
		}
		r.post(streamBody, head...)
		if e := r.Journal.wait(t, i+1)[i]; e.RetryCount != tt.want || e.Outcome != ledger.OutcomeOK {
			t.Errorf("%q: %d, want %d", tt.header, e.RetryCount, tt.want)
		}
	}
}
