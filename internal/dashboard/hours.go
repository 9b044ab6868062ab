package dashboard

import (
	"context"
	"net/url"
	"time"

	"prism/internal/admin"
)

const (
	dayHours      = 24
	hoursDeadline = 5 * time.Second
)

// hoursReply is the last day of the gateway, hour by hour: messages that it relayed itself, as in the
// sums of today, at the prices that count now.
type hoursReply struct {
	All      []hourSums     `json:"all"`           // 24, the one under way last
	Profiles []profileHours `json:"profiles"`      // the same for each that has a request
	LastHour *string        `json:"last_hour_usd"` // what the last sixty minutes cost; null = unknown
	Empty    bool           `json:"empty,omitempty"`
}

type profileHours struct {
	Profile *string    `json:"profile"` // null = a request that none was chosen for
	Hours   []hourSums `json:"hours"`
}

// hourSums are the sums of an hour. The amount is an exact decimal; null is unknown.
type hourSums struct {
	At       time.Time `json:"at"` // its beginning
	Requests int64     `json:"requests"`
	Failed   int64     `json:"failed"`
	Unpriced int64     `json:"unpriced"`
	Cost     *string   `json:"cost_usd"`
}

const hoursSQL = correctedWith + `
select grouping(nth) as no_hour, grouping(profile) as no_profile, nth, profile, count(*) as requests, count(*) filter (` + failedSQL + `) as failed,
       count(*) filter (` + unpricedSQL + `) as unpriced, sum(cost_usd)::varchar as cost_usd, (sum(cost_usd) filter (recent))::varchar as last_hour_usd
from (select (epoch_us(started_at) - epoch_us($since::timestamptz)) // 3_600_000_000 as nth, started_at >= $recent::timestamptz as recent, *
      from ` + corrected + ` where operation = 'messages' and source = 'proxy' and started_at >= $since::timestamptz and started_at < $until::timestamptz)
group by grouping sets ((), (nth), (profile, nth))
order by profile, nth`

// hourRow is a row of [hoursSQL].
type hourRow struct {
	NoHour    int64   `json:"no_hour"`
	NoProfile int64   `json:"no_profile"`
	Nth       *int64  `json:"nth"`
	Profile   *string `json:"profile"`
	Requests  int64   `json:"requests"`
	Failed    int64   `json:"failed"`
	Unpriced  int64   `json:"unpriced"`
	Cost      *string `json:"cost_usd"`
	LastHour  *string `json:"last_hour_usd"`
}

// hours answers with the last 24 hours, as the clock of the gateway's zone counts them.
func (d *Data) hours(ctx context.Context, _ url.Values) (any, error) {
	now := d.opt.Now().In(d.zone)
	past := time.Duration(now.Minute())*time.Minute + time.Duration(now.Second())*time.Second + time.Duration(now.Nanosecond())
	first := now.Add(-past - (dayHours-1)*time.Hour).UTC()
	params := map[string]string{"since": stamp(first), "until": stamp(first.Add(dayHours * time.Hour)), "recent": stamp(now.Add(-time.Hour))}
	reply := hoursReply{All: blankDay(first), Profiles: []profileHours{}}
	results, err := d.ask(ctx, hoursDeadline, []admin.Query{{SQL: hoursSQL, Params: params}})
	if noLedger(err) {
		reply.Empty = true
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := into[hourRow](&results[0])
	if err != nil {
		return nil, err
	}
	for i := range rows {
		reply.add(&rows[i], first)
	}
	return reply, nil
}

func blankDay(first time.Time) []hourSums {
	day := make([]hourSums, dayHours)
	for i := range day {
		day[i].At = first.Add(time.Duration(i) * time.Hour)
	}
	return day
}

// add puts a row where it belongs. The rows of a profile follow each other.
func (r *hoursReply) add(row *hourRow, first time.Time) {
	if row.NoHour == 1 {
		r.LastHour = row.LastHour
		return
	}
	if row.Nth == nil || *row.Nth < 0 || *row.Nth >= dayHours {
		return
	}
	day := r.All
	if row.NoProfile == 0 {
		n := len(r.Profiles)
		if n == 0 || keyOf(r.Profiles[n-1].Profile) != keyOf(row.Profile) {
			r.Profiles = append(r.Profiles, profileHours{row.Profile, blankDay(first)})
			n++
		}
		day = r.Profiles[n-1].Hours
	}
	h := &day[*row.Nth]
	h.Requests, h.Failed, h.Unpriced, h.Cost = row.Requests, row.Failed, row.Unpriced, row.Cost
}
