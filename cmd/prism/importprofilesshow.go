package main

import (
	"fmt"
	"io"
	"strings"

	"prism/config"
	"prism/internal/transfer"
)

// planReport is what an import of profiles did, or would do.
type planReport struct {
	plan      *transfer.Plan
	file      string // profiles.yaml; "" = there is none yet
	written   bool
	dry       bool
	activate  bool // was asked for
	activated bool // was done
	diff      string
}

// planJSON is the same as JSON.
type planJSON struct {
	Source      string            `json:"source"`
	From        []string          `json:"from"`
	File        *string           `json:"file"`
	DryRun      bool              `json:"dry_run"`
	Written     bool              `json:"written"`
	Profiles    []plannedJSON     `json:"profiles"`
	Active      *string           `json:"active"` // there
	Activated   bool              `json:"activated"`
	Rules       []plannedRuleJSON `json:"rules"`
	Prices      int               `json:"prices"`
	ClientToken bool              `json:"client_token"`
	Left        []transfer.Left   `json:"left"`
	Diff        string            `json:"diff,omitempty"`
}

type plannedJSON struct {
	Name        string             `json:"name"`
	From        string             `json:"from"`
	Title       string             `json:"title"`
	Outcome     string             `json:"outcome"`
	BaseURL     string             `json:"base_url"`
	Dialect     string             `json:"dialect"`
	Auth        string             `json:"auth"`
	Key         *string            `json:"key"` // masked
	Fingerprint *string            `json:"fingerprint"`
	Models      []config.ModelRule `json:"models"`
	Fallback    []string           `json:"fallback"`
}

type plannedRuleJSON struct {
	Model string `json:"model"`
	Use   string `json:"use"`
}

// outcomeOf says what becomes of a profile.
func (rep *planReport) outcomeOf(p *transfer.Profile) string {
	switch {
	case p.Present:
		return "present"
	case rep.written:
		return "added"
	}
	return "would be added"
}

func (rep *planReport) object() planJSON {
	p := rep.plan
	out := planJSON{
		Source: p.Source, From: p.Files, File: orNull(rep.file), DryRun: rep.dry, Written: rep.written,
		Profiles: []plannedJSON{}, Active: orNull(p.Active), Activated: rep.activated,
		Rules: []plannedRuleJSON{}, Prices: len(p.Prices), ClientToken: !p.ClientToken.IsZero(), Left: p.Left, Diff: rep.diff,
	}
	for i := range p.Profiles {
		q := &p.Profiles[i]
		out.Profiles = append(out.Profiles, plannedJSON{
			Name: q.Name, From: q.From, Title: q.Title, Outcome: rep.outcomeOf(q), BaseURL: q.BaseURL, Dialect: string(q.Dialect), Auth: string(q.Auth),
			Key: orNull(q.APIKey.Masked()), Fingerprint: orNull(q.APIKey.Fingerprint()),
			Models: append([]config.ModelRule{}, q.Models...), Fallback: append([]string{}, q.Fallback...),
		})
	}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, plannedRuleJSON{r.Model, r.Use})
	}
	if out.Left == nil {
		out.Left = []transfer.Left{}
	}
	return out
}

func (rep *planReport) view(a *app) view {
	v := view{
		columns: []column{{name: "profile", whole: true}, {name: "outcome"}, {name: "host"}, {name: "dialect"}, {name: "key", whole: true}, {name: "models"}, {name: "fallback"}},
		object:  rep.object(),
		empty:   "nothing there makes a profile",
	}
	for i := range rep.plan.Profiles {
		q := &rep.plan.Profiles[i]
		key := q.APIKey.Masked()
		if key != "" {
			key += " (" + q.APIKey.Fingerprint() + ")"
		}
		var models []string
		for _, m := range q.Models {
			models = append(models, m.Match+" → "+m.Use)
		}
		v.rows = append(v.rows, []cell{
			textCell(q.Name), a.wordCell(rep.outcomeOf(q)), textCell(q.Host()), textCell(string(q.Dialect)),
			textCell(key), textCell(strings.Join(models, ", ")), textCell(strings.Join(q.Fallback, ", ")),
		})
	}
	v.text = func(w io.Writer) { rep.tell(a, w, v) }
	return v
}

// tell writes the report for people.
func (rep *planReport) tell(a *app, w io.Writer, v view) {
	p := rep.plan
	line := func(text string) { fmt.Fprintln(w, escape(text, false)) }
	for _, file := range p.Files {
		line(a.text("from %s", a.tilde(file)))
	}
	if len(v.rows) == 0 {
		line(a.said(v.empty))
	} else {
		v.text = nil
		fmt.Fprintln(w, a.renderTable(v))
	}
	for _, r := range p.Rules {
		line(a.text("rule: %s goes to %s", r.Model, r.Use))
	}
	if n := len(p.Prices); n > 0 {
		line(a.count(n, "%d rows of prices"))
	}
	if !p.ClientToken.IsZero() {
		line(a.text("client_token: clients must present it from now on; prism env and prism run know it"))
	}
	if len(p.Left) > 0 {
		line(a.text("not imported, or not in full:"))
	}
	for _, l := range p.Left {
		line("  " + l.What + ": " + a.said(l.Why))
	}
	switch {
	case rep.diff != "":
		fmt.Fprintln(w)
		fmt.Fprint(w, escape(rep.diff, true))
	case rep.written:
		line(a.text("written: %s", a.tilde(rep.file)))
	case rep.file != "":
		line(a.text("nothing is new; %s stays as it is", a.tilde(rep.file)))
	}
	switch {
	case rep.activated:
		line(a.text("%s is active", p.Active))
	case p.Active != "" && !rep.activate && rep.file != "":
		line(a.text("active there: %s; make it active here: %s", p.Active, "prism use "+shellQuote(p.Active)))
	}
}
