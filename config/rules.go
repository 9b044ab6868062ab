package config

import (
	"cmp"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// BudgetRule is one item of budgets: a limit on what is paid within a period. At most one of
// Profile, Project and Tag is set; none means everything.
type BudgetRule struct {
	Name    string
	USD     string // decimal
	Per     string // day, week, month
	Profile string
	Project string
	Tag     string // KEY=VALUE
	Then    string // notify, block, fallback
	WarnAt  string // decimal share of USD that a notice is given at; "" = none
}

// AlertRule is one item of alerts: a query that is looked at again and again.
type AlertRule struct {
	Name    string
	Query   string // the name of one, or SQL; the first column of its first row counts
	Above   string // decimal; "" = no bound
	Below   string // decimal; "" = no bound
	Every   time.Duration
	Profile string // whose requests are stopped; "" = all
	Then    string // notify, block, fallback
}

// The shapes below are the lists of prism.yaml; their comments become docs/config.md.

// budgetRuleShape is a limit on what is paid within a period.
type budgetRuleShape struct {
	spot

	// Name of the budget in messages and in the ledger.
	Name text `yaml:"name" jsonschema:"required,example=month"`
	// US dollars that may be paid in the period.
	USD decimal `yaml:"usd" jsonschema:"required,example=200"`
	// The period: a day, a week from Monday on, or a month of the local calendar.
	Per text `yaml:"per,omitempty" jsonschema:"enum=day,enum=week,enum=month,default=month"`
	// Count what this profile costs only.
	Profile text `yaml:"profile,omitempty" jsonschema:"example=kimi"`
	// Count what this project costs only.
	Project text `yaml:"project,omitempty" jsonschema:"example=website"`
	// Count what carries this tag only, as KEY=VALUE.
	Tag text `yaml:"tag,omitempty" jsonschema:"example=team=blue"`
	// What happens when it is used up: notify says so, block refuses requests, fallback sends them to the first profile of the profile's fallback list that is within its budgets.
	Then text `yaml:"then,omitempty" jsonschema:"enum=notify,enum=block,enum=fallback,default=notify"`
	// Share of the amount that a notice is given at; 1 gives none before the end.
	WarnAt decimal `yaml:"warn_at,omitempty" jsonschema:"default=0.8"`
}

// alertRuleShape is a query that is looked at again and again.
type alertRuleShape struct {
	spot

	// Name of the alert in messages and in the ledger.
	Name text `yaml:"name" jsonschema:"required,example=errors"`
	// Name of a query, or one SELECT. The first column of its first row is the figure.
	Query text `yaml:"query" jsonschema:"required,example=select count(*) from errors where started_at > now() - interval 1 hour"`
	// Fire while the figure is greater than this.
	Above decimal `yaml:"above,omitempty" jsonschema:"example=10"`
	// Fire while the figure is less than this.
	Below decimal `yaml:"below,omitempty"`
	// How often the query runs: 10s to 1h.
	Every period `yaml:"every,omitempty" jsonschema:"default=10m"`
	// Whose requests block and fallback are for. Absent: everybody's.
	Profile text `yaml:"profile,omitempty"`
	// What happens while it fires: notify says so, block refuses requests, fallback sends them to the first profile of the profile's fallback list that nothing stands against.
	Then text `yaml:"then,omitempty" jsonschema:"enum=notify,enum=block,enum=fallback,default=notify"`
}

// ruleLists are the lists of prism.yaml.
type ruleLists struct {
	Budgets []budgetRuleShape `yaml:"budgets"`
	Alerts  []alertRuleShape  `yaml:"alerts"`
}

// minEvery is how often a query may run at most.
const minEvery = 10 * time.Second

// list decodes what is at it if key is one of the lists, and tells whether it is.
func (l *settingsLoader) list(key string, it *ast.MapNodeIter) bool {
	v := reflect.ValueOf(&l.lists).Elem()
	i := fieldIndex(v.Type(), key)
	if i < 0 {
		return false
	}
	if v.Field(i).Len() > 0 {
		l.error(note{pos: posOf(it.Key()), path: key, message: "given twice", fix: "delete one of the two"})
		return true
	}
	d := decoder{report: l.report}
	d.into(it.Value(), v.Field(i), key)
	return true
}

// rules checks the lists.
func (l *settingsLoader) rules(s *Settings) {
	c := &checker{report: l.report}
	seen := make(map[string]bool)
	for i := range l.lists.Budgets {
		s.Budgets = append(s.Budgets, c.budgetRule(&l.lists.Budgets[i], i, seen))
	}
	seen = make(map[string]bool)
	for i := range l.lists.Alerts {
		s.Alerts = append(s.Alerts, c.alertRule(&l.lists.Alerts[i], i, seen))
	}
}

func (c *checker) budgetRule(b *budgetRuleShape, i int, seen map[string]bool) BudgetRule {
	path := c.ruleName(&b.Name, "budgets", i, seen)
	r := BudgetRule{
		Name: b.Name.s, USD: b.USD.s, Profile: b.Profile.s, Project: b.Project.s, Tag: b.Tag.s, WarnAt: cmp.Or(b.WarnAt.s, "0.8"),
		Per:  c.choice(&b.Per, path+".per", []string{"month", "week", "day"}),
		Then: c.choice(&b.Then, path+".then", []string{"notify", "block", "fallback"}),
	}
	if b.USD.s != "" && isZero(b.USD.s) {
		c.error(note{pos: b.USD.pos, path: path + ".usd", message: "a budget of nothing", fix: "usd: 20"})
	}
	if b.WarnAt.given() && !b.WarnAt.locked && !isShare(b.WarnAt.s) {
		c.error(note{pos: b.WarnAt.pos, path: path + ".warn_at", message: "expected a share from 0 to 1, got " + show(b.WarnAt.s), fix: "warn_at: 0.8"})
	}
	var scope *text
	for _, t := range []*text{&b.Profile, &b.Project, &b.Tag} {
		if !t.given() {
			continue
		}
		if scope != nil {
			c.error(note{pos: t.pos, path: path, message: "give one of profile, project and tag", fix: "write two budgets"})
		}
		scope = t
	}
	if key, _, ok := strings.Cut(b.Tag.s, "="); b.Tag.given() && !b.Tag.locked && (!ok || key == "") {
		c.error(note{pos: b.Tag.pos, path: path + ".tag", message: "expected KEY=VALUE, got " + b.Tag.show(), fix: "tag: team=blue"})
	}
	return r
}

func (c *checker) alertRule(a *alertRuleShape, i int, seen map[string]bool) AlertRule {
	path := c.ruleName(&a.Name, "alerts", i, seen)
	r := AlertRule{
		Name: a.Name.s, Query: a.Query.s, Above: a.Above.s, Below: a.Below.s, Every: cmp.Or(a.Every.d, 10*time.Minute), Profile: a.Profile.s,
		Then: c.choice(&a.Then, path+".then", []string{"notify", "block", "fallback"}),
	}
	if !a.Above.given() && !a.Below.given() && !a.at.IsZero() {
		c.error(note{pos: a.at, path: path, message: "the alert has no bound", fix: "above: 10"})
	}
	if r.Every < minEvery {
		c.error(note{pos: a.Every.pos, path: path + ".every", message: "a query runs every 10 seconds at most", fix: "every: 10m"})
	}
	return r
}

// ruleName checks the name of an item, and returns its path.
func (c *checker) ruleName(name *text, list string, i int, seen map[string]bool) string {
	path := list + "[" + plain10(i) + "]"
	switch {
	case !name.given() || name.locked:
		return path
	case !profileName.MatchString(name.s):
		c.error(note{pos: name.pos, path: path + ".name", message: "the name " + name.show() + " cannot be used", fix: "use letters, digits, dots, dashes and underscores, at most 64, a letter or digit first"})
		return path
	case seen[name.s]:
		c.error(note{pos: name.pos, path: path + ".name", message: "a second one with this name", fix: "name: " + name.s + "-2"})
	}
	seen[name.s] = true
	return list + "[" + name.s + "]"
}

// isZero tells whether a decimal is nothing.
func isZero(decimal string) bool { return strings.Trim(decimal, "0.") == "" }

// isShare tells whether a decimal lies between 0 and 1.
func isShare(decimal string) bool {
	whole, fraction, _ := strings.Cut(decimal, ".")
	whole = strings.TrimLeft(whole, "0")
	return whole == "" || whole == "1" && strings.Trim(fraction, "0") == ""
}

// webhook tells whether notices may go to an address: it must be https, or this machine, and
// hold no password, which would stand in a header.
func webhook(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" || u.Hostname() == "" || checkPort(u) != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		return !slices.Contains(metadataHosts(), strings.ToLower(u.Hostname()))
	case "http":
		return isLoopback(u.Hostname())
	}
	return false
}
