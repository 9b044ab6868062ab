package main

import (
	"encoding/json"
	"fmt"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/stream"
)

// attemptUsage is what an attempt used, as the ledger writes it.
type attemptUsage struct {
	Input        *int64 `json:"input_tokens"`
	Output       *int64 `json:"output_tokens"`
	CacheRead    *int64 `json:"cache_read_tokens"`
	CacheWrite5m *int64 `json:"cache_write_5m_tokens"`
	CacheWrite1h *int64 `json:"cache_write_1h_tokens"`
	WebSearches  *int64 `json:"web_search_requests"`
}

func (a *attemptUsage) usage() stream.Usage {
	u := stream.NoUsage()
	for to, from := range map[*stream.Count]*int64{
		&u.Input: a.Input, &u.Output: a.Output, &u.CacheRead: a.CacheRead,
		&u.CacheWrite5m: a.CacheWrite5m, &u.CacheWrite1h: a.CacheWrite1h, &u.WebSearches: a.WebSearches,
	} {
		if from != nil {
			*to = stream.Count(*from)
		}
	}
	u.CacheWrite = written(&u)
	return u
}

// attempts reads the tries that reported a usage.
func (r *pricedRow) attempts() error {
	if !r.tries.Valid {
		return nil
	}
	var tries []struct {
		Profile  string       `json:"profile"`
		Usage    attemptUsage `json:"usage"`
		CostList json.Number  `json:"cost_list_usd"`
	}
	if err := json.Unmarshal([]byte(r.tries.String), &tries); err != nil {
		return fmt.Errorf("attempts of %s: %w", r.entry.RequestID, err)
	}
	for _, t := range tries {
		a := ledger.Attempt{Profile: t.Profile, Usage: t.Usage.usage(), CostList: ledger.Money(pricing.ParseUSD(t.CostList.String()))}
		r.entry.Attempts = append(r.entry.Attempts, a)
	}
	return nil
}

// servedOf is the index of the attempt that was answered with, -1 if there is none: the last one
// that is like the row. It need not be the last one of all, for an answer of the first may have been
// of most use to the client.
func servedOf(attempts []ledger.Attempt, profile string, u *stream.Usage) int {
	for i := len(attempts) - 1; i >= 0; i-- {
		if attempts[i].Profile == profile && sameTokens(&attempts[i].Usage, u) {
			return i
		}
	}
	return -1
}

// lostCost is what the attempts that were not answered with cost, at the list prices that were
// written and today's terms of their profiles: those of their time are not in the ledger. It is
// not ok where one of the amounts is not known.
func (p *repricing) lostCost(e *ledger.Entry) (sum ledger.Money, ok bool) {
	served := servedOf(e.Attempts, e.Profile, &e.Usage)
	for i := range e.Attempts {
		if i == served {
			continue
		}
		a := &e.Attempts[i]
		own := p.prices.profile(a.Profile)
		if own == nil || !a.CostList.Known() {
			return ledger.NoMoney, false
		}
		sum += ledger.Money(pricing.Paid(pricing.USD(a.CostList), own.Multiplier, own.FlatFee))
	}
	return sum, true
}

// sameTokens compares the counts that are priced.
func sameTokens(a, b *stream.Usage) bool {
	return a.Input == b.Input && a.Output == b.Output && a.CacheRead == b.CacheRead &&
		a.CacheWrite5m == b.CacheWrite5m && a.CacheWrite1h == b.CacheWrite1h && a.WebSearches == b.WebSearches
}
