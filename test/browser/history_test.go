//go:build e2e

package browser

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// Parts of the past.
const (
	hour = time.Hour
	day  = 24 * hour
)

// past is what a ledger has in it before anybody looks: rows like those of working days.
type past struct {
	rows     int
	span     time.Duration // from the first row until now
	branches int           // that are worked on; 0 = those of projects
}

// history writes the rows of earlier days into the journal of a prism that does not run yet: the same
// ones for the same past, but for the moment they end at.
func (h *house) history(t *testing.T, p past) {
	t.Helper()
	if p.rows == 0 {
		return
	}
	dir := h.path("data", "prism")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j, _, err := ledger.OpenJournal(ledger.JournalOptions{Dir: filepath.Join(dir, "journal")})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(6, uint64(p.rows)))
	now := time.Now()
	for n := range p.rows {
		e := earlier(random, n, now.Add(-p.span+p.span*time.Duration(n)/time.Duration(p.rows)))
		if p.branches > 0 {
			e.GitBranch = fmt.Sprintf("topic-%03d", n%p.branches)
		}
		if err := j.Close(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// projects and the branches on which they are worked.
func projects() [][]string {
	return [][]string{{"website", "main", "new-checkout"}, {"firmware", "main", "low-power"}, {"papers", "main"}}
}

// earlier is an exchange of the past: one of twenty failed, one of fifty was left by its client.
func earlier(random *rand.Rand, n int, at time.Time) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	session := n / 12
	place := projects()[session%len(projects())]
	e.RequestID, e.Source, e.Operation = ledger.NewID(at), "proxy", ledger.OpMessages
	e.StartedAt, e.HostName, e.ClientName, e.ClientVersion = at, "desk", "claude-cli", "2.1.330"
	e.SessionID = fmt.Sprintf("%08x-2f6b-4c1d-9a37-%012x", session*7919, session)
	e.Project, e.GitBranch, e.Cwd = place[0], place[1+session%(len(place)-1)], "/home/me/"+place[0]
	e.Profile, e.Provider, e.RequestModel = "work", "anthropic", "claude-sonnet-5"
	if session%4 == 1 {
		e.RequestModel = "claude-opus-5-5"
	}
	e.UpstreamModel, e.ResponseModel = e.RequestModel, e.RequestModel
	if session%5 == 3 {
		e.Profile, e.Provider, e.UpstreamModel, e.ResponseModel = "spare", "moonshot", "kimi-k3", "kimi-k3"
	}
	e.Stream, e.MaxTokens, e.HTTPStatus, e.Outcome, e.UsageSource = true, 32_000, 200, ledger.OutcomeOK, ledger.UsageFinal
	e.TTFTMS, e.DurationMS = stream.Count(300+random.IntN(1800)), stream.Count(2500+random.IntN(14_000))
	e.TTFBMS, e.LongestGapMS = e.TTFTMS-40, stream.Count(200+random.IntN(900))
	e.EndedAt = at.Add(time.Duration(e.DurationMS) * time.Millisecond)
	spend(e, random, n%12)
	switch {
	case n%20 == 19:
		e.HTTPStatus, e.Outcome, e.ErrorType, e.ErrorMessage = 529, ledger.OutcomeError, "overloaded_error", "Overloaded"
		e.Usage, e.UsageSource, e.PromptTokens, e.TTFTMS = stream.NoUsage(), ledger.UsageNone, stream.Unknown, stream.Unknown
		e.Cost, e.CostList, e.CostInput, e.CostOutput, e.CostCacheRead, e.CostCacheWrite, e.CostUncached = ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney
	case n%50 == 33:
		e.Outcome = ledger.OutcomeClientAbort
	}
	e.Attempts = []ledger.Attempt{{
		N: 1, Profile: e.Profile, ServerAddress: "api.example", Model: e.UpstreamModel, StartedAt: at, HTTPStatus: e.HTTPStatus,
		ErrorType: e.ErrorType, TTFBMS: e.TTFBMS, DurationMS: e.DurationMS, Outcome: e.Outcome, Usage: e.Usage, CostList: e.CostList,
	}}
	return e
}

// spend fills in the tokens of the turn of a session, whose prompt is cached and grows, and what they
// cost.
func spend(e *ledger.Entry, random *rand.Rand, turn int) {
	u := &e.Usage
	u.Input, u.Output = stream.Count(8+random.IntN(60)), stream.Count(90+random.IntN(1400))
	u.CacheRead, u.CacheWrite5m = stream.Count(21_000+turn*1900), stream.Count(700+random.IntN(2400))
	if turn == 0 {
		u.CacheRead, u.CacheWrite5m = 0, 21_000
	}
	u.CacheWrite, u.CacheWrite1h = u.CacheWrite5m, 0
	e.PromptTokens = u.Prompt()
	const perToken = 30_000 // of the input, in units of 1e-10 dollars: $3 a million
	e.CostInput, e.CostOutput = ledger.Money(u.Input)*perToken, ledger.Money(u.Output)*5*perToken
	e.CostCacheRead, e.CostCacheWrite = ledger.Money(u.CacheRead)*perToken/10, ledger.Money(u.CacheWrite)*perToken*5/4
	e.Cost = e.CostInput + e.CostOutput + e.CostCacheRead + e.CostCacheWrite
	e.CostList, e.CostUncached = e.Cost, ledger.Money(e.PromptTokens)*perToken+e.CostOutput
	e.PriceID = "history"
}
