package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

type logsOptions struct {
	selection
	follow  bool
	status  string
	outcome string
	minCost string
	grep    string
	n       int
}

func newLogs(a *app) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [ID]",
		Short: "The requests, newest last; with an ID one in detail",
		Long: `Logs prints the requests that the ledger holds, the newest last; -f goes on with what
finishes. An ID shows one request whole: its attempts on an axis of time, its tokens, what
each part cost, what repeated it. The ID may be shortened to its beginning, or to its two
ends, as a narrow table shows it.`,
		Example: `  prism logs --status error --since 1h
  prism logs --branch 'feature/*' --min-cost 0.50
  prism logs -f --profile kimi
  prism logs 01M8…GJ5`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if len(given) == 1 {
				return a.logDetail(cmd.Context(), r, given[0])
			}
			return a.logs(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what finishes from now on")
	o.timeFlags(f)
	o.nameFlags(f)
	f.StringVar(&o.status, "status", "", "ok|error, a status such as 429, or a class such as 5xx; what its client left is neither ok nor error")
	f.StringVar(&o.outcome, "outcome", "", "only what ended so: "+strings.Join(outcomes(), "|"))
	f.StringVar(&o.minCost, "min-cost", "", "only what cost so many `dollars` or more")
	f.StringVar(&o.grep, "grep", "", "only what matches this regular `expression` in model, session, error or id")
	f.IntVarP(&o.n, "lines", "n", 50, "at most so many, the newest")
	return cmd
}

// outcomes are the ways in which a request can end.
func outcomes() []string {
	return []string{
		ledger.OutcomeOK, ledger.OutcomeError, ledger.OutcomeClientAbort, ledger.OutcomeTruncated, ledger.OutcomeCrashed,
		ledger.OutcomeShutdown, ledger.OutcomeBlocked,
	}
}

// logColumns names the zone of the times, which are local.
func (a *app) logColumns() []column {
	return []column{
		{name: "started_at", head: a.text("TIME %s", a.now().Format("MST")), whole: true},
		{name: "request_id", head: "ID"},
		{name: "profile"},
		{name: "model"},
		{name: "upstream_model", head: "SENT AS", spare: true},
		{name: "status"},
		{name: "ttft_ms", head: "TTFT", right: true, spare: true},
		{name: "duration_ms", head: "TOTAL", right: true, spare: true},
		{name: "prompt_tokens", head: "IN", right: true, spare: true},
		{name: "cache_hit_ratio", head: "CACHED", right: true, spare: true},
		{name: "output_tokens", head: "OUT", right: true},
		{name: "cost_usd", head: "COST", right: true},
		{name: "attempts", head: "TRIES", right: true, spare: true},
		{name: "error"},
		{name: "project", data: true},
		{name: "git_branch", data: true},
		{name: "session_id", data: true},
		{name: "agent_id", data: true},
		{name: "retry_of", data: true},
	}
}

const logSQL = `
select request_id, started_at, profile, operation, request_model, upstream_model, response_model, http_status, outcome, error_type, error_message,
       session_id, agent_id, project, git_branch, retry_of, ttft_ms, duration_ms, prompt_tokens, cache_read_tokens, output_tokens, cost_usd::varchar, len(attempts)
from priced
where %s
order by started_at desc, request_id desc
limit $n`

func (a *app) logs(ctx context.Context, r room, o logsOptions) error {
	re, err := o.check()
	if err != nil {
		return err
	}
	past, err := a.pastExchanges(ctx, r, o)
	if err != nil {
		return err
	}
	v := view{columns: a.logColumns(), empty: "no requests in this time"}
	for _, x := range past {
		v.rows = append(v.rows, a.logRow(x))
	}
	if !o.follow {
		return a.show(v)
	}
	wanted := o.follower(re)
	return a.followLogs(ctx, r, v, wanted)
}

// check tells what cannot be asked for before anything is read.
func (o logsOptions) check() (*regexp.Regexp, error) {
	switch {
	case o.n < 0:
		return nil, usagef("prism logs -n 50", "--lines: %d is not a number of lines", o.n)
	case !statusKnown(o.status):
		return nil, usagef("prism logs --status ok|error|429|5xx", "--status: %q is neither ok, error, a status nor a class", o.status)
	case o.outcome != "" && !slices.Contains(outcomes(), o.outcome):
		return nil, usagef("prism logs --outcome "+strings.Join(outcomes(), "|"), "--outcome: nothing ends with %q", o.outcome)
	case o.minCost != "" && !plainDecimal(o.minCost):
		return nil, usagef("prism logs --min-cost 0.50", "--min-cost: %q is not an amount of dollars", o.minCost)
	case o.follow && o.until != "":
		return nil, usagef("leave out one of them", "--follow has no end, --until is one")
	case o.follow && o.host != "":
		return nil, usagef("leave out one of them", "--follow shows what this gateway finishes, --host is for rows of others")
	}
	re, err := regexp.Compile(o.grep)
	if err != nil {
		return nil, usagef("--grep takes a regular expression", "--grep: %v", err)
	}
	return re, nil
}

