package main

import (
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"prism/internal/ledger"
)

// axisWidth is how many characters a timeline has.
const axisWidth = 40

// attemptRow is an element of column attempts.
type attemptRow struct {
	N          int       `json:"n"`
	Profile    string    `json:"profile"`
	Model      string    `json:"model"`
	StartedAt  time.Time `json:"started_at"`
	HTTPStatus *int      `json:"http_status"`
	ErrorType  *string   `json:"error_type"`
	TTFBMS     *int64    `json:"ttfb_ms"`
	DurationMS *int64    `json:"duration_ms"`
	Outcome    string    `json:"outcome"`
	Key        *string   `json:"key"`
	Why        *string   `json:"why"`
	Billed     *bool     `json:"maybe_billed"`
	CostList   *string   `json:"cost_list_usd"`

	Usage attemptUsage `json:"usage"`
}

// timeline draws each attempt on the axis of the whole request: ░ until its first byte, █ from
// there on.
func (d *detail) timeline(w io.Writer) {
	var all []attemptRow
	d.into("attempts", &all)
	if len(all) == 0 {
		return
	}
	start, whole := d.instant("started_at"), time.Millisecond
	if ms := d.count("duration_ms"); ms != nil {
		whole = max(whole, time.Duration(*ms)*time.Millisecond)
	}
	v := view{columns: []column{
		{name: "n", head: "TRY", right: true},
		{name: "profile"},
		{name: "why"},
		{name: "status"},
		{name: "axis", head: "0s" + pad(seconds(whole.Milliseconds()), axisWidth-2, true), whole: true},
		{name: "first", head: "FIRST BYTE", right: true},
		{name: "end", right: true},
		{name: "note", spare: true},
	}}
	for i := range all {
		t := &all[i]
		n := int64(t.N)
		v.rows = append(v.rows, []cell{
			countCell(&n), textCell(t.Profile), textCell(t.reason(d.a)), textCell(t.status()), {text: bar(start, whole, t)}, msCell(t.TTFBMS), msCell(t.DurationMS), {text: t.note(d.a)},
		})
	}
	fmt.Fprintf(w, "\n%s\n", d.a.renderTable(v))
}

func (t *attemptRow) status() string {
	var parts []string
	if t.HTTPStatus != nil {
		parts = append(parts, fmt.Sprint(*t.HTTPStatus))
	}
	if t.ErrorType != nil {
		parts = append(parts, *t.ErrorType)
	}
	if len(parts) == 0 || t.Outcome != "ok" && t.Outcome != "error" {
		parts = append(parts, t.Outcome)
	}
	return strings.Join(parts, " ")
}

// reason is why the attempt went where it went, and with which key.
func (t *attemptRow) reason(a *app) string {
	if t.Key == nil {
		return known(t.Why)
	}
	return strings.TrimSpace(a.text("%s with %s", known(t.Why), *t.Key))
}

func (t *attemptRow) note(a *app) string {
	switch {
	case t.CostList != nil && t.Outcome != "ok":
		return a.text("%s at list price", dollars(*t.CostList, moneyDecimals))
	case t.Billed != nil && *t.Billed:
		return a.text("may be billed")
	}
	return ""
}

// bar draws an attempt; what took no time still shows.
func bar(start time.Time, whole time.Duration, t *attemptRow) string {
	at := func(d time.Duration) int {
		return min(max(int(int64(d)*axisWidth/int64(whole)), 0), axisWidth)
	}
	from := t.StartedAt.Sub(start)
	lasted, waited := time.Duration(0), time.Duration(0)
	if t.DurationMS != nil {
		lasted = time.Duration(*t.DurationMS) * time.Millisecond
	}
	waited = lasted
	if t.TTFBMS != nil {
		waited = min(time.Duration(*t.TTFBMS)*time.Millisecond, lasted)
	}
	a := min(at(from), axisWidth-1)
	c := max(at(from+lasted), a+1)
	b := min(max(at(from+waited), a), c)
	return strings.Repeat(" ", a) + strings.Repeat("░", b-a) + strings.Repeat("█", c-b) + strings.Repeat(" ", axisWidth-c)
}

