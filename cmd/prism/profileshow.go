package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"prism/config"
)

type profileJSON struct {
	Name        string             `json:"name"`
	BaseURL     string             `json:"base_url"`
	Origin      string             `json:"origin"`
	Dialect     string             `json:"dialect"`
	Auth        string             `json:"auth"`
	Region      *string            `json:"region"`
	Preset      *string            `json:"preset"`
	Quirks      config.Quirks      `json:"quirks"`
	Key         *string            `json:"key"`
	Fingerprint *string            `json:"fingerprint"`
	Keys        []keyJSON          `json:"keys"`
	Models      []config.ModelRule `json:"models"`
	Provider    string             `json:"provider"`
	Multiplier  string             `json:"multiplier"`
	FlatFee     bool               `json:"flat_fee"`
	Fallback    []string           `json:"fallback"`
	CAFile      string             `json:"ca_file,omitempty"`

	FallbackOnAuth     bool         `json:"fallback_on_auth"`
	Keepalive          bool         `json:"keepalive"`
	OnClientDisconnect string       `json:"on_client_disconnect"`
	OnTruncate         string       `json:"on_truncate"`
	Timeouts           timeoutsJSON `json:"timeouts"`
}

// keyJSON is one of the keys of a profile.
type keyJSON struct {
	Name        *string `json:"name"`
	Masked      string  `json:"masked"`
	Fingerprint string  `json:"fingerprint"`
}

// timeoutsJSON are the bounds that a profile sets itself; null is the default.
type timeoutsJSON struct {
	FirstByte *string `json:"first_byte"`
	Idle      *string `json:"idle"`
	Hold      *string `json:"hold"`
}

// timeoutsOf reads the bounds of a profile.
func timeoutsOf(t config.Timeouts) timeoutsJSON {
	var out timeoutsJSON
	if t.FirstByte > 0 {
		out.FirstByte = orNull(t.FirstByte.String())
	}
	if t.Idle > 0 {
		out.Idle = orNull(t.Idle.String())
	}
	if t.Hold != nil {
		out.Hold = orNull(t.Hold.String())
	}
	return out
}

// String lists the bounds for people.
func (t timeoutsJSON) String() string {
	var parts []string
	for _, b := range []struct {
		name  string
		value *string
	}{{"first_byte", t.FirstByte}, {"idle", t.Idle}, {"hold", t.Hold}} {
		if b.value != nil {
			parts = append(parts, b.name+" "+*b.value)
		}
	}
	return strings.Join(parts, ", ")
}

func profileView(p *config.Profile) view {
	models := make([]string, 0, len(p.Models))
	for _, m := range p.Models {
		models = append(models, m.Match+" → "+m.Use+sizeText(m))
	}
	preset := presetOf(p)
	times := timeoutsOf(p.Timeouts)
	v := factsView([][2]string{
		{"name", p.Name},
		{"base_url", p.BaseURL},
		{"origin", p.Origin()},
		{"dialect", string(p.Dialect)},
		{"auth", string(p.Auth)},
		{"region", p.Region},
		{"preset", preset},
		{"quirks", quirksText(p.Quirks)},
		{"key", masked(p)},
		{"fingerprint", fingerprint(p)},
		{"models", strings.Join(models, ", ")},
		{"provider", p.Provider},
		{"multiplier", p.Multiplier},
		{"flat_fee", fmt.Sprint(p.FlatFee)},
		{"fallback", strings.Join(p.Fallback, " ")},
		{"fallback_on_auth", fmt.Sprint(p.FallbackOnAuth)},
		{"keepalive", fmt.Sprint(p.Keepalive)},
		{"on_client_disconnect", p.OnClientDisconnect},
		{"on_truncate", p.OnTruncate},
		{"timeouts", times.String()},
		{"ca_file", p.CAFile},
		{"declared", fmt.Sprintf("line %d", p.Pos.Line)},
	})
	keys := []keyJSON{}
	for _, k := range p.AllKeys() {
		keys = append(keys, keyJSON{orNull(k.Name), k.Secret.Masked(), k.Secret.Fingerprint()})
	}
	v.object = profileJSON{
		Name: p.Name, BaseURL: p.BaseURL, Origin: p.Origin(), Dialect: string(p.Dialect), Auth: string(p.Auth),
		Region: orNull(p.Region), Preset: orNull(preset), Quirks: p.Quirks,
		Key: orNull(p.APIKey.Masked()), Fingerprint: orNull(p.APIKey.Fingerprint()), Keys: keys,
		Models: append([]config.ModelRule{}, p.Models...), Provider: p.Provider, Multiplier: p.Multiplier, FlatFee: p.FlatFee,
		Fallback: append([]string{}, p.Fallback...), CAFile: p.CAFile,
		FallbackOnAuth: p.FallbackOnAuth, Keepalive: p.Keepalive, OnClientDisconnect: p.OnClientDisconnect, OnTruncate: p.OnTruncate, Timeouts: times,
	}
	return v
}

// sizeText says what is known of the size of a model.
func sizeText(m config.ModelRule) string {
	var parts []string
	if m.ContextWindow > 0 {
		parts = append(parts, fmt.Sprintf("reads %d", m.ContextWindow))
	}
	if m.MaxOutput > 0 {
		parts = append(parts, fmt.Sprintf("writes %d", m.MaxOutput))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// presetOf names the preset whose quirks the profile has.
func presetOf(p *config.Profile) string {
	if p.Preset != "" || !p.Dialect.Translated() {
		return p.Preset
	}
	found, _ := config.PresetFor(p.Dialect, p.BaseURL)
	return found.Name
}

// quirksText lists the quirks as they would be written in the file.
func quirksText(q config.Quirks) string {
	b, err := json.Marshal(q)
	if err != nil || string(b) == "{}" {
		return ""
	}
	return string(b)
}

// factsView shows pairs of a name and a value, one per line.
func factsView(facts [][2]string) view {
	v := view{columns: []column{{name: "name"}, {name: "value"}}}
	width := 0
	for _, f := range facts {
		width = max(width, len(f[0]))
		v.rows = append(v.rows, []cell{textCell(f[0]), textCell(f[1])})
	}
	v.text = func(w io.Writer) {
		for _, f := range facts {
			value := f[1]
			if value == "" {
				value = unknown
			}
			fmt.Fprintf(w, "%-*s  %s\n", width, f[0], escape(value, false))
		}
	}
	return v
}
