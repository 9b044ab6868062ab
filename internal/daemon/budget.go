package daemon

import (
	"context"
	"fmt"
	"math/big"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/spend"
)

// warnShare is the share of a profile's budget that a notice is given at.
const warnShare = "0.8"

// openTally finds out what was spent. The journal is open and nobody writes to it yet.
func (d *Daemon) openTally() (err error) {
	opt := tallyOptions(&d.opt.Paths, &d.opt.Settings)
	opt.Event, opt.Now = d.attend, d.opt.Now
	d.tally, err = openTally(opt)
	return err
}

func tallyOptions(p *config.Paths, s *config.Settings) spend.Options {
	opt := spend.Options{File: p.Totals, Source: ledger.Source{Journal: p.Journal, Archive: p.Archive}}
	for i := range s.Budgets {
		if of := scopeOf(&s.Budgets[i]); of.Kind == spend.ScopeProject || of.Kind == spend.ScopeTag {
			opt.Watched = append(opt.Watched, of)
		}
	}
	return opt
}

func openTally(opt spend.Options) (*spend.Tally, error) {
	t, err := spend.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("find out what was spent: %w", err)
	}
	return t, nil
}

// Budgets returns how far the budgets are used up where no gateway runs that could tell. It
// writes nothing.
func Budgets(p config.Paths, s config.Settings, profiles []config.Profile) ([]admin.BudgetStatus, error) {
	t, err := openTally(tallyOptions(&p, &s))
	if err != nil {
		return nil, err
	}
	t.SetBudgets(budgetsOf(&s, profiles))
	return budgetStatus(t), nil
}

func budgetStatus(t *spend.Tally) []admin.BudgetStatus {
	all := []admin.BudgetStatus{}
	for _, b := range t.Budgets() {
		all = append(all, admin.BudgetOf(&b))
	}
	return all
}

// keepTally keeps the file of the sums near the journal, until ctx ends.
func (d *Daemon) keepTally(ctx context.Context) {
	d.tally.Run(ctx, func(err error) { d.log.Error().Err(err).Msg("sums not kept; the next start reads the journal again") })
}

// saveTally spares the next start the reading.
func (d *Daemon) saveTally() {
	if err := d.tally.Save(); err != nil {
		d.log.Error().Err(err).Msg("sums not kept; the next start reads the journal again")
	}
}

// setBudgets makes the budgets of the settings and of the live table count.
func (d *Daemon) setBudgets(t *router.Table) {
	for _, r := range d.opt.Settings.Budgets {
		if r.Profile != "" && t.Route(r.Profile) == nil {
			d.log.Warn().Str(keyProfile, r.Profile).Str(keyName, r.Name).Msg("budget of a profile that does not exist")
		}
	}
	d.tally.SetBudgets(budgetsOf(&d.opt.Settings, t.Config.Profiles))
}

// budgetsOf are those of both files.
func budgetsOf(s *config.Settings, profiles []config.Profile) []spend.Budget {
	var all []spend.Budget
	for i := range s.Budgets {
		r := &s.Budgets[i]
		limit := amount(r.USD)
		all = append(all, spend.Budget{Name: r.Name, Scope: scopeOf(r), Per: spend.Period(r.Per), Limit: limit, Warn: share(limit, r.WarnAt), Then: r.Then})
	}
	for i := range profiles {
		all = append(all, profileBudgets(&profiles[i])...)
	}
	return all
}

func scopeOf(r *config.BudgetRule) spend.Scope {
	switch {
	case r.Profile != "":
		return spend.Scope{Kind: spend.ScopeProfile, Name: r.Profile}
	case r.Project != "":
		return spend.Scope{Kind: spend.ScopeProject, Name: r.Project}
	case r.Tag != "":
		return spend.Scope{Kind: spend.ScopeTag, Name: r.Tag}
	}
	return spend.Scope{Kind: spend.ScopeAll}
}

// profileBudgets are the limits that profiles.yaml has for one profile.
func profileBudgets(p *config.Profile) []spend.Budget {
	b := p.Budget
	if b == nil {
		return nil
	}
	then := b.Then
	if then == "warn" {
		then = spend.ThenNotify
	}
	var all []spend.Budget
	for _, l := range []struct {
		per spend.Period
		usd string
	}{{spend.Day, b.DailyUSD}, {spend.Week, b.WeeklyUSD}, {spend.Month, b.MonthlyUSD}} {
		if l.usd == "" {
			continue
		}
		limit := amount(l.usd)
		all = append(all, spend.Budget{
			Name: p.Name, Scope: spend.Scope{Kind: spend.ScopeProfile, Name: p.Name}, Per: l.per, Limit: limit, Warn: share(limit, warnShare), Then: then,
		})
	}
	return all
}

