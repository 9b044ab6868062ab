package telemetry

import (
	"slices"
	"strings"
	"sync"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// What is counted is bounded, whatever clients ask for and upstreams answer: a label has only so
// many values and a metric only so many series; what is beyond is counted together.
const (
	maxValues = 100
	maxSeries = 2000
	maxLabel  = 128 // bytes of a value
)

// use is what tokens and their times are counted by, as it is shown: two keys that are shown alike
// would be one series twice, which is no metric at all.
type use struct {
	profile, provider, operation, asked, answered string
}

// operation is what exchanges are counted by.
type operation struct {
	use
	outcome, errorType string
}

// attempt is what attempts are counted by.
type attempt struct {
	profile, outcome, errorType, why string
}

// change is what changes of health are counted by.
type change struct {
	profile, state string
}

// tokens are what was used, by class.
type tokens struct {
	input, cacheRead, cacheWrite5m, cacheWrite1h, output int64
}

// usage is what was used under one label.
type usage struct {
	in, out         histogram // tokens of an exchange
	first, perToken histogram // seconds
	tokens          tokens
	cost            ledger.Money
	unpriced        int64
}

// counts is everything that is counted.
type counts struct {
	mu         sync.Mutex // guards everything below
	labels     map[label]string
	known      map[kind]int
	uses       map[use]*usage
	operations map[operation]*histogram
	attempts   map[attempt]int64
	changes    map[change]int64
	accepted   int64
	refused    int64
}

// kind is what a label says; each has a bound of its own.
type kind byte

const (
	kindProfile kind = iota
	kindProvider
	kindOperation
	kindAsked
	kindAnswered
	kindOutcome
	kindError
	kindWhy
)

// label is a value of a kind as it came.
type label struct {
	kind kind
	text string
}

func newCounts() *counts {
	return &counts{
		labels: make(map[label]string), known: make(map[kind]int), uses: make(map[use]*usage), operations: make(map[operation]*histogram),
		attempts: make(map[attempt]int64), changes: make(map[change]int64),
	}
}

// value returns what stands for text: text itself, unless there are too many of its kind. It
// keeps a copy, since text may be part of something larger.
func (c *counts) value(k kind, text string) string {
	text = text[:min(len(text), maxLabel)]
	if text == "" {
		return ""
	}
	if v, ok := c.labels[label{k, text}]; ok {
		return v
	}
	if c.known[k] >= maxValues {
		return otherValue
	}
	c.known[k]++
	kept := strings.Clone(text)
	shown := strings.ToValidUTF8(kept, "")
	c.labels[label{k, kept}] = shown
	return shown
}

// see counts a finished exchange.
func (c *counts) see(e *ledger.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := use{
		profile: c.value(kindProfile, e.Profile), provider: c.value(kindProvider, provider(e.Provider)), operation: c.value(kindOperation, e.Operation),
		asked: c.value(kindAsked, e.RequestModel), answered: c.value(kindAnswered, e.ResponseModel),
	}
	op := operation{use: u, outcome: c.value(kindOutcome, e.Outcome), errorType: c.value(kindError, failure(e.Outcome, e.ErrorType))}
	entryIn(c.operations, op, newTimes).observe(e.EndedAt.Sub(e.StartedAt).Seconds())
	for i := range e.Attempts {
		a := &e.Attempts[i]
		c.attempts[bounded(c.attempts, attempt{
			c.value(kindProfile, a.Profile), c.value(kindOutcome, a.Outcome), c.value(kindError, failure(a.Outcome, a.ErrorType)), c.value(kindWhy, reason(a.Why)),
		})]++
	}
	if e.Operation == ledger.OpMessages && (used(e) || e.Cost.Known()) {
		entryIn(c.uses, u, newUsage).see(e)
	}
}

// failure is what is counted as error.type: nothing where nothing failed.
func failure(outcome, errorType string) string {
	if outcome == ledger.OutcomeOK {
		return ""
	}
	if errorType == "" {
		return outcome
	}
	return errorType
}

// used tells whether anything is known of what an exchange used.
func used(e *ledger.Entry) bool { return e.UsageSource != "" && e.UsageSource != ledger.UsageNone }

// reason is why an attempt was made, without the number of the rule.
func reason(why string) string {
	word, _, _ := strings.Cut(why, " ")
	return word
}

// see adds what an exchange used.
func (u *usage) see(e *ledger.Entry) {
	if e.PromptTokens.Known() {
		u.in.observe(float64(e.PromptTokens))
	}
	if e.Usage.Output.Known() {
		u.out.observe(float64(e.Usage.Output))
	}
	t := &u.tokens
	t.input += e.Usage.Input.OrZero()
	t.cacheRead += e.Usage.CacheRead.OrZero()
	t.cacheWrite5m += e.Usage.CacheWrite5m.OrZero()
	t.cacheWrite1h += e.Usage.CacheWrite1h.OrZero()
	t.output += e.Usage.Output.OrZero()
	switch {
	case e.Cost.Known():
		u.cost += e.Cost
	case used(e):
		u.unpriced++
	}
	if !e.Stream || !e.TTFTMS.Known() {
		return
	}
	u.first.observe(seconds(e.TTFTMS))
	if e.Outcome == ledger.OutcomeOK && e.Usage.Output > 1 && e.DurationMS > e.TTFTMS {
		u.perToken.observe(seconds(e.DurationMS-e.TTFTMS) / float64(e.Usage.Output-1))
	}
}

func seconds(ms stream.Count) float64 {
	return (time.Duration(ms) * time.Millisecond).Seconds()
}

// health counts a change of the health of a profile.
func (c *counts) health(ev *ledger.HealthEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes[bounded(c.changes, change{c.value(kindProfile, ev.Profile), c.value(kindOutcome, ev.ToState)})]++
}

// swap counts a table that was made live, or was not.
func (c *counts) swap(accepted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if accepted {
		c.accepted++
	} else {
		c.refused++
	}
}

// bounded returns key, or the zero key where there are too many: that is where the rest is
// counted.
func bounded[K comparable, V any](m map[K]V, key K) K {
	if _, ok := m[key]; !ok && len(m) >= maxSeries {
		var rest K
		return rest
	}
	return key
}

// entryIn returns the value of key, made if need be.
func entryIn[K comparable, V any](m map[K]*V, key K, made func() *V) *V {
	key = bounded(m, key)
	v, ok := m[key]
	if !ok {
		v = made()
		m[key] = v
	}
	return v
}

func newTimes() *histogram {
	h := newHistogram(secondBounds())
	return &h
}

func newUsage() *usage {
	sizes, times := tokenBounds(), secondBounds()
	return &usage{in: newHistogram(sizes), out: newHistogram(sizes), first: newHistogram(times), perToken: newHistogram(perTokenBounds())}
}

// histogram counts how often a value lay between two borders.
type histogram struct {
	bounds []float64 // a bucket holds what is not greater than its border
	counts []uint64  // one more: what is greater than the last border
	count  uint64
	sum    float64
}

func newHistogram(bounds []float64) histogram {
	return histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	at, _ := slices.BinarySearch(h.bounds, v)
	h.counts[at]++
	h.count++
	h.sum += v
}
