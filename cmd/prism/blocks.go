package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// windowLength is how long the window of a plan's limit is.
const windowLength = 5 * time.Hour

// blocksBack is how far before the time that is asked for the windows are looked for: where one
// begins depends on where the one before it ended, back to a pause of five hours.
const blocksBack = 48 * time.Hour

// blocksDays is how far back the windows are shown unless a time is given.
const blocksDays = 7

func blockColumns() []column {
	return []column{
		{name: "block_start", head: "WINDOW", whole: true},
		{name: "block_end", data: true},
		{name: "profile"},
		{name: "source", spare: true},
		{name: "is_active", head: "NOW"},
		{name: "requests", head: "REQ", right: true},
		{name: "prompt_tokens", head: "PROMPT", right: true, spare: true},
		{name: "output_tokens", head: "OUTPUT", right: true, spare: true},
		{name: "used", right: true},
		{name: "cost_usd", head: "COST", right: true},
		{name: "cost_list_usd", head: "LIST", right: true, spare: true},
		{name: "usd_per_hour", head: "PER HOUR", right: true},
		{name: "projected_usd", head: "BY ITS END", right: true},
	}
}

// blocks shows the five-hour windows of each profile, the oldest first.
func (a *app) blocks(ctx context.Context, r room, s selection) error {
	if s.model != "" || s.project != "" || s.branch != "" || s.session != "" || s.host != "" || len(s.tags) > 0 {
		return usagef("prism spend --blocks --profile NAME", "a window belongs to the credential of a profile: only --profile chooses among them")
	}
	w, err := a.window(s)
	if err != nil {
		return err
	}
	if s.period == "" && s.since == "" {
		w.from = dayFrom(a.now(), -blocksDays)
	}
	v := view{columns: blockColumns(), empty: "no requests in this time"}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return a.show(v)
	}
	if err != nil {
		return err
	}
	defer db.Close()
	if v.rows, err = a.blockRows(ctx, db, s.profile, w); err != nil {
		return err
	}
	return a.show(v)
}

const blocksSQL = `
select block_start, block_end, profile, source, is_active, requests, prompt_tokens::bigint, output_tokens::bigint,
       used, cost_usd::varchar, cost_list_usd::varchar, greatest(date_diff('second', block_start, last_at), 60)
from blocks($back)
where block_end > $from and block_start < $to and %s
order by block_start, profile`

func (a *app) blockRows(ctx context.Context, db *sql.DB, profile string, w window) ([][]cell, error) {
	var c clause
	c.like("profile", "profile", profile)
	args := append(c.args, sql.Named("back", w.from.Add(-blocksBack)), sql.Named("from", w.from), sql.Named("to", w.to))
	rows, err := db.QueryContext(ctx, fmt.Sprintf(blocksSQL, c.String()), args...)
	if err != nil {
		return nil, fmt.Errorf("read the windows: %w", err)
	}
	defer rows.Close()
	var out [][]cell
	for rows.Next() {
		var start, end time.Time
		var profile, source, cost, list sql.NullString
		var active bool
		var requests, seconds int64
		var prompt, output *int64
		var used sql.NullFloat64
		if err := rows.Scan(&start, &end, &profile, &source, &active, &requests, &prompt, &output, &used, &cost, &list, &seconds); err != nil {
			return nil, fmt.Errorf("read the windows: %w", err)
		}
		lasted := time.Duration(seconds) * time.Second
		if active {
			lasted = max(a.now().Sub(start), time.Minute)
		}
		projected := ""
		if active {
			projected = scaled(cost.String, windowLength, lasted)
		}
		out = append(out, []cell{
			timeCell(start, "2006-01-02 15:04"), timeCell(end, "15:04"), textCell(profile.String), a.wordCell(source.String), a.activeCell(active),
			countCell(&requests), tokenCell(prompt), tokenCell(output), shareCell(used), moneyCell(cost.String), moneyCell(list.String),
			moneyCell(scaled(cost.String, time.Hour, lasted)), moneyCell(projected),
		})
	}
	return out, rows.Err()
}

func (a *app) activeCell(active bool) cell {
	if active {
		return cell{a.text("now"), true}
	}
	return cell{"", false}
}

// shareCell shows what a provider said is used of a limit; it says so as a float.
func shareCell(used sql.NullFloat64) cell {
	if !used.Valid {
		return cell{unknown, nil}
	}
	c := floatCell(used.Float64)
	c.text = fmt.Sprintf("%.0f%%", used.Float64*100)
	return c
}
