package config

import (
	_ "embed"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

//go:embed presets.json
var presetData []byte

// Preset is a provider that prism knows: everything of a profile but its key, and how the
// provider deviates from the dialect it speaks.
type Preset struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Profile  string   `json:"profile"`  // what a profile made from it is called; "" in the data = Name
	BaseURL  string   `json:"base_url"` // {words} in braces are for the user to fill in
	Hosts    []string `json:"hosts"`    // globs of the hosts whose quirks these are; absent = that of BaseURL, empty = none
	Dialect  Dialect  `json:"dialect"`  // "" in the data = anthropic
	Auth     Auth     `json:"auth"`
	Provider string   `json:"provider"` // as the price book knows it; "" = the name of the profile
	Main     string   `json:"main"`     // model for everything; "" = as the client names it
	Haiku    string   `json:"haiku"`    // model for what is asked of a haiku; "" = Main
	Window   int64    `json:"window"`   // context window of Main in tokens; 0 = not known
	Output   int64    `json:"output"`   // tokens that Main can answer with; 0 = not known
	FlatFee  bool     `json:"flat_fee"`
	Quirks   Quirks   `json:"quirks"`
	Source   string   `json:"source"` // page of the provider about this way to reach it
	AsOf     string   `json:"as_of"`  // month that the facts are of
}

// Presets returns all presets, in the order of menus.
func Presets() []Preset {
	var list []Preset
	// The data is part of the program, and a test reads it: it cannot be broken here.
	_ = json.Unmarshal(presetData, &list)
	for i := range list {
		p := &list[i]
		if p.Profile == "" {
			p.Profile = p.Name
		}
		if p.Dialect == "" {
			p.Dialect = DialectAnthropic
		}
		if p.Hosts == nil {
			p.Hosts = []string{knownHost(p.BaseURL)}
		}
	}
	return list
}

// PresetNames returns the names of all presets, in the order of menus.
func PresetNames() []string {
	list := Presets()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// PresetNamed returns the preset called name.
func PresetNamed(name string) (Preset, bool) { return presetNamed(Presets(), name) }

// PresetFor returns the preset for a dialect at the host of a base URL. Servers on this machine
// are told apart by their ports.
func PresetFor(d Dialect, baseURL string) (Preset, bool) { return presetFor(Presets(), d, baseURL) }

func presetNamed(list []Preset, name string) (Preset, bool) {
	i := slices.IndexFunc(list, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return list[i], true
}

func presetFor(list []Preset, d Dialect, baseURL string) (Preset, bool) {
	host := knownHost(baseURL)
	i := slices.IndexFunc(list, func(p Preset) bool {
		return host != "" && p.Dialect == d && slices.ContainsFunc(p.Hosts, func(glob string) bool { return Glob(glob, host) })
	})
	if i < 0 {
		return Preset{}, false
	}
	return list[i], true
}

// knownHost is the host of a URL as presets name it: in lower case, this machine with the port.
func knownHost(baseURL string) string {
	u, err := url.Parse(baseURL)
	switch host := hostOf(baseURL); {
	case err == nil && isLoopback(host):
		return "127.0.0.1:" + u.Port()
	default:
		return host
	}
}

// NeedsURL tells whether the base URL has gaps that only the user can fill.
func (p *Preset) NeedsURL() bool { return strings.Contains(p.BaseURL, "{") }

// NeedsModel tells whether a model must be named: the names of Claude's models mean nothing to
// the provider.
func (p *Preset) NeedsModel() bool {
	return p.Main == "" && (p.Dialect.Translated() || p.Auth == AuthSigV4)
}

// Models are the renamings of a profile made from the preset.
func (p *Preset) Models() []ModelRule {
	if p.Main == "" {
		return nil
	}
	var rules []ModelRule
	if p.Haiku != "" {
		rules = append(rules, ModelRule{Match: "*haiku*", Use: p.Haiku})
	}
	return append(rules, ModelRule{Match: "*", Use: p.Main, MaxOutput: p.Output, ContextWindow: p.Window})
}
