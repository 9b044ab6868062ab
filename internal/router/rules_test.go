package router_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"prism/config"
	"prism/internal/router"
)

// fits is a glob, read by another reader than the router's.
func fits(pattern, value string) bool {
	text := regexp.QuoteMeta(pattern)
	text = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(text)
	return regexp.MustCompile(`(?s-m:^` + text + `$)`).MatchString(value)
}

// reference tells whether a rule matches, straight from docs/routing.md.
func reference(r *config.Rule, q *router.Query) bool {
	present := func(pattern, value string) bool { return pattern == "" || value != "" && fits(pattern, value) }
	if !present(r.Model, q.Model) || !present(r.Session, q.Session) || r.Path != "" && !fits(r.Path, q.Path) {
		return false
	}
	if h := r.Header; h != nil && !fits(h.Match, q.Header.Get(h.Name)) {
		return false
	}
	switch {
	case r.Agent == "":
	case r.Agent == "main":
		if q.Agent != "" {
			return false
		}
	case q.Agent == "" || !fits(r.Agent, q.Agent):
		return false
	}
	if r.Tag != nil {
		if value, ok := q.Tags[r.Tag.Name]; !ok || !fits(r.Tag.Match, value) {
			return false
		}
	}
	if (r.PromptOver > 0 || r.PromptUnder > 0) && q.PromptTokens == 0 || r.PromptOver > 0 && q.PromptTokens <= r.PromptOver || r.PromptUnder > 0 && q.PromptTokens >= r.PromptUnder {
		return false
	}
	return referenceTime(r, q.Now)
}

// referenceTime compares the clock as text, and days by the calendar.
func referenceTime(r *config.Rule, now time.Time) bool {
	day := now
	if r.Between != "" {
		from, until, _ := strings.Cut(r.Between, "-")
		at := now.Format("15:04")
		switch {
		case from < until && (at < from || at >= until), from > until && at < from && at >= until:
			return false
		case from > until && at < until:
			day = time.Date(now.Year(), now.Month(), now.Day()-1, 12, 0, 0, 0, time.UTC)
		}
	}
	return len(r.Days) == 0 || slices.Contains(r.Days, strings.ToLower(day.Format("Mon")))
}

// dice makes random rules and requests that have a fair chance to meet.
type dice struct{ *rand.Rand }

func (d dice) of(values ...string) string { return values[d.IntN(len(values))] }

func (d dice) rule() config.Rule {
	var r config.Rule
	for range 1 + d.IntN(3) {
		switch d.IntN(9) {
		case 0:
			r.Model = d.of("*", "*haiku*", "claude-?", "claude-opus-5", "??", "*5", "c*a*e*")
		case 1:
			r.Path = d.of("*", "/v1/messages", "/v1/*", "*count_tokens", "/v?/files*")
		case 2:
			r.Header = &config.HeaderRule{Name: d.of("X-Team", "x-team", "X-Other"), Match: d.of("*", "?*", "red", "r?d", "*e*")}
		case 3:
			r.Session = d.of("*", "s-*", "s-1", "?")
		case 4:
			r.Agent = d.of("main", "*", "a?", "a1", "m*")
		case 5:
			r.Tag = &config.TagRule{Name: d.of("team", "cost"), Match: d.of("*", "?*", "blue", "b*e")}
		case 6:
			r.Between = d.of("00:00-24:00", "22:00-06:00", "08:30-17:00", "23:59-00:00", "00:00-00:01", "12:00-11:59")
		case 7:
			for _, day := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
				if d.IntN(3) > 0 {
					r.Days = append(r.Days, day)
				}
			}
		case 8:
			r.PromptOver, r.PromptUnder = int64(d.IntN(3))*1000, int64(d.IntN(2))*(1002+int64(d.IntN(2))*1000)
		}
	}
	return r
}

func (d dice) query(zones []*time.Location) router.Query {
	q := router.Query{
		Model: d.of("", "claude-haiku-5", "claude-opus-5", "claude-5", "c5"), Path: d.of("/v1/messages", "/v1/messages/count_tokens", "/v1/files/f", "/v2/x"),
		Session: d.of("", "s-1", "s-2", "x"), Agent: d.of("", "a1", "a2", "main", "mole"),
		Header: http.Header{}, PromptTokens: int64(d.IntN(7)) * 500,
		// Around the days on which clocks are changed, and over two years.
		Now: time.Unix(1_774_700_000+d.Int64N(200_000)+int64(d.IntN(3))*18_140_000, 0).In(zones[d.IntN(len(zones))]),
	}
	if v := d.of("", "red", "rod", "blue"); v != "" {
		q.Header.Set(d.of("X-Team", "X-Other"), v)
	}
	if d.IntN(2) == 0 {
		q.Tags = map[string]string{d.of("team", "cost"): d.of("", "blue", "bye", "red")}
	}
	return q
}

