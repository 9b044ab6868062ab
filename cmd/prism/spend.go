package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

type spendOptions struct {
	selection
	by      string // one or two columns, with a comma between them
	compare bool
	blocks  bool
	budget  bool
	check   bool
}

func newSpend(a *app) *cobra.Command {
	var o spendOptions
	cmd := &cobra.Command{
		Use:   "spend [today|yesterday|week|month]",
		Short: "What was spent, by time, model, profile, project, session, branch, host or tag",
		Long: `Spend sums the ledger. COST is what is paid, LIST the same at list price; SAVED is what the
same tokens would have cost more without caching, at list price. Requests without a price
are counted, never taken as 0. Corrected prices count, not those that they replaced.

--by takes one column or two: day, week, month, hour, model, profile, provider, project,
session, host, branch, tag:NAME. --compare sets each line beside the same part of the period
before. --blocks shows the five-hour windows of each profile, --budget the budgets; with
--check it ends with 8 when one is used up.`,
		Example: `  prism spend week --by day
  prism spend yesterday --by project,model
  prism spend month --branch 'feature/*' --compare
  prism spend --since 30d --by tag:team --json`,
		ValidArgs: periods(),
		Args:      args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 1 && !slices.Contains(periods(), given[0]) {
				return usagef("prism spend today|yesterday|week|month, or prism spend --since 7d", "%q is not a period", given[0])
			}
			if cmd.Flags().Changed("by") && (o.blocks || o.budget) {
				return usagef("leave out --by", "the lines of --blocks and --budget are windows and budgets")
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if len(given) == 1 {
				o.period = given[0]
			}
			return a.spendReport(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	o.timeFlags(f)
	f.StringVar(&o.by, "by", "model", "the `columns` to sum by: one, or two with a comma between them")
	o.nameFlags(f)
	f.BoolVar(&o.compare, "compare", false, "add what the same part of the period before cost")
	f.BoolVar(&o.blocks, "blocks", false, "the five-hour windows of each profile")
	f.BoolVar(&o.budget, "budget", false, "the budgets and how far they are used up")
	f.BoolVar(&o.check, "check", false, "with --budget: end with 8 when a budget is used up")
	return cmd
}

// spendReport chooses among the three reports.
func (a *app) spendReport(ctx context.Context, r room, o spendOptions) error {
	switch {
	case o.check && !o.budget:
		return usagef("prism spend --budget --check", "--check goes with --budget")
	case boolCount(o.blocks, o.budget, o.compare) > 1:
		return usagef("leave out all but one", "--blocks, --budget and --compare are different reports")
	case o.blocks:
		return a.blocks(ctx, r, o.selection)
	case o.budget:
		return a.budgets(ctx, r, o)
	default:
		return a.spend(ctx, r, o)
	}
}

// spend shows the sums of a span of time.
func (a *app) spend(ctx context.Context, r room, o spendOptions) error {
	w, err := a.window(o.selection)
	if err != nil {
		return err
	}
	groups, err := grouping(o.by)
	if err != nil {
		return err
	}
	if o.compare && slices.ContainsFunc(groups, group.ofTime) {
		return usagef("--by model, or another column that is not a time", "--compare sets one period beside another; --by %s has one line per part of it", o.by)
	}
	v := spendColumns(groups, o.compare)
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return a.show(v)
	}
	if err != nil {
		return err
	}
	defer db.Close()
	q := spendQuery{db: db, groups: groups, sel: o.selection}
	sums, total, err := q.sums(ctx, w)
	if err != nil {
		return err
	}
	if o.compare {
		earlier, err := q.costs(ctx, w.before(a.now()))
		if err != nil {
			return err
		}
		sums = withEarlier(sums, earlier)
		total.setBefore(earlier[""])
	}
	for i := range sums {
		v.rows = append(v.rows, sums[i].row(o.compare))
	}
	if len(sums) > 0 {
		v.total = total.row(o.compare)
		v.total[0] = a.wordCell(v.total[0].text)
	}
	if err := a.show(v); err != nil {
		return err
	}
	if err := a.noteRate(ctx, q, v, w, total); err != nil {
		return err
	}
	return a.noteUnpriced(ctx, q, w)
}

func spendColumns(groups []group, compare bool) view {
	var cols []column
	for _, g := range groups {
		cols = append(cols, column{name: g.name})
	}
	cols = append(cols,
		column{name: "requests", head: "REQ", right: true},
		column{name: "failed", right: true, data: true},
		column{name: "input_tokens", data: true},
		column{name: "cache_read_tokens", data: true},
		column{name: "cache_write_tokens", data: true},
		column{name: "prompt_tokens", head: "PROMPT", right: true},
		column{name: "cache_hit_ratio", head: "CACHED", right: true},
		column{name: "output_tokens", head: "OUTPUT", right: true},
		column{name: "cost_usd", head: "COST", right: true},
		column{name: "cost_list_usd", head: "LIST", right: true, spare: true},
		column{name: "saved_usd", head: "SAVED", right: true, spare: true},
		column{name: "ttft_p95_ms", head: "TTFT P95", right: true, spare: true},
		column{name: "unpriced", right: true})
	if compare {
		cols = append(cols, column{name: "before_usd", head: "BEFORE", right: true}, column{name: "change_usd", head: "CHANGE", right: true})
	}
	return view{columns: cols, empty: "no requests in this time"}
}

// group is one column that sums are made by.
type group struct {
	name string // its column: day, model, tag
	expr string // in SQL
	tag  string
}

// ofTime tells whether the groups are parts of the time that is asked for.
func (g group) ofTime() bool {
	return slices.Contains([]string{"hour", "day", "week", "month"}, g.name)
}

const groupFix = "prism spend --by day|week|month|hour|model|profile|provider|project|session|host|branch|tag:NAME, or two of them: day,model"

// grouping reads --by.
func grouping(by string) ([]group, error) {
	known := map[string]string{
		"hour": "strftime(started_at, '%Y-%m-%d %H:00')", "day": "started_at::date::varchar",
		"week": "date_trunc('week', started_at)::date::varchar", "month": "strftime(started_at, '%Y-%m')",
		"model": modelSQL, "profile": "profile", "provider": "provider", "project": "project",
		"session": "session_id", "host": "host_name", "branch": "git_branch",
	}
	var groups []group
	for name := range strings.SplitSeq(by, ",") {
		g := group{name: name, expr: known[name]}
		if tag, ok := strings.CutPrefix(name, "tag:"); ok && tag != "" {
			g = group{name: "tag", expr: "tags[$group]", tag: tag}
		}
		if g.expr == "" {
			return nil, usagef(groupFix, "cannot sum by %q", name)
		}
		if slices.ContainsFunc(groups, func(other group) bool { return other.name == g.name }) {
			return nil, usagef(groupFix, "%q stands twice in --by", g.name)
		}
		groups = append(groups, g)
	}
	if len(groups) > 2 {
		return nil, usagef(groupFix, "--by takes two columns at most")
	}
	return groups, nil
}
