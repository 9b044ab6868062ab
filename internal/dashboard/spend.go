package dashboard

import (
	"context"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"prism/internal/admin"
)

// Bounds of the spend page.
const (
	spendDeadline = 10 * time.Second
	spendGroups   = 200
	spendPeriods  = 900  // groups that are spans of time
	spendKeys     = 8    // what a chart tells apart, by each measure; the rest is one
	spendFine     = 100  // a chart with more spans tells them apart by cost alone
	spendSeries   = 9050 // points of the chart: a thousand spans with all their keys
	asideFor      = 2 * time.Second
	cacheFor      = 6 * time.Second
	earliestRate  = 20 // the share of a period that must have passed before it says something about the rest
	moneyDecimals = 10 // of the ledger
)

// sums are what requests used and cost. Amounts are exact decimals; null is unknown.
type sums struct {
	Requests   int64    `json:"requests"`
	Failed     int64    `json:"failed"`
	Unpriced   int64    `json:"unpriced"`
	Input      *int64   `json:"input_tokens"`
	CacheRead  *int64   `json:"cache_read_tokens"`
	CacheWrite *int64   `json:"cache_write_tokens"`
	Prompt     *int64   `json:"prompt_tokens"`
	Output     *int64   `json:"output_tokens"`
	HitRatio   *float64 `json:"cache_hit_ratio"`
	Cost       *string  `json:"cost_usd"`
	List       *string  `json:"cost_list_usd"`
	Saved      *string  `json:"saved_usd"`
}

type spendTotals struct {
	sums
	Sessions *int64  `json:"sessions"`     // null = not counted in time
	Rate     *string `json:"run_rate_usd"` // by the end of the period, at this rate; null = too early, or over
}

type spendBefore struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	sums
}

type spendGroup struct {
	Key *string `json:"key"`
	sums
	Before *string `json:"before_usd,omitempty"` // in the period before
}

type spendPoint struct {
	At    string  `json:"at"` // a local day as 2026-11-03, or an hour as 2026-11-03T14:00
	Key   *string `json:"key"`
	Other bool    `json:"other,omitempty"` // all that are not among the largest, together; Key is null
	sums
}

type spendReply struct {
	Range  spanView     `json:"range"`
	By     string       `json:"by"`
	Split  string       `json:"split"`
	Grain  string       `json:"grain"` // of the series
	Totals *spendTotals `json:"totals"`
	Before *spendBefore `json:"before"` // null = not asked for, or there is none
	Groups []spendGroup `json:"groups"`
	More   int64        `json:"more"` // groups that are not told
	Series []spendPoint `json:"series"`

	SeriesCut bool `json:"series_cut"` // the series begins later than the range: it has more points than are told

	Waste    *spendWaste `json:"waste"`
	Unpriced []raw       `json:"unpriced"`
	Cache    *spendCache `json:"cache"`
	Windows  []raw       `json:"windows"`

	WindowsPartial bool     `json:"windows_partial"` // the windows heed the profiles that are asked for, no other filter
	Late           []string `json:"late"`            // were not computed in time: windows, sessions, unpriced

	Budgets []spendBudget `json:"budgets"`
	SQL     string        `json:"sql"`
	Empty   bool          `json:"empty,omitempty"`
}

// spendQuery is what the spend page asks for.
type spendQuery struct {
	filter filter
	by     grouping
	split  grouping
	grain  string
	parts  []string
	before *span
}

// grouping is what sums are made by. Parts of the time have no expression: they come from the quarter
// of an hour in which a request began.
type grouping struct{ name, expr, tag string }

func (g grouping) ofTime() bool { return slices.Contains(grains(), g.name) }

func grains() []string { return []string{"hour", "day", "week", "month"} }

