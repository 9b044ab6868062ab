package main

import (
	"context"
	"encoding/json"
	"errors"

	"prism/internal/admin"
	"prism/internal/daemon"
)

// budgets shows the limits on money and how far each is used up: from the gateway, which
// enforces them, else from what it kept.
func (a *app) budgets(ctx context.Context, r room, o spendOptions) error {
	all, err := a.budgetStates(ctx, r)
	if err != nil {
		return err
	}
	v := view{columns: []column{
		{name: "name"},
		{name: "scope"},
		{name: "per"},
		{name: "spent_usd", head: "SPENT", right: true},
		{name: "limit_usd", head: "LIMIT", right: true},
		{name: "left_usd", head: "LEFT", right: true},
		{name: "used", right: true},
		{name: "state"},
		{name: "then", spare: true},
		{name: "resets_at", head: "RESETS", spare: true, whole: true},
		{name: "unpriced", right: true, spare: true},
	}, empty: "no budgets   fix: add budgets: to prism.yaml, or budget: to a profile"}
	over := false
	for i := range all {
		b := &all[i]
		over = over || b.State == admin.BudgetOver
		v.rows = append(v.rows, []cell{
			textCell(b.Name), textCell(b.Scope), a.wordCell(b.Per), moneyCell(b.SpentUSD), moneyCell(b.LimitUSD), moneyCell(minus(b.LimitUSD, b.SpentUSD)),
			usedCell(b.SpentUSD, b.LimitUSD), a.wordCell(b.State), a.wordCell(b.Then), timeCell(b.ResetsAt, "2006-01-02 15:04"), countCell(&b.Unpriced),
		})
	}
	if err := a.show(v); err != nil {
		return err
	}
	if o.check && over {
		return quietError{codeOverBudget}
	}
	return nil
}

// usedCell is the share that is spent; machines get it with four decimals.
func usedCell(spent, limit string) cell {
	s, l := amount(spent), amount(limit)
	if s == nil || l == nil || l.Sign() == 0 {
		return cell{unknown, nil}
	}
	share := s.Quo(s, l)
	return cell{percentOf(share), json.Number(share.FloatString(4))}
}

func (a *app) budgetStates(ctx context.Context, r room) ([]admin.BudgetStatus, error) {
	st, err := r.client.Status(ctx)
	if !errors.Is(err, admin.ErrNotRunning) {
		return st.Budgets, err
	}
	f, err := a.valid(ctx, r)
	if err != nil {
		return nil, err
	}
	return daemon.Budgets(r.paths, r.settings, f.Profiles.Profiles)
}
