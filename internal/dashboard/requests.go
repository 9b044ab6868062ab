package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"prism/internal/admin"
)

// Bounds of a page of requests. On a ledger of ten million rows they are what keeps the first paint
// and each filter within a second.
const (
	pageRows      = 100
	maxPageRows   = 500
	pageDeadline  = 9 * time.Second
	countFor      = 400 * time.Millisecond // counting all rows of a filter
	countFoundFor = 200 * time.Millisecond // the same where a text was looked for before
	searchFor     = 500 * time.Millisecond // looking for a text, for the first page
	searchOnFor   = 4 * time.Second        // and when a person wants to go on
	searchAllFor  = 4 * time.Second        // in an order that is not that of time, where all rows must be looked at
	countPatience = 4 * time.Second
)

// requestColumns are what the table of requests shows of a row. r is the request, c its correction.
const requestColumns = `r.request_id, r.started_at, r.source, r.profile, r.provider, r.route_reason, r.operation,
       r.request_model, r.upstream_model, r.response_model, _model(r.response_model, r.upstream_model, r.request_model) as model,
       r.project, r.git_branch, r.session_id, r.agent_id, r.host_name, r.stream, r.http_status, r.outcome, r.error_type, r.error_message,
       r.input_tokens, r.cache_read_tokens, coalesce(r.cache_write_5m_tokens + r.cache_write_1h_tokens, r.cache_write_5m_tokens, r.cache_write_1h_tokens) as cache_write_tokens,
       r.prompt_tokens, r.output_tokens, r.ttft_ms, r.duration_ms, r.retry_of,
       case when c.request_id is null then r.cost_usd else c.cost_usd end as cost_usd,
       _unpriced(r.operation, r.usage_source, case when c.request_id is null then r.cost_list_usd else c.cost_list_usd end) as unpriced,
       len(r.attempts) as attempts, list_transform(r.attempts, lambda a: a.profile) as tried`

// First the rows of the page are found, in the columns that decide; then they are read. Put together,
// all columns of the whole table would be read. The costs that count are those of the newest correction.
const requestsSQL = `
%[6]s picked as materialized (
  select rowid as rid, %[1]s as k from %[2]s where %[3]s order by k %[4]s nulls last, rid %[4]s limit %[5]d),
page as (select p.rid, p.k, r.* from picked p join requests r on r.rowid = p.rid),
newest as (
  from corrections where request_id in (select request_id from page)
  qualify row_number() over (partition by request_id order by corrected_at desc, rowid desc) = 1)
select ` + requestColumns + `, r.k::varchar as k, r.rid::varchar as rid
from page r left join newest c using (request_id)
order by r.k %[4]s nulls last, r.rid %[4]s`

// correctedWith and corrected are requests with the costs that count, and with rowid: the first goes
// to the beginning of a statement, the second is the table. Joining by rowid costs a tenth of joining
// by request_id, and most ledgers have few corrections. In one piece no condition would reach the
// table below.
const (
	correctedWith = `with last_fix as (from corrections qualify row_number() over (partition by request_id order by corrected_at desc, rowid desc) = 1),
fixed as materialized (select q.rowid as rid, n.cost_usd, n.cost_list_usd, n.cost_uncached_usd from requests q join last_fix n using (request_id))`

	corrected = `(
  select q.* replace (case when f.rid is null then q.cost_usd else f.cost_usd end as cost_usd,
                      case when f.rid is null then q.cost_list_usd else f.cost_list_usd end as cost_list_usd,
                      case when f.rid is null then q.cost_uncached_usd else f.cost_uncached_usd end as cost_uncached_usd), q.rowid as rowid
  from requests q left join fixed f on f.rid = q.rowid)`
)

// sortable are the columns that requests are sorted by, and the type that a value of theirs is read as.
func sortable() map[string]sorting {
	return map[string]sorting{
		"started_at": {expr: "started_at", kind: "timestamptz"}, "profile": {expr: "profile", kind: "varchar"}, "model": {expr: modelSQL, kind: "varchar"},
		"project": {expr: "project", kind: "varchar"}, "prompt_tokens": {expr: "prompt_tokens", kind: "bigint"}, "output_tokens": {expr: "output_tokens", kind: "bigint"},
		"ttft_ms": {expr: "ttft_ms", kind: "integer"}, "duration_ms": {expr: "duration_ms", kind: "integer"}, "http_status": {expr: "http_status", kind: "smallint"},
		"cost_usd": {expr: "cost_usd", kind: "decimal(18, 10)"},
	}
}