// money shows the tokens and what each part of them cost, with all the digits of the ledger.
func (d *detail) money(w io.Writer) {
	list := d.text("cost_list_usd")
	v := view{columns: []column{{name: "part"}, {name: "tokens", right: true}, {name: "cost", head: "LIST PRICE", right: true}, {name: "share", right: true}, {name: "note", spare: true}}}
	written := sumOf(d.count("cache_write_5m_tokens"), d.count("cache_write_1h_tokens"))
	for _, part := range []struct {
		name, column, note string
		tokens             *int64
	}{
		{"input", "cost_input_usd", "", d.count("input_tokens")},
		{"cache read", "cost_cache_read_usd", "", d.count("cache_read_tokens")},
		{"cache write", "cost_cache_write_usd", d.parts("5m %s", "cache_write_5m_tokens", "1h %s", "cache_write_1h_tokens"), written},
		{"output", "cost_output_usd", d.parts("%s of it reasoning", "reasoning_tokens"), d.count("output_tokens")},
		{"other", "cost_other_usd", d.parts("%s web searches", "web_search_requests"), nil},
	} {
		cost := d.text(part.column)
		if part.tokens == nil && (amount(cost) == nil || amount(cost).Sign() == 0) {
			continue
		}
		tokens := countCell(part.tokens)
		if part.name == "other" {
			tokens.text = ""
		}
		v.rows = append(v.rows, []cell{d.a.wordCell(part.name), tokens, exactCell(cost), {text: partOf(cost, list)}, {text: part.note}})
	}
	if len(v.rows) == 0 {
		return
	}
	v.rows = append(v.rows, []cell{d.a.wordCell("list"), {}, exactCell(list), {}, {text: d.parts("price %s", "price_id", "corrected %s", "corrected_at")}})
	v.rows = append(v.rows, []cell{d.a.wordCell("paid"), {}, exactCell(d.text("cost_usd")), {}, {text: d.lost()}})
	if saved := minus(d.text("cost_uncached_usd"), list); saved != "" {
		v.rows = append(v.rows, []cell{d.a.wordCell("saved"), {}, exactCell(saved), {}, {text: d.a.text("by caching, at list price")}})
	}
	fmt.Fprintf(w, "\n%s\n", d.a.renderTable(v))
}

// lost says what lost attempts are part of what is paid.
func (d *detail) lost() string {
	var all []attemptRow
	d.into("attempts", &all)
	attempts := make([]ledger.Attempt, len(all))
	for i := range all {
		attempts[i].Profile, attempts[i].Usage = all[i].Profile, all[i].Usage.usage()
	}
	row := attemptUsage{
		Input: d.count("input_tokens"), Output: d.count("output_tokens"), CacheRead: d.count("cache_read_tokens"),
		CacheWrite5m: d.count("cache_write_5m_tokens"), CacheWrite1h: d.count("cache_write_1h_tokens"), WebSearches: d.count("web_search_requests"),
	}
	u := row.usage()
	served := servedOf(attempts, d.text("profile"), &u)
	sum := new(big.Rat)
	for i := range all {
		if cost := amount(known(all[i].CostList)); cost != nil && i != served {
			sum.Add(sum, cost)
		}
	}
	if sum.Sign() == 0 {
		return ""
	}
	return d.a.text("with %s at list price for lost attempts", dollars(sum.FloatString(moneyDecimals), moneyDecimals))
}

// iterationRow is an element of column iterations.
type iterationRow struct {
	Type     string  `json:"type"`
	Model    string  `json:"model"`
	CostList *string `json:"cost_list_usd"`
	PriceID  *string `json:"price_id"`
	Input    *int64  `json:"input_tokens"`
	Read     *int64  `json:"cache_read_tokens"`
	Write5m  *int64  `json:"cache_write_5m_tokens"`
	Write1h  *int64  `json:"cache_write_1h_tokens"`
	Output   *int64  `json:"output_tokens"`
}

// iterations are the parts that are billed beside the top level; they stand in "other" above.
func (d *detail) iterations(w io.Writer) {
	var all []iterationRow
	d.into("iterations", &all)
	if len(all) == 0 {
		return
	}
	v := view{columns: []column{
		{name: "iteration"},
		{name: "model"},
		{name: "input", right: true},
		{name: "read", head: "CACHE READ", right: true},
		{name: "write", head: "CACHE WRITE", right: true},
		{name: "output", right: true},
		{name: "cost", head: "LIST PRICE", right: true},
		{name: "price", spare: true},
	}}
	for i := range all {
		it := &all[i]
		v.rows = append(v.rows, []cell{
			textCell(it.Type), textCell(it.Model), countCell(it.Input), countCell(it.Read), countCell(sumOf(it.Write5m, it.Write1h)),
			countCell(it.Output), exactCell(known(it.CostList)), textCell(known(it.PriceID)),
		})
	}
	fmt.Fprintf(w, "\n%s\n", d.a.renderTable(v))
}

func known(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sumOf adds what is known; nil where nothing is.
func sumOf(a, b *int64) *int64 {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	n := *a + *b
	return &n
}

// exactCell is moneyCell with all the digits of the ledger.
func exactCell(d string) cell {
	if d == "" {
		return cell{unknown, nil}
	}
	return cell{dollars(d, moneyDecimals), d}
}

// partOf is part of whole in percent.
func partOf(part, whole string) string {
	p, all := amount(part), amount(whole)
	if p == nil || all == nil || all.Sign() == 0 {
		return unknown
	}
	return percentOf(p.Quo(p, all))
}

func percentOf(r *big.Rat) string {
	return new(big.Rat).Mul(r, big.NewRat(100, 1)).FloatString(0) + "%"
}
