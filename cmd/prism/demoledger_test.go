package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/stream"
)

// The ledger of docs/sql.md: three weeks of November 2026 of somebody who works on two projects, for a while at another provider.
// It is the same each time: what it draws, it draws from a fixed seed.

// story writes the ledger.
type story struct {
	*rand.Rand
	b      *books
	price  *pricing.Book
	rows   int
	failed string // the exchange that the client is about to repeat

	cooling bool // the first limit of the 18th is written
}

// scene is a session: how it is attributed, who serves it, and its turns.
type scene struct {
	day               int
	clock             string
	session           string
	project, branch   string
	team              string
	profile, provider string
	model             string
	turns             int
	context           int64       // tokens of the prompt at its beginning
	pause             map[int]int // minutes before a turn
	moveAt            int         // the turn at which it moves to kimi; 0 = never
}

func writeDemoLedger(t *testing.T) *books {
	t.Helper()
	b := newBooks(t)
	book, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	s := &story{Rand: rand.New(rand.NewPCG(7, 11)), b: b, price: book}
	for _, c := range scenes() {
		s.play(c)
	}
	s.extras()
	return b
}

func scenes() []scene {
	shop := scene{project: "shop", team: "web", profile: "work", provider: "anthropic", model: "claude-opus-5-5", turns: 22, context: 31_000}
	blog := scene{project: "blog", profile: "work", provider: "anthropic", model: "claude-sonnet-5-5", turns: 14, context: 18_000}
	with := func(base scene, day int, clock, branch string, change func(*scene)) scene {
		base.day, base.clock, base.branch = day, clock, branch
		if change != nil {
			change(&base)
		}
		return base
	}
	list := []scene{
		with(shop, 2, "09:05", "feature/cart", nil),
		with(shop, 3, "10:30", "feature/cart", func(c *scene) { c.pause = map[int]int{9: 55} }),
		with(blog, 4, "14:10", "main", nil),
		with(shop, 5, "09:40", "feature/cart", func(c *scene) { c.turns = 30 }),
		with(blog, 9, "16:00", "redesign", func(c *scene) { c.pause = map[int]int{7: 12} }),
		with(shop, 10, "11:15", "fix/tax", func(c *scene) { c.turns, c.team = 16, "finance" }),
		with(shop, 12, "09:20", "feature/cart", func(c *scene) { c.moveAt = 11 }),
		with(shop, 13, "13:45", "feature/cart", kimi),
		with(shop, 16, "10:00", "fix/tax", func(c *scene) { kimi(c); c.team = "finance" }),
		with(blog, 17, "15:30", "redesign", func(c *scene) { kimi(c); c.turns = 18 }),
		with(shop, 18, "09:00", "feature/search", func(c *scene) { c.turns, c.context = 40, 160_000 }),
		with(shop, 18, "14:00", "feature/search", func(c *scene) { c.turns, c.context, c.pause = 34, 140_000, map[int]int{12: 70, 20: 8} }),
		with(blog, 19, "10:10", "redesign", nil),
		with(shop, 20, "09:30", "feature/search", nil),
		with(blog, 23, "16:20", "main", func(c *scene) { c.profile, c.provider, c.model, c.turns = "local", "local", "qwen3-coder", 12 }),
		with(shop, 24, "11:00", "feature/search", func(c *scene) { c.turns = 26 }),
	}
	for i := range list {
		list[i].session = fmt.Sprintf("%08x-5e55-4104-8000-%012d", 0xa1b20000+i*4099, i+1)
	}
	return list
}

func kimi(c *scene) { c.profile, c.provider, c.model = "kimi", "moonshot", "kimi-k3" }

// play writes the turns of a scene: the prompt grows, the cache is read up to where the turn before has written it, and comes up
// empty after a pause that is longer than its five minutes, or where another provider begins.
func (s *story) play(c scene) {
	at, err := time.Parse("2006-01-02 15:04", fmt.Sprintf("2026-11-%02d %s", c.day, c.clock))
	if err != nil {
		s.b.t.Fatal(err)
	}
	size, cached := c.context, int64(0)
	for n := 1; n <= c.turns; n++ {
		wait := time.Duration(20+s.IntN(70)) * time.Second
		if s.failed != "" {
			wait = 2 * time.Second // a client tries again at once
		}
		at = at.Add(wait)
		if minutes := c.pause[n]; minutes > 0 {
			at = at.Add(time.Duration(minutes) * time.Minute)
			if minutes > 5 {
				cached = 0
			}
		}
		if n == c.moveAt {
			kimi(&c)
			cached = 0
		}
		fresh := int64(30 + s.IntN(400))
		added := size - cached
		u := stream.Usage{
			Input: stream.Count(fresh), CacheRead: stream.Count(cached), CacheWrite: stream.Count(added), CacheWrite5m: stream.Count(added),
			CacheWrite1h: 0, Output: stream.Count(150 + s.IntN(1400)), Reasoning: stream.Unknown, WebSearches: stream.Unknown,
		}
		if c.provider != "anthropic" { // caches by itself and reports no writes
			u.Input, u.CacheWrite, u.CacheWrite5m = u.Input+u.CacheWrite, 0, 0
		}
		e := s.turn(&c, at, u)
		e.AgentID, e.RequestClass = agentOf(n)
		s.twist(e)
		s.rotate(e)
		s.write(e)
		if n%5 == 0 && c.provider == "anthropic" {
			s.background(&c, at.Add(3*time.Second))
		}
		cached, size = size, size+fresh+int64(700+s.IntN(900))
	}
}

