package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// unpricedSQL are the requests that ought to have a price and have none.
const unpricedSQL = "_unpriced(operation, usage_source, cost_list_usd)"

// spendQuery asks the ledger for sums.
type spendQuery struct {
	db     *sql.DB
	groups []group
	sel    selection
}

// spendSum is what the requests of one group used and cost; nil and "" are unknown.
type spendSum struct {
	groups                            []string // as in the columns; unknown = ""
	requests, failed, unpriced        int64
	input, cached, written            *int64
	prompt, output, ttft              *int64
	cost, list, saved, before, change string
	total                             bool // of all groups
}

// condition is what makes a row of the ledger count.
func (q spendQuery) condition(w window) clause {
	c := clause{terms: []string{"operation = 'messages'"}}
	c.within(w)
	q.sel.names(&c, modelSQL)
	for _, g := range q.groups {
		if g.tag != "" {
			c.args = append(c.args, sql.Named("group", g.tag))
		}
	}
	return c
}

// keys are the columns of the groups, g1 and g2, and their list.
func (q spendQuery) keys() (columns, list string) {
	var as, names []string
	for i, g := range q.groups {
		name := fmt.Sprintf("g%d", i+1)
		as, names = append(as, g.expr+" as "+name), append(names, name)
	}
	return strings.Join(as, ", "), strings.Join(names, ", ")
}

// The groups and their total come from one pass over the rows.
const spendSQL = `
with picked as (
  select %[1]s, * from priced where %[2]s)
select grouping(%[4]s) > 0, %[3]s, count(*), count(*) filter (_failed(outcome)),
       count(*) filter (` + unpricedSQL + `),
       sum(input_tokens)::bigint, sum(cache_read_tokens)::bigint,
       sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))::bigint,
       sum(prompt_tokens)::bigint, sum(output_tokens)::bigint, quantile_cont(ttft_ms, 0.95)::bigint,
       sum(cost_usd)::varchar, sum(cost_list_usd)::varchar, sum(cost_uncached_usd - cost_list_usd)::varchar
from picked
group by grouping sets ((%[3]s), ())
order by %[5]s`

// sums returns the groups, in the order in which they are shown, and their total.
func (q spendQuery) sums(ctx context.Context, w window) (groups []spendSum, total spendSum, err error) {
	c := q.condition(w)
	columns, list := q.keys()
	order := "sum(cost_usd) desc nulls last, count(*) desc, " + list
	if q.groups[0].ofTime() {
		order = "g1, " + order
	}
	rows, err := q.db.QueryContext(ctx, fmt.Sprintf(spendSQL, columns, c.String(), list, "g1", order), c.args...)
	if err != nil {
		return nil, total, fmt.Errorf("sum the ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		s := spendSum{groups: make([]string, len(q.groups))}
		names := make([]sql.NullString, len(q.groups))
		var isTotal bool
		var cost, list, saved sql.NullString
		into := []any{&isTotal}
		for i := range names {
			into = append(into, &names[i])
		}
		into = append(into, &s.requests, &s.failed, &s.unpriced, &s.input, &s.cached, &s.written, &s.prompt, &s.output, &s.ttft, &cost, &list, &saved)
		if err := rows.Scan(into...); err != nil {
			return nil, total, fmt.Errorf("sum the ledger: %w", err)
		}
		s.cost, s.list, s.saved = cost.String, list.String, saved.String
		for i := range names {
			s.groups[i] = names[i].String
		}
		if isTotal {
			s.total = true
			total = s
			continue
		}
		groups = append(groups, s)
	}
	return groups, total, rows.Err()
}

// total returns the sum of w.
func (q spendQuery) total(ctx context.Context, w window) (spendSum, error) {
	q.groups = []group{{name: "all", expr: "'all'"}}
	_, total, err := q.sums(ctx, w)
	return total, err
}

// costs returns what each group cost in w, by its key; the total has the key "".
func (q spendQuery) costs(ctx context.Context, w window) (map[string]spendSum, error) {
	sums, total, err := q.sums(ctx, w)
	if err != nil {
		return nil, err
	}
	costs := map[string]spendSum{"": total}
	for _, s := range sums {
		costs[s.key()] = s
	}
	return costs, nil
}

// key names a group; no name holds the separator.
func (s *spendSum) key() string { return strings.Join(s.groups, "\x00") + "\x00" }

// setBefore compares s with the period before.
func (s *spendSum) setBefore(before spendSum) {
	s.before = before.cost
	if before.requests == 0 {
		s.before = "0"
	}
	now := s.cost
	if s.requests == 0 {
		now = "0"
	}
	s.change = minus(now, s.before)
}

// withEarlier compares each group with the period before. A group that is gone gets a line of
// its own: that it is gone may be the answer.
func withEarlier(sums []spendSum, earlier map[string]spendSum) []spendSum {
	seen := map[string]bool{"": true}
	for i := range sums {
		k := sums[i].key()
		sums[i].setBefore(earlier[k])
		seen[k] = true
	}
	var gone []spendSum
	for k, e := range earlier {
		if seen[k] {
			continue
		}
		s := spendSum{groups: e.groups, cost: "0", list: "0", saved: "0"}
		s.setBefore(e)
		gone = append(gone, s)
	}
	slices.SortFunc(gone, func(a, b spendSum) int {
		return cmp.Or(-compareMoney(a.before, b.before), cmp.Compare(a.key(), b.key()))
	})
	return append(sums, gone...)
}

// row is the line of s; the total is named in the first column.
func (s *spendSum) row(compare bool) []cell {
	var row []cell
	for i := range s.groups {
		switch {
		case !s.total:
			row = append(row, textCell(s.groups[i]))
		case i == 0:
			row = append(row, textCell("total"))
		default:
			row = append(row, cell{})
		}
	}
	row = append(row, countCell(&s.requests), countCell(&s.failed), countCell(s.input), countCell(s.cached), countCell(s.written),
		tokenCell(s.prompt), percentCell(s.cached, s.prompt), tokenCell(s.output), moneyCell(s.cost), moneyCell(s.list), moneyCell(s.saved),
		msCell(s.ttft), countCell(&s.unpriced))
	if compare {
		row = append(row, moneyCell(s.before), changeCell(s.change))
	}
	return row
}
