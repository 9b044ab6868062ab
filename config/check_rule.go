package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (c *checker) rule(r *ruleShape, i int) Rule {
	path := "rules[" + plain10(i) + "]"
	out := Rule{
		Model: r.Model.s, Path: r.Path.s, Session: r.Session.s, Agent: r.Agent.s, Use: r.Use.s,
		PromptOver: r.PromptOver.n, PromptUnder: r.PromptUnder.n, Pos: r.at,
	}
	c.reference(&r.Use, path+".use")
	if !r.conditional() && !r.at.IsZero() {
		c.error(note{
			pos: r.at, path: path, message: "the rule has no condition: everything would match",
			fix: "give model, header, path, session, agent, tag, between, days, prompt_over or prompt_under, or set active",
		})
	}
	if r.Path.given() && !r.Path.locked && !strings.HasPrefix(r.Path.s, "/") && !strings.HasPrefix(r.Path.s, "*") {
		c.error(note{pos: r.Path.pos, path: path + ".path", message: "a path starts with a slash", fix: "path: " + quoted("/"+r.Path.s)})
	}
	if h := r.Header; h != nil {
		out.Header = &HeaderRule{Name: canonicalHeader(h.Name.s), Match: h.Match.s}
		if h.Name.given() && !h.Name.locked && !headerName.MatchString(h.Name.s) {
			c.error(note{pos: h.Name.pos, path: path + ".header.name", message: show(h.Name.s) + " is not the name of a header", fix: "name: X-Claude-Code-Agent-Id"})
		}
	}
	if t := r.Tag; t != nil {
		out.Tag = &TagRule{Name: t.Name.s, Match: t.Match.s}
		if t.Name.given() && !t.Name.locked && strings.ContainsAny(t.Name.s, "=,") {
			c.error(note{pos: t.Name.pos, path: path + ".tag.name", message: "no tag can have the name " + t.Name.show(), fix: "name: team"})
		}
	}
	out.Between = c.between(&r.Between, path+".between")
	out.Days = c.days(r.Days, path+".days")
	c.promptSize(r, path)
	return out
}

// conditional tells whether the rule names anything that must hold.
func (r *ruleShape) conditional() bool {
	for _, p := range []place{
		r.Model.place, r.Path.place, r.Session.place, r.Agent.place, r.Between.place, r.PromptOver.place, r.PromptUnder.place,
	} {
		if p.given() {
			return true
		}
	}
	return r.Header != nil || r.Tag != nil || len(r.Days) > 0
}

// between checks a time of the day.
func (c *checker) between(t *text, path string) string {
	switch {
	case !t.given() || t.locked:
		return ""
	case !timeWindow.MatchString(t.s):
		c.error(note{pos: t.pos, path: path, message: "expected a time of the day such as 22:00-06:00, got " + t.show(), fix: `between: "22:00-06:00"`})
		return ""
	case t.s[:5] == t.s[6:]:
		c.error(note{pos: t.pos, path: path, message: "the time ends when it begins", fix: "delete between for the whole day"})
		return ""
	}
	return t.s
}

// days checks days of the week.
func (c *checker) days(list []text, path string) []string {
	var out []string
	for i := range list {
		d := &list[i]
		at := path + "[" + plain10(i) + "]"
		switch {
		case !d.given() || d.locked:
		case slices.Contains(out, d.s):
			c.error(note{pos: d.pos, path: at, message: "named twice", fix: "delete one of the two"})
		case !slices.Contains(weekdays(), d.s):
			fix := "days: [mon, tue, wed, thu, fri]"
			for _, name := range weekdays() {
				if len(d.s) >= 3 && strings.EqualFold(d.s[:3], name) {
					fix = name
				}
			}
			c.error(note{pos: d.pos, path: at, message: "expected " + oneOf(append(weekdays()[1:], "sun")) + ", got " + d.show(), fix: fix})
		default:
			out = append(out, d.s)
		}
	}
	return out
}

// promptSize checks the bounds of the prompt.
func (c *checker) promptSize(r *ruleShape, path string) {
	over, under := &r.PromptOver, &r.PromptUnder
	for _, b := range []struct {
		n     *whole
		field string
	}{{over, "prompt_over"}, {under, "prompt_under"}} {
		if b.n.given() && !b.n.locked && b.n.n == 0 {
			c.error(note{pos: b.n.pos, path: path + "." + b.field, message: "expected at least 1", fix: "delete it, or write a number of tokens"})
		}
	}
	if over.n > 0 && under.n > 0 && under.n-over.n < 2 {
		c.error(note{
			pos: under.pos, path: path + ".prompt_under", message: "no prompt has more than " + plain10(int(over.n)) + " and fewer than " + plain10(int(under.n)) + " tokens",
			fix: "exchange the two numbers, or write two rules",
		})
	}
}

// unreached warns of rules that ask for the same as one before them.
func (c *checker) unreached(rules []Rule) {
	if c.opt.Unopened || c.all.Errors() > 0 {
		return // what is not known looks alike
	}
	lines := make(map[string]int)
	for i := range rules {
		r := &rules[i]
		if r.Pos.IsZero() {
			continue
		}
		asks := r.conditions()
		if line := lines[asks]; line > 0 {
			c.warning(note{
				pos: r.Pos, path: "rules[" + plain10(i) + "]",
				message: "never reached: the rule in line " + plain10(line) + " asks for the same", fix: "delete it",
			})
			continue
		}
		lines[asks] = r.Pos.Line
	}
}

// conditions is what the rule asks for as one text, to be compared.
func (r *Rule) conditions() string {
	all := []string{r.Model, r.Path, r.Session, r.Agent, r.Between, strconv.FormatInt(r.PromptOver, 10), strconv.FormatInt(r.PromptUnder, 10)}
	if r.Header != nil {
		all = append(all, "header", r.Header.Name, r.Header.Match)
	}
	if r.Tag != nil {
		all = append(all, "tag", r.Tag.Name, r.Tag.Match)
	}
	days := slices.Clone(r.Days)
	slices.Sort(days)
	return fmt.Sprintf("%q %q", all, days)
}
