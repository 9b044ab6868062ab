package main

import (
	"fmt"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// health is what the last answers of a profile's upstream say, in a few words.
func (a *app) health(p admin.ProfileStatus, known bool) string {
	failed := p.LastErrorAt != nil && (p.LastOK == nil || p.LastErrorAt.After(*p.LastOK))
	switch {
	case !known:
		return ""
	case p.State == ledger.HealthDenied:
		return a.text("DENIED: %s", a.said(p.Why))
	case p.State == ledger.HealthOpen, p.State == ledger.HealthCooling:
		text := a.said(p.State)
		if p.Until != nil && p.Until.After(a.now()) {
			text += " " + countdown(p.Until.Sub(a.now()))
		}
		return a.text("%s: %s", text, a.said(p.Why))
	case p.State == ledger.HealthProbing:
		return a.said(p.State)
	case failed:
		return a.text("failing: %s", p.LastError)
	case p.LastOK == nil:
		return a.text("unknown")
	}
	return a.text("ok")
}

// labelWidth is how wide the first word of a line of status is.
const labelWidth = 8

// countdown writes a wait that somebody may sit out: 42s, 4m12s.
func countdown(d time.Duration) string { return max(d.Round(time.Second), time.Second).String() }

// ailment says what is wrong with a profile, as the end of a sentence; "" = nothing.
func (a *app) ailment(p admin.ProfileStatus) string {
	switch {
	case p.State == ledger.HealthDenied:
		return a.text("is refused by its provider: %s", a.said(p.Why))
	case p.State == ledger.HealthOpen, p.State == ledger.HealthProbing:
		return a.text("fails too often: %s", a.said(p.Why))
	case p.LastErrorAt != nil && (p.LastOK == nil || p.LastErrorAt.After(*p.LastOK)):
		return a.text("fails: %s", p.LastError)
	}
	return ""
}

// healthLines is what status says of a profile that is not well, below the table: what a person
// has to mend, and which key is meant where there are several.
func (a *app) healthLines(p admin.ProfileStatus) []string {
	var out []string
	switch p.State {
	case ledger.HealthDenied:
		out = append(out, a.text("DENIED   %s   the provider refuses its key: %s   fix: prism edit", p.Name, a.said(p.Why)))
	case ledger.HealthOpen, ledger.HealthProbing:
		out = append(out, a.text("health   %s   fails too often: %s   asked after all others, looked at again %s", p.Name, a.said(p.Why), a.when(p.Until)))
	}
	if len(p.Keys) < 2 {
		return out
	}
	for _, k := range p.Keys {
		if k.State == ledger.HealthOK || k.State == "" {
			continue
		}
		word := "key"
		if k.State == ledger.HealthDenied {
			word = "DENIED"
		}
		out = append(out, a.text("%s %s/%s   %s   %s: %s   asked again %s", pad(a.said(word), labelWidth, false), p.Name, k.Name, k.Masked, a.said(k.State), a.said(k.Why), a.when(k.Until)))
	}
	return out
}

// when says when something is looked at again.
func (a *app) when(at *time.Time) string {
	if at == nil || !at.After(a.now()) {
		return a.text("with the next request")
	}
	return a.text("in %s", countdown(at.Sub(a.now())))
}

// changeLine is a change of health as followers of the log see it.
func (a *app) changeLine(h *admin.HealthChange) string {
	name := h.Profile
	if h.Key != "" {
		name += "/" + h.Key
	}
	to := h.To
	if h.To == ledger.HealthDenied {
		to = strings.ToUpper(to)
	}
	text := fmt.Sprintf("%s  %s  %s → %s", h.EventAt.Local().Format(time.TimeOnly), name, a.said(h.From), a.said(to))
	if h.Why != "" {
		text += "  " + a.said(h.Why)
	}
	if h.Until != nil {
		text += "  " + a.text("until %s", h.Until.Local().Format(time.TimeOnly))
	}
	return text
}
