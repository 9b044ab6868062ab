package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"prism/internal/admin"
	"prism/internal/importer"
	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
)

// knownEntries tells what the ledger holds already. The database is opened for each batch and
// closed again, so that the gateway can fold in between.
type knownEntries struct {
	a    *app
	r    room
	zone *time.Location

	covered  map[dayModel]bool // by sums of ccusage
	keepFrom time.Time         // rows from before would be let go of at once
}

// dayModel is a day, as the user's clock has it, and a model.
type dayModel struct{ day, model string }

func (a *app) knownEntries(ctx context.Context, r room, zone *time.Location) (*knownEntries, error) {
	horizon, err := ledger.ReadHorizon(r.paths.Archive)
	if err != nil {
		return nil, err
	}
	k := &knownEntries{a: a, r: r, zone: zone, covered: make(map[dayModel]bool), keepFrom: horizon.KeepFrom}
	res, err := a.fold(ctx, r)
	switch {
	case errors.Is(err, errNoLedger):
		return k, nil
	case err != nil:
		return nil, a.upkeepError(r, err)
	case res.Holder != "":
		return nil, heldError(res)
	}
	return k, k.read(ctx, func(db *sql.DB) error { return k.loadCovered(ctx, db) })
}

const coveredSQL = `
select distinct strftime(started_at, '%Y-%m-%d'), coalesce(response_model, request_model)
from requests where source = $source`

func (k *knownEntries) loadCovered(ctx context.Context, db *sql.DB) error {
	return eachRow(ctx, db, duckdb.Statement{SQL: coveredSQL, Args: []any{sql.Named("source", importer.SourceCCUsage)}}, func(rows *sql.Rows) error {
		var day, model sql.NullString
		if err := rows.Scan(&day, &model); err != nil {
			return err
		}
		k.covered[dayModel{day.String, model.String}] = true
		return nil
	})
}

// readerPatience is how long the gateway's fold is waited for.
const readerPatience = 20 * time.Second

