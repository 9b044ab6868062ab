package simulator

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheDemoIsVariedAndFailsTwice(t *testing.T) {
	s := Demo(Options{Seed: 1})
	up := s.Start()
	defer up.Close()
	c := dial(t, up)
	for n := 1; n <= 24; n++ {
		model := []string{"claude-opus-5-5", "claude-haiku-5-5", "kimi-k3"}[n%3]
		history := []string{userSays}
		for range n % 4 {
			history = append(history, callsTool, hasResult)
		}
		body := strings.Replace(conversation(model, history...), `"stream":true`, `"stream":true,"thinking":{"type":"adaptive"}`, 1)
		c.send(t, "POST", "/v1/messages", body, fmt.Sprintf("X-Claude-Code-Session-Id: s%d", n%2))
		r := c.read(t)
		switch n {
		case DemoOverloaded:
			if r.status != 529 {
				t.Errorf("request %d: %d", n, r.status)
			}
		case DemoBroken:
			if !wasReset(r.err) {
				t.Errorf("request %d: %v", n, r.err)
			}
			c = dial(t, up)
		default:
			if r.err != nil {
				t.Fatalf("request %d: %v", n, r.err)
			}
		}
	}
	kinds, usages := map[string]int{}, map[string]bool{}
	for _, b := range bills(t, s, 24) {
		if b.Source == SourceFinal {
			kinds[b.StopReason]++
			usages[fmt.Sprint(b.Usage)] = true
		}
		if thinks := strings.Contains(string(b.ResponseBody), "thinking_delta"); thinks {
			kinds["thinking"]++
		}
	}
	if kinds["end_turn"] < 5 || kinds["tool_use"] < 5 || kinds["thinking"] < 5 || len(usages) < 20 {
		t.Errorf("%v, %d different figures", kinds, len(usages))
	}
}
