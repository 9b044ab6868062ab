package main

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"prism/internal/spend"
)

// modelSQL is the model that is priced: what the provider says it served, else what was sent,
// else what was asked for.
const modelSQL = "_model(response_model, upstream_model, request_model)"

// anyModelSQL are all names that a request has for its model.
const anyModelSQL = "concat_ws(chr(10), request_model, upstream_model, response_model)"

// selection is which requests a report is about. Names take * for any text and ? for any one
// character.
type selection struct {
	period       string // today, yesterday, week, month; "" = since and until
	since, until string

	profile, model, project, branch, session, host string
	tags                                           []string // k=v, or k alone for any value
}

// timeFlags are the two ends of the time that is asked for.
func (s *selection) timeFlags(f *pflag.FlagSet) {
	f.StringVar(&s.since, "since", "", "from this `time` on: today, yesterday, week, month, 7d, 12h, 2026-11-01")
	f.StringVar(&s.until, "until", "", "up to this `time`, not including it")
}

// nameFlags say which requests of that time.
func (s *selection) nameFlags(f *pflag.FlagSet) {
	f.StringVar(&s.profile, "profile", "", "only this `profile`")
	f.StringVar(&s.model, "model", "", "only this `model`; * stands for any text, as in all names")
	f.StringVar(&s.project, "project", "", "only this `project`")
	f.StringVar(&s.branch, "branch", "", "only this git `branch`")
	f.StringVar(&s.session, "session", "", "only this `session` of the client")
	f.StringVar(&s.host, "host", "", "only rows written on this `machine`")
	f.StringArrayVar(&s.tags, "tag", nil, "only what was tagged `k=v`, or k with any value; may be given again")
}

// periods are the spans of time that have a name.
func periods() []string { return []string{"today", "yesterday", "week", "month"} }

// window is a span of time: from included, to not.
type window struct {
	from, to time.Time
	name     string // today, this week...; "" = given by its ends
}

// window returns the span of time that is asked for. A period ends when it ends by the
// calendar, also where that is still to come; a span without an end ends now.
func (a *app) window(s selection) (window, error) {
	now := a.now()
	w := a.named(s.period)
	if s.since != "" {
		if s.period != "" {
			return w, usagef("leave out one of them", "%s and --since are two beginnings", s.period)
		}
		from, err := a.since(s.since)
		if err != nil {
			return w, err
		}
		w = window{from: from, to: now.Add(time.Minute)}
	}
	if s.until == "" {
		return w, nil
	}
	to, err := a.since(s.until)
	if err != nil {
		return w, err
	}
	if !to.After(w.from) {
		return w, usagef("an --until that is later than the beginning", "nothing lies between %s and %s", w.from.Format(time.DateTime), to.Format(time.DateTime))
	}
	return window{from: w.from, to: to}, nil
}

// named is a span of the calendar; the borders of days are local.
func (a *app) named(period string) window {
	now, w := a.now(), window{name: "today"}
	switch period {
	case "yesterday":
		return window{dayFrom(now, -1), dayFrom(now, 0), period}
	case "week":
		w.name = "this week"
		w.from, w.to = spend.Week.Span(now)
	case "month":
		w.name = "this month"
		w.from, w.to = spend.Month.Span(now)
	default:
		w.from, w.to = spend.Day.Span(now)
	}
	return w
}

// before is the span of the same kind that came before w, up to the same point of it: a day
// that is half over is compared with half a day.
func (w window) before(now time.Time) window {
	length := w.to.Sub(w.from)
	from := w.from.Add(-length)
	switch w.name {
	case "today", "yesterday":
		from = dayFrom(w.from, -1)
	case "this week":
		from = dayFrom(w.from, -7)
	case "this month":
		from, _ = spend.Month.Span(dayFrom(w.from, -1))
	}
	to := w.from
	if now.Before(w.to) {
		to = from.Add(now.Sub(w.from))
	}
	if to.After(w.from) {
		to = w.from // the month before was shorter
	}
	return window{from: from, to: to}
}

// clause is a condition in SQL and the values of its parameters.
type clause struct {
	terms []string
	args  []any
}

func (c *clause) and(term string, args ...sql.NamedArg) {
	c.terms = append(c.terms, term)
	for _, a := range args {
		c.args = append(c.args, a)
	}
}

func (c *clause) String() string {
	if len(c.terms) == 0 {
		return "true"
	}
	return strings.Join(c.terms, "\n  and ")
}

// within keeps what started in w.
func (c *clause) within(w window) {
	c.and("started_at >= $from and started_at < $to", sql.Named("from", w.from), sql.Named("to", w.to))
}

// like keeps what is named by a text that may hold wildcards. A list of names, one a line, is
// kept when one of them matches.
func (c *clause) like(param, expr, want string) {
	if want == "" {
		return
	}
	if !strings.ContainsAny(want, "*?…") && expr != anyModelSQL {
		c.and(expr+" = $"+param, sql.Named(param, want))
		return
	}
	c.and("regexp_matches("+expr+", $"+param+")", sql.Named(param, wildcard(want)))
}

// wildcard is the regular expression of a name with * and ?, for a text with one name a line;
// … is what a narrow table writes for the middle of a name. DuckDB and Go read it alike.
func wildcard(name string) string {
	return "(?m)^" + strings.NewReplacer(`\*`, ".*", "…", ".*", `\?`, ".").Replace(regexp.QuoteMeta(name)) + "$"
}

// names adds the conditions on names; model is the SQL of what --model is compared with.
func (s selection) names(c *clause, model string) {
	c.like("profile", "profile", s.profile)
	c.like("model", model, s.model)
	c.like("project", "project", s.project)
	c.like("branch", "git_branch", s.branch)
	c.like("session", "session_id", s.session)
	c.like("host", "host_name", s.host)
	for i, tag := range s.tags {
		key, value, exact := strings.Cut(tag, "=")
		k, v := fmt.Sprintf("tagkey%d", i), fmt.Sprintf("tagvalue%d", i)
		if !exact {
			c.and("map_contains(tags, $"+k+")", sql.Named(k, key))
			continue
		}
		c.and("tags[$"+k+"] = $"+v, sql.Named(k, key), sql.Named(v, value))
	}
}
