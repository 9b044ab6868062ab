package config

import (
	"errors"
	"strconv"
	"strings"
)

// ErrProfilesShape is returned where the file is written in a way that a profile cannot be put in,
// renamed or taken out without touching more than that; an editor can.
var ErrProfilesShape = errors.New("the profiles cannot be changed as they are written")

// profilesKey is the field that holds the profiles.
const profilesKey = "profiles"

// AppendProfile puts a profile behind the others in src, and changes nothing else: the other
// bytes, comments and ciphertexts stay. The key is written in clear text; sealing it is the
// caller's. The result is parsed again and compared before it is returned.
func AppendProfile(src []byte, p *Profile) ([]byte, error) {
	s := &listSplice{src: src, key: profilesKey, spaced: true, lines: ProfileLines(p), flow: profileFlow(p)}
	out, err := s.splice(noItem)
	return out, spliceError("splice profile", err, ErrProfilesShape)
}

// ProfileLines writes a profile as an item of profiles, in lines without their indent: what a new
// profile needs, and of that only what does not go without saying.
func ProfileLines(p *Profile) []string {
	var lines []string
	for _, f := range profileFields(p) {
		lines = append(lines, f[0]+": "+f[1])
	}
	if name, only := onlyModel(p); only {
		lines = append(lines, "model: "+quoted(name))
	} else if len(p.Models) > 0 {
		lines = append(lines, "models:   # first match wins")
		for _, m := range p.Models {
			lines = append(lines, "  - "+modelFlow(m))
		}
	}
	return lines
}

// onlyModel returns the name of the one model that stands for all.
func onlyModel(p *Profile) (name string, only bool) {
	if len(p.Models) != 1 || p.Models[0] != (ModelRule{Match: "*", Use: p.Models[0].Use}) {
		return "", false
	}
	return p.Models[0].Use, true
}

// profileFlow writes the same on one line.
func profileFlow(p *Profile) string {
	var parts []string
	for _, f := range profileFields(p) {
		parts = append(parts, f[0]+": "+quotedInFlow(f[1]))
	}
	if name, only := onlyModel(p); only {
		parts = append(parts, "model: "+quotedInFlow(quoted(name)))
	} else if len(p.Models) > 0 {
		models := make([]string, len(p.Models))
		for i, m := range p.Models {
			models[i] = modelFlow(m)
		}
		parts = append(parts, "models: ["+strings.Join(models, ", ")+"]")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quotedInFlow puts quotes around a text that holds what ends one between braces.
func quotedInFlow(value string) string {
	if !strings.ContainsRune(`"[{`, rune(value[0])) && strings.ContainsAny(value, ",:[]{}") {
		return quote(value)
	}
	return value
}

func profileFields(p *Profile) [][2]string {
	fields := [][2]string{{"name", quoted(p.Name)}, {"base_url", quoted(p.BaseURL)}}
	add := func(name, value string, said bool) {
		if said && value != "" {
			fields = append(fields, [2]string{name, quoted(value)})
		}
	}
	add("dialect", string(p.Dialect), p.Dialect != DialectAnthropic)
	add("auth", string(p.Auth), p.Auth != p.Dialect.DefaultAuth())
	add("region", p.Region, true)
	if !p.APIKey.IsZero() {
		fields = append(fields, [2]string{"api_key", quote(p.APIKey.Reveal())})
	}
	found, _ := PresetFor(p.Dialect, p.BaseURL)
	add("preset", p.Preset, found.Name != p.Preset)
	add("provider", p.Provider, p.Provider != ProviderOf(p.BaseURL, p.Name))
	if p.FlatFee {
		fields = append(fields, [2]string{"flat_fee", "true"})
	}
	add("multiplier", p.Multiplier, p.Multiplier != "1")
	if list := flowList(p.Fallback, func(name string) string { return quotedInFlow(quoted(name)) }); list != "" {
		fields = append(fields, [2]string{"fallback", list})
	}
	if b := budgetFlow(p.Budget); b != "" {
		fields = append(fields, [2]string{"budget", b})
	}
	return fields
}

// budgetFlow writes a budget on one line; empty means that there is none.
func budgetFlow(b *Budget) string {
	if b == nil {
		return ""
	}
	var parts []string
	for _, f := range [][2]string{{"daily_usd", b.DailyUSD}, {"weekly_usd", b.WeeklyUSD}, {"monthly_usd", b.MonthlyUSD}} {
		if f[1] != "" {
			parts = append(parts, f[0]+": "+f[1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	if b.Then != "" && b.Then != "warn" {
		parts = append(parts, "then: "+b.Then)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func modelFlow(m ModelRule) string {
	text := "{match: " + quote(m.Match) + ", use: " + quotedInFlow(quoted(m.Use))
	if m.MaxOutput > 0 {
		text += ", max_output: " + strconv.FormatInt(m.MaxOutput, 10)
	}
	if m.ContextWindow > 0 {
		text += ", context_window: " + strconv.FormatInt(m.ContextWindow, 10)
	}
	return text + "}"
}
