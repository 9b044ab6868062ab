package transfer

import (
	"slices"

	"prism/config"
)

// Plan is what a configuration comes to here.
type Plan struct {
	Source      string            // the tool it is of, one of [Sources]
	Files       []string          // that were read
	Profiles    []Profile         // in the order of the source
	Active      string            // name of the profile that answered there; "" = it does not say
	Rules       []config.Rule     // which requests go elsewhere
	Prices      []config.PriceRow // for the profiles of the plan
	ClientToken config.Secret     // what clients present there; zero = nothing
	Left        []Left            // what does not come along
}

// Profile is one profile of a plan.
type Profile struct {
	config.Profile

	From    string // where it stands in the source: Providers[2]
	Title   string // what it is called there
	Present bool   // the file has this profile already; Name is its name there
}

// Left is something of a source that does not come along, wholly or in part.
type Left struct {
	What string `json:"what"` // where it stands, and what it is called there
	Why  string `json:"why"`
}

// Added returns the profiles that are new to the file.
func (p *Plan) Added() []Profile {
	return slices.DeleteFunc(slices.Clone(p.Profiles), func(q Profile) bool { return q.Present })
}

// maxLeft and maxRules bound what one source can make us say, and do.
const (
	maxLeft  = 300
	maxRules = 300
)

// leave notes what does not come along.
func (p *Plan) leave(what, why string) {
	l := Left{what, why}
	switch {
	case len(p.Left) > maxLeft || slices.Contains(p.Left, l):
	case len(p.Left) == maxLeft:
		p.Left = append(p.Left, Left{"more than this", "too much to be listed"})
	default:
		p.Left = append(p.Left, l)
	}
}

// profile returns the profile called name, or nil.
func (p *Plan) profile(name string) *Profile {
	for i := range p.Profiles {
		if p.Profiles[i].Name == name {
			return &p.Profiles[i]
		}
	}
	return nil
}

// fallBack makes a profile fall back to another, behind those it falls back to already. what is where
// the source says so.
func (p *Plan) fallBack(from, to, what string) {
	f := p.profile(from)
	switch {
	case f == nil || p.profile(to) == nil || from == to || slices.Contains(f.Fallback, to):
	case p.leads(to, from):
		p.leave(what, "the fallbacks would go round in a circle")
	default:
		f.Fallback = append(f.Fallback, to)
	}
}

// leads tells whether fallbacks lead from one profile to another.
func (p *Plan) leads(from, to string) bool {
	seen := map[string]bool{} // ways part and meet again: without it there are more of them than anybody can go
	var walk func(string) bool
	walk = func(name string) bool {
		if name == to || seen[name] {
			return name == to
		}
		seen[name] = true
		f := p.profile(name)
		return f != nil && slices.ContainsFunc(f.Fallback, walk)
	}
	return walk(from)
}

// rule sends a model to a profile.
func (p *Plan) rule(model, use string) {
	r := config.Rule{Model: model, Use: use}
	if len(p.Rules) < maxRules && !slices.ContainsFunc(p.Rules, func(old config.Rule) bool { return old.SameConditions(&r) }) {
		p.Rules = append(p.Rules, r)
	}
}

// Only keeps the profiles with these names, those of the plan or those of the source, and what leads to
// them; without names it keeps all. The token of clients goes with the whole only. It returns the names
// that fit none.
func (p *Plan) Only(names []string) (unknown []string) {
	if len(names) == 0 {
		return nil
	}
	used := map[string]bool{}
	p.keep(func(q *Profile) bool {
		kept := false
		for _, name := range names {
			if name == q.Name || name == q.Title {
				used[name], kept = true, true
			}
		}
		return kept
	})
	for _, name := range names {
		if !used[name] {
			unknown = append(unknown, name)
		}
	}
	p.leaveToken("some profiles were asked for, and it is for all of them")
	return unknown
}

// leaveToken leaves the token of clients, if there is one.
func (p *Plan) leaveToken(why string) {
	if !p.ClientToken.IsZero() {
		p.leave("the token of clients", why)
		p.ClientToken = config.Secret{}
	}
}

// keep drops profiles and what leads to them.
func (p *Plan) keep(fn func(*Profile) bool) {
	p.Profiles = slices.DeleteFunc(p.Profiles, func(q Profile) bool { return !fn(&q) })
	gone := func(name string) bool { return p.profile(name) == nil }
	for i := range p.Profiles {
		p.Profiles[i].Fallback = slices.DeleteFunc(p.Profiles[i].Fallback, gone)
	}
	if gone(p.Active) {
		p.Active = ""
	}
	p.Rules = slices.DeleteFunc(p.Rules, func(r config.Rule) bool { return gone(r.Use) })
	p.Prices = slices.DeleteFunc(p.Prices, func(r config.PriceRow) bool { return gone(r.Profile) })
}

// rename gives a profile of the plan another name, everywhere. Its provider goes with it where the price
// book knows it by that name only; one that the host tells stays, whatever the profile is called.
func (p *Plan) rename(from, to string) {
	change := func(name *string) {
		if *name == from {
			*name = to
		}
	}
	for i := range p.Profiles {
		if q := &p.Profiles[i]; q.Name == from {
			if q.Provider == config.ProviderOf(q.BaseURL, from) {
				q.Provider = config.ProviderOf(q.BaseURL, to)
			}
			q.Name = to
		}
		for j := range p.Profiles[i].Fallback {
			change(&p.Profiles[i].Fallback[j])
		}
	}
	change(&p.Active)
	for i := range p.Rules {
		change(&p.Rules[i].Use)
	}
	for i := range p.Prices {
		if r := &p.Prices[i]; r.Profile == from {
			r.Profile, r.Provider = to, p.profile(to).Provider
		}
	}
}