// amount reads a decimal that the configuration has checked. What the ledger could not hold is
// as good as no limit.
func amount(usd string) ledger.Money {
	n, ok := new(big.Rat).SetString(usd)
	if !ok {
		return ledger.NoMoney
	}
	return units(n.Mul(n, big.NewRat(1e10, 1)))
}

// share returns the amount at which a share of limit is reached.
func share(limit ledger.Money, part string) ledger.Money {
	n, ok := new(big.Rat).SetString(part)
	if !ok {
		return ledger.NoMoney
	}
	return units(n.Mul(n, new(big.Rat).SetInt64(int64(limit))))
}

// units rounds up: half a unit less is not the amount yet.
func units(n *big.Rat) ledger.Money {
	q, rest := new(big.Int).QuoRem(n.Num(), n.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() {
		return 1<<63 - 1
	}
	return ledger.Money(q.Int64())
}

// purse is the budgets and alerts as the proxy sees them.
type purse struct{ d *Daemon }

var _ proxy.Budgets = purse{}

// Check asks the budgets, where the request costs anything, and the alerts that fire. What
// blocks comes before what falls back.
func (p purse) Check(e *ledger.Entry, free bool) *proxy.Stop {
	var found *proxy.Stop
	if !free {
		if s := p.d.tally.Check(e); s != nil {
			found = &proxy.Stop{
				Name: s.Name, Message: s.Message(), Fallback: s.Then == spend.ThenFallback,
				Told: func(state string) { p.d.tally.Stopped(s, state) },
			}
		}
	}
	if found != nil && !found.Fallback {
		return found
	}
	if s := p.d.alerts.Check(e.Profile); s != nil && (found == nil || !s.Fallback) {
		found = &proxy.Stop{Name: s.Name, Message: s.Message, Fallback: s.Fallback, Told: func(state string) { p.d.alerts.Stopped(s, state) }}
	}
	return found
}

// attend records an event of a budget or an alert, and tells people of it. The figure of an alert is
// whatever its query found.
func (d *Daemon) attend(ev *ledger.AlertEvent) {
	ev.Message, ev.Value = d.plain(ev.Message), d.plain(ev.Value)
	if err := d.journal.Alert(ev); err != nil {
		d.log.Error().Err(err).Str(keyName, ev.Name).Msg("alert event not recorded")
	}
	d.notices.Tell(ev)
	d.tellMoney(ev)
}

// moneyStatus is the part of the status that is about money.
func (d *Daemon) moneyStatus(st *admin.Status) {
	st.Today = admin.TotalsOf(d.tally.Sum(spend.Scope{Kind: spend.ScopeAll}, spend.Day))
	st.Budgets, st.Alerts = budgetStatus(d.tally), []admin.AlertStatus{}
	for _, s := range d.alerts.States() {
		a := admin.AlertStatus{Name: s.Name, State: admin.AlertQuiet, Value: d.plain(s.Value), Bound: s.Bound, CheckedAt: instant(s.Checked), FiredAt: instant(s.Fired), Error: d.plain(s.Err)}
		switch {
		case s.Err != "":
			a.State = admin.AlertFailed
		case !s.Fired.IsZero():
			a.State = admin.AlertFiring
		case s.Value == "":
			a.State = admin.AlertUnknown
		}
		st.Alerts = append(st.Alerts, a)
	}
}

// todayOf is what a profile was paid since midnight.
func (d *Daemon) todayOf(profile string) admin.Totals {
	return admin.TotalsOf(d.tally.Sum(spend.Scope{Kind: spend.ScopeProfile, Name: profile}, spend.Day))
}

var _ admin.Sessions = control{}

// Session says what a session has cost so far, and the day.
func (c control) Session(_ context.Context, id string) (admin.SessionView, error) {
	x, ok := c.d.tally.Session(id)
	if !ok {
		return admin.SessionView{}, admin.UnknownSession(id)
	}
	return admin.SessionView{
		SessionID: id, Project: x.Project, Cwd: x.Cwd, GitBranch: x.GitBranch, Profile: x.Profile, Model: x.Model, LastAt: x.Last,
		Totals: admin.TotalsOf(x.Sum), Day: admin.TotalsOf(c.d.tally.Sum(spend.Scope{Kind: spend.ScopeAll}, spend.Day)),
	}, nil
}
