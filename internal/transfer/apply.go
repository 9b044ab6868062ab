package transfer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/pricing"
)

// Fit settles the plan with a file that has profiles already: what is there is not added again, and a
// name that is taken by another profile is changed. With activate the plan's active profile is to be made
// the active one; without, nothing comes along that changes what becomes of requests today.
func (p *Plan) Fit(have *config.Profiles, activate bool) {
	for i := range p.Profiles {
		q := &p.Profiles[i]
		name := q.Name
		if old := known(have, &q.Profile); old != nil {
			q.Present, name = true, old.Name
		} else if have.Profile(name) != nil {
			name = freeName(name, func(s string) bool { return have.Profile(s) != nil || p.profile(s) != nil })
		}
		if name != q.Name {
			p.move(i, name)
		}
	}
	for i := range p.Profiles { // several of the plan may be one of the file
		q := &p.Profiles[i]
		var kept []string
		for _, name := range q.Fallback {
			if name != q.Name && !slices.Contains(kept, name) {
				kept = append(kept, name)
			}
		}
		q.Fallback = kept
	}
	activate = activate && p.Active != ""
	p.fitRules(have, activate)
	p.fitPrices(have)
	switch {
	case p.ClientToken.IsZero():
	case p.ClientToken.Equal(have.ClientToken):
		p.ClientToken = config.Secret{}
	case !have.ClientToken.IsZero():
		p.leaveToken("the file has a client_token, which stays; clients get it by prism env")
	case !activate:
		p.leaveToken("clients that present none now would be refused; it comes along with --activate")
	}
}

// fitRules keeps the rules that change something, and may. Those for what clients ask for by themselves
// are made for the profile that answers everything else there: they come with it only.
func (p *Plan) fitRules(have *config.Profiles, activate bool) {
	active := have.Active
	if activate {
		active = p.Active
	}
	p.Rules = slices.DeleteFunc(p.Rules, func(r config.Rule) bool {
		what := "rule for " + r.Model
		if i := slices.IndexFunc(have.Rules, func(k config.Rule) bool { return k.SameConditions(&r) }); i >= 0 {
			if to := have.Rules[i].Use; to != r.Use {
				p.leave(what, "the file has a rule for this, which leads to "+to)
			}
			return true
		}
		if r.Use == active {
			return true
		}
		if !activate && asked(r.Model) {
			p.leave(what, fmt.Sprintf("clients ask for this, and another profile answers today; it comes along with --activate, or by hand: {model: %q, use: %s}", r.Model, r.Use))
			return true
		}
		return false
	})
}

// asked tells whether clients ask for a model without anybody having named it to them: one of Claude's,
// or one that a pattern may stand for.
func asked(model string) bool {
	model = strings.ToLower(model)
	return strings.ContainsAny(model, "*?") || strings.Contains(model, "claude") ||
		slices.ContainsFunc(tierNames(), func(tier string) bool { return strings.Contains(model, tier) })
}

// fitPrices keeps the prices of profiles that are new. They hold from the beginning of time: what was
// booked to a profile before keeps its price.
func (p *Plan) fitPrices(have *config.Profiles) {
	p.Prices = slices.DeleteFunc(p.Prices, func(r config.PriceRow) bool {
		if q := p.profile(r.Profile); q == nil || q.Present {
			return true
		}
		model := ofPattern(r.ModelMatch)
		mine := func(k config.PriceRow) bool {
			return k.Profile == r.Profile && k.ModelMatch == r.ModelMatch || k.Profile == "" && k.Provider == r.Provider && pricing.Matches(k.ModelMatch, model)
		}
		if !slices.ContainsFunc(have.Prices, mine) {
			return false
		}
		p.leave(r.Profile+": the price of "+model, "the file has a price of yours for this model")
		return true
	})
}

// move renames the profile of the plan at an index. Another one of the plan may have the new name: then
// that gives way, since its own turn is still to come, unless it is the same profile of the file.
func (p *Plan) move(i int, name string) {
	for j := range p.Profiles {
		if other := &p.Profiles[j]; j != i && other.Name == name && !other.Present {
			p.rename(name, freeName(name, func(s string) bool { return p.profile(s) != nil }))
		}
	}
	p.rename(p.Profiles[i].Name, name)
}

// known returns the profile of a file that a profile of the plan became before: it asks at the same
// address with the same key, and has its name or its models.
func known(have *config.Profiles, p *config.Profile) *config.Profile {
	if old := have.Profile(p.Name); old != nil && sameUpstream(old, p) {
		return old
	}
	for i := range have.Profiles {
		if old := &have.Profiles[i]; sameUpstream(old, p) && slices.Equal(old.Models, p.Models) {
			return old
		}
	}
	return nil
}

// sameUpstream tells whether two profiles ask at the same address with the same key.
func sameUpstream(a, b *config.Profile) bool {
	if a.BaseURL != b.BaseURL || a.Dialect != b.Dialect || a.Auth.NeedsKey() != b.Auth.NeedsKey() {
		return false
	}
	if !a.Auth.NeedsKey() {
		return a.Auth == b.Auth
	}
	return slices.ContainsFunc(a.AllKeys(), func(k config.Key) bool { return k.Secret.Equal(b.APIKey) })
}

// Apply puts what the plan adds into the text of profiles.yaml, in clear, and changes nothing else of
// it. With activate the plan's active profile is made the active one.
func (p *Plan) Apply(src []byte, activate bool) ([]byte, error) {
	out := src
	var err error
	// What is short comes first: each step reads the whole text again.
	for i := range p.Rules {
		if out, err = config.AppendRule(out, &p.Rules[i]); err != nil {
			return nil, err
		}
	}
	for _, row := range p.Prices {
		if out, _, err = config.SplicePrice(out, row); err != nil {
			return nil, err
		}
	}
	if !p.ClientToken.IsZero() {
		if out, err = config.AddClientToken(out, p.ClientToken); err != nil {
			return nil, err
		}
	}
	for _, q := range p.Profiles {
		if q.Present {
			continue
		}
		if out, err = config.AppendProfile(out, &q.Profile); err != nil {
			return nil, err
		}
	}
	if activate && p.Active != "" {
		switch active, err := config.SpliceActive(out, p.Active); {
		case err == nil:
			out = active
		case !errors.Is(err, config.ErrNoActive) && !errors.Is(err, config.ErrActiveSealed):
			return nil, fmt.Errorf("make %s active: %w", p.Active, err)
		}
	}
	return out, nil
}
