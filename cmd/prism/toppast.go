package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"prism/internal/admin"
	"prism/internal/stream"
)

// past is what the ledger knows and the gateway, since its start, need not.
type past struct {
	windows  []planWindow
	finished []admin.Exchange // within the last hour, the oldest first
}

// pastCount bounds what is read of it.
const pastCount = 500

// past reads the ledger: the windows that run, and the last hour.
func (a *app) past(ctx context.Context, r room) (past, error) {
	db, err := a.quietReader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return past{}, nil
	}
	if err != nil {
		return past{}, err
	}
	defer db.Close()
	var p past
	if p.windows, err = planWindows(ctx, db, a.now()); err != nil {
		return p, err
	}
	p.finished, err = lastHour(ctx, db, a.now())
	return p, err
}

func lastHour(ctx context.Context, db *sql.DB, now time.Time) ([]admin.Exchange, error) {
	rows, err := db.QueryContext(ctx, `
select request_id, started_at, coalesce(profile, ''), coalesce(operation, ''), coalesce(request_model, ''), coalesce(upstream_model, ''),
       coalesce(http_status, 0), coalesce(outcome, ''), coalesce(error_type, ''), coalesce(project, ''), coalesce(session_id, ''), coalesce(agent_id, ''),
       ttft_ms, duration_ms, prompt_tokens, cache_read_tokens, output_tokens, cost_usd::varchar
from (from priced where started_at >= $since::timestamptz and source = 'proxy' order by started_at desc limit $count) order by started_at`,
		sql.Named("since", now.Add(-time.Hour)), sql.Named("count", pastCount))
	if err != nil {
		return nil, fmt.Errorf("read the last hour: %w", err)
	}
	defer rows.Close()
	var out []admin.Exchange
	for rows.Next() {
		var x admin.Exchange
		var ttft, took, prompt, cached, output sql.NullInt64
		var cost sql.NullString
		err := rows.Scan(&x.RequestID, &x.StartedAt, &x.Profile, &x.Operation, &x.RequestModel, &x.UpstreamModel, &x.HTTPStatus, &x.Outcome,
			&x.ErrorType, &x.Project, &x.SessionID, &x.AgentID, &ttft, &took, &prompt, &cached, &output, &cost)
		if err != nil {
			return nil, fmt.Errorf("read the last hour: %w", err)
		}
		x.TTFTMS, x.DurationMS, x.PromptTokens, x.CacheRead, x.OutputTokens = counted(ttft), counted(took), counted(prompt), counted(cached), counted(output)
		if cost.Valid {
			x.CostUSD = &cost.String
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

func counted(n sql.NullInt64) stream.Count {
	if !n.Valid {
		return stream.Unknown
	}
	return stream.Count(n.Int64)
}

// quietReader is reader for a screen that nobody else may write to.
func (a *app) quietReader(ctx context.Context, r room) (*sql.DB, error) {
	quiet := *a
	quiet.err = io.Discard
	return quiet.reader(ctx, r)
}
