package pricing

import (
	"math"
	"time"
)

// Usage is what is charged for. A number that is 0 or negative is none.
type Usage struct {
	Input        int64 // tokens that are neither read from nor written to the cache
	CacheRead    int64 // tokens
	CacheWrite5m int64 // tokens
	CacheWrite1h int64 // tokens
	Output       int64 // tokens
	WebSearches  int64 // uses
}

// prompt is the size of the prompt, on which tiers are measured.
func (u *Usage) prompt() int64 {
	var sum int64
	for _, n := range [...]int64{u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h} {
		if n > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += max(n, 0)
	}
	return sum
}

// Query is one request to be priced.
type Query struct {
	At           time.Time // when the request was accepted
	Profile      string    // for overrides
	Provider     string    // as the price book names it
	Model        string    // the model that served, as the provider reported it
	Speed        string    // "fast" has prices of its own
	ServiceTier  string    // "batch" has a multiplier
	InferenceGeo string    // "us" has a multiplier
	Usage        Usage
	Samples      []Usage     // what Usage is the sum of, where the model was sampled several times
	Iterations   []Iteration // what is billed beside Usage
	Multiplier   string      // of the profile, a decimal with at most 10 decimals; empty = 1
	FlatFee      bool        // the profile pays nothing per request
}

// Iteration is a part of a request that is billed beside its top level, at the price of its own
// model: a compaction, an adviser, a hop that declined. It shares the instant, the service tier
// and the geography of the request; speed "fast" holds for it only where its model is the one
// that served, since nothing tells how fast another model ran.
type Iteration struct {
	Model string // empty = the model that served
	Usage Usage
}

// IterationCost is what one [Iteration] costs at list price.
type IterationCost struct {
	PriceID string // the row used; empty where there is none
	List    USD    // Unknown where tokens have no price
}

// Cost is what a request costs. Without a row for the model, PriceID is empty and every
// amount Unknown. With a row that has no price for a class of tokens that was used, that
// part and the sums are Unknown.
type Cost struct {
	PriceID    string // the row used
	Input      USD    // list price by part
	CacheRead  USD
	CacheWrite USD
	Output     USD
	Other      USD // web searches and iterations
	List       USD // the sum of the parts
	Paid       USD // List x the profile's multiplier, or 0 with a flat fee
	Uncached   USD // List, had all of the top level's prompt been plain input

	Iterations []IterationCost // one for each of the query, in its order
}

// Price returns what a request costs.
func (b *Book) Price(q *Query) Cost {
	iterations, beside := b.priceIterations(q)
	p := b.find(q)
	if p == nil {
		return Cost{
			Input: Unknown, CacheRead: Unknown, CacheWrite: Unknown, Output: Unknown, Other: Unknown,
			List: Unknown, Paid: Unknown, Uncached: Unknown, Iterations: iterations,
		}
	}
	s := p.sumFor(q)
	plain := s
	lines, uncached := p.lines(q)
	c := Cost{
		PriceID:    p.id,
		Input:      s.part(lines[classInput]),
		CacheRead:  s.part(lines[classCacheRead]),
		CacheWrite: s.part(plus(lines[classCacheWrite5m], lines[classCacheWrite1h])),
		Output:     s.part(lines[classOutput]),
		Other:      bounded(plus(line(q.Usage.WebSearches, p.webSearch), beside)),
		Iterations: iterations,
	}
	c.List = bounded(plus(s.total(), c.Other))
	c.Paid, c.Uncached = Unknown, Unknown
	if c.List.Known() {
		plain.part(uncached)
		plain.part(lines[classOutput])
		c.Uncached = bounded(plus(plain.total(), c.Other))
		c.Paid = paid(c.List, q)
	}
	return c
}

// priceIterations prices what is billed beside the top level, each iteration as a request of
// its own, and returns the sum as well.
func (b *Book) priceIterations(q *Query) (costs []IterationCost, sum USD) {
	if len(q.Iterations) == 0 {
		return nil, 0
	}
	costs = make([]IterationCost, len(q.Iterations))
	for i, it := range q.Iterations {
		own := *q
		own.Usage, own.Samples, own.Iterations, own.FlatFee, own.Multiplier = it.Usage, nil, nil, false, ""
		if it.Model != "" && it.Model != q.Model {
			own.Model, own.Speed = it.Model, ""
		}
		c := b.Price(&own)
		if c.PriceID == "" && it.Usage.none() {
			c.List = 0 // nothing was used, so there is nothing to know
		}
		costs[i] = IterationCost{PriceID: c.PriceID, List: c.List}
		sum = bounded(plus(sum, c.List))
	}
	return costs, sum
}

// none tells whether nothing was used.
func (u *Usage) none() bool { return u.prompt() == 0 && u.Output <= 0 && u.WebSearches <= 0 }

// sumFor begins the sum of a request, with the factors that apply to it.
func (p *price) sumFor(q *Query) sum {
	s := sum{batch: factorOne, geo: factorOne}
	if q.ServiceTier == "batch" {
		s.batch = p.batch
	}
	if q.InferenceGeo == "us" {
		s.geo = p.geo
	}
	return s
}

// unitsFor chooses the set of prices that applies to the whole request.
func (p *price) unitsFor(q *Query, prompt int64) *[classes]USD {
	switch {
	case q.Speed == "fast":
		return &p.units[setFast]
	case prompt > p.tierOver:
		return &p.units[setTier]
	case p.peak(q.At):
		return &p.units[setPeak]
	}
	return &p.units[setPlain]
}

// peak tells whether an instant is within the peak hours.
func (p *price) peak(at time.Time) bool {
	if len(p.windows) == 0 {
		return false
	}
	at = at.UTC()
	if p.days&(1<<at.Weekday()) == 0 {
		return false
	}
	minute := at.Hour()*60 + at.Minute()
	for _, w := range p.windows {
		if w.from <= minute && minute < w.to {
			return true
		}
	}
	return false
}

// sum adds up lines of tokens and multiplies the sum, not the lines, by the factors: that is
// how the ledger rounds. A part is therefore what it adds to the multiplied sum, which makes
// the parts add up to it exactly.
type sum struct {
	lines      USD
	batch, geo int64
	unknown    bool // a line without a price was among them
}

// part adds a line and returns its share of the total.
func (s *sum) part(l USD) USD {
	if !l.Known() {
		s.unknown = true
		return Unknown
	}
	before := s.multiplied()
	s.lines += l
	after := s.multiplied()
	if !before.Known() || !after.Known() {
		s.unknown = true
		return Unknown
	}
	return bounded(after - before)
}

func (s *sum) multiplied() USD { return times(times(s.lines, s.batch), s.geo) }

func (s *sum) total() USD {
	if s.unknown {
		return Unknown
	}
	return s.multiplied()
}

// paid applies what the profile agreed on with its provider to a list price.
func paid(list USD, q *Query) USD {
	if q.FlatFee {
		return 0
	}
	if q.Multiplier == "" || q.Multiplier == "1" {
		return list
	}
	factor, ok := parseDecimal(q.Multiplier, usdWidth, usdScale)
	if !ok {
		return Unknown
	}
	return mulDiv(uint64(list), uint64(factor), uint64(dollar))
}

// bounded returns u, or Unknown where the ledger could not hold it.
func bounded(u USD) USD {
	if u >= usdLimit {
		return Unknown
	}
	return u
}
