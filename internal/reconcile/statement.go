package reconcile

import (
	"cmp"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// Kind is one of the figures that are compared.
type Kind string

// The kinds, named as the columns of the ledger. Counts are tokens or uses, costs US dollars at
// list price.
const (
	Requests       Kind = "requests"
	Input          Kind = "input_tokens"
	CacheRead      Kind = "cache_read_tokens"
	CacheWrite     Kind = "cache_write_tokens" // both of the following
	CacheWrite5m   Kind = "cache_write_5m_tokens"
	CacheWrite1h   Kind = "cache_write_1h_tokens"
	Output         Kind = "output_tokens"
	WebSearches    Kind = "web_search_requests"
	CostInput      Kind = "cost_input_usd"
	CostCacheRead  Kind = "cost_cache_read_usd"
	CostCacheWrite Kind = "cost_cache_write_usd"
	CostOutput     Kind = "cost_output_usd"
	CostOther      Kind = "cost_other_usd"
	Cost           Kind = "cost_list_usd"
)

// Kinds returns all kinds, in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{
		Requests, Input, CacheRead, CacheWrite, CacheWrite5m, CacheWrite1h, Output, WebSearches,
		CostInput, CostCacheRead, CostCacheWrite, CostOutput, CostOther, Cost,
	}
}

// Money tells whether the figure is an amount of money.
func (k Kind) Money() bool { return strings.HasPrefix(string(k), "cost_") }

// Key says what figures are about.
type Key struct {
	Day   string // 2026-11-01, UTC
	Model string // as [ModelKey] writes it
}

// Line is what is known of one day and model. A kind that is missing is not known, or 0.
type Line struct {
	Model   string // as whoever wrote the figures names it
	Figures map[Kind]*big.Rat
	slack   map[Kind]*big.Rat // how far a cost may be off because it was rounded
}

// Statement is one side of the comparison.
type Statement struct {
	Lines  map[Key]*Line
	Kinds  map[Kind]bool // that the provider states
	Format string        // of the file: anthropic usage, anthropic cost, other
	Rows   int           // of the file
}

// NewStatement returns an empty one.
func NewStatement() *Statement {
	return &Statement{Lines: make(map[Key]*Line), Kinds: make(map[Kind]bool)}
}

// Add adds a figure to the line of a day and model, which it makes if there is none.
func (s *Statement) Add(day, model string, kind Kind, v *big.Rat) {
	l := s.line(day, model)
	sum, ok := l.Figures[kind]
	if !ok {
		sum = new(big.Rat)
		l.Figures[kind] = sum
	}
	sum.Add(sum, v)
	s.Kinds[kind] = true
}

func (s *Statement) line(day, model string) *Line {
	key := Key{day, ModelKey(model)}
	l, ok := s.Lines[key]
	if !ok {
		l = &Line{Model: model, Figures: make(map[Kind]*big.Rat), slack: make(map[Kind]*big.Rat)}
		s.Lines[key] = l
	}
	return l
}

// round notes that a cost was written with so many decimals: it may be off by half of the last.
func (s *Statement) round(day, model string, kind Kind, decimals int) {
	l := s.line(day, model)
	if l.slack[kind] == nil {
		l.slack[kind] = new(big.Rat)
	}
	half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)))
	l.slack[kind].Add(l.slack[kind], half)
}

// Days returns the first and the last day; empty where there is none.
func (s *Statement) Days() (first, last string) {
	for key := range s.Lines {
		if first == "" || key.Day < first {
			first = key.Day
		}
		last = max(last, key.Day)
	}
	return first, last
}

var (
	modelNote = regexp.MustCompile(`\s*[\[(].*$`) // [1m], (≤ 200k)
	modelDate = regexp.MustCompile(`-20\d{6}$`)
)

// ModelKey writes a name of a model so that names of the same model are equal: a provider's
// pages say Claude Opus 4.5 where its API says claude-opus-4-5-20251101.
func ModelKey(name string) string {
	s := strings.ToLower(strings.TrimSpace(modelNote.ReplaceAllString(name, "")))
	s = strings.NewReplacer(" ", "-", ".", "-", "_", "-").Replace(s)
	if _, bare, ok := strings.Cut(s, "/"); ok { // anthropic/claude-opus-4-5
		s = bare
	}
	return modelDate.ReplaceAllString(s, "")
}

// Tolerance is how far two figures may be apart.
type Tolerance struct {
	Share *big.Rat // of the provider's figure; nil = 0
	USD   *big.Rat // of a cost, beside what rounding explains; nil = 0
}

// Difference is a figure in which the two sides are compared.
type Difference struct {
	Key
	Name     string // of the model
	Kind     Kind
	Provider *big.Rat // nil = the provider has nothing of this day and model
	Ledger   *big.Rat // nil = the ledger has nothing
	Diff     *big.Rat // ledger less provider, what one of them does not have taken as 0
	Equal    bool     // within tolerance
}

// Compare returns the figures of every day and model that one side has, in order, for the kinds
// that the provider states.
func Compare(provider, ledger *Statement, t Tolerance) []Difference {
	keys := make(map[Key]bool, len(provider.Lines))
	for key := range provider.Lines {
		keys[key] = true
	}
	for key := range ledger.Lines {
		keys[key] = true
	}
	var out []Difference
	for key := range keys {
		for _, kind := range Kinds() {
			if provider.Kinds[kind] {
				out = append(out, compare(key, kind, provider.Lines[key], ledger.Lines[key], t))
			}
		}
	}
	order := make(map[Kind]int)
	for i, kind := range Kinds() {
		order[kind] = i
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Model, b.Model), cmp.Compare(order[a.Kind], order[b.Kind]))
	})
	return out
}

func compare(key Key, kind Kind, provider, ledger *Line, t Tolerance) Difference {
	d := Difference{Key: key, Kind: kind, Diff: new(big.Rat)}
	slack := new(big.Rat)
	if ledger != nil {
		d.Name, d.Ledger = ledger.Model, figure(ledger, kind)
		d.Diff.Add(d.Diff, d.Ledger)
	}
	if provider != nil {
		d.Provider = figure(provider, kind)
		d.Diff.Sub(d.Diff, d.Provider)
		if d.Name == "" {
			d.Name = provider.Model
		}
		if rounding := provider.slack[kind]; rounding != nil {
			slack.Add(slack, rounding)
		}
		if t.Share != nil {
			slack.Add(slack, new(big.Rat).Mul(new(big.Rat).Abs(d.Provider), t.Share))
		}
	}
	if kind.Money() && t.USD != nil {
		slack.Add(slack, t.USD)
	}
	d.Equal = new(big.Rat).Abs(d.Diff).Cmp(slack) <= 0
	return d
}

func figure(l *Line, kind Kind) *big.Rat {
	if v := l.Figures[kind]; v != nil {
		return v
	}
	return new(big.Rat)
}
