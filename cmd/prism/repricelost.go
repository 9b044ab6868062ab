package main

import (
	"encoding/json"
	"fmt"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/stream"
)

// attempts reads the tries that reported a usage.
func (r *pricedRow) attempts() error {
	if !r.tries.Valid {
		return nil
	}
	var tries []struct {
		Profile string `json:"profile"`
		Usage   struct {
			Input        *int64 `json:"input_tokens"`
			Output       *int64 `json:"output_tokens"`
			CacheRead    *int64 `json:"cache_read_tokens"`
			CacheWrite5m *int64 `json:"cache_write_5m_tokens"`
			CacheWrite1h *int64 `json:"cache_write_1h_tokens"`
			WebSearches  *int64 `json:"web_search_requests"`
		} `json:"usage"`
		CostList json.Number `json:"cost_list_usd"`
	}
	if err := json.Unmarshal([]byte(r.tries.String), &tries); err != nil {
		return fmt.Errorf("attempts of %s: %w", r.entry.RequestID, err)
	}
	for _, t := range tries {
		a := ledger.Attempt{Profile: t.Profile, Usage: stream.NoUsage(), CostList: ledger.Money(pricing.ParseUSD(t.CostList.String()))}
		u := &a.Usage
		for to, from := range map[*stream.Count]*int64{
			&u.Input: t.Usage.Input, &u.Output: t.Usage.Output, &u.CacheRead: t.Usage.CacheRead,
			&u.CacheWrite5m: t.Usage.CacheWrite5m, &u.CacheWrite1h: t.Usage.CacheWrite1h, &u.WebSearches: t.Usage.WebSearches,
		} {
			if from != nil {
				*to = stream.Count(*from)
			}
		}
		u.CacheWrite = written(u)
		r.entry.Attempts = append(r.entry.Attempts, a)
	}
	return nil
}

// lostCost is what the attempts that were not answered with cost, at the list prices that were
// written and today's terms of their profiles: those of their time are not in the ledger. It is
// not ok where one of the amounts is not known.
func (p *repricing) lostCost(e *ledger.Entry) (sum ledger.Money, ok bool) {
	served := -1
	for i := range e.Attempts {
		if e.Attempts[i].Profile == e.Profile && sameTokens(&e.Attempts[i].Usage, &e.Usage) {
			served = i // the last one that is like the row
		}
	}
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
