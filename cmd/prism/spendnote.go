package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// amount reads an exact decimal; the text never passes through a float. What is not a number
// is nil.
func amount(d string) *big.Rat {
	r, ok := new(big.Rat).SetString(d)
	if !ok {
		return nil
	}
	return r
}

// moneyDecimals is how many places the ledger keeps.
const moneyDecimals = 10

// minus is a - b, "" where one of them is not known.
func minus(a, b string) string {
	x, y := amount(a), amount(b)
	if x == nil || y == nil {
		return ""
	}
	return x.Sub(x, y).FloatString(moneyDecimals)
}

// compareMoney orders two amounts; what is not known comes first.
func compareMoney(a, b string) int {
	x, y := amount(a), amount(b)
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return -1
	case y == nil:
		return 1
	}
	return x.Cmp(y)
}

// changeCell is moneyCell with a sign.
func changeCell(d string) cell {
	c := moneyCell(d)
	if r := amount(d); r != nil && r.Sign() > 0 {
		c.text = "+" + c.text
	}
	return c
}

// percentMore is how much more now is than before: +37%.
func percentMore(now, before string) string {
	n, b := amount(now), amount(before)
	if n == nil || b == nil || b.Sign() <= 0 {
		return ""
	}
	n.Sub(n.Quo(n, b), big.NewRat(1, 1)).Mul(n, big.NewRat(100, 1))
	s := n.FloatString(0)
	if n.Sign() >= 0 {
		s = "+" + s
	}
	return s + "%"
}

// scaled is d times whole by part.
func scaled(d string, whole, part time.Duration) string {
	r := amount(d)
	if r == nil || part <= 0 {
		return ""
	}
	return r.Mul(r, big.NewRat(int64(whole), int64(part))).FloatString(moneyDecimals)
}

// earliestRate is the share of a period that must have passed before it says something about
// the rest.
const earliestRate = 20

// noteRate tells people under a table what the period before cost by then, and where this one
// is going.
func (a *app) noteRate(ctx context.Context, q spendQuery, v view, w window, total spendSum) error {
	if format, err := a.formatOf(v); err != nil || format != formatTable || len(v.rows) == 0 || w.name == "" || total.cost == "" {
		return err
	}
	now := a.now()
	earlier, err := q.total(ctx, w.before(now))
	if err != nil {
		return err
	}
	said := []string{a.text("%s paid %s", dollars(total.cost, 2), a.said(w.name))}
	if total.list != "" && compareMoney(total.list, total.cost) != 0 {
		said = append(said, a.text("%s at list price", dollars(total.list, 2)))
	}
	if earlier.cost != "" {
		said = append(said, strings.TrimSpace(a.text("%s %s %s", dollars(earlier.cost, 2), a.said(beforeName(w.name)), percentMore(total.cost, earlier.cost))))
	}
	if passed, length := now.Sub(w.from), w.to.Sub(w.from); passed < length && passed >= length/earliestRate {
		said = append(said, a.text("at this rate %s by the end of it", dollars(scaled(total.cost, length, passed), 2)))
	}
	a.note("%s", strings.Join(said, "   "))
	return nil
}

// beforeName says what a period is compared with.
func beforeName(name string) string {
	switch name {
	case "today":
		return "yesterday by this time"
	case "yesterday":
		return "the day before"
	case "this week":
		return "last week by this time"
	default:
		return "last month by this time"
	}
}

// maxUnpriced is how many models without a price are named.
const maxUnpriced = 5

// A request that has a price itself lacks that of a part of it.
const unpricedModelsSQL = `
select count(*), coalesce(case when price_id is not null then list_filter(iterations, lambda i: i.cost_list_usd is null)[1].model end, ` + modelSQL + `) as model, provider
from priced
where %s
group by all
order by 1 desc, 2`

// noteUnpriced names the models that the price book does not know.
func (a *app) noteUnpriced(ctx context.Context, q spendQuery, w window) error {
	c := q.condition(w)
	c.and(unpricedSQL)
	rows, err := q.db.QueryContext(ctx, fmt.Sprintf(unpricedModelsSQL, c.String()), c.args...)
	if err != nil {
		return fmt.Errorf("look for requests without a price: %w", err)
	}
	defer rows.Close()
	models := 0
	for ; rows.Next(); models++ {
		var n int
		var model, provider sql.NullString
		if err := rows.Scan(&n, &model, &provider); err != nil {
			return err
		}
		if models >= maxUnpriced {
			continue
		}
		a.note("%s of %s at %s without a price   fix: %s", plural(n, "%d requests"), firstOf(model.String, a.text("an unnamed model")), firstOf(provider.String, a.text("an unknown provider")), priceFix(model.String, provider.String))
	}
	if models > maxUnpriced {
		a.note(`and %d more without a price   see: prism sql "from unpriced"`, models-maxUnpriced)
	}
	return rows.Err()
}

// priceFix is the command that gives a model a price.
func priceFix(model, provider string) string {
	if model == "" || provider == "" {
		return `prism sql "from unpriced"`
	}
	return fmt.Sprintf("prism prices set %s --provider %s --input USD --output USD", shellQuote(model), shellQuote(provider))
}
