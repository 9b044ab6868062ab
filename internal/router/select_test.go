package router_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"prism/config"
	"prism/internal/pricing"
	"prism/internal/router"
	"prism/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func profile(name, url string) config.Profile {
	return config.Profile{Name: name, BaseURL: url, Dialect: config.DialectAnthropic, Auth: config.AuthNone, Provider: name, Multiplier: "1"}
}

func book(t *testing.T) *pricing.Book {
	t.Helper()
	b, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newRouter(t *testing.T) *router.Router {
	t.Helper()
	r := router.New(router.Options{Timeouts: upstream.Timeouts{}})
	t.Cleanup(r.Close)
	return r
}

func compile(t *testing.T, r *router.Router, p *config.Profiles) *router.Table {
	t.Helper()
	table, err := r.Compile(router.Source{Generation: 1, Profiles: p, Book: book(t)})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// three profiles with one rule of every kind.
func three() *config.Profiles {
	return &config.Profiles{
		Active:   "work",
		Profiles: []config.Profile{profile("work", "http://127.0.0.1:1"), profile("kimi", "http://127.0.0.1:2"), profile("local", "http://127.0.0.1:3")},
		Rules: []config.Rule{
			{Model: "*haiku*", Header: &config.HeaderRule{Name: "x-team", Match: "red*"}, Use: "local"},
			{Model: "*haiku*", Use: "kimi"},
			{Header: &config.HeaderRule{Name: "x-claude-code-agent-id", Match: "?*"}, Use: "kimi"},
			{Path: "/v1/files*", Use: "local"},
		},
	}
}

func TestSelectionFollowsPathThenHeaderThenRulesThenActive(t *testing.T) {
	table := compile(t, newRouter(t), three())
	for _, c := range []struct {
		name           string
		query          router.Query
		headers        []string
		profile, cause string
	}{
		{name: "nothing said", profile: "work", cause: "active"},
		{name: "path before all", query: router.Query{Prefix: "local", Named: "kimi", Model: "claude-haiku-4-5"}, profile: "local", cause: "path"},
		{name: "header before rules", query: router.Query{Named: "work", Model: "claude-haiku-4-5"}, profile: "work", cause: "header"},
		{name: "rule by model", query: router.Query{Model: "claude-haiku-4-5"}, profile: "kimi", cause: "rule 2"},
		{name: "both conditions of a rule", query: router.Query{Model: "claude-haiku-4-5"}, headers: []string{"X-Team", "red-1"}, profile: "local", cause: "rule 1"},
		{name: "one condition of two", query: router.Query{Model: "claude-opus-5-5"}, headers: []string{"X-Team", "red-1"}, profile: "work", cause: "active"},
		{name: "rule by header", query: router.Query{Model: "claude-opus-5-5"}, headers: []string{"X-Claude-Code-Agent-Id", "a1"}, profile: "kimi", cause: "rule 3"},
		{name: "empty header", headers: []string{"X-Claude-Code-Agent-Id", ""}, profile: "work", cause: "active"},
		{name: "rule by path", query: router.Query{Path: "/v1/files/f1"}, profile: "local", cause: "rule 4"},
		{name: "no model, rule by model", query: router.Query{Path: "/v1/models"}, profile: "work", cause: "active"},
		{name: "model in another case", query: router.Query{Model: "Claude-HAIKU-4-5"}, profile: "work", cause: "active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := c.query
			q.Header = http.Header{}
			for i := 0; i < len(c.headers); i += 2 {
				q.Header.Set(c.headers[i], c.headers[i+1])
			}
			plan, err := table.Select(&q)
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Routes) != 1 || plan.Routes[0].Profile.Name != c.profile || plan.Reason != c.cause {
				t.Errorf("%s for the reason %q, want %s, %q", plan.Routes[0].Profile.Name, plan.Reason, c.profile, c.cause)
			}
		})
	}
}

func TestAProfileAskedForByNameIsNeverGuessed(t *testing.T) {
	table := compile(t, newRouter(t), three())
	for _, q := range []router.Query{
		{Prefix: "nobody"},
		{Named: "nobody"},
		{Prefix: "nobody", Named: "work"},
		{Prefix: "Work"},
		{Named: "work "},
		{Named: "work,kimi"},
		{Prefix: "nobody", Model: "claude-haiku-4-5"},
	} {
		q.Header = http.Header{}
		if plan, err := table.Select(&q); !errors.Is(err, router.ErrNoProfile) || len(plan.Routes) != 0 {
			t.Errorf("prefix %q, header %q: %v, %v", q.Prefix, q.Named, plan, err)
		}
	}
}

func TestAChoiceOverridesTheActiveOfTheFile(t *testing.T) {
	r := newRouter(t)
	table, err := r.Compile(router.Source{Profiles: three(), Active: "kimi", Book: book(t)})
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Active().Profile.Name; got != "kimi" {
		t.Errorf("active %s, want kimi", got)
	}
}

func TestATableThatLeadsNowhereIsNotCompiled(t *testing.T) {
	ca := func(p config.Profile) config.Profile { p.CAFile = "/does/not/exist"; return p }
	for _, c := range []struct {
		name string
		make func(p *config.Profiles)
		want []string
	}{
		{"active", func(p *config.Profiles) { p.Active = "nobody" }, []string{`"nobody"`}},
		{"no active", func(p *config.Profiles) { p.Active = "" }, []string{"active"}},
		{"rule", func(p *config.Profiles) { p.Rules[3].Use = "nobody" }, []string{"rule 4", `"nobody"`}},
		{"every profile that fails", func(p *config.Profiles) {
			p.Profiles[0], p.Profiles[2] = ca(profile("work", "https://a.example")), ca(profile("local", "https://b.example"))
		}, []string{"profile work", "profile local"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRouter(t)
			live := compile(t, r, three())
			r.Swap(live)
			p := three()
			c.make(p)
			table, err := r.Compile(router.Source{Generation: 2, Profiles: p, Book: book(t)})
			if err == nil || table != nil {
				t.Fatalf("compiled: %v, %v", table, err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not name %s", err, w)
				}
			}
			if r.Table() != live {
				t.Error("the live table changed")
			}
		})
	}
}
