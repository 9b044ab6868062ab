package duckdb

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/stream"
)

// priceBook returns the book that prism brings along with some odd rows above it, and its rows as table prices holds them.
func priceBook(t *testing.T) (*pricing.Book, []PriceRow) {
	t.Helper()
	from, to := time.Date(2026, 10, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	book, err := pricing.Embedded()
	if err == nil {
		book, err = book.With([]pricing.Row{
			{Profile: "home", Provider: "anthropic", ModelMatch: "claude-opus-*", Input: "3.3333333333", Output: "7.0000000001", CacheRead: "0.0000000007", CacheWrite5m: "4.1", CacheWrite1h: "6.7"},
			{Provider: "moonshot", ModelMatch: "kimi-k?", EffectiveFrom: from, EffectiveTo: to, Input: "0.1234567891", Output: "9"},
		})
	}
	var rows []PriceRow
	var text []byte
	if err == nil {
		text, err = json.Marshal(book.Rows())
	}
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	return book, rows
}

// maker makes exchanges that nobody chose, the same ones each time.
type maker struct {
	*rand.Rand
	book *pricing.Book
	now  time.Time
	last *ledger.Entry // that began a thread
}

func oneOf[T any](m *maker, from ...T) T { return from[m.IntN(len(from))] }

func (m *maker) usage() stream.Usage {
	size := func(limit int) stream.Count {
		if m.IntN(4) == 0 {
			return 0
		}
		return stream.Count(m.IntN(limit))
	}
	u := tokens(size(4000), size(300_000), size(20_000), size(20_000), size(3000))
	u.WebSearches = oneOf(m, stream.Unknown, 0, 0, 3)
	return u
}

// entry makes the nth exchange, some time after the one before.
func (m *maker) entry(n int) *ledger.Entry {
	m.now = m.now.Add(oneOf(m, 0, 20*time.Second, 20*time.Second, 80*time.Second, 80*time.Second, 80*time.Second, time.Hour) + time.Duration(1+m.IntN(1e6))*time.Microsecond)
	e := turn(n, "00:00:00", oneOf(m, "s1", "s1", "s2", ""), m.usage())
	e.StartedAt = m.now
	e.EndedAt = e.StartedAt.Add(time.Duration(m.IntN(60_000)) * time.Millisecond)
	m.route(e)
	e.Project, e.GitBranch, e.HostName = oneOf(m, "", "one", "two"), oneOf(m, "main", "feature/x"), "box"
	e.Speed, e.ServiceTier, e.InferenceGeo = oneOf(m, "", "", "fast"), oneOf(m, "", "standard", "batch"), oneOf(m, "", "us", "eu")
	e.Stream, e.TTFTMS = m.IntN(5) > 0, oneOf(m, stream.Unknown, stream.Count(100+m.IntN(3000)))
	e.DurationMS, e.OverheadUS, e.LongestGapMS = stream.Count(e.EndedAt.Sub(e.StartedAt).Milliseconds()), stream.Count(m.IntN(900)), stream.Count(m.IntN(5000))
	if e.Profile == "work" && m.IntN(3) > 0 {
		e.RL5hUsed, e.RL5hResetAt = float64(m.IntN(100))/100, e.StartedAt.Truncate(5*time.Hour).Add(5*time.Hour+time.Duration(m.IntN(25))*time.Second)
	}
	m.twist(e)
	m.price(e)
	return e
}

// route gives an exchange its thread: most go on where the one before was.
func (m *maker) route(e *ledger.Entry) {
	if last := m.last; last != nil && m.IntN(5) > 0 {
		e.SessionID, e.Profile, e.Provider, e.ResponseModel, e.UpstreamModel = last.SessionID, last.Profile, last.Provider, last.ResponseModel, last.UpstreamModel
		e.RequestModel, e.AgentID, e.RequestClass = last.RequestModel, last.AgentID, last.RequestClass
		return
	}
	m.last = e
	e.Profile = oneOf(m, "work", "work", "work", "home", "kimi", "deep")
	switch e.Profile {
	case "kimi":
		e.Provider, e.ResponseModel = "moonshot", oneOf(m, "kimi-k3", "kimi-k2.7-code")
	case "deep":
		e.Provider, e.ResponseModel = "deepseek", oneOf(m, "deepseek-flash", "deepseek-v4-pro", "deepseek-v4-flash")
	default:
		e.Provider = "anthropic"
		e.ResponseModel = oneOf(m, "claude-opus-5-5", "claude-sonnet-4-5-20250929", "claude-haiku-5-5[1m]", "claude-sonnet-5-5", "claude-unheard-of",
			"eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-opus-4-5@20251101", "claude-opus-4-5-2025-11-01")
	}
	e.UpstreamModel, e.RequestModel = e.ResponseModel, oneOf(m, "claude-opus-5-5", "claude-haiku-5-5")
	e.AgentID, e.RequestClass = oneOf(m, "", "", "agent-1"), oneOf(m, "", "main", "auxiliary")
}

// twist makes some exchanges special.
func (m *maker) twist(e *ledger.Entry) {
	switch m.IntN(12) {
	case 0:
		e.Outcome, e.UsageSource, e.Usage, e.PromptTokens = "error", "none", stream.NoUsage(), stream.Unknown
	case 1:
		e.Operation = "count_tokens"
	case 2:
		e.Outcome = oneOf(m, "truncated", "client_abort")
	case 3:
		e.Iterations = []ledger.Iteration{
			{Type: "compaction", Usage: m.usage()},
			{Type: "advisor_message", Model: oneOf(m, "claude-opus-5-5", "claude-haiku-4-5", "claude-unheard-of"), Usage: m.usage()},
		}
	}
}

func billed(u stream.Usage) pricing.Usage {
	return pricing.Usage{
		Input: u.Input.OrZero(), CacheRead: u.CacheRead.OrZero(), CacheWrite5m: u.CacheWrite5m.OrZero(), CacheWrite1h: u.CacheWrite1h.OrZero(),
		Output: u.Output.OrZero(), WebSearches: u.WebSearches.OrZero(),
	}
}

// price fills in what the gateway would have stored.
func (m *maker) price(e *ledger.Entry) {
	e.PriceID = ""
	if e.Operation != "messages" || e.UsageSource == "none" {
		return
	}
	q := &pricing.Query{
		At: e.StartedAt, Profile: e.Profile, Provider: e.Provider, Model: e.ResponseModel, Speed: e.Speed, ServiceTier: e.ServiceTier,
		InferenceGeo: e.InferenceGeo, Usage: billed(e.Usage), Multiplier: "0.85",
	}
	for _, it := range e.Iterations {
		q.Iterations = append(q.Iterations, pricing.Iteration{Model: it.Model, Usage: billed(it.Usage)})
	}
	c := m.book.Price(q)
	e.PriceID, e.CostInput, e.CostCacheRead, e.CostCacheWrite = c.PriceID, ledger.Money(c.Input), ledger.Money(c.CacheRead), ledger.Money(c.CacheWrite)
	e.CostOutput, e.CostOther, e.CostList = ledger.Money(c.Output), ledger.Money(c.Other), ledger.Money(c.List)
	e.Cost, e.CostUncached = ledger.Money(c.Paid), ledger.Money(c.Uncached)
	for i := range e.Iterations {
		e.Iterations[i].PriceID, e.Iterations[i].CostList = c.Iterations[i].PriceID, ledger.Money(c.Iterations[i].List)
	}
}

// generate fills a ledger and returns its rows as the views are to see them: every twentieth has been corrected, half of these to
// costs that are not known.
func generate(t *testing.T, rows int) (*home, []*ledger.Entry) {
	t.Helper()
	h := newHome(t)
	book, prices := priceBook(t)
	h.opt.Prices = prices
	m := &maker{Rand: rand.New(rand.NewPCG(1, 2)), book: book, now: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
	all := make([]*ledger.Entry, rows)
	for n := range all {
		e := m.entry(n)
		all[n] = e
		h.close(e)
		if n%20 != 0 || !e.CostList.Known() {
			continue
		}
		e.Cost += 7
		if n%40 == 0 {
			e.Cost, e.CostList, e.CostUncached, e.PriceID = ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ""
		}
		err := h.journal.Correct(&ledger.Correction{
			RequestID: e.RequestID, CorrectedAt: noon, Reason: "reprice", PriceID: e.PriceID, CostInput: e.CostInput, CostCacheRead: e.CostCacheRead,
			CostCacheWrite: e.CostCacheWrite, CostOutput: e.CostOutput, CostOther: e.CostOther, CostList: e.CostList, Cost: e.Cost, CostUncached: e.CostUncached,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.fold()
	return h, all
}
