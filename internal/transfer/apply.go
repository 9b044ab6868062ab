package transfer

import (
	"errors"
	"fmt"
	"slices"

	"prism/config"
)

// Fit settles the plan with a file that has profiles already: what is there is not added again, and a
// name that is taken by another profile is changed.
func (p *Plan) Fit(have *config.Profiles) {
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
	p.Rules = slices.DeleteFunc(p.Rules, func(r config.Rule) bool {
		return slices.ContainsFunc(have.Rules, func(k config.Rule) bool {
			same := k.SameConditions(&r)
			if same && k.Use != r.Use {
				p.leave("rule for "+r.Model, "the file has a rule for this, which leads to "+k.Use)
			}
			return same
		})
	})
	p.Prices = slices.DeleteFunc(p.Prices, func(r config.PriceRow) bool {
		return slices.ContainsFunc(have.Prices, func(k config.PriceRow) bool { return k.Profile == r.Profile && k.ModelMatch == r.ModelMatch })
	})
	if !p.ClientToken.IsZero() && !have.ClientToken.IsZero() {
		if !p.ClientToken.Equal(have.ClientToken) {
			p.leave("the token of clients", "the file has a client_token, which stays; clients get it by prism env")
		}
		p.ClientToken = config.Secret{}
	}
}

// move renames the profile of the plan at an index. Another one of the plan may have the new name: then
// that gives way, since its own turn is still to come.
func (p *Plan) move(i int, name string) {
	if other := p.profile(name); other != nil && other != &p.Profiles[i] {
		p.rename(name, freeName(name, func(s string) bool { return p.profile(s) != nil }))
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
	for _, q := range p.Profiles {
		if q.Present {
			continue
		}
		if out, err = config.AppendProfile(out, &q.Profile); err != nil {
			return nil, err
		}
	}
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
