package transfer

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"prism/config"
)

// provider3 makes profiles of a provider of version 3: one for each of its credentials.
func (c *ccr) provider3(p *node, at string) {
	d := draft{at: at, name: p.first("name", "id")}
	dialect, address := spoken3(p)
	switch {
	case p.at("enabled").off():
		c.leave(d.label(), "it is switched off there")
		return
	case dialect == "":
		c.leave(d.label(), "prism does not speak "+p.first("type"))
		return
	case c.variable(address):
		c.leave(d.label(), "its address stands in a variable; write it out")
		return
	}
	d.profile = config.Profile{BaseURL: baseOf(address, dialect), Dialect: dialect, Models: c.sized(p, c.models(d.name))}
	var names []string
	for i, key := range credentials3(p) {
		one := d
		if i > 0 || key.at != "" {
			one.at += key.at
		}
		if i > 0 && key.name != "" {
			one.name += "-" + key.name
		}
		one.key = key.value
		if name := c.add(one); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	c.name(d.name, names[0])
	for _, next := range names[1:] {
		c.fallBack(names[0], next, at)
	}
	for _, name := range names {
		c.prices3(p, name)
	}
	for _, field := range []string{"extraBody", "extraHeaders", "transformer"} {
		if !p.at(field).empty() {
			c.leave(d.label()+"."+field, "prism adds nothing to requests but by quirks; see docs/providers.md")
		}
	}
	c.otherModels(p, &d)
}

// spoken3 is how a provider is asked for an Anthropic client, and where: Messages where it speaks them,
// as the router prefers it.
func spoken3(p *node) (config.Dialect, string) {
	for _, want := range []config.Dialect{config.DialectAnthropic, config.DialectOpenAI, config.DialectResponses} {
		for _, c := range p.at("capabilities").list() {
			if c.first("type") != "" && dialectNamed(c.first("type")) == want && c.first("baseUrl") != "" {
				return want, c.first("baseUrl")
			}
		}
	}
	address := p.first("baseUrl", "baseurl", "api_base_url")
	dialect := dialectNamed(p.first("type"))
	switch _, found := endpoint(address); {
	case p.first("type") == "" && found != "":
		dialect = found
	case p.first("type") == "openai":
		dialect = config.DialectResponses // version 3 means these
	}
	return dialect, address
}

// credential3 is a key of a provider.
type credential3 struct{ at, name, value string }

// credentials3 are the keys of a provider that are in use, the one to be tried first in front.
func credentials3(p *node) []credential3 {
	type ranked struct {
		credential3
		priority int64
	}
	var all []ranked
	for i, k := range p.at("credentials").list() {
		if k.at("enabled").off() {
			continue
		}
		priority, err := strconv.ParseInt(k.first("priority"), 10, 64)
		if err != nil {
			priority = 1 // as it counts there
		}
		key := credential3{fmt.Sprintf(".credentials[%d]", i), k.first("name", "label", "id"), k.first("apiKey", "api_key", "apikey")}
		all = append(all, ranked{key, priority})
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.priority, b.priority) })
	var out []credential3
	seen := map[string]bool{}
	for _, k := range all {
		if !seen[k.value] {
			out = append(out, k.credential3)
		}
		seen[k.value] = true
	}
	if own := p.first("apiKey", "api_key", "apikey"); len(out) == 0 || own != "" && !seen[own] {
		out = append(out, credential3{value: own})
	}
	return out
}

// sized puts what is known of models' sizes to their renamings.
func (c *ccr) sized(p *node, rules []config.ModelRule) []config.ModelRule {
	for i := range rules {
		m := p.at("modelMetadata", rules[i].Use)
		rules[i].ContextWindow = wholeOf(m.first("contextWindow", "maxContextWindow"))
		rules[i].MaxOutput = wholeOf(m.first("maxOutputTokens"))
	}
	return rules
}

// prices3 takes what models cost at a profile.
func (c *ccr) prices3(p *node, profile string) {
	n := 0
	for model, m := range p.at("modelMetadata").each() {
		if n++; n > maxEntries {
			return
		}
		price := m.at("pricing")
		usd := func(fields ...string) string { return decimalOf(price.first(fields...), 1) }
		c.price(config.PriceRow{
			Profile: profile, ModelMatch: model,
			Input:        usd("inputUsdPerMillionTokens"),
			Output:       usd("outputUsdPerMillionTokens"),
			CacheRead:    usd("cacheReadUsdPerMillionTokens"),
			CacheWrite5m: usd("cacheWrite5mUsdPerMillionTokens", "cacheWriteUsdPerMillionTokens"),
			CacheWrite1h: usd("cacheWrite1hUsdPerMillionTokens"),
		})
	}
}
