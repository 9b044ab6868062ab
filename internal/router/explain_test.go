package router_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"prism/config"
	"prism/internal/router"
)

func TestAnExplanationSaysWhatWasAskedForAndWhatThereWas(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 7, 0, 0, time.FixedZone("CET", 3600)) // a Saturday, and Friday's night
	for _, c := range []struct {
		rule      config.Rule
		condition string
		want      string
		have      string
	}{
		{config.Rule{Model: "*haiku*"}, "model", "*haiku*", "claude-opus-5"},
		{config.Rule{Path: "/v1/files*"}, "path", "/v1/files*", "/v1/messages"},
		{config.Rule{Header: &config.HeaderRule{Name: "x-team", Match: "red"}}, "header", "X-Team: red", "blue"},
		{config.Rule{Header: &config.HeaderRule{Name: "x-other", Match: "?*"}}, "header", "X-Other: ?*", ""},
		{config.Rule{Session: "s-2"}, "session", "s-2", "s-1"},
		{config.Rule{Agent: "*"}, "agent", "*", "the main conversation"},
		{config.Rule{Tag: &config.TagRule{Name: "team", Match: "red"}}, "tag", "team=red", "blue"},
		{config.Rule{Tag: &config.TagRule{Name: "cost", Match: "*"}}, "tag", "cost=*", ""},
		{config.Rule{Between: "08:30-24:00"}, "between", "08:30-24:00", "03:07 CET"},
		{config.Rule{Between: "22:00-06:00", Days: []string{"sat", "sun"}}, "days", "sat sun", "fri"},
		{config.Rule{Days: []string{"sun", "mon"}}, "days", "mon sun", "sat"},
		{config.Rule{PromptOver: 900}, "prompt_over", "900", "800"},
		{config.Rule{PromptUnder: 100}, "prompt_under", "100", "800"},
		{config.Rule{Model: "*opus*", Session: "s-1", Agent: "main", PromptUnder: 100}, "prompt_under", "100", "800"},
	} {
		p := three()
		c.rule.Use, c.rule.Pos = "local", config.Pos{Line: 7, Column: 5}
		p.Rules = []config.Rule{c.rule}
		q := router.Query{
			Model: "claude-opus-5", Path: "/v1/messages", Header: http.Header{"X-Team": {"blue"}}, Session: "s-1",
			Tags: map[string]string{"team": "blue"}, Now: at, PromptTokens: 800,
		}
		e, err := compile(t, newRouter(t), p).Explain(&q)
		want := router.Asked{Number: 1, Pos: c.rule.Pos, Use: "local", Condition: c.condition, Want: c.want, Have: c.have}
		if err != nil || len(e.Rules) != 1 || e.Rules[0] != want {
			t.Errorf("got %+v, %v\nwant %+v", e.Rules, err, want)
		}
	}
}

func TestNoRuleIsAskedWhereTheRequestNamesAProfile(t *testing.T) {
	table := compile(t, newRouter(t), three())
	for _, q := range []router.Query{{Prefix: "local", Model: "claude-haiku-5"}, {Named: "local", Model: "claude-haiku-5"}} {
		if e, err := table.Explain(&q); err != nil || len(e.Rules) != 0 || e.Plan.Routes[0].Profile.Name != "local" {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if _, err := table.Explain(&router.Query{Named: "nobody"}); !errors.Is(err, router.ErrNoProfile) {
		t.Errorf("nobody: %v", err)
	}
}
