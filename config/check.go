package config

import (
	"reflect"
	"strings"
)

// checker turns the shape of a file into [Profiles] and reports what does not hold together.
type checker struct {
	*report
	shape *profilesShape
	opt   ParseOptions
	names []string       // of profiles, in order
	lines map[string]int // name -> line of its first profile
	known []Preset
}

func (c *checker) check() *Profiles {
	c.collectNames()
	c.known = Presets()
	out := &Profiles{ClientToken: c.shape.ClientToken.s}
	c.active(out)
	for i := range c.shape.Profiles {
		out.Profiles = append(out.Profiles, c.profile(&c.shape.Profiles[i], i))
	}
	c.cycles()
	for i := range c.shape.Rules {
		out.Rules = append(out.Rules, c.rule(&c.shape.Rules[i], i))
	}
	c.unreached(out.Rules)
	for i := range c.shape.Prices {
		out.Prices = append(out.Prices, c.price(&c.shape.Prices[i], i))
	}
	if token := &c.shape.ClientToken; token.given() && !token.s.IsZero() && len(token.s.Reveal()) < 16 {
		c.add(SeverityWarning, CodeSecretFormat, note{
			pos: token.pos, path: "client_token", bare: true,
			message: "the token is shorter than 16 characters and can be guessed", fix: "prism init writes a good one",
		})
	}
	return out
}

func (c *checker) collectNames() {
	c.lines = make(map[string]int)
	for i := range c.shape.Profiles {
		name := &c.shape.Profiles[i].Name
		path := "profiles[" + c.nameOr(i) + "].name"
		switch {
		case !name.given() || name.locked:
		case keyIn(name.s) != "":
			c.error(note{pos: name.pos, path: path, message: "the name looks like a key; names are shown everywhere", fix: "name: work"})
		case !profileName.MatchString(name.s):
			c.error(note{
				pos: name.pos, path: path, message: "the name " + name.show() + " cannot stand in a path",
				fix: NameRule,
			})
		case c.lines[name.s] > 0:
			c.error(note{
				pos: name.pos, path: path, message: "a second profile with this name, the first is in line " + plain10(c.lines[name.s]),
				fix: "name: " + name.s + "-2",
			})
		default:
			c.names = append(c.names, name.s)
			c.lines[name.s] = name.pos.Line
		}
	}
	if len(c.shape.Profiles) == 0 && len(c.all) == 0 {
		c.error(note{pos: Pos{1, 1}, path: "profiles", message: "there is no profile", fix: "prism init"})
	}
}

// nameOr returns the name of profile i for paths, or its number.
func (c *checker) nameOr(i int) string {
	if n := c.shape.Profiles[i].Name.s; profileName.MatchString(n) && keyIn(n) == "" {
		return n
	}
	return plain10(i)
}

func (c *checker) active(out *Profiles) {
	a := &c.shape.Active
	switch {
	case a.given():
		out.Active, out.ActivePos = a.s, a.pos
		c.reference(a, "active")
	case c.opt.Active == "" && len(c.shape.Profiles) > 0:
		fix := "active: NAME"
		if len(c.names) > 0 {
			fix = "active: " + quoted(c.names[0])
		}
		c.error(note{pos: Pos{1, 1}, path: "active", message: "no profile is active", fix: fix})
	}
}

// reference checks that t names a profile.
func (c *checker) reference(t *text, path string) bool {
	if !t.given() || t.locked || c.lines[t.s] > 0 {
		return t.given() && !t.locked
	}
	n := note{pos: t.pos, path: path, message: "there is no profile " + t.show()}
	key := path[strings.LastIndexByte(path, '.')+1:]
	if guess := nearest(t.s, c.names); guess != "" {
		n.message += ", did you mean " + guess + "?"
		n.fix = key + ": " + quoted(guess)
	} else {
		n.fix = "write one of " + strings.Join(c.names, ", ")
	}
	if strings.Contains(key, "[") {
		n.fix = strings.TrimPrefix(n.fix, key+": ")
	}
	c.error(n)
	return false
}

// choice checks that t, if given, is one of good; it returns the choice or the default.
func (c *checker) choice(t *text, path string, good []string) string {
	if !t.given() || t.locked {
		return good[0]
	}
	for _, g := range good {
		if t.s == g {
			return g
		}
	}
	key := path[strings.LastIndexByte(path, '.')+1:]
	guess := nearest(t.s, good)
	if guess == "" {
		guess = good[0]
	}
	c.error(note{pos: t.pos, path: path, message: "expected " + oneOf(good) + ", got " + t.show(), fix: key + ": " + quoted(guess)})
	return good[0]
}

func (c *checker) price(p *priceShape, i int) PriceRow {
	path := "prices[" + plain10(i) + "]"
	var out PriceRow
	copyFields(reflect.ValueOf(&out).Elem(), reflect.ValueOf(p).Elem())
	c.reference(&p.Profile, path+".profile")
	if p.EffectiveTo.given() && !p.EffectiveTo.t.IsZero() && !p.EffectiveTo.t.After(p.EffectiveFrom.t) {
		c.error(note{pos: p.EffectiveTo.pos, path: path + ".effective_to", message: "the row ends before it begins", fix: "write an instant after effective_from"})
	}
	for j := range p.PeakWindowsUTC {
		if w := &p.PeakWindowsUTC[j]; w.given() && !w.locked && (!timeWindow.MatchString(w.s) || w.s[:5] >= w.s[6:]) {
			c.error(note{pos: w.pos, path: path + ".peak_windows_utc", message: "expected a window within one day such as 01:00-04:00, got " + w.show(), fix: `"01:00-04:00"`})
		}
	}
	for j := range p.PeakDays {
		if d := &p.PeakDays[j]; d.given() && !d.locked && (d.n < 1 || d.n > 7) {
			c.error(note{pos: d.pos, path: path + ".peak_days", message: "expected a day from 1 (Monday) to 7 (Sunday)", fix: "peak_days: [1, 2, 3, 4, 5]"})
		}
	}
	return out
}
