package cloud

import (
	"strings"
	"testing"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

const (
	streamBody = `{"model":"claude-opus-5-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	plainBody  = `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`
)

// use is what the scripts say was used.
func use() simulator.Usage {
	return simulator.Usage{Input: 1000, CacheRead: 4096, CacheWrite5m: 10, CacheWrite1h: 20, Output: 77}
}

func script() simulator.Answer {
	return simulator.Reply(simulator.Thinking("Let me look.", ""), simulator.Text("Grüße"), simulator.ToolUse("Bash", `{"command":"ls"}`), use())
}

// likeTheBill holds an entry against the only bill of a simulator.
func likeTheBill(t *testing.T, e *ledger.Entry, s *simulator.Server) {
	t.Helper()
	bills := s.Bill()
	if len(bills) != 1 {
		t.Fatalf("%d bills", len(bills))
	}
	b := &bills[0]
	u := e.Usage
	got := [4]int64{int64(u.Input), int64(u.Output), int64(u.CacheRead), int64(u.CacheWrite5m) + int64(u.CacheWrite1h)}
	want := [4]int64{b.Charged.Input, b.Charged.Output, b.Charged.CacheRead, b.Charged.CacheWrite5m + b.Charged.CacheWrite1h}
	if got != want {
		t.Errorf("the entry says %v, the bill %v", got, want)
	}
	if e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || !e.Cost.Known() {
		t.Errorf("outcome %s, usage %s, cost %v", e.Outcome, e.UsageSource, e.Cost)
	}
	for _, c := range b.Credentials {
		if strings.Contains(c.Value, clientCredential) {
			t.Error("the cloud saw the client's credential")
		}
	}
}
