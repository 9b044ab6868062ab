package config

import (
	"cmp"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	timeWindow = regexp.MustCompile(`^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)
)

func canonicalHeader(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

func plain10(n int) string { return strconv.Itoa(n) }

func (c *checker) profile(s *profileShape, i int) Profile {
	path := "profiles[" + c.nameOr(i) + "]"
	p := Profile{
		Name: s.Name.s, Pos: s.at, BaseURLPos: s.BaseURL.pos, KeyPos: s.APIKey.pos,
		Provider: s.Provider.s, Multiplier: s.Multiplier.s, FlatFee: s.FlatFee.on, CAFile: s.CAFile.s,
		Timeouts:       Timeouts{FirstByte: s.Timeouts.FirstByte.d, Idle: s.Timeouts.Idle.d},
		FallbackOnAuth: s.FallbackOnAuth.on, Keepalive: s.Keepalive.on,
	}
	if h := &s.Timeouts.Hold; h.given() && !h.locked {
		p.Timeouts.Hold = &h.d
	}
	c.keys(&p, s, path)
	p.Dialect = Dialect(c.choice(&s.Dialect, path+".dialect", dialects()))
	p.Auth = c.auth(s, p.Dialect, path)
	c.baseURL(&p, s, path)
	c.region(&p, s, path)
	preset, known := c.preset(&p, s, path)
	c.quirks(&p, s, path)
	p.Models = c.models(s, path)
	if known && p.Dialect.Translated() && len(p.Models) == 0 && !s.at.IsZero() {
		c.warning(note{
			pos: s.at, path: path, message: "no model is named: the provider is asked for Claude's models, which it does not have",
			fix: "model: " + quoted(cmp.Or(preset.Main, "NAME")),
		})
	}
	p.Fallback = c.fallback(s, path)
	p.Budget = c.budget(s, path)
	p.OnClientDisconnect = c.choice(&s.OnClientDisconnect, path+".on_client_disconnect", []string{"cancel", "drain"})
	p.OnTruncate = c.choice(&s.OnTruncate, path+".on_truncate", []string{"error", "abort"})
	p.InputIncludesCache = c.choice(&s.InputIncludesCache, path+".input_includes_cache", []string{"auto", "yes", "no"})
	if p.Multiplier == "" {
		p.Multiplier = "1"
	}
	if s.CAFile.given() && !s.CAFile.locked && !filepath.IsAbs(s.CAFile.s) {
		c.error(note{pos: s.CAFile.pos, path: path + ".ca_file", message: "expected an absolute path, got " + s.CAFile.show(), fix: "ca_file: /PATH/TO/ca.pem"})
	}
	return p
}

func (c *checker) models(s *profileShape, path string) []ModelRule {
	if s.Model.given() {
		if len(s.Models) > 0 {
			c.error(note{pos: s.Model.pos, path: path + ".model", message: "model is short for models: give one of the two", fix: "delete model"})
		}
		return []ModelRule{{Match: "*", Use: s.Model.s}}
	}
	var out []ModelRule
	all := 0
	for i := range s.Models {
		m := &s.Models[i]
		if all > 0 && m.Match.given() {
			c.warning(note{
				pos: m.Match.pos, path: path + ".models[" + plain10(i) + "]", message: `never reached: "*" in line ` + plain10(all) + " matches everything",
				fix: "move it up, or delete it",
			})
		}
		if m.Match.s == "*" && all == 0 {
			all = m.Match.pos.Line
		}
		c.sizes(m, path+".models["+plain10(i)+"]")
		out = append(out, ModelRule{Match: m.Match.s, Use: m.Use.s, MaxOutput: m.MaxOutput.n, ContextWindow: m.ContextWindow.n})
	}
	return out
}

func (c *checker) fallback(s *profileShape, path string) []string {
	var out []string
	for i := range s.Fallback {
		t := &s.Fallback[i]
		at := path + ".fallback[" + plain10(i) + "]"
		switch {
		case !c.reference(t, at):
		case t.s == s.Name.s:
			c.error(note{pos: t.pos, path: at, message: "the profile falls back to itself", fix: "delete it"})
		case slices.Contains(out, t.s):
			c.error(note{pos: t.pos, path: at, message: "named twice", fix: "delete one of the two"})
		default:
			out = append(out, t.s)
		}
	}
	if len(s.Fallback) == 0 && s.FallbackOnAuth.on {
		c.warning(note{pos: s.FallbackOnAuth.pos, path: path + ".fallback_on_auth", message: "there is no fallback to go to", fix: "fallback: [NAME]"})
	}
	return out
}

func (c *checker) budget(s *profileShape, path string) *Budget {
	b := s.Budget
	if b == nil {
		return nil
	}
	path += ".budget"
	then := c.choice(&b.Then, path+".then", []string{"warn", "block", "fallback"})
	given := false
	for _, v := range []*decimal{&b.DailyUSD, &b.WeeklyUSD, &b.MonthlyUSD} {
		given = given || v.given()
		if v.s != "" && isZero(v.s) {
			c.error(note{pos: v.pos, path: path, message: "a budget of nothing", fix: "daily_usd: 20"})
		}
	}
	if !given && !b.at.IsZero() {
		c.error(note{pos: b.at, path: path, message: "the budget has no amount", fix: "daily_usd: 20"})
	}
	if then == "fallback" && len(s.Fallback) == 0 {
		c.warning(note{pos: b.Then.pos, path: path + ".then", message: "there is no fallback: requests are refused", fix: "fallback: [NAME]"})
	}
	return &Budget{DailyUSD: b.DailyUSD.s, WeeklyUSD: b.WeeklyUSD.s, MonthlyUSD: b.MonthlyUSD.s, Then: then}
}

// cycles reports profiles that fall back to each other, one problem for each way round.
func (c *checker) cycles() {
	shapes := make(map[string]*profileShape)
	for i := range c.shape.Profiles {
		if s := &c.shape.Profiles[i]; c.lines[s.Name.s] > 0 && shapes[s.Name.s] == nil {
			shapes[s.Name.s] = s
		}
	}
	var trail []string
	seen := make(map[string]bool)
	var walk func(name string)
	walk = func(name string) {
		seen[name] = true
		trail = append(trail, name)
		for i := range shapes[name].Fallback {
			next := &shapes[name].Fallback[i]
			start := slices.Index(trail, next.s)
			switch {
			case next.s == name || shapes[next.s] == nil:
			case start >= 0:
				loop := strings.Join(append(slices.Clone(trail[start:]), next.s), " → ")
				c.error(note{
					pos: next.pos, path: "profiles[" + name + "].fallback[" + plain10(i) + "]",
					message: "the fallbacks go round in a circle: " + loop, fix: "delete one of these fallbacks",
				})
			case !seen[next.s]:
				walk(next.s)
			}
		}
		trail = trail[:len(trail)-1]
	}
	for _, name := range c.names {
		if !seen[name] {
			walk(name)
		}
	}
}