func zones(t testing.TB) []*time.Location {
	t.Helper()
	var out []*time.Location
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, loc)
	}
	return out
}

// TestRulesDoWhatTheDocumentSays holds random rules and requests against a matcher of its own.
func TestRulesDoWhatTheDocumentSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	d, r, all := dice{rand.New(rand.NewPCG(seed, 1))}, newRouter(t), zones(t)
	matched := map[bool]int{}
	for range 500 {
		p := &config.Profiles{Active: "active", Profiles: []config.Profile{profile("active", "http://127.0.0.1:1")}}
		for i := range 1 + d.IntN(5) {
			rule := d.rule()
			rule.Use = fmt.Sprintf("p%d", i+1)
			p.Rules = append(p.Rules, rule)
			p.Profiles = append(p.Profiles, profile(rule.Use, "http://127.0.0.1:1"))
		}
		table := compile(t, r, p)
		for range 20 {
			q := d.query(all)
			want, cause := "active", "active"
			if i := slices.IndexFunc(p.Rules, func(rule config.Rule) bool { return reference(&rule, &q) }); i >= 0 {
				want, cause = p.Rules[i].Use, fmt.Sprintf("rule %d", i+1)
			}
			plan, err := table.Select(&q)
			if err != nil || plan.Routes[0].Profile.Name != want || plan.Reason != cause {
				t.Fatalf("seed %d: %+v\n%+v\ngot %s, %s, want %s, %s: %v", seed, p.Rules, q, plan.Routes[0].Profile.Name, plan.Reason, want, cause, err)
			}
			checkExplanation(t, table, &q, p.Rules)
			matched[cause != "active"]++
		}
	}
	if matched[true] < 500 || matched[false] < 500 {
		t.Errorf("the dice are loaded: %v", matched)
	}
}

// checkExplanation asserts that an explanation tells the same story as the selection.
func checkExplanation(t *testing.T, table *router.Table, q *router.Query, rules []config.Rule) {
	t.Helper()
	plan, _ := table.Select(q)
	e, err := table.Explain(q)
	if err != nil || e.Plan.Reason != plan.Reason || e.Plan.Routes[0] != plan.Routes[0] {
		t.Fatalf("explained %+v, selected %+v: %v", e.Plan, plan, err)
	}
	asked := len(rules)
	if n := len(e.Rules); plan.Reason != "active" {
		asked = n
		if n == 0 || !e.Rules[n-1].Matched || e.Rules[n-1].Use != plan.Routes[0].Profile.Name || fmt.Sprintf("rule %d", n) != plan.Reason {
			t.Fatalf("%s is explained by %+v", plan.Reason, e.Rules)
		}
	}
	if len(e.Rules) != asked {
		t.Fatalf("%d rules explained, want %d", len(e.Rules), asked)
	}
	for i, a := range e.Rules {
		if a.Number != i+1 || a.Use != rules[i].Use || a.Matched != reference(&rules[i], q) {
			t.Fatalf("rule %d: %+v", i+1, a)
		}
		if !a.Matched && (a.Condition == "" || a.Want == "" || a.Want == a.Have && !strings.HasPrefix(a.Condition, "prompt_")) {
			t.Fatalf("rule %d does not match, and nobody learns why: %+v", i+1, a)
		}
	}
}

