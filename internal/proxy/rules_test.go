package proxy_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
)

// TestARuleSeesWhatTheRequestSays sends a request that meets one condition of each kind, and the
// same without what meets it.
func TestARuleSeesWhatTheRequestSays(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey, Default: simulator.Reply(simulator.Text("ok"))})
	up := s.Start()
	defer up.Close()
	now := time.Now()
	hour := func(d time.Duration) string { return now.Add(d).Format("15:04") }
	long := strings.Replace(plainBody, `"hi"`, `"`+strings.Repeat("some words ", 400)+`"`, 1)
	image := strings.Replace(plainBody, `"hi"`, `[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+
		base64.StdEncoding.EncodeToString(make([]byte, 60_000))+`"}}]`, 1)
	session := `{"metadata":{"user_id":"user_0_account_1_session_s-77"},` + plainBody[1:]
	for _, c := range []struct {
		name        string
		rule        config.Rule
		body        string
		header      []string
		other       string // a body that does not meet it
		otherwise   []string
		unavoidable bool // every request meets it
	}{
		{name: "session", rule: config.Rule{Session: "s-7*"}, body: plainBody, header: []string{"X-Claude-Code-Session-Id", "s-70"}, other: plainBody, otherwise: []string{"X-Claude-Code-Session-Id", "s-8"}},
		{name: "session in the body", rule: config.Rule{Session: "s-77"}, body: session, other: plainBody},
		{name: "a sub-agent", rule: config.Rule{Agent: "*"}, body: plainBody, header: []string{"X-Claude-Code-Agent-Id", "a1"}, other: plainBody},
		{name: "the main conversation", rule: config.Rule{Agent: "main"}, body: plainBody, other: plainBody, otherwise: []string{"X-Claude-Code-Agent-Id", "main"}},
		{name: "tag", rule: config.Rule{Tag: &config.TagRule{Name: "team", Match: "b*"}}, body: plainBody, header: []string{"X-Prism-Tags", "cost=1, team=blue"}, other: plainBody, otherwise: []string{"X-Prism-Tags", "team=red"}},
		{name: "time", rule: config.Rule{Between: hour(-time.Hour) + "-" + hour(time.Hour)}, body: plainBody, unavoidable: true},
		{name: "a long prompt", rule: config.Rule{PromptOver: 1000}, body: long, other: plainBody},
		{name: "a short prompt", rule: config.Rule{PromptUnder: 1000}, body: plainBody, other: long},
		{name: "an image is no long prompt", rule: config.Rule{PromptOver: 1400, PromptUnder: 1700}, body: image, other: plainBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rule.Use = "second"
			r := newRig(t, rigOptions{profiles: []config.Profile{profile("first", up.URL), profile("second", up.URL)}, rules: []config.Rule{c.rule}})
			r.post(c.body, c.header...)
			if e := r.Journal.wait(t, 1)[0]; e.Profile != "second" || e.RouteReason != "rule 1" {
				t.Errorf("%s for the reason %q", e.Profile, e.RouteReason)
			}
			if c.unavoidable {
				return
			}
			r.post(c.other, c.otherwise...)
			if e := r.Journal.wait(t, 2)[1]; e.Profile != "first" || e.RouteReason != "active" {
				t.Errorf("without it: %s for the reason %q", e.Profile, e.RouteReason)
			}
		})
	}
}
