package config

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mostTokens is more than any model can read or write.
const mostTokens = 100_000_000

// requestField matches the names of top-level fields of a request, and of betas.
var requestField = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// ownFields are the fields of a request that only the translation may write or leave out.
func ownFields() []string {
	return []string{"model", "messages", "input", "instructions", "tools", "stream"}
}

// preset finds whose quirks the profile has and fills in what is known of that provider.
func (c *checker) preset(p *Profile, s *profileShape, path string) (Preset, bool) {
	t := &s.Preset
	if t.locked {
		return Preset{}, false
	}
	if !t.given() {
		preset, known := presetFor(c.known, p.Dialect, p.BaseURL)
		p.Quirks = preset.Quirks
		return preset, known
	}
	preset, known := presetNamed(c.known, t.s)
	if !known {
		names := make([]string, len(c.known))
		for i := range c.known {
			names[i] = c.known[i].Name
		}
		n := note{pos: t.pos, path: path + ".preset", message: "there is no preset " + t.show(), fix: "prism profiles presets"}
		if guess := nearest(t.s, names); guess != "" {
			n.message, n.fix = n.message+", did you mean "+guess+"?", "preset: "+guess
		}
		c.error(n)
		return preset, false
	}
	if preset.Dialect != p.Dialect {
		c.warning(note{
			pos: t.pos, path: path + ".preset", message: "preset " + t.s + " is for dialect " + string(preset.Dialect) + ", the profile speaks " + string(p.Dialect),
			fix: "dialect: " + string(preset.Dialect) + ", or delete preset",
		})
	}
	p.Preset, p.Quirks = t.s, preset.Quirks
	return preset, true
}

// quirks lays what the profile says over what the preset knows.
func (c *checker) quirks(p *Profile, s *profileShape, path string) {
	q := s.Quirks
	if q == nil || q.at.IsZero() {
		return
	}
	path += ".quirks"
	// Lists of a preset are shared by all profiles that have it.
	p.Quirks.Efforts, p.Quirks.Strip = slices.Clone(p.Quirks.Efforts), slices.Clone(p.Quirks.Strip)
	others := false
	from, to := reflect.ValueOf(q).Elem(), reflect.ValueOf(&p.Quirks).Elem()
	for i := range from.NumField() {
		if f := from.Type().Field(i); f.IsExported() {
			given := c.quirk(to.FieldByName(f.Name), from.Field(i).Addr().Interface(), f, path+"."+fieldName(f))
			others = others || given && !countsAnyway(f.Name, p.Dialect)
		}
	}
	if others && !p.Dialect.Translated() {
		c.warning(note{pos: q.at, path: path, message: "nothing is translated with dialect " + string(p.Dialect) + ": these quirks are without effect", fix: "delete them, or set dialect: openai"})
	}
	if p.Quirks.ReasoningMust && p.Quirks.ReasoningIn == "" && !q.ReasoningIn.locked {
		c.error(note{pos: q.at, path: path, message: "reasoning_must needs to know the field", fix: "reasoning_in: reasoning_content"})
	}
}

// countsAnyway tells whether a quirk has an effect where nothing is translated: the client is told
// of the window, and what a cloud does not take is left out.
func countsAnyway(name string, d Dialect) bool {
	return name == "ContextWindow" || name == "Strip" && (d == DialectBedrock || d == DialectVertex)
}

// quirk puts one field into dst and tells whether it was given.
func (c *checker) quirk(dst reflect.Value, field any, f reflect.StructField, path string) bool {
	switch v := field.(type) {
	case *text:
		if v.given() && !v.locked {
			dst.SetString(c.quirkWord(v, f, path))
		}
		return v.given()
	case *[]text:
		if list := c.quirkList(*v, f, path); list != nil {
			dst.Set(reflect.ValueOf(list))
		}
		return len(*v) > 0
	case *toggle:
		if v.given() {
			dst.SetBool(v.on)
		}
		return v.given()
	case *decimal:
		if v.given() {
			dst.SetString(v.s)
		}
		return v.given()
	case *count:
		if v.given() {
			dst.SetInt(v.n)
		}
		return v.given()
	case *whole:
		if c.inRange(v, f, path) {
			dst.SetInt(v.n)
		}
		return v.given()
	}
	return false
}

