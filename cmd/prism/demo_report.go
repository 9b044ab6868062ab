package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
	"prism/internal/simulator"
)

// report prints the spend table and checks the ledger against the bills.
func (d *demo) report(ctx context.Context, r *demoReport) error {
	if err := d.audit(ctx, r); err != nil {
		return err
	}
	if d.a.jsonWanted() {
		if err := d.a.show(view{object: r}); err != nil {
			return err
		}
	} else {
		if d.a.format == "" {
			d.a.format = formatTable
		}
		if err := d.a.spend(ctx, d.room, spendOptions{by: "model"}); err != nil {
			return err
		}
		d.say("ledger    %d rows for %d requests, all figures as the simulator billed them", r.Rows, r.Requests)
		if d.a.outTTY && d.a.inTTY {
			d.hints(ctx)
		}
	}
	if len(r.Wrong) > 0 {
		return &admin.Error{Code: codeUnhealthy, Message: "the ledger differs from the bills: " + r.Wrong[0], Fix: "prism demo --keep, then look into its directory"}
	}
	return nil
}

func (d *demo) hints(ctx context.Context) {
	if u, err := d.room.client.UI(ctx); err == nil {
		d.say("dashboard %s", u.URL)
	}
	d.say(`try       edit %s, set "active: local", save: the next request goes there`, d.room.paths.Profiles)
	d.say("          curl %s/v1/messages -H 'x-api-key: %s' -H 'content-type: application/json' -d '{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":64,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'", d.base, d.token.Reveal())
	d.say("          Ctrl-C ends it")
}

// billed is a row of the ledger in the figures of a bill.
type billed struct {
	outcome                       string
	input, output, read, w5m, w1h int64
}

// audit compares every bill with its row: exactly one row per request that a provider saw,
// and the same tokens.
func (d *demo) audit(ctx context.Context, r *demoReport) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	bills := map[string]simulator.Billed{}
	for _, name := range demoProfiles() {
		seen, _ := d.sims[name].Requests()
		list, err := d.sims[name].WaitBills(ctx, seen)
		if err != nil {
			return err
		}
		for _, b := range list {
			bills[b.RequestID] = b
		}
	}
	rows, err := d.rows(ctx, r.Requests)
	if err != nil {
		return err
	}
	r.Rows = len(rows)
	if len(rows) != r.Requests || len(bills) != r.Requests {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%d requests sent, %d billed, %d rows", r.Requests, len(bills), len(rows)))
	}
	for id, b := range bills {
		if row, ok := rows[id]; !ok {
			r.Wrong = append(r.Wrong, "no row for the request that the provider calls "+id)
		} else if why := differs(row, b); why != "" {
			r.Wrong = append(r.Wrong, id+": "+why)
		}
	}
	return nil
}

// differs compares what both sides can know: of an answer that did not end, the provider may
// have said more than arrived.
func differs(row billed, b simulator.Billed) string {
	u := b.Usage
	want := billed{input: u.Input, read: u.CacheRead, w5m: u.CacheWrite5m, w1h: u.CacheWrite1h, output: u.Output}
	have := row
	have.outcome = ""
	if b.Ending != simulator.EndComplete {
		want.output, have.output = 0, 0
	}
	if have != want {
		return fmt.Sprintf("row %+v, bill %+v", have, want)
	}
	if complete := b.Ending == simulator.EndComplete; complete != (row.outcome == "ok") {
		return fmt.Sprintf("outcome %s, the provider's answer was %s", row.outcome, b.Ending)
	}
	return ""
}

// rows reads the ledger by the provider's request id, once all of them have arrived: the row
// of a client that left is written after it has gone.
func (d *demo) rows(ctx context.Context, want int) (map[string]billed, error) {
	for {
		rows, err := d.readRows(ctx)
		if err == nil && len(rows) >= want {
			return rows, nil
		}
		if err != nil && !errors.Is(err, errNoLedger) && !errors.Is(err, duckdb.ErrBusy) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return rows, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (d *demo) readRows(ctx context.Context) (map[string]billed, error) {
	db, err := d.a.reader(ctx, d.room)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `
select coalesce(upstream_request_id, request_id), outcome, coalesce(input_tokens, -1), coalesce(output_tokens, -1), coalesce(cache_read_tokens, -1),
       coalesce(cache_write_5m_tokens, -1), coalesce(cache_write_1h_tokens, -1) from requests`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]billed{}
	for rows.Next() {
		var id string
		var b billed
		if err := rows.Scan(&id, &b.outcome, &b.input, &b.output, &b.read, &b.w5m, &b.w1h); err != nil {
			return nil, err
		}
		if _, twice := out[id]; twice {
			id += " (second row)"
		}
		out[id] = b
	}
	return out, rows.Err()
}
