package router

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"prism/config"
)

// Explanation says how a request finds its profile.
type Explanation struct {
	Plan  Plan
	Rules []Asked // the rules that were asked, in order: all up to the one that matched
}

// Asked is a rule that a request was held against.
type Asked struct {
	Number  int // from 1
	Pos     config.Pos
	Use     string
	Matched bool

	// Of a rule that did not match: the first condition that does not hold, as the file calls it,
	// what it asks for, and what the request has instead; "" = it has none.
	Condition, Want, Have string
}

// Explain is [Table.Select] that shows its work.
func (t *Table) Explain(q *Query) (Explanation, error) {
	plan, err := t.Select(q)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Plan: plan}
	if q.Prefix != "" || q.Named != "" {
		return e, nil
	}
	for i := range t.rules {
		r := &t.rules[i]
		a := Asked{Number: i + 1, Pos: r.pos, Use: r.to.Profile.Name}
		failed := r.fails(q)
		if a.Matched = failed == met; !a.Matched {
			a.Condition = string(failed)
			a.Want, a.Have = r.wants(failed), r.has(failed, q)
		}
		e.Rules = append(e.Rules, a)
		if a.Matched {
			break
		}
	}
	return e, nil
}

// wants says what the rule asks for in one of its conditions.
func (r *rule) wants(c clause) string {
	switch c {
	case byModel:
		return r.model
	case byPath:
		return r.path
	case byHeader:
		return r.header + ": " + r.match
	case bySession:
		return r.session
	case byAgent:
		return r.agent
	case byTag:
		return r.tag + "=" + r.value
	case byBetween:
		return clock(r.from) + "-" + clock(r.until)
	case byDays:
		return r.days.String()
	case byPromptOver:
		return strconv.FormatInt(r.over, 10)
	case byPromptUnder:
		return strconv.FormatInt(r.under, 10)
	case met:
	}
	return ""
}

// has says what a request has where the rule asks for something else; "" = nothing.
func (r *rule) has(c clause, q *Query) string {
	switch c {
	case byModel:
		return q.Model
	case byPath:
		return q.Path
	case byHeader:
		return q.Header.Get(r.header)
	case bySession:
		return q.Session
	case byAgent:
		if q.Agent == "" {
			return "the main conversation"
		}
		return "sub-agent " + q.Agent
	case byTag:
		return q.Tags[r.tag]
	case byBetween:
		return q.Now.Format("15:04 MST")
	case byDays:
		return days(1 << r.day(q.Now)).String()
	case byPromptOver, byPromptUnder:
		if q.PromptTokens > 0 {
			return strconv.FormatInt(q.PromptTokens, 10)
		}
	case met:
	}
	return ""
}

// clock writes minutes since midnight as the file does.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// String names the days, from Monday on.
func (d days) String() string {
	var names []string
	for i := range 7 {
		if w := time.Weekday((i + 1) % 7); d != 0 && d.has(w) {
			names = append(names, strings.ToLower(w.String()[:3]))
		}
	}
	return strings.Join(names, " ")
}