func agentOf(n int) (agent, class string) {
	if n%9 == 4 {
		return fmt.Sprintf("agent-%d", n), "subagent"
	}
	return "", "main"
}

// turn is an exchange that ended well.
func (s *story) turn(c *scene, at time.Time, u stream.Usage) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	s.rows++
	e.RequestID, e.StartedAt, e.Source, e.HostName = fmt.Sprintf("01KDEM%020d", s.rows), at, "proxy", "laptop"
	e.SessionID, e.Project, e.GitBranch = c.session, c.project, c.branch
	if c.team != "" {
		e.Tags = map[string]string{"team": c.team}
	}
	e.Profile, e.Provider, e.RouteReason, e.Operation = c.profile, c.provider, "active", ledger.OpMessages
	e.RequestModel, e.UpstreamModel, e.ResponseModel = c.model, c.model, c.model
	if c.provider == "moonshot" {
		e.RequestModel = "claude-opus-5-5"
	}
	e.Stream, e.HTTPStatus, e.Outcome, e.StopReason = true, 200, ledger.OutcomeOK, "tool_use"
	e.Usage, e.UsageSource, e.PromptTokens = u, ledger.UsageFinal, u.Prompt()
	e.TTFTMS = stream.Count(600 + s.IntN(1900))
	e.DurationMS = e.TTFTMS + u.Output*stream.Count(12+s.IntN(8))
	e.EndedAt = at.Add(time.Duration(e.DurationMS) * time.Millisecond)
	e.OverheadUS, e.LongestGapMS = stream.Count(120+s.IntN(200)), stream.Count(40+s.IntN(600))
	if c.profile == "work" {
		e.RL5hUsed, e.RL5hResetAt = float64(5+s.rows%60)/100, at.Truncate(5*time.Hour).Add(5*time.Hour)
	}
	e.Attempts = []ledger.Attempt{{
		N: 1, Profile: c.profile, Model: c.model, StartedAt: at, HTTPStatus: 200, TTFBMS: e.TTFTMS - 200, DurationMS: e.DurationMS, Outcome: ledger.OutcomeOK,
		Usage: u, CostList: ledger.NoMoney,
	}}
	return e
}

// background is a call beside the conversation, at a small model and without a cache.
func (s *story) background(c *scene, at time.Time) {
	small := *c
	small.model = "claude-haiku-5-5"
	e := s.turn(&small, at, stream.Usage{
		Input: stream.Count(700 + s.IntN(900)), CacheRead: 0, CacheWrite: 0, CacheWrite5m: 0, CacheWrite1h: 0, Output: stream.Count(20 + s.IntN(80)),
		Reasoning: stream.Unknown, WebSearches: stream.Unknown,
	})
	e.RequestClass = "auxiliary"
	s.write(e)
}

// twist lets things happen: overload, which the client repeats; a stream that breaks; a client that leaves; a compaction; a search.
func (s *story) twist(e *ledger.Entry) {
	if s.failed != "" {
		e.RetryOf, e.RetryCount, s.failed = s.failed, 1, ""
	}
	switch s.rows % 41 {
	case 7:
		s.failed = e.RequestID
		e.Outcome, e.ErrorType, e.HTTPStatus, e.StopReason, e.UsageSource = ledger.OutcomeError, "overloaded_error", 529, "", ledger.UsageNone
		e.Usage, e.PromptTokens, e.TTFTMS = stream.NoUsage(), stream.Unknown, stream.Unknown
		e.DurationMS, e.EndedAt = 400, e.StartedAt.Add(400*time.Millisecond)
	case 19:
		e.Outcome, e.ErrorType, e.StopReason, e.UsageSource = ledger.OutcomeTruncated, "reset", "", ledger.UsagePartial
	case 28:
		e.Outcome, e.StopReason, e.UsageSource = ledger.OutcomeClientAbort, "", ledger.UsagePartial
	case 33:
		if e.Provider == "anthropic" {
			e.Iterations = []ledger.Iteration{{Type: "compaction", Usage: stream.Usage{Input: 52_000, Output: 1900, CacheRead: 0, CacheWrite: 0, CacheWrite5m: 0, CacheWrite1h: 0, Reasoning: stream.Unknown, WebSearches: stream.Unknown}}}
		}
	case 37:
		e.Usage.WebSearches = 2
	}
}