// quirkWord checks a word; the one that is the default becomes nothing.
func (c *checker) quirkWord(t *text, f reflect.StructField, path string) string {
	good := tagValues(f, "enum")
	if good == nil {
		return c.extra(t, path)
	}
	word := c.choice(t, path, good)
	if slices.Contains(tagValues(f, "default"), word) {
		return ""
	}
	return word
}

// extra checks the object that is added to every request.
func (c *checker) extra(t *text, path string) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(t.s), &fields); err != nil || fields == nil {
		c.error(note{pos: t.pos, path: path, message: "expected a JSON object", fix: `extra: '{"reasoning_split":true}'`})
		return ""
	}
	for _, name := range ownFields() {
		if _, there := fields[name]; there {
			c.error(note{pos: t.pos, path: path, message: name + " is written by prism itself", fix: "delete it from the object"})
		}
	}
	return t.s
}

// quirkList checks the items of a list, and sorts them where their order is known; nil means
// that there is nothing to take over.
func (c *checker) quirkList(items []text, f reflect.StructField, path string) []string {
	good := tagValues(f, "enum")
	var out []string
	for i := range items {
		t := &items[i]
		at := path + "[" + plain10(i) + "]"
		switch {
		case !t.given() || t.locked:
		case good != nil && !slices.Contains(good, t.s):
			c.error(note{pos: t.pos, path: at, message: "expected " + oneOf(good) + ", got " + t.show(), fix: fieldName(f) + ": [low, medium, high]"})
		case good == nil && slices.Contains(ownFields(), t.s):
			c.error(note{pos: t.pos, path: at, message: "a request without " + t.s + " is none", fix: "delete it"})
		case good == nil && !requestField.MatchString(t.s):
			c.error(note{pos: t.pos, path: at, message: "expected the name of a field, got " + t.show(), fix: fieldName(f) + ": [top_p]"})
		case !slices.Contains(out, t.s):
			out = append(out, t.s)
		}
	}
	if good != nil {
		slices.SortFunc(out, func(a, b string) int { return slices.Index(good, a) - slices.Index(good, b) })
	}
	return out
}

// inRange checks a number against the bounds of its field; false means that it is not to be used.
func (c *checker) inRange(v *whole, f reflect.StructField, path string) bool {
	if !v.given() || v.locked {
		return false
	}
	low, high := bound(f, "minimum", 0), bound(f, "maximum", mostTokens)
	if v.n < low || v.n > high {
		c.error(note{
			pos: v.pos, path: path, message: "expected " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10),
			fix: fieldName(f) + ": " + strings.Join(append(tagValues(f, "default"), tagValues(f, "example")...), ""),
		})
		return false
	}
	return true
}

// sizes checks what is said of the size of a model.
func (c *checker) sizes(m *modelShape, path string) {
	t := reflect.TypeFor[modelShape]()
	for _, v := range []struct {
		name  string
		value *whole
	}{{"MaxOutput", &m.MaxOutput}, {"ContextWindow", &m.ContextWindow}} {
		if f, ok := t.FieldByName(v.name); ok {
			c.inRange(v.value, f, path+"."+fieldName(f))
		}
	}
	if m.ContextWindow.n > 0 && m.MaxOutput.n > m.ContextWindow.n {
		c.error(note{pos: m.MaxOutput.pos, path: path + ".max_output", message: "more than the context window", fix: "max_output: " + strconv.FormatInt(m.ContextWindow.n, 10)})
	}
}

// tagValues returns the values of one keyword in the jsonschema tag of a field.
func tagValues(f reflect.StructField, key string) []string {
	var out []string
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		if v, ok := strings.CutPrefix(part, key+"="); ok {
			out = append(out, v)
		}
	}
	return out
}

// bound returns the number of one keyword in the jsonschema tag of a field.
func bound(f reflect.StructField, key string, absent int64) int64 {
	if n, err := strconv.ParseInt(strings.Join(tagValues(f, key), ""), 10, 64); err == nil {
		return n
	}
	return absent
}