// read opens the database, or does nothing where there is none.
func (k *knownEntries) read(ctx context.Context, fn func(*sql.DB) error) error {
	if _, err := os.Stat(k.r.paths.LedgerFile); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readerPatience)
	defer cancel()
	for {
		db, err := duckdb.OpenReader(ctx, k.r.paths.LedgerFile, duckdb.ReaderOptions{TimeZone: k.a.zone()})
		if err == nil {
			return errors.Join(fn(db), db.Close())
		}
		if !errors.Is(err, duckdb.ErrBusy) {
			return ledgerError(k.r.paths.LedgerFile, err)
		}
		select {
		case <-ctx.Done():
			return ledgerError(k.r.paths.LedgerFile, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// found is what the ledger knows of a batch.
type found struct {
	ids, upstream, responses map[string]bool // the last two: true = it passed through the gateway
	days                     map[dayModel]bool
}

// filter returns the entries of a batch that the ledger does not hold, and counts the others.
func (k *knownEntries) filter(ctx context.Context, batch []*ledger.Entry, counts *importer.Tally) ([]*ledger.Entry, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	// What passed through the gateway a moment ago may not be in the database yet.
	res, err := k.r.client.Fold(ctx)
	switch {
	case errors.Is(err, admin.ErrNotRunning):
	case err != nil:
		return nil, err
	case res.Holder != "":
		return nil, heldError(res)
	}
	f := found{ids: map[string]bool{}, upstream: map[string]bool{}, responses: map[string]bool{}, days: map[dayModel]bool{}}
	err = k.read(ctx, func(db *sql.DB) error {
		if batch[0].Source == importer.SourceCCUsage {
			return k.lookUpDays(ctx, db, batch, &f)
		}
		return k.lookUp(ctx, db, batch, &f)
	})
	if err != nil {
		return nil, fmt.Errorf("look up what the ledger holds: %w", err)
	}
	fresh := make([]*ledger.Entry, 0, len(batch))
	for _, e := range batch {
		if reason := k.reason(e, &f); reason != "" {
			counts.Drop(reason)
			continue
		}
		fresh = append(fresh, e)
	}
	return fresh, nil
}

// reason says why e is not new; "" = it is.
func (k *knownEntries) reason(e *ledger.Entry, f *found) string {
	if e.StartedAt.Before(k.keepFrom) {
		return importer.SkipTooOld
	}
	if _, ok := f.ids[e.RequestID]; ok {
		return importer.SkipKnown
	}
	through, ok := f.upstream[e.UpstreamRequestID]
	if !ok || e.UpstreamRequestID == "" {
		through, ok = f.responses[e.ResponseID]
		ok = ok && e.ResponseID != ""
	}
	switch {
	case ok && through:
		return importer.SkipPassed
	case ok:
		return importer.SkipKnown
	}
	day := dayModel{e.StartedAt.In(k.zone).Format(time.DateOnly), modelName(e)}
	if f.days[day] || e.Source != importer.SourceCCUsage && k.covered[day] {
		return importer.SkipCovered
	}
	return ""
}

func modelName(e *ledger.Entry) string {
	if e.ResponseModel != "" {
		return e.ResponseModel
	}
	return e.RequestModel
}

const knownSQL = `
with wanted as (
  select distinct unnest(from_json($ids, '["varchar"]')) as id
)
select r.request_id, r.upstream_request_id, r.response_id, r.source = 'proxy'
from requests r
where r.started_at >= $from and r.started_at < $to
  and (r.request_id in (from wanted) or r.upstream_request_id in (from wanted) or r.response_id in (from wanted))`

// lookUp asks for the ids of a batch, in the days around it.
func (k *knownEntries) lookUp(ctx context.Context, db *sql.DB, batch []*ledger.Entry, f *found) error {
	ids := make([]string, 0, 3*len(batch))
	from, to := batch[0].StartedAt, batch[0].StartedAt
	for _, e := range batch {
		for _, id := range []string{e.RequestID, e.UpstreamRequestID, e.ResponseID} {
			if id != "" {
				ids = append(ids, id)
			}
		}
		if e.StartedAt.Before(from) {
			from = e.StartedAt
		}
		if e.StartedAt.After(to) {
			to = e.StartedAt
		}
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	stmt := duckdb.Statement{SQL: knownSQL, Args: []any{
		sql.Named("ids", string(list)), sql.Named("from", from.AddDate(0, 0, -1)), sql.Named("to", to.AddDate(0, 0, 1)),
	}}
	return eachRow(ctx, db, stmt, func(rows *sql.Rows) error {
		var id, upstream, response sql.NullString
		var through sql.NullBool
		if err := rows.Scan(&id, &upstream, &response, &through); err != nil {
			return err
		}
		f.ids[id.String] = true
		if upstream.Valid {
			f.upstream[upstream.String] = f.upstream[upstream.String] || through.Bool
		}
		if response.Valid {
			f.responses[response.String] = f.responses[response.String] || through.Bool
		}
		return nil
	})
}

const knownDaysSQL = `
with billed as (
  select request_id, strftime(started_at, '%Y-%m-%d') as day, coalesce(response_model, upstream_model, request_model) as model,
         source = $source and coalesce(tags['report'], '') = $report as same
  from requests
  where operation = 'messages' and usage_source is distinct from 'none'
)
select request_id, null, null from billed where same
union all
select distinct null, day, model from billed where not same`

// lookUpDays asks which rows of a report the ledger has, and which days and models it knows
// from elsewhere.
func (k *knownEntries) lookUpDays(ctx context.Context, db *sql.DB, batch []*ledger.Entry, f *found) error {
	stmt := duckdb.Statement{SQL: knownDaysSQL, Args: []any{
		sql.Named("source", importer.SourceCCUsage), sql.Named("report", batch[0].Tags[importer.TagReport]),
	}}
	return eachRow(ctx, db, stmt, func(rows *sql.Rows) error {
		var id, day, model sql.NullString
		if err := rows.Scan(&id, &day, &model); err != nil {
			return err
		}
		if id.Valid {
			f.ids[id.String] = true
			return nil
		}
		f.days[dayModel{day.String, model.String}] = true
		return nil
	})
}

// eachRow runs a query and calls fn for each row.
func eachRow(ctx context.Context, db *sql.DB, stmt duckdb.Statement, fn func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, stmt.SQL, stmt.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
