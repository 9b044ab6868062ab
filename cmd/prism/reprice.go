package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/ledger"
)

// repriceOptions say what to price again, and how.
type repriceOptions struct {
	selection
	write  bool
	unset  bool
	terms  string
	reason string
}

// Terms by which reprice works out what is paid.
const (
	termsStored = "stored"
	termsToday  = "today"
)

// repriceSince is how far reprice looks back where nothing else is said.
const repriceSince = "30d"

func newReprice(a *app) *cobra.Command {
	var o repriceOptions
	cmd := &cobra.Command{
		Use:   "reprice",
		Short: "Price the ledger again with today's price book, and show the difference",
		Long: `Reprice holds what is in the ledger against today's price book, each request at its own
instant. It changes nothing; with --write it appends a correction for each row that differs.
The rows stay as they were, all reports take the newest correction.

What was paid follows the terms that the row was paid at; a row without a price takes the
multiplier and the flat fee of its profile. --terms today takes those for all rows. What the
provider itself has stated as the cost of a request stays what was paid.

A price that has left the book, or a profile that has left profiles.yaml, does not make a known
cost unknown, unless --unset says so.`,
		Example: "  prism reprice\n  prism reprice --since 2026-10-01 --model 'claude-sonnet*' --write",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.terms != termsStored && o.terms != termsToday {
				return usagef("--terms stored, or --terms today", "%q are no terms", o.terms)
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.reprice(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", repriceSince, "from this `time` on: today, yesterday, week, month, 7d, 12h, 2026-11-01")
	f.StringVar(&o.until, "until", "", "up to this `time`, not including it")
	f.StringVar(&o.model, "model", "", "only this `model`; * stands for any text")
	f.StringVar(&o.profile, "profile", "", "only this `profile`; * stands for any text")
	f.BoolVar(&o.write, "write", false, "append corrections")
	f.BoolVar(&o.unset, "unset", false, "take costs back that are not known any more")
	f.StringVar(&o.terms, "terms", termsStored, "what is paid: by the terms `stored` with the row, or those of today")
	f.StringVar(&o.reason, "reason", "reprice", "`text` to keep with the corrections")
	return cmd
}

func (a *app) reprice(ctx context.Context, r room, o repriceOptions) error {
	w, err := a.window(o.selection)
	if err != nil {
		return err
	}
	prices, err := a.pricer(ctx, r)
	if err != nil {
		return err
	}
	run := &repricing{a: a, prices: prices, o: o, now: a.now()}
	if o.write {
		if run.spool, err = newSpool(); err != nil {
			return err
		}
		defer run.spool.remove()
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return a.show(run.view())
	}
	if err != nil {
		return err
	}
	err = run.scan(ctx, db, w)
	// Closed before anything is written: the fold needs the file.
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	n := 0
	if o.write && run.changed > 0 {
		if n, err = a.appendRecords(ctx, r, run.spool.records()); err != nil {
			return fmt.Errorf("write corrections, %d of %d are written: %w", n, run.changed, err)
		}
	}
	if err := a.show(run.view()); err != nil {
		return err
	}
	run.notes(n)
	return nil
}

// repricing is one pass over the ledger.
type repricing struct {
	a      *app
	prices pricer
	o      repriceOptions
	now    time.Time
	spool  *spool // nil = corrections are only counted

	groups  map[[2]string]*repriceSum
	total   repriceSum
	changed int
	lost    int // rows that keep a cost because today's book or profiles do not know it
}

// scan prices every row in w again.
func (p *repricing) scan(ctx context.Context, db *sql.DB, w window) error {
	c := clause{terms: []string{"_billable(operation, usage_source)"}}
	c.within(w)
	p.o.names(&c, modelSQL)
	var all int64
	if err := db.QueryRowContext(ctx, "select count(*) from requests where "+c.String(), c.args...).Scan(&all); err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	bar := p.a.progress("reprice", all)
	defer bar.done()
	rows, err := db.QueryContext(ctx, repriceSQL+c.String(), c.args...)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	var row pricedRow
	for rows.Next() {
		if err := row.scan(rows); err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if err := p.see(&row); err != nil {
			return err
		}
		bar.add(1)
	}
	return rows.Err()
}

// see prices one row and notes what came of it.
func (p *repricing) see(row *pricedRow) error {
	old, e := row.costs(), &row.entry
	p.price(e, &old)
	if row.stated {
		e.Cost = old.Cost
	}
	fresh := correctionOf(e)
	switch {
	case p.o.unset:
	case old.CostList.Known() && !fresh.CostList.Known():
		p.lost++
		fresh = old
	case old.Cost.Known() && !fresh.Cost.Known():
		p.lost++
		fresh.Cost = old.Cost
	}
	differs := !sameCosts(&old, &fresh)
	p.sum(row, &old, &fresh, differs)
	if !differs {
		return nil
	}
	p.changed++
	if p.spool == nil {
		return nil
	}
	fresh.RequestID, fresh.CorrectedAt, fresh.Reason = e.RequestID, p.now, p.o.reason
	return p.spool.add(&fresh)
}

// notes says what is to be done about what was found.
func (p *repricing) notes(written int) {
	switch {
	case written > 0:
		p.a.note("%s written", plural(written, "%d corrections"))
	case p.changed > 0 && !p.o.write:
		p.a.note("%s would change   fix: the same command with --write", plural(p.changed, "%d rows"))
	}
	if p.lost > 0 {
		p.a.note("%s keep a cost that is not known any more, for its price or its profile is gone; --unset takes it back", plural(p.lost, "%d rows"))
	}
	if n := p.total.unpricedAfter; n > 0 {
		p.a.note("%s without a price   see: prism prices", plural(int(n), "%d rows"))
	}
}

// sameCosts tells whether two corrections say the same of a row.
func sameCosts(x, y *ledger.Correction) bool {
	a, b := *x, *y
	a.RequestID, a.CorrectedAt, a.Reason = "", time.Time{}, ""
	b.RequestID, b.CorrectedAt, b.Reason = "", time.Time{}, ""
	return a == b
}

// correctionOf takes the costs of an entry.
func correctionOf(e *ledger.Entry) ledger.Correction {
	return ledger.Correction{
		PriceID: e.PriceID, CostInput: e.CostInput, CostCacheRead: e.CostCacheRead, CostCacheWrite: e.CostCacheWrite, CostOutput: e.CostOutput,
		CostOther: e.CostOther, CostList: e.CostList, Cost: e.Cost, CostUncached: e.CostUncached,
	}
}
