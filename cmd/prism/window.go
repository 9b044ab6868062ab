package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"prism/internal/admin"
)

// planWindow is a window of five hours at one profile, as the ledger or the gateway has it.
type planWindow struct {
	profile  string
	used     float64 // share of the plan's limit; -1 = not reported
	begin    time.Time
	end      time.Time
	last     time.Time // end of its last exchange
	cost     string    // exact decimal; "" = not known
	reported bool      // the provider named its end, else it was derived from what was asked
}

// planWindows reads the windows that run now. They are in the view blocks of the ledger.
func planWindows(ctx context.Context, db *sql.DB, now time.Time) ([]planWindow, error) {
	rows, err := db.QueryContext(ctx, `
select coalesce(profile, ''), used, block_start, block_end, last_at, cost_usd::varchar, source = 'header'
from blocks(since := $since::timestamptz) where block_start <= $now::timestamptz and block_end > $now::timestamptz
order by last_at desc`, sql.Named("since", now.Add(-10*time.Hour)), sql.Named("now", now))
	if err != nil {
		return nil, fmt.Errorf("read the windows: %w", err)
	}
	defer rows.Close()
	var out []planWindow
	for rows.Next() {
		var w planWindow
		var used sql.NullFloat64
		var cost sql.NullString
		if err := rows.Scan(&w.profile, &used, &w.begin, &w.end, &w.last, &cost, &w.reported); err != nil {
			return nil, fmt.Errorf("read the windows: %w", err)
		}
		if w.used = -1; used.Valid {
			w.used = used.Float64
		}
		w.cost = cost.String
		out = append(out, w)
	}
	return out, rows.Err()
}

// withReported adds what the gateway has heard since the ledger was read.
func withReported(windows []planWindow, live []admin.Window, now time.Time) []planWindow {
	out := slices.Clone(windows)
	for _, l := range live {
		if l.Name != admin.Window5h || l.ResetsAt == nil || !l.Current(now) {
			continue
		}
		w := planWindow{profile: l.Profile, used: l.Used, end: *l.ResetsAt, begin: l.ResetsAt.Add(-5 * time.Hour), last: l.SeenAt, reported: true}
		i := slices.IndexFunc(out, func(o planWindow) bool { return o.profile == l.Profile })
		switch {
		case i < 0:
			out = append(out, w)
		case out[i].reported && out[i].end.Sub(w.end).Abs() < time.Minute:
			out[i].used = w.used
		case w.end.After(out[i].end) || !out[i].reported:
			out[i] = w
		}
	}
	slices.SortStableFunc(out, func(a, b planWindow) int { return cmp.Compare(a.profile, b.profile) })
	return out
}

// meter draws a share as a bar of that many cells.
func meter(share float64, cells int) string {
	full := min(max(int(share*float64(cells)+0.5), 0), cells)
	return strings.Repeat("▓", full) + strings.Repeat("░", cells-full)
}

// meterCells is the width of a meter.
const meterCells = 10

// windowText is what is said of a window: how much is used up, how long it lasts, what an hour of it
// costs, and where that is known from.
func (a *app) windowText(w planWindow) string {
	parts := []string{firstOf(w.profile, unknown)}
	if w.used >= 0 {
		parts[0] += fmt.Sprintf(" %s %.0f%%", meter(w.used, meterCells), w.used*100)
	} else if w.cost != "" {
		parts = append(parts, dollars(w.cost, 2))
	}
	parts = append(parts, a.text("%s left", until(a.now(), w.end)))
	if rate := w.perHour(); rate != "" {
		parts = append(parts, a.text("%s/h", rate))
	}
	from := a.text("(from the ledger)")
	if w.reported {
		from = a.text("(from headers)")
	}
	return strings.Join(append(parts, from), "   ")
}

// perHour is rate as people read it; "" where the cost is not known.
func (w planWindow) perHour() string {
	rate, ok := w.rate()
	if !ok {
		return ""
	}
	return dollars(rate.FloatString(10), 2)
}

// rate is what was paid for each hour from the beginning of the window to its last exchange.
func (w planWindow) rate() (*big.Rat, bool) {
	cost, ok := new(big.Rat).SetString(w.cost)
	if !ok {
		return nil, false
	}
	over := max(w.last.Sub(w.begin), time.Minute)
	return cost.Mul(cost, big.NewRat(int64(time.Hour), int64(over))), true
}

// budgetText is what is said of a budget.
func (a *app) budgetText(b admin.BudgetStatus) string {
	share := 0.0
	spent, known := new(big.Rat).SetString(b.SpentUSD)
	limit, sized := new(big.Rat).SetString(b.LimitUSD)
	if known && sized && limit.Sign() > 0 {
		share, _ = new(big.Rat).Quo(spent, limit).Float64() // for the bar alone
	}
	name := b.Name
	if b.Scope != "all" && b.Scope != "profile:"+b.Name {
		name += " (" + b.Scope + ")"
	}
	text := a.text("%s %s %s   %s of %s per %s", name, meter(share, meterCells), shareOf(b.SpentUSD, b.LimitUSD),
		dollars(b.SpentUSD, 2), dollars(b.LimitUSD, 2), a.said(b.Per))
	if left := until(a.now(), b.ResetsAt); left != "" {
		text += "   " + a.text("resets in %s", left)
	}
	if b.Unpriced > 0 {
		text += "   " + a.text("%d unpriced", b.Unpriced)
	}
	if b.State == admin.BudgetOver {
		text += "   " + a.text("OVER, %s", a.said(b.Then))
	}
	return text
}

// todayText is what is said of the day; "" where nothing was asked.
func (a *app) todayText(t admin.Totals) string {
	if t.Requests == 0 {
		return ""
	}
	text := a.text("%s   %s   prompt %s (%s cached, saved %s)   output %s", money(t.CostUSD).text, plural(int(t.Requests), "%d requests"),
		tokenCell(&t.PromptTokens).text, percentCell(&t.CacheReadTokens, &t.PromptTokens).text, money(t.SavedUSD).text, tokenCell(&t.OutputTokens).text)
	if t.Unpriced > 0 {
		text += "   " + a.text("%d unpriced", t.Unpriced)
	}
	return text
}

// alertText is what is said of an alert that somebody should know of.
func (a *app) alertText(al admin.AlertStatus) string {
	if al.State == admin.AlertFailed {
		return a.text("%s cannot be looked at: %s", al.Name, a.said(al.Error))
	}
	return a.text("%s fires: %s, %s", al.Name, al.Value, a.said(al.Bound))
}

// windowJSON is a planWindow in JSON.
type windowJSON struct {
	Profile    string    `json:"profile"`
	Used       *float64  `json:"used"` // a share, 0 to 1; null = not reported
	BeginsAt   time.Time `json:"begins_at"`
	EndsAt     time.Time `json:"ends_at"`
	CostUSD    *string   `json:"cost_usd"`
	USDPerHour *string   `json:"usd_per_hour"`
	Source     string    `json:"source"` // header, derived
}

func windowsJSON(windows []planWindow) []windowJSON {
	out := make([]windowJSON, 0, len(windows))
	for _, w := range windows {
		j := windowJSON{Profile: w.profile, BeginsAt: w.begin.UTC(), EndsAt: w.end.UTC(), Source: "derived"}
		if w.used >= 0 {
			j.Used = &w.used
		}
		if w.reported {
			j.Source = "header"
		}
		if rate, ok := w.rate(); ok {
			perHour := rate.FloatString(10)
			j.CostUSD, j.USDPerHour = &w.cost, &perHour
		}
		out = append(out, j)
	}
	return out
}