// plainDecimal tells whether s is an amount as the ledger could hold it.
func plainDecimal(s string) bool { return decimalForm.MatchString(s) }

var decimalForm = regexp.MustCompile(`^\d{1,8}(\.\d{1,10})?$`)

// condition is what makes a row of the ledger one of these.
func (o logsOptions) condition(a *app) (clause, error) {
	var c clause
	if o.since != "" {
		since, err := a.since(o.since)
		if err != nil {
			return c, err
		}
		c.and("started_at >= $since", sql.Named("since", since))
	}
	if o.until != "" {
		until, err := a.since(o.until)
		if err != nil {
			return c, err
		}
		c.and("started_at < $until", sql.Named("until", until))
	}
	o.names(&c, anyModelSQL)
	switch {
	case o.status == "":
	case o.status == "error":
		c.and("_failed(outcome)")
	case o.status == "ok":
		c.and("outcome = 'ok'")
	case strings.HasSuffix(o.status, "xx"):
		c.and("(http_status // 100)::varchar || 'xx' = $status", sql.Named("status", o.status))
	default:
		c.and("http_status::varchar = $status", sql.Named("status", o.status))
	}
	if o.outcome != "" {
		c.and("outcome = $outcome", sql.Named("outcome", o.outcome))
	}
	if o.minCost != "" {
		c.and("cost_usd >= $cost::decimal(18, 10)", sql.Named("cost", o.minCost))
	}
	if o.grep != "" {
		c.and("regexp_matches(concat_ws(' ', request_id, session_id, request_model, upstream_model, error_type, error_message), $grep)", sql.Named("grep", o.grep))
	}
	return c, nil
}

// pastExchanges reads the newest ones, oldest first.
func (a *app) pastExchanges(ctx context.Context, r room, o logsOptions) ([]admin.Exchange, error) {
	c, err := o.condition(a)
	if err != nil {
		return nil, err
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var out []admin.Exchange
	for _, days := range logDays() {
		part := clause{append([]string{}, c.terms...), append([]any{}, c.args...)}
		if days > 0 {
			part.and("started_at >= (select max(started_at) from requests) - to_days($days)", sql.Named("days", int64(days)))
		}
		if out, err = readExchanges(ctx, db, part, o.n); err != nil || len(out) >= o.n {
			break
		}
	}
	slices.Reverse(out)
	return out, err
}

// logDays are the spans from the newest request back that are searched one after the other: the
// newest rows of years lie in the last day, mostly. 0 is all.
func logDays() []int { return []int{1, 10, 100, 0} }

// readExchanges reads the newest ones, newest first.
func readExchanges(ctx context.Context, db *sql.DB, c clause, n int) ([]admin.Exchange, error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(logSQL, c.String()), append(c.args, sql.Named("n", int64(n)))...)
	if err != nil {
		return nil, fmt.Errorf("read the requests: %w", err)
	}
	defer rows.Close()
	var out []admin.Exchange
	for rows.Next() {
		x, err := scanExchange(rows)
		if err != nil {
			return nil, fmt.Errorf("read the requests: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

func scanExchange(rows *sql.Rows) (admin.Exchange, error) {
	var x admin.Exchange
	var profile, op, asked, sent, answered, outcome, errType, errMsg, session, agent, project, branch, retry sql.NullString
	var status, ttft, duration, prompt, cached, output, attempts sql.NullInt64
	err := rows.Scan(&x.RequestID, &x.StartedAt, &profile, &op, &asked, &sent, &answered, &status, &outcome, &errType, &errMsg,
		&session, &agent, &project, &branch, &retry, &ttft, &duration, &prompt, &cached, &output, &x.CostUSD, &attempts)
	count := func(n sql.NullInt64) stream.Count {
		if !n.Valid {
			return stream.Unknown
		}
		return stream.Count(n.Int64)
	}
	x.Profile, x.Operation, x.RequestModel, x.UpstreamModel, x.ResponseModel = profile.String, op.String, asked.String, sent.String, answered.String
	x.HTTPStatus, x.Outcome, x.ErrorType, x.ErrorMessage = int(status.Int64), outcome.String, errType.String, errMsg.String
	x.SessionID, x.AgentID, x.Project, x.GitBranch, x.RetryOf = session.String, agent.String, project.String, branch.String, retry.String
	x.TTFTMS, x.DurationMS, x.PromptTokens, x.CacheRead, x.OutputTokens = count(ttft), count(duration), count(prompt), count(cached), count(output)
	x.Attempts = int(attempts.Int64)
	return x, err
}

// statusKnown tells whether --status means something: ok, error, 429 or 5xx.
func statusKnown(s string) bool {
	if s == "" || s == "ok" || s == "error" {
		return true
	}
	class, _ := strings.CutSuffix(s, "xx")
	n, err := strconv.Atoi(class)
	return err == nil && (class == s && n >= 100 && n <= 999 || class != s && n >= 1 && n <= 9)
}
