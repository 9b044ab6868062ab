package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"prism/config"
)

//go:embed presets.json
var presetData []byte

// preset is a provider that `prism init` knows: everything of a profile but its key.
type preset struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	BaseURL  string `json:"base_url"`
	Auth     string `json:"auth"` // "" = x-api-key
	Provider string `json:"provider"`
	Main     string `json:"main"`  // "" = models as asked
	Haiku    string `json:"haiku"` // "" = as Main
	FlatFee  bool   `json:"flat_fee"`
	Profile  string `json:"profile"` // name of the profile; "" = Name
}

func presets() ([]preset, error) {
	var list []preset
	if err := json.Unmarshal(presetData, &list); err != nil {
		return nil, fmt.Errorf("read the presets: %w", err)
	}
	for i := range list {
		if list[i].Profile == "" {
			list[i].Profile = list[i].Name
		}
	}
	return list, nil
}

func presetNamed(name string) (preset, error) {
	list, err := presets()
	if err != nil {
		return preset{}, err
	}
	for _, p := range list {
		if p.Name == name {
			return p, nil
		}
	}
	return preset{}, usagef("prism init --preset "+strings.Join(presetNames(), "|"), "no preset is named %q", name)
}

// presetNames lists them in the order of the menu.
func presetNames() []string {
	list, _ := presets()
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names
}

func (p preset) needsKey() bool {
	if p.Auth == "" {
		return true
	}
	return config.Auth(p.Auth).NeedsKey()
}

// document writes the first profiles.yaml, in clear text; it is sealed before it touches
// the disk.
func (p preset) document(key, token config.Secret) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# yaml-language-server: $schema=./profiles.schema.json")
	line("active: %s   # save this line to switch", p.Profile)
	line("")
	line("profiles:")
	line("  - name: %s", p.Profile)
	line("    base_url: %s", p.BaseURL)
	if p.Auth != "" {
		line("    auth: %s", p.Auth)
	}
	if !key.IsZero() {
		line("    api_key: %s", quoted(key.Reveal()))
	}
	if p.Provider != "" {
		line("    provider: %s", p.Provider)
	}
	if p.FlatFee {
		line("    flat_fee: true")
	}
	if p.Main != "" {
		line("    models:   # first match wins")
		if p.Haiku != "" {
			line(`      - {match: "*haiku*", use: %s}`, p.Haiku)
		}
		line(`      - {match: "*", use: %s}`, p.Main)
	}
	line("")
	line("client_token: %s", quoted(token.Reveal()))
	return []byte(b.String())
}

// quoted is a YAML scalar that is text, whatever it holds: JSON strings are YAML.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
