package dashboard

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"prism/internal/admin"
)

const (
	detailDeadline = 8 * time.Second
	sessionFor     = 1500 * time.Millisecond
	maxID          = 200
)

// detailReply is everything that is known of one request.
type detailReply struct {
	Request  raw    `json:"request"` // all columns
	Attempts raw    `json:"attempts"`
	Cost     raw    `json:"cost"`
	Session  *raw   `json:"session"` // null = it belongs to none, or it was not counted in time
	Retries  []raw  `json:"retries"` // what the client sent again
	SQL      string `json:"sql"`
}

const costSQL = `
select cost_input_usd as input, cost_cache_read_usd as cache_read, cost_cache_write_usd as cache_write, cost_output_usd as output, cost_other_usd as other,
       cost_list_usd as list, cost_usd as paid, cost_uncached_usd as uncached, price_id, corrected_at, _unpriced(operation, usage_source, cost_list_usd) as unpriced
from priced where request_id = $id`

// A session may go on for weeks; what lies a month away from the request is not counted.
const sessionSQL = `
with own as (select session_id, started_at from requests where request_id = $id)
select session_id, count(*) as requests, sum(cost_usd) as cost_usd, count(*) filter (` + unpricedSQL + `) as unpriced, min(started_at) as first_at, max(started_at) as last_at
from priced
where session_id = (select session_id from own)
  and started_at >= (select started_at from own) - interval 30 day and started_at < (select started_at from own) + interval 30 day
group by session_id`

const retriesSQL = `
select request_id, started_at, outcome, http_status, profile from requests
where retry_of = $id and started_at >= (select started_at from requests where request_id = $id)
order by started_at`

// detail answers with one request.
func (d *Data) detail(ctx context.Context, v url.Values) (any, error) {
	id := v.Get("id")
	if id == "" || len(id) > maxID {
		return nil, unknownRequest()
	}
	params := map[string]string{"id": id}
	results, err := d.ask(ctx, detailDeadline, []admin.Query{
		{SQL: "from priced where request_id = $id", Params: params},
		{SQL: costSQL, Params: params},
		{SQL: sessionSQL, Params: params, LimitMS: sessionFor.Milliseconds()},
		{SQL: retriesSQL, Params: params, LimitMS: sessionFor.Milliseconds()},
	})
	if noLedger(err) {
		return nil, unknownRequest()
	}
	if err != nil {
		return nil, err
	}
	rows := make([][]raw, len(results))
	for i := range results {
		if rows[i], err = objectsOf(&results[i]); err != nil {
			return nil, err
		}
	}
	if len(rows[0]) == 0 || len(rows[1]) == 0 {
		return nil, unknownRequest()
	}
	c := clause{params: params}
	reply := detailReply{Request: rows[0][0], Cost: rows[1][0], Retries: append([]raw{}, rows[3]...), SQL: c.literal("from priced\nwhere request_id = $id")}
	if len(rows[2]) > 0 {
		reply.Session = &rows[2][0]
	}
	reply.Attempts, err = attemptsOf(rows[0][0])
	return reply, err
}

// attemptsOf takes the attempts out of a row.
func attemptsOf(row raw) (raw, error) {
	var parts struct {
		Attempts raw `json:"attempts"`
	}
	if err := json.Unmarshal(row, &parts); err != nil {
		return nil, err
	}
	if len(parts.Attempts) == 0 || string(parts.Attempts) == "null" {
		return raw("[]"), nil
	}
	return parts.Attempts, nil
}

func unknownRequest() error {
	return &admin.Error{Code: admin.CodeNotFound, Message: "no request has this id", Fix: "prism logs"}
}