type sorting struct{ name, expr, kind, dir string }

// list is one page of requests that is asked for.
type list struct {
	filter filter
	sort   sorting
	after  cursor
	limit  int
	wait   bool      // the person rather waits than not know
	begin  time.Time // no row that is looked for began earlier, or
	end    time.Time // later
}

// cursor is the last row of the page before: what it is sorted by, and its place in the table.
type cursor struct {
	Sort  string  `json:"s"`
	Value *string `json:"v"` // null where the row has none
	Row   int64   `json:"r"`
}

type requestsReply struct {
	Rows       []raw    `json:"rows"`
	Next       *string  `json:"next"`
	Total      *int64   `json:"total"`       // null = not counted in time
	SearchedTo *string  `json:"searched_to"` // what comes behind it in the order of time was not looked at yet
	Range      spanView `json:"range"`
	SQL        string   `json:"sql"`
	Empty      bool     `json:"empty,omitempty"` // there is no ledger yet
}

func (d *Data) requests(ctx context.Context, v url.Values) (any, error) {
	l, err := d.listOf(v)
	if err != nil {
		return nil, err
	}
	if l, err = d.byID(ctx, l); err != nil && !noLedger(err) {
		return nil, err
	}
	queries, stretches := l.queries()
	counting := l.after.Sort == ""
	if counting {
		queries = append(queries, l.count())
	}
	reply := requestsReply{Rows: []raw{}, Range: d.view(l.filter.span), SQL: l.text()}
	results, err := d.ask(ctx, pageDeadline, queries)
	if noLedger(err) {
		reply.Empty = true
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	if counting {
		last := results[len(results)-1]
		results = results[:len(results)-1]
		if n, err := into[struct{ N int64 }](&last); err == nil && len(n) == 1 {
			reply.Total = &n[0].N
		}
	}
	if missed(&results[0]) && stretches == nil {
		return nil, tooSlow(results[0].Problem)
	}
	err = l.fill(&reply, results, stretches)
	if counting && reply.Next == nil {
		n := int64(len(reply.Rows)) // that is all of them
		reply.Total = &n
	}
	return reply, err
}

// tooSlow says what helps where a text was not found in time.
func tooSlow(p *admin.Error) error {
	if p != nil && p.Code != admin.CodeSQLLimit {
		return p
	}
	return &admin.Error{Code: admin.CodeSQLLimit, Message: "a search in this order looks at every request of the time range, and there are too many", Fix: "sort by time, or search a shorter time range"}
}

// listOf reads what page is asked for.
func (d *Data) listOf(v url.Values) (*list, error) {
	f, err := d.filterOf(v, "24h")
	if err != nil {
		return nil, err
	}
	l := &list{filter: f, limit: pageRows, wait: v.Get("patience") == "1" || v.Get("after") != ""}
	if text := v.Get("limit"); text != "" {
		if l.limit, err = strconv.Atoi(text); err != nil || l.limit < 1 || l.limit > maxPageRows {
			return nil, usage("limit= is 1 to %d", "limit=100", maxPageRows)
		}
	}
	name := v.Get("sort")
	if name == "" {
		name = "-started_at"
	}
	column, down := strings.CutPrefix(name, "-")
	s, ok := sortable()[column]
	if !ok {
		return nil, usage("requests cannot be sorted by %q", "sort=-started_at, sort=cost_usd ...", name)
	}
	s.name, s.dir = name, "asc"
	if down {
		s.dir = "desc"
	}
	l.sort = s
	if after := v.Get("after"); after != "" {
		if l.after, err = readCursor(after, name); err != nil {
			return nil, err
		}
	}
	d.bound(l)
	return l, nil
}

// bound says where the rows of a list begin and end at the latest. A clock may have been set back.
func (d *Data) bound(l *list) {
	l.begin, l.end = l.filter.span.From, l.filter.span.To
	if l.end.IsZero() {
		l.end = d.opt.Now().Add(time.Hour)
	}
	if l.after.Value == nil || !l.byTime() {
		return
	}
	t, err := parseStamp(*l.after.Value)
	switch {
	case err != nil:
	case l.sort.dir == "asc" && t.After(l.begin):
		l.begin = t
	case l.sort.dir == "desc" && t.Before(l.end):
		l.end = t.Add(time.Microsecond)
	}
}

// byTime tells whether the list is in the order of time, one way or the other.
func (l *list) byTime() bool { return l.sort.kind == "timestamptz" }

// base is the table that the rows are found in.
func (l *list) base() string {
	if l.sort.expr == "cost_usd" || l.filter.unpriced {
		return corrected
	}
	return "requests"
}

// past keeps what comes after the cursor.
func (l *list) past(c *clause) {
	if l.after.Sort == "" {
		return
	}
	than := ">"
	if l.sort.dir == "desc" {
		than = "<"
	}
	c.set("after_row", strconv.FormatInt(l.after.Row, 10))
	if l.after.Value == nil {
		c.and(fmt.Sprintf("%s is null and rowid %s $after_row::bigint", l.sort.expr, than))
		return
	}
	value := "$after_value::" + l.sort.kind
	c.and(fmt.Sprintf("(%[1]s %[2]s %[3]s or (%[1]s = %[3]s and rowid %[2]s $after_row::bigint)%[4]s)", l.sort.expr, than, value, l.orNull()), "after_value", *l.after.Value)
	if l.byTime() {
		c.and(fmt.Sprintf("%s %s= %s", l.sort.expr, than, value)) // the blocks of the table can be told by this one
	}
}

// orNull: rows without a value come last. Every row has a beginning.
func (l *list) orNull() string {
	if l.byTime() {
		return ""
	}
	return " or " + l.sort.expr + " is null"
}

func (l *list) query(c clause) admin.Query {
	with := "with"
	if l.base() == corrected {
		with = correctedWith + ","
	}
	return admin.Query{SQL: fmt.Sprintf(requestsSQL, l.sort.expr, l.base(), c.String(), l.sort.dir, l.limit+1, with), Params: c.params, MaxRows: l.limit + 1}
}

// queries are those that find the rows. A text is looked for in one stretch of time after the other,
// in the order of the list, until there is a page or the time is up: then the page says how far it
// came. In any other order than that of time all rows must be looked at, or none can be told; there are no
// stretches then.
func (l *list) queries() ([]admin.Query, []stretch) {
	c := l.filter.condition("")
	l.past(&c)
	if l.filter.search == "" {
		return []admin.Query{l.query(c)}, nil
	}
	if !l.byTime() {
		q := l.query(c)
		q.LimitMS = searchAllFor.Milliseconds()
		return []admin.Query{q}, nil
	}
	series := &admin.QuerySeries{Name: "rows", Enough: l.limit + 1, LimitMS: searchFor.Milliseconds(), FirstMS: searchOnFor.Milliseconds()}
	if l.wait {
		series.LimitMS = searchOnFor.Milliseconds()
	}
	all := stretches(l.begin, l.end)
	if l.sort.dir == "asc" {
		slices.Reverse(all)
	}
	queries := make([]admin.Query, len(all))
	for i, s := range all {
		own := c.clone()
		own.and("started_at < $window_to::timestamptz", "window_to", stamp(s.to))
		if !s.from.IsZero() {
			own.and("started_at >= $window_from::timestamptz", "window_from", stamp(s.from))
		}
		queries[i] = l.query(own)
		queries[i].Series = series
	}
	return queries, all
}

// count counts the rows of the filter, if that can be done in a moment.
func (l *list) count() admin.Query {
	c := l.filter.condition("")
	limit := countFor
	switch {
	case l.wait:
		limit = countPatience
	case l.filter.search != "":
		limit = countFoundFor
	}
	with, base := l.filter.table()
	return admin.Query{SQL: with + " select count(*) as n from " + base + " where " + c.String(), Params: c.params, LimitMS: limit.Milliseconds()}
}

// text is the list as a query that a person can go on with.
func (l *list) text() string {
	c := l.filter.condition("")
	return c.literal("select started_at, profile, " + modelSQL + " as model, project, prompt_tokens, cache_read_tokens, output_tokens, ttft_ms, duration_ms, cost_usd, http_status, outcome, request_id\nfrom priced\nwhere " +
		c.String() + "\norder by " + l.sort.expr + " " + l.sort.dir + " nulls last\nlimit " + strconv.Itoa(l.limit))
}
