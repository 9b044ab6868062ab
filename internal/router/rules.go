package router

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"prism/config"
)

// rule is a rule of the file in the form in which requests are held against it. Zero values are
// conditions that were not given.
type rule struct {
	to     *Route
	reason string
	pos    config.Pos

	model, path, session, agent string
	header, match               string // canonical name of a header, glob on its value
	tag, value                  string // name of a tag, glob on its value
	from, until                 int    // minutes since midnight; both 0 = any time
	days                        days
	over, under                 int64 // tokens; 0 = no bound
}

// days is a set of days of the week; the empty set is every day.
type days uint8

func (d days) has(w time.Weekday) bool { return d == 0 || d&(1<<w) != 0 }

// clause is the name of one thing that a rule asks for, as the file calls it.
type clause string

// The conditions, in the order in which they are looked at. met is none of them.
const (
	met           clause = ""
	byModel       clause = "model"
	byPath        clause = "path"
	byHeader      clause = "header"
	bySession     clause = "session"
	byAgent       clause = "agent"
	byTag         clause = "tag"
	byBetween     clause = "between"
	byDays        clause = "days"
	byPromptOver  clause = "prompt_over"
	byPromptUnder clause = "prompt_under"
)

// compileRule compiles rule n of the file, counted from 1.
func compileRule(r *config.Rule, to *Route, n int) (rule, error) {
	c := rule{
		to: to, reason: "rule " + strconv.Itoa(n), pos: r.Pos,
		model: r.Model, path: r.Path, session: r.Session, agent: r.Agent, over: r.PromptOver, under: r.PromptUnder,
	}
	if r.Header != nil {
		c.header, c.match = http.CanonicalHeaderKey(r.Header.Name), r.Header.Match
	}
	if r.Tag != nil {
		c.tag, c.value = r.Tag.Name, r.Tag.Match
	}
	var err error
	if c.from, c.until, err = r.Window(); err != nil {
		return rule{}, fmt.Errorf("rule %d: between %q: %w", n, r.Between, err)
	}
	list, err := r.Weekdays()
	if err != nil {
		return rule{}, fmt.Errorf("rule %d: days %q: %w", n, r.Days, err)
	}
	for _, w := range list {
		c.days |= 1 << w
	}
	return c, nil
}

// fails returns the first condition of the rule that does not hold for q, or met. What a request
// does not have matches no pattern, with the exception of a header: "*" matches one that is not
// there.
func (r *rule) fails(q *Query) clause {
	switch {
	case r.model != "" && !matches(r.model, q.Model):
		return byModel
	case r.path != "" && !config.Glob(r.path, q.Path):
		return byPath
	case r.header != "" && !config.Glob(r.match, q.Header.Get(r.header)):
		return byHeader
	case r.session != "" && !matches(r.session, q.Session):
		return bySession
	case r.agent != "" && !r.agentIs(q.Agent):
		return byAgent
	case r.tag != "" && !r.tagged(q.Tags):
		return byTag
	case r.from != r.until && !r.within(q.Now):
		return byBetween
	case r.days != 0 && !r.days.has(r.day(q.Now)):
		return byDays
	case r.over > 0 && q.PromptTokens <= r.over:
		return byPromptOver
	case r.under > 0 && (q.PromptTokens <= 0 || q.PromptTokens >= r.under):
		return byPromptUnder
	}
	return met
}

// matches is [config.Glob] for a value that a request may not have.
func matches(pattern, value string) bool { return value != "" && config.Glob(pattern, value) }

// agentIs tells whether the agent that asks is the one of the rule. The main conversation has no
// id: no pattern matches it but its name, and its name matches nobody else.
func (r *rule) agentIs(agent string) bool {
	if r.agent == config.MainAgent {
		return agent == ""
	}
	return matches(r.agent, agent)
}

func (r *rule) tagged(tags map[string]string) bool {
	value, ok := tags[r.tag]
	return ok && config.Glob(r.value, value)
}

// within tells whether the clock of now stands in the rule's time of the day. Only what the clock
// shows counts: nothing is added to midnight, so a day of 23 or 25 hours needs no exception. An
// hour that the clock leaves out is never reached, one that it shows twice holds twice.
func (r *rule) within(now time.Time) bool {
	m := minuteOf(now)
	if r.from < r.until {
		return r.from <= m && m < r.until
	}
	return m >= r.from || m < r.until
}

// day is the day that now counts for: the hours after midnight of a time that runs over it belong
// to the day before.
func (r *rule) day(now time.Time) time.Weekday {
	w := now.Weekday()
	if r.from > r.until && minuteOf(now) < r.until {
		return (w + 6) % 7
	}
	return w
}

func minuteOf(t time.Time) int { return t.Hour()*60 + t.Minute() }
