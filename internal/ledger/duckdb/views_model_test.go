package duckdb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// The figures of the views, computed in Go from the entries themselves.

// sum is unknown until something known was added, as sum() of SQL is.
type sum struct {
	n     int64
	known bool
}

func (s *sum) add(n int64, known bool) {
	if known {
		s.n, s.known = s.n+n, true
	}
}

func (s *sum) tokens(c stream.Count) { s.add(int64(c), c.Known()) }
func (s *sum) money(m ledger.Money)  { s.add(int64(m), m.Known()) }

func (s sum) String() string {
	if !s.known {
		return "<nil>"
	}
	return fmt.Sprint(s.n)
}

// usd writes a sum as a DECIMAL with ten decimals.
func (s sum) usd() string {
	if !s.known {
		return "<nil>"
	}
	if s.n < 0 {
		return "-" + sum{-s.n, true}.usd()
	}
	return fmt.Sprintf("%d.%010d", s.n/1e10, s.n%1e10)
}

func unpriced(e *ledger.Entry) bool {
	return e.Operation == "messages" && e.UsageSource != "none" && !e.CostList.Known()
}

// messagesSince are the entries that the macros look at.
func messagesSince(all []*ledger.Entry, from time.Time) []*ledger.Entry {
	return slices.DeleteFunc(slices.Clone(all), func(e *ledger.Entry) bool { return e.Operation != "messages" || e.StartedAt.Before(from) })
}

// grouped turns each group of entries into a line.
func grouped(all []*ledger.Entry, key func(*ledger.Entry) string, line func(in []*ledger.Entry) string) []string {
	groups := map[string][]*ledger.Entry{}
	for _, e := range all {
		groups[key(e)] = append(groups[key(e)], e)
	}
	lines := make([]string, 0, len(groups))
	for k, in := range groups {
		lines = append(lines, k+" | "+line(in))
	}
	return lines
}

// expectLines compares rows without regard to their order.
func (h *home) expectLines(query string, want []string) {
	h.t.Helper()
	var got []string
	for _, row := range h.rows(query) {
		cells := make([]string, len(row))
		for i, v := range row {
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format(time.RFC3339Nano)
			}
			cells[i] = fmt.Sprint(v)
		}
		got = append(got, strings.Join(cells, " | "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 2 {
		h.t.Errorf("%s: only %d rows are expected", query, len(want))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			h.t.Fatalf("%s\n%d rows, want %d; they differ from\n got %s\nwant %s", query, len(got), len(want),
				strings.Join(got[min(i, len(got)):min(i+3, len(got))], "\n     "), strings.Join(want[min(i, len(want)):min(i+3, len(want))], "\n     "))
		}
	}
}

// money is the line of a group in spend and in daily.
func moneyLine(in []*ledger.Entry) string {
	var failed, missing int
	var input, read, prompt, output, cost, list, saved sum
	for _, e := range in {
		if e.Outcome != "ok" && e.Outcome != "client_abort" {
			failed++
		}
		if unpriced(e) {
			missing++
		}
		input.tokens(e.Usage.Input)
		read.tokens(e.Usage.CacheRead)
		prompt.tokens(e.PromptTokens)
		output.tokens(e.Usage.Output)
		cost.money(e.Cost)
		list.money(e.CostList)
		saved.add(int64(e.CostUncached-e.CostList), e.CostList.Known() && e.CostUncached.Known())
	}
	return fmt.Sprint(len(in), " | ", failed, " | ", missing, " | ", input, " | ", read, " | ", prompt, " | ", output, " | ", cost.usd(), " | ", list.usd(), " | ", saved.usd())
}

func TestSumsOfGeneratedRows(t *testing.T) {
	h, all := generate(t, 4000)
	from := time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC)
	const columns = `requests, failed, unpriced, input_tokens, cache_read_tokens, prompt_tokens, output_tokens, cost_usd, cost_list_usd, cache_saved_usd`
	h.expectLines(`select period, grp, `+columns+` from spend(since := date '2026-10-03', by_col := 'model')`,
		grouped(messagesSince(all, from), func(e *ledger.Entry) string {
			return e.StartedAt.Truncate(24*time.Hour).Format(time.RFC3339) + " | " + e.ResponseModel
		}, moneyLine))
	h.expectLines(`select grp, `+columns+` from spend(since := date '2026-10-03', grain := 'all', by_col := 'project')`,
		grouped(messagesSince(all, from), func(e *ledger.Entry) string { return cmp.Or(e.Project, "<nil>") }, moneyLine))
	h.expectLines(`select day, requests, failed, unpriced, prompt_tokens, output_tokens, cost_usd from daily`,
		grouped(messagesSince(all, time.Time{}), func(e *ledger.Entry) string { return e.StartedAt.Truncate(24 * time.Hour).Format(time.RFC3339) },
			func(in []*ledger.Entry) string {
				f := strings.Split(moneyLine(in), " | ")
				return strings.Join([]string{f[0], f[1], f[2], f[5], f[6], f[7]}, " | ")
			}))
	sessions := slices.DeleteFunc(slices.Clone(all), func(e *ledger.Entry) bool { return e.SessionID == "" || e.StartedAt.Before(from) })
	h.expectLines(`select session_id, requests, unpriced, prompt_tokens, cost_usd, first_at, last_at from sessions(since := date '2026-10-03')`,
		grouped(sessions, func(e *ledger.Entry) string { return e.SessionID }, func(in []*ledger.Entry) string {
			f := strings.Split(moneyLine(in), " | ")
			last := slices.MaxFunc(in, func(a, b *ledger.Entry) int { return a.EndedAt.Compare(b.EndedAt) })
			return strings.Join([]string{f[0], f[2], f[5], f[7], in[0].StartedAt.Format(time.RFC3339Nano), last.EndedAt.Format(time.RFC3339Nano)}, " | ")
		}))
}

// The price book in Go and the one in SQL are written twice; here they price the same rows: with tiers, peak hours, fast mode,
// batches, geographies, overrides, dates, stripped names, iterations and missing prices.
func TestRepricedAgreesWithTheGatewayOnGeneratedRows(t *testing.T) {
	h, all := generate(t, 4000)
	book := map[string]int{}
	for _, e := range all {
		if e.Operation == "messages" && e.CostList.Known() {
			book[e.PriceID]++
		}
	}
	if len(book) < 10 {
		t.Fatalf("the sample uses %d prices only", len(book))
	}
	h.expect(`select count(*) from repriced(since := date '2026-10-01') where stored_price_id is not null and (new_price_id is distinct from stored_price_id or diff_usd <> 0)`, "0")
	h.expect(`select sum(requests - still_unpriced) from repriced(since := date '2026-10-01') where stored_price_id is not null`, fmt.Sprint(sumOf(book)))
	// What was corrected to an unknown cost has one in the book.
	var lost sum
	for n, e := range all {
		if n%40 == 0 && e.Operation == "messages" && e.CostInput.Known() && !e.CostList.Known() && e.PriceID == "" {
			lost.add(1, true)
		}
	}
	h.expect(`select sum(requests - still_unpriced) from repriced(since := date '2026-10-01') where stored_price_id is null`, lost.String())
}

func sumOf(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
