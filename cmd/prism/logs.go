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
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/stream"
)

type logsOptions struct {
	follow  bool
	since   string
	profile string
	status  string
	grep    string
	n       int
}

func newLogs(a *app) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [ID]",
		Short: "The requests, newest last; with an ID one in detail",
		Long: `Logs prints the requests that the ledger holds, the newest last; -f goes on with what
finishes. An ID shows one request with every column; it may be shortened to its beginning,
or to its two ends, as a narrow table shows it.`,
		Example: "  prism logs --status error --since 1h\n  prism logs -f --profile kimi\n  prism logs 01M8…GJ5",
		Args:    args(cobra.MaximumNArgs(1)),
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
	f.StringVar(&o.since, "since", "", "from this `time` on: 1h, 7d, 2026-11-01")
	f.StringVar(&o.profile, "profile", "", "only this `profile`")
	f.StringVar(&o.status, "status", "", "ok|error, a status such as 429, or a class such as 5xx")
	f.StringVar(&o.grep, "grep", "", "only what matches this regular `expression` in model, session, error or id")
	f.IntVarP(&o.n, "lines", "n", 50, "at most so many, the newest")
	return cmd
}

// logColumns names the zone of the times, which are local.
func (a *app) logColumns() []column {
	return []column{
		{name: "started_at", head: "TIME " + a.now().Format("MST"), whole: true},
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
	}
}

const logSQL = `
select request_id, started_at, profile, operation, request_model, upstream_model, http_status, outcome, error_type, error_message, session_id,
       ttft_ms, duration_ms, prompt_tokens, cache_read_tokens, output_tokens, cost_usd::varchar, len(attempts)
from requests
where started_at >= $since and ($profile = '' or profile = $profile)
  and ($status = '' or ($status = 'error' and outcome <> 'ok') or ($status = 'ok' and outcome = 'ok')
       or http_status::varchar = $status or (ends_with($status, 'xx') and (http_status // 100)::varchar || 'xx' = $status))
  and ($grep = '' or regexp_matches(concat_ws(' ', request_id, session_id, request_model, upstream_model, error_type, error_message), $grep))
order by started_at desc
limit $n`

func (a *app) logs(ctx context.Context, r room, o logsOptions) error {
	if o.n < 0 {
		return usagef("prism logs -n 50", "--lines: %d is not a number of lines", o.n)
	}
	if !statusKnown(o.status) {
		return usagef("prism logs --status ok|error|429|5xx", "--status: %q is neither ok, error, a status nor a class", o.status)
	}
	re, err := regexp.Compile(o.grep)
	if err != nil {
		return usagef("--grep takes a regular expression", "--grep: %v", err)
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
	return a.followLogs(ctx, r, v, func(x admin.Exchange) bool {
		return (o.profile == "" || o.profile == x.Profile) && statusMatches(o.status, x) &&
			re.MatchString(strings.Join([]string{x.RequestID, x.SessionID, x.RequestModel, x.UpstreamModel, x.ErrorType, x.ErrorMessage}, " "))
	})
}

// pastExchanges reads the newest ones, oldest first.
func (a *app) pastExchanges(ctx context.Context, r room, o logsOptions) ([]admin.Exchange, error) {
	since := time.Time{}
	if o.since != "" {
		var err error
		if since, err = a.since(o.since); err != nil {
			return nil, err
		}
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, logSQL, sql.Named("since", since), sql.Named("profile", o.profile),
		sql.Named("status", o.status), sql.Named("grep", o.grep), sql.Named("n", int64(o.n)))
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
	slices.Reverse(out)
	return out, rows.Err()
}

func scanExchange(rows *sql.Rows) (admin.Exchange, error) {
	var x admin.Exchange
	var profile, op, asked, sent, outcome, errType, errMsg, session sql.NullString
	var status, ttft, duration, prompt, cached, output, attempts sql.NullInt64
	err := rows.Scan(&x.RequestID, &x.StartedAt, &profile, &op, &asked, &sent, &status, &outcome, &errType, &errMsg, &session,
		&ttft, &duration, &prompt, &cached, &output, &x.CostUSD, &attempts)
	count := func(n sql.NullInt64) stream.Count {
		if !n.Valid {
			return stream.Unknown
		}
		return stream.Count(n.Int64)
	}
	x.Profile, x.Operation, x.RequestModel, x.UpstreamModel = profile.String, op.String, asked.String, sent.String
	x.HTTPStatus, x.Outcome, x.ErrorType, x.ErrorMessage, x.SessionID = int(status.Int64), outcome.String, errType.String, errMsg.String, session.String
	x.TTFTMS, x.DurationMS, x.PromptTokens, x.CacheRead, x.OutputTokens = count(ttft), count(duration), count(prompt), count(cached), count(output)
	x.Attempts = int(attempts.Int64)
	return x, err
}

// layoutOf names the day where it is not today.
func layoutOf(now, t time.Time) string {
	if t.Before(midnight(now)) {
		return "2006-01-02 15:04:05"
	}
	return time.TimeOnly
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

func statusMatches(want string, x admin.Exchange) bool {
	switch {
	case want == "":
		return true
	case want == "error":
		return x.Outcome != "ok"
	case want == "ok":
		return x.Outcome == "ok"
	case strings.HasSuffix(want, "xx"):
		return fmt.Sprint(x.HTTPStatus/100)+"xx" == want
	default:
		return fmt.Sprint(x.HTTPStatus) == want
	}
}

func (a *app) logRow(x admin.Exchange) []cell {
	value := func(c stream.Count) *int64 {
		if !c.Known() {
			return nil
		}
		n := int64(c)
		return &n
	}
	cost := ""
	if x.CostUSD != nil {
		cost = *x.CostUSD
	}
	attempts := int64(x.Attempts)
	sent := x.UpstreamModel
	shownSent := textCell(sent)
	if sent == x.RequestModel {
		shownSent = textAs("=", sent)
	}
	return []cell{
		timeCell(x.StartedAt, layoutOf(a.now(), x.StartedAt)), textCell(x.RequestID), textCell(x.Profile), textCell(firstOf(x.RequestModel, x.Operation)), shownSent,
		textCell(statusOf(x)), msCell(value(x.TTFTMS)), msCell(value(x.DurationMS)), tokenCell(value(x.PromptTokens)),
		percentCell(value(x.CacheRead), value(x.PromptTokens)), tokenCell(value(x.OutputTokens)), moneyCell(cost), countCell(&attempts), textAs(x.ErrorType, x.ErrorType),
	}
}

// statusOf tells the truth: a stream that broke began with a 200.
func statusOf(x admin.Exchange) string {
	switch x.Outcome {
	case "ok", "error", "blocked":
		if x.HTTPStatus != 0 {
			return fmt.Sprint(x.HTTPStatus)
		}
		return x.Outcome
	case "client_abort":
		return "client left"
	default:
		return x.Outcome
	}
}