// rotate is a key that reached its limit on the afternoon of the 18th: what comes then is tried with it and answered with another.
func (s *story) rotate(e *ledger.Entry) {
	from := time.Date(2026, 11, 18, 14, 3, 0, 0, time.UTC)
	if e.StartedAt.Before(from) || e.StartedAt.After(from.Add(5*time.Minute)) || e.Outcome != ledger.OutcomeOK {
		return
	}
	lost := ledger.Attempt{
		N: 1, Profile: e.Profile, Model: e.UpstreamModel, StartedAt: e.StartedAt, HTTPStatus: 429, ErrorType: "rate_limit_error", TTFBMS: 90, DurationMS: 91,
		Outcome: ledger.OutcomeError, Key: "team", Why: "active", Usage: stream.NoUsage(), CostList: ledger.NoMoney,
	}
	served := e.Attempts[0]
	served.N, served.Key, served.Why = 2, "spare", "key"
	e.Attempts = []ledger.Attempt{lost, served}
	if !s.cooling {
		s.health(e.StartedAt.Add(91*time.Millisecond), "work", "team", ledger.HealthOK, ledger.HealthCooling, "rate_limit_error")
		s.health(from.Add(6*time.Minute), "work", "team", ledger.HealthCooling, ledger.HealthOK, "")
		s.cooling = true
	}
}

// health writes a change of the health of a profile or of a key.
func (s *story) health(at time.Time, profile, key, from, to, why string) {
	ev := &ledger.HealthEvent{EventAt: at, Profile: profile, Key: key, FromState: from, ToState: to, Why: why}
	if err := s.b.journal.Health(ev); err != nil {
		s.b.t.Fatal(err)
	}
}

func (s *story) write(e *ledger.Entry) {
	terms := proxy.Terms{}
	if e.Profile == "kimi" {
		terms.Multiplier = "0.9"
	}
	proxy.Price(s.price, terms, e)
	if err := s.b.journal.Close(e); err != nil {
		s.b.t.Fatal(err)
	}
}

// extras are the swaps, and a reseller that counts cached tokens within the input.
func (s *story) extras() {
	for i, ev := range []ledger.ConfigEvent{
		{EventAt: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Trigger: "start", Added: []string{"work", "kimi", "local", "resale"}},
		{EventAt: time.Date(2026, 11, 12, 9, 31, 0, 0, time.UTC), Trigger: "file", Changed: []string{"active"}},
		{EventAt: time.Date(2026, 11, 18, 8, 50, 0, 0, time.UTC), Trigger: "use", Changed: []string{"active"}},
	} {
		ev.Generation, ev.Accepted = uint64(i+1), true
		if err := s.b.journal.Config(&ev); err != nil {
			s.b.t.Fatal(err)
		}
	}
	overload := time.Date(2026, 11, 13, 13, 52, 0, 0, time.UTC)
	s.health(overload, "kimi", "", ledger.HealthOK, ledger.HealthOpen, "overloaded_error")
	s.health(overload.Add(15*time.Second), "kimi", "", ledger.HealthOpen, ledger.HealthProbing, "")
	s.health(overload.Add(16*time.Second), "kimi", "", ledger.HealthProbing, ledger.HealthOpen, "overloaded_error")
	s.health(overload.Add(46*time.Second), "kimi", "", ledger.HealthOpen, ledger.HealthProbing, "")
	s.health(overload.Add(47*time.Second), "kimi", "", ledger.HealthProbing, ledger.HealthOK, "")
	s.health(time.Date(2026, 11, 25, 9, 3, 0, 0, time.UTC), "resale", "", ledger.HealthOK, ledger.HealthDenied, "authentication_error")
	c := scene{session: "b0b00000-5e55-4104-8000-000000000099", project: "blog", branch: "main", profile: "resale", provider: "anthropic", model: "claude-sonnet-5-5"}
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	for n := range int64(24) {
		at = at.Add(50 * time.Second)
		cached := stream.Count(9000 + 800*n)
		s.write(s.turn(&c, at, stream.Usage{
			Input: cached + 300, CacheRead: cached, CacheWrite: 0, CacheWrite5m: 0, CacheWrite1h: 0, Output: 400, Reasoning: stream.Unknown, WebSearches: stream.Unknown,
		}))
	}
}