// spend answers with sums, what they were in the period before, the prompt cache, five-hour windows
// and budgets; part= names those that are wanted.
func (d *Data) spend(ctx context.Context, v url.Values) (any, error) {
	q, err := d.spendOf(v)
	if err != nil {
		return nil, err
	}
	reply := &spendReply{
		Range: d.view(q.filter.span), By: q.by.name, Split: q.split.name, Grain: q.grain, Groups: []spendGroup{}, Series: []spendPoint{},
		Unpriced: []raw{}, Windows: []raw{}, Budgets: []spendBudget{}, Late: []string{}, SQL: q.text(),
	}
	var asked []spendPart
	for _, part := range q.parts {
		asked = append(asked, d.spendParts(part, q)...)
	}
	queries := make([]admin.Query, len(asked))
	for i := range asked {
		queries[i] = asked[i].query
	}
	results, err := d.ask(ctx, spendDeadline, queries)
	if noLedger(err) {
		reply.Empty = true
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range asked {
		if err := asked[i].fill(reply, &results[i]); err != nil {
			return nil, err
		}
	}
	return reply, nil
}

// spendPart is one query, and what becomes of its result.
type spendPart struct {
	query admin.Query
	fill  func(*spendReply, *admin.QueryResult) error
}

func (d *Data) spendParts(part string, q *spendQuery) []spendPart {
	switch part {
	case "sums":
		parts := []spendPart{d.sumsPart(q), sessionsPart(q), wastePart(q), unpricedPart(q)}
		if q.before != nil {
			parts = slices.Insert(parts, 1, beforePart(q))
		}
		return parts
	case "cache":
		return cacheParts(q)
	case "windows":
		return []spendPart{windowsPart(q)}
	default:
		return []spendPart{d.budgetsPart(q)}
	}
}

// spendOf reads what is asked for.
func (d *Data) spendOf(v url.Values) (*spendQuery, error) {
	f, err := d.filterOf(v, "month")
	if err != nil {
		return nil, err
	}
	q := &spendQuery{filter: f}
	if q.by, err = groupingOf(v.Get("by"), "day"); err != nil {
		return nil, err
	}
	if q.split, err = groupingOf(v.Get("split"), "none"); err != nil {
		return nil, err
	}
	if q.split.ofTime() {
		return nil, usage("a chart over time is not split by %s", "split=none, model, profile ...", q.split.name)
	}
	q.parts = []string{"sums", "cache", "windows", "budgets"}
	if text := v.Get("part"); text != "" {
		all := q.parts
		q.parts = strings.Split(text, ",")
		if slices.ContainsFunc(q.parts, func(p string) bool { return !slices.Contains(all, p) }) || len(q.parts) > len(all) {
			return nil, usage("%q is no part", "part=sums,cache,windows,budgets", text)
		}
	}
	if q.grain = v.Get("grain"); q.grain == "" {
		q.grain = d.grainOf(f.span)
	}
	if q.by.ofTime() && v.Get("grain") == "" && v.Get("by") != "" {
		q.grain = q.by.name
	}
	if !slices.Contains(grains(), q.grain) {
		return nil, usage("%q is no grain", "grain=hour, day, week or month", q.grain)
	}
	if before, ok := f.span.before(d.opt.Now().In(d.zone)); ok && v.Get("compare") == "1" {
		q.before = &before
	}
	return q, nil
}

// grainOf is how fine the points of a chart are.
func (d *Data) grainOf(s span) string {
	length := s.end(d.opt.Now()).Sub(s.From)
	if !s.To.IsZero() && !s.From.IsZero() {
		length = s.To.Sub(s.From)
	}
	switch {
	case s.From.IsZero():
		return "month"
	case length <= 49*time.Hour:
		return "hour"
	case length <= 100*24*time.Hour:
		return "day"
	case length <= 400*24*time.Hour:
		return "week"
	}
	return "month"
}

func groupingOf(name, usual string) (grouping, error) {
	if name == "" {
		name = usual
	}
	if tag, ok := strings.CutPrefix(name, "tag:"); ok && tag != "" && len(tag) <= maxValue {
		return grouping{name: name, tag: tag}, nil
	}
	g := grouping{name: name}
	if g.ofTime() {
		return g, nil
	}
	if name == "none" {
		g.expr = "null::varchar"
		return g, nil
	}
	for _, dim := range dimensions() {
		if dim.name == name {
			g.expr = dim.expr
			return g, nil
		}
	}
	return g, usage("cannot sum by %q", "by=day, model, profile, provider, project, session, host, branch, source or tag:NAME", name)
}

// in is the grouping in SQL; the name of a tag stands beside the text.
func (g grouping) in(c *clause, param string) string {
	switch {
	case g.tag != "":
		c.set(param, g.tag)
		return "tags[$" + param + "]"
	case g.ofTime():
		return "null::varchar"
	}
	return g.expr
}

// rate is what the period will have cost by its end, if it goes on like this.
func rate(s span, now time.Time, cost *string) *string {
	if cost == nil || s.From.IsZero() || s.To.IsZero() || !now.Before(s.To) {
		return nil
	}
	passed, length := now.Sub(s.From), s.To.Sub(s.From)
	amount, ok := new(big.Rat).SetString(*cost)
	if !ok || passed < length/earliestRate {
		return nil
	}
	text := amount.Mul(amount, big.NewRat(int64(length), int64(passed))).FloatString(moneyDecimals)
	return &text
}

// spendWaste is what was paid for answers that did not arrive whole.
type spendWaste struct {
	Requests int64   `json:"requests"`
	Unpriced int64   `json:"unpriced"`
	Cost     *string `json:"cost_usd"` // null = of none of them
	By       []raw   `json:"by"`
}

// spendBudget is a budget, and what became of it in the time that is asked for.
type spendBudget struct {
	admin.BudgetStatus
	Events []raw `json:"events"`
}