func TestARuleByTimeGoesByTheClockOnTheWall(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, between string
		days          []string
		at            string // UTC
		match         bool
	}{
		{"before", "22:00-06:00", nil, "2026-11-26T20:59:59Z", false},
		{"first second", "22:00-06:00", nil, "2026-11-26T21:00:00Z", true},
		{"midnight", "22:00-06:00", nil, "2026-11-26T23:00:00Z", true},
		{"last second", "22:00-06:00", nil, "2026-11-27T04:59:59Z", true},
		{"after", "22:00-06:00", nil, "2026-11-27T05:00:00Z", false},
		{"in summer", "22:00-06:00", nil, "2026-07-01T20:00:00Z", true},
		{"until the end of the day", "22:00-24:00", nil, "2026-11-26T22:59:59Z", true},
		{"and no longer", "22:00-24:00", nil, "2026-11-26T23:00:00Z", false},

		// On 29 March 2026 the clock goes from 01:59 to 03:00.
		{"before the hour that is left out", "02:00-03:00", nil, "2026-03-29T00:59:59Z", false},
		{"after the hour that is left out", "02:00-03:00", nil, "2026-03-29T01:00:00Z", false},
		{"over the hour that is left out", "01:00-04:00", nil, "2026-03-29T01:30:00Z", true},
		{"a short night ends on time", "22:00-06:00", nil, "2026-03-29T03:59:59Z", true},
		{"and not later", "22:00-06:00", nil, "2026-03-29T04:00:00Z", false},

		// On 25 October 2026 it goes from 02:59 back to 02:00.
		{"the first of two equal hours", "02:00-03:00", nil, "2026-10-25T00:30:00Z", true},
		{"the second of two equal hours", "02:00-03:00", nil, "2026-10-25T01:30:00Z", true},
		{"after both", "02:00-03:00", nil, "2026-10-25T02:00:00Z", false},
		{"a long night ends on time", "22:00-06:00", nil, "2026-10-25T04:59:59Z", true},
		{"and not sooner", "22:00-06:00", nil, "2026-10-25T05:00:00Z", false},

		// A night belongs to the day on which it begins; 27 November 2026 is a Friday.
		{"Friday night", "22:00-06:00", []string{"fri"}, "2026-11-27T22:00:00Z", true},
		{"Friday night, on Saturday", "22:00-06:00", []string{"fri"}, "2026-11-28T04:00:00Z", true},
		{"the morning before", "22:00-06:00", []string{"fri"}, "2026-11-27T04:00:00Z", false},
		{"Saturday night", "22:00-06:00", []string{"fri"}, "2026-11-28T22:00:00Z", false},
		{"a week's last night", "22:00-06:00", []string{"sat"}, "2026-11-29T04:00:00Z", true},
		{"a day without a time", "", []string{"fri"}, "2026-11-26T23:00:00Z", true},
		{"the local day counts", "", []string{"thu"}, "2026-11-26T23:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := three()
			p.Rules = []config.Rule{{Between: c.between, Days: c.days, Use: "local"}}
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			q := router.Query{Now: at.In(berlin)}
			plan, err := compile(t, newRouter(t), p).Select(&q)
			if err != nil || (plan.Reason == "rule 1") != c.match {
				t.Errorf("at %s: %s, %v", q.Now.Format(time.RFC1123), plan.Reason, err)
			}
		})
	}
}

func TestARuleThatNoCheckHasSeenIsNotCompiled(t *testing.T) {
	for _, rule := range []config.Rule{{Between: "25:00-06:00"}, {Between: "22:00"}, {Days: []string{"Monday"}}} {
		p := three()
		rule.Use = "local"
		p.Rules = append(p.Rules, rule)
		_, err := newRouter(t).Compile(router.Source{Profiles: p, Book: book(t)})
		if !errors.Is(err, config.ErrRule) || !strings.Contains(err.Error(), "rule 5") {
			t.Errorf("%+v: %v", rule, err)
		}
	}
}

func TestOnlyATableWithSuchARuleWeighsPrompts(t *testing.T) {
	p := three()
	if compile(t, newRouter(t), p).WeighsPrompts() {
		t.Error("no rule asks for the size of a prompt")
	}
	p.Rules = append(p.Rules, config.Rule{PromptUnder: 500, Use: "kimi"})
	if !compile(t, newRouter(t), p).WeighsPrompts() {
		t.Error("a rule asks for the size of a prompt")
	}
}

// FuzzRuleMatcher: one rule with patterns from anywhere matches what the reference matches.
func FuzzRuleMatcher(f *testing.F) {
	f.Add("*haiku*", "claude-haiku", "r?d", "red", "main", "", "b*", "blue", uint16(1320), uint16(360), byte(33), int64(1_774_749_000), int64(5), int64(9))
	f.Add("", "", "*", "", "*", "x", "", "", uint16(0), uint16(0), byte(0), int64(0), int64(0), int64(0))
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, model, asked, header, sent, agent, asks, tag, tagged string, from, until uint16, week byte, at, over, prompt int64) {
		for _, s := range []string{model, asked, header, sent, agent, asks, tag, tagged} {
			if len(s) > 200 || strings.IndexFunc(s, func(r rune) bool { return r > 0x7f || r == 0xfffd }) >= 0 {
				t.Skip("patterns go by bytes")
			}
		}
		r := config.Rule{
			Model: model, Header: &config.HeaderRule{Name: "X-A", Match: header}, Agent: agent, Tag: &config.TagRule{Name: "k", Match: tag},
			PromptOver: max(0, over), Use: "local",
		}
		if from, until = from%1440, until%1440; from != until {
			r.Between = fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, until/60, until%60)
		}
		for i, day := range []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} {
			if week&(1<<i) != 0 {
				r.Days = append(r.Days, day)
			}
		}
		p := three()
		p.Rules = []config.Rule{r}
		q := router.Query{
			Model: asked, Header: http.Header{"X-A": {sent}}, Agent: asks, Tags: map[string]string{"k": tagged},
			Now: time.Unix(at%4_000_000_000, 0).In(berlin), PromptTokens: max(0, prompt),
		}
		rt := router.New(router.Options{})
		defer rt.Close()
		table, err := rt.Compile(router.Source{Profiles: p})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := table.Select(&q)
		if err != nil || (plan.Reason == "rule 1") != reference(&r, &q) {
			t.Errorf("%+v\n%+v\n%s, %v", r, q, plan.Reason, err)
		}
	})
}
