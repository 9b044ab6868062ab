package main

import (
	"math/big"
	"slices"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// keptWork is how many finished exchanges top remembers.
const keptWork = 2000

// burnOver is the time that the burn rate is taken over.
const burnOver = 10 * time.Minute

// rateSteps is how many looks a rate of tokens is taken over: two seconds.
const rateSteps = 4

// work is what top has seen of exchanges: the ones that have finished, and how fast the ones in
// flight deliver.
type work struct {
	finished []admin.Exchange // the oldest first
	known    map[string]bool  // by request_id
	samples  map[string][]delivery
}

// delivery is how many tokens of an answer had come by then.
type delivery struct {
	at     time.Time
	tokens int64
}

func newWork() *work { return &work{known: map[string]bool{}, samples: map[string][]delivery{}} }

// add remembers exchanges, each once: the gateway and the ledger both know them.
func (w *work) add(list ...admin.Exchange) {
	for _, x := range list {
		if !w.known[x.RequestID] {
			w.known[x.RequestID] = true
			w.finished = append(w.finished, x)
		}
	}
	slices.SortStableFunc(w.finished, func(a, b admin.Exchange) int { return endOfExchange(a).Compare(endOfExchange(b)) })
	if drop := len(w.finished) - keptWork; drop > 0 {
		for _, x := range w.finished[:drop] {
			delete(w.known, x.RequestID)
		}
		w.finished = slices.Delete(w.finished, 0, drop)
	}
}

// endOfExchange is when it finished.
func endOfExchange(x admin.Exchange) time.Time {
	return x.StartedAt.Add(time.Duration(max(x.DurationMS.OrZero(), 0)) * time.Millisecond)
}

// fly notes how far the answers in flight have come.
func (w *work) fly(flights []admin.Flight, at time.Time) {
	next := make(map[string][]delivery, len(flights))
	for _, f := range flights {
		list := append(w.samples[f.RequestID], delivery{at, f.OutputTokens})
		next[f.RequestID] = list[max(0, len(list)-rateSteps-1):]
	}
	w.samples = next
}

// landed forgets what was in flight.
func (w *work) landed() { w.samples = map[string][]delivery{} }

// rate is how many tokens a second the answer brought lately.
func (w *work) rate(id string) int64 {
	list := w.samples[id]
	if len(list) < 2 {
		return 0
	}
	first, last := list[0], list[len(list)-1]
	ms := last.at.Sub(first.at).Milliseconds()
	if ms <= 0 {
		return 0
	}
	return (last.tokens - first.tokens) * 1000 / ms
}

// total is how many tokens a second come at all.
func (w *work) total() (sum int64) {
	for id := range w.samples {
		sum += w.rate(id)
	}
	return sum
}

// burn is what the last minutes cost, as dollars per hour; unpriced is how many exchanges of
// them have no price and are not in it. It is exact.
func (w *work) burn(now time.Time) (perHour string, unpriced int) {
	sum := new(big.Rat)
	for _, x := range slices.Backward(w.finished) {
		if now.Sub(endOfExchange(x)) > burnOver {
			break
		}
		switch cost, ok := ratOf(x.CostUSD); {
		case ok:
			sum.Add(sum, cost)
		case x.Operation == ledger.OpMessages && x.OutputTokens.Known():
			unpriced++
		}
	}
	sum.Mul(sum, big.NewRat(int64(time.Hour), int64(burnOver)))
	return sum.FloatString(10), unpriced
}

func ratOf(decimal *string) (*big.Rat, bool) {
	if decimal == nil {
		return nil, false
	}
	return new(big.Rat).SetString(*decimal)
}

// last returns up to n finished exchanges, the newest first, without the first skip ones.
func (w *work) last(n, skip int) []admin.Exchange {
	out := make([]admin.Exchange, 0, n)
	for i, x := range slices.Backward(w.finished) {
		if age := len(w.finished) - 1 - i; age >= skip && len(out) < n {
			out = append(out, x)
		}
	}
	return out
}
