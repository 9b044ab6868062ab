package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/stream"
)

// repriceSQL reads what a cost is made of. The usage as reported matters only where the model was sampled several times: then a tier
// is measured on each sample.
const repriceSQL = `
select request_id, started_at, profile, provider, request_model, upstream_model, response_model, speed, service_tier, inference_geo, usage_source,
       input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, web_search_requests,
       case when contains(usage_raw::varchar, '"iterations"') then usage_raw::varchar end, to_json(iterations)::varchar,
       case when len(attempts) > 1 then to_json(list_filter(attempts, lambda a: a.usage is not null))::varchar end,
       price_id, cost_input_usd::varchar, cost_cache_read_usd::varchar, cost_cache_write_usd::varchar, cost_output_usd::varchar,
       cost_other_usd::varchar, cost_list_usd::varchar, cost_usd::varchar, cost_uncached_usd::varchar,
       coalesce(list_contains(usage_notes, 'cost_stated'), false)
from priced where `

// pricedRow is one row of the ledger on its way through the price book.
type pricedRow struct {
	entry  ledger.Entry
	texts  [9]sql.NullString // profile to usage_source
	count  [6]sql.NullInt64
	raw    sql.NullString
	its    sql.NullString
	tries  sql.NullString // attempts that reported a usage, where there were several
	id     sql.NullString
	money  [8]sql.NullString
	stated bool // what was paid is the provider's own word
	at     time.Time
}

func (r *pricedRow) scan(rows *sql.Rows) error {
	into := []any{&r.entry.RequestID, &r.at}
	for i := range r.texts {
		into = append(into, &r.texts[i])
	}
	for i := range r.count {
		into = append(into, &r.count[i])
	}
	into = append(into, &r.raw, &r.its, &r.tries, &r.id)
	for i := range r.money {
		into = append(into, &r.money[i])
	}
	into = append(into, &r.stated)
	if err := rows.Scan(into...); err != nil {
		return err
	}
	id := r.entry.RequestID
	r.entry.Reset()
	e := &r.entry
	e.RequestID, e.StartedAt, e.Operation = id, r.at, ledger.OpMessages
	for i, to := range []*string{&e.Profile, &e.Provider, &e.RequestModel, &e.UpstreamModel, &e.ResponseModel, &e.Speed, &e.ServiceTier, &e.InferenceGeo, &e.UsageSource} {
		*to = r.texts[i].String
	}
	if e.UsageSource == "" {
		e.UsageSource = ledger.UsageFinal // an imported row need not say
	}
	u := &e.Usage
	for i, to := range []*stream.Count{&u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h, &u.WebSearches} {
		if r.count[i].Valid {
			*to = stream.Count(r.count[i].Int64)
		}
	}
	u.CacheWrite = written(u)
	e.UsageRaw = append(e.UsageRaw, r.raw.String...)
	return errors.Join(r.iterations(), r.attempts())
}

// written is the sum of the cache writes, which the ledger does not keep.
func written(u *stream.Usage) stream.Count {
	if !u.CacheWrite5m.Known() && !u.CacheWrite1h.Known() {
		return stream.Unknown
	}
	return stream.Count(u.CacheWrite5m.OrZero() + u.CacheWrite1h.OrZero())
}

// iterations reads the parts that are billed beside the top level.
func (r *pricedRow) iterations() error {
	if !r.its.Valid {
		return nil
	}
	var parts []struct {
		Type         string `json:"type"`
		Model        string `json:"model"`
		Input        *int64 `json:"input_tokens"`
		Output       *int64 `json:"output_tokens"`
		CacheRead    *int64 `json:"cache_read_tokens"`
		CacheWrite5m *int64 `json:"cache_write_5m_tokens"`
		CacheWrite1h *int64 `json:"cache_write_1h_tokens"`
		WebSearches  *int64 `json:"web_search_requests"`
	}
	if err := json.Unmarshal([]byte(r.its.String), &parts); err != nil {
		return fmt.Errorf("iterations of %s: %w", r.entry.RequestID, err)
	}
	for _, p := range parts {
		it := ledger.Iteration{Type: p.Type, Model: p.Model, Usage: stream.NoUsage(), CostList: ledger.NoMoney}
		u := &it.Usage
		for to, from := range map[*stream.Count]*int64{
			&u.Input: p.Input, &u.Output: p.Output, &u.CacheRead: p.CacheRead,
			&u.CacheWrite5m: p.CacheWrite5m, &u.CacheWrite1h: p.CacheWrite1h, &u.WebSearches: p.WebSearches,
		} {
			if from != nil {
				*to = stream.Count(*from)
			}
		}
		u.CacheWrite = written(u)
		r.entry.Iterations = append(r.entry.Iterations, it)
	}
	return nil
}

// costs are those that the row has now.
func (r *pricedRow) costs() ledger.Correction {
	c := ledger.Correction{PriceID: r.id.String}
	for i, to := range []*ledger.Money{&c.CostInput, &c.CostCacheRead, &c.CostCacheWrite, &c.CostOutput, &c.CostOther, &c.CostList, &c.Cost, &c.CostUncached} {
		*to = moneyOf(r.money[i])
	}
	return c
}

// moneyOf reads a DECIMAL(18,10) as DuckDB writes it: a sign, digits and ten decimals.
func moneyOf(s sql.NullString) ledger.Money {
	if !s.Valid {
		return ledger.NoMoney
	}
	text, negative := strings.CutPrefix(s.String, "-")
	u := pricing.ParseUSD(text)
	if !u.Known() {
		return ledger.NoMoney
	}
	if negative {
		u = -u
	}
	return ledger.Money(u)
}

// price fills the costs of e at today's book, and what is paid by the terms that were asked for.
// What lost attempts cost is part of what is paid, and stays as it was written.
func (p *repricing) price(e *ledger.Entry, old *ledger.Correction) {
	lost, ok := p.lostCost(e)
	served := *old
	if old.Cost.Known() && ok {
		served.Cost -= lost
	}
	p.priceServed(e, &served)
	switch {
	case !ok:
		e.Cost = ledger.NoMoney
	case e.Cost.Known():
		e.Cost += lost
	}
}

// priceServed prices the attempt that was answered with.
func (p *repricing) priceServed(e *ledger.Entry, old *ledger.Correction) {
	own := p.prices.profile(e.Profile)
	var today proxy.Terms
	if own != nil {
		today = proxy.Terms{Multiplier: own.Multiplier, FlatFee: own.FlatFee}
	}
	known := own != nil || e.Profile == ""
	terms := today
	if p.o.terms == termsStored && old.CostList.Known() && old.CostList > 0 && old.Cost.Known() {
		terms, known = storedTerms(old, today)
	}
	proxy.Price(p.prices.book, terms, e)
	if !known {
		e.Cost = ledger.NoMoney // nobody knows what the profile paid
	}
}

// storedTerms are those by which a row was paid: today's, where they come to the same.
func storedTerms(old *ledger.Correction, today proxy.Terms) (terms proxy.Terms, known bool) {
	list, paid := pricing.USD(old.CostList), pricing.USD(old.Cost)
	switch {
	case pricing.Paid(list, today.Multiplier, today.FlatFee) == paid:
		return today, true
	case paid == list:
		return proxy.Terms{}, true
	case paid == 0:
		return proxy.Terms{FlatFee: true}, true
	}
	m, ok := pricing.MultiplierOf(list, paid)
	return proxy.Terms{Multiplier: m}, ok
}
