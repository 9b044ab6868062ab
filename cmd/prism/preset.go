package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"prism/config"
)

// draftOptions are what the user says of a new profile; what is empty comes from the preset.
type draftOptions struct {
	command  string // that is run, for fix lines: prism init
	preset   string
	baseURL  string
	name     string
	models   []string // NAME or PATTERN=NAME
	keyStdin bool
	taken    []string // names that a name must differ from
}

// draft makes a profile from a preset and asks for what is missing where somebody can be asked.
func (a *app) draft(ctx context.Context, o draftOptions) (*config.Profile, error) {
	// Before a key is typed.
	if o.name != "" && !config.ValidName(o.name) {
		return nil, badName(o.name)
	}
	preset, err := a.choosePreset(ctx, o)
	if err != nil {
		return nil, err
	}
	p := &config.Profile{
		Name: draftName(preset, o), BaseURL: preset.BaseURL, Dialect: preset.Dialect, Auth: preset.Auth,
		Preset: preset.Name, Provider: preset.Provider, FlatFee: preset.FlatFee, Models: preset.Models(),
	}
	if p.BaseURL, err = a.draftURL(ctx, preset, o); err != nil {
		return nil, err
	}
	if o.preset == "" && p.BaseURL != preset.BaseURL {
		// Another host, and nobody said whose: its prices are not those of the preset.
		p.Provider = ""
	}
	if !p.Dialect.Translated() {
		p.Preset = "" // it would say nothing
	}
	if p.Models, err = a.draftModels(ctx, preset, o); err != nil {
		return nil, err
	}
	if p.Auth.NeedsKey() {
		if p.APIKey, err = a.askKey(ctx, preset, o); err != nil {
			return nil, err
		}
		p.Keys = []config.Key{{Secret: p.APIKey}}
	}
	return p, nil
}

// badName refuses a name that no profile can have.
func badName(name string) error {
	return usagef(config.NameRule, "%q cannot be the name of a profile: names stand in paths", name)
}

func (a *app) choosePreset(ctx context.Context, o draftOptions) (config.Preset, error) {
	name := o.preset
	if name == "" && a.interactive() && o.baseURL == "" {
		var err error
		if name, err = a.askPreset(ctx, o); err != nil {
			return config.Preset{}, err
		}
	}
	p, known := config.PresetNamed(firstOf(name, "anthropic"))
	if !known {
		return p, usagef("prism profiles presets", "no preset is named %q", name)
	}
	return p, nil
}

func (a *app) askPreset(ctx context.Context, o draftOptions) (string, error) {
	list := config.Presets()
	fmt.Fprintln(a.err, a.text("Which provider?"))
	for i, p := range list {
		fmt.Fprintf(a.err, "  %2d  %-16s %s\n", i+1, p.Name, a.said(p.Title))
	}
	line, err := a.ask(ctx, a.text("number or name [1]: "))
	if err != nil {
		return "", usagef(o.command+" --preset NAME", "cancelled; nothing was written")
	}
	for i, p := range list {
		if line == fmt.Sprint(i+1) || line == p.Name || line == "" && i == 0 {
			return p.Name, nil
		}
	}
	return line, nil
}

// draftName is the name that was asked for, else the preset's, with a number where it is taken.
func draftName(preset config.Preset, o draftOptions) string {
	name := preset.Profile
	switch {
	case o.name != "":
		return o.name
	case o.preset == "" && o.baseURL != "" && o.baseURL != preset.BaseURL:
		name = "main"
	case slices.Contains(o.taken, name):
		name = preset.Name
	}
	base := name
	for n := 2; slices.Contains(o.taken, name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// draftURL fills the gaps of a base URL that differs for every user.
func (a *app) draftURL(ctx context.Context, preset config.Preset, o draftOptions) (string, error) {
	switch {
	case o.baseURL != "":
		return o.baseURL, nil
	case !preset.NeedsURL():
		return preset.BaseURL, nil
	case !a.interactive():
		return "", usagef(o.command+" --preset "+preset.Name+" --base-url "+preset.BaseURL, "the base URL of %s holds what only you know", preset.Name)
	}
	line, err := a.ask(ctx, a.text("base URL, as in %s: ", preset.BaseURL))
	if err != nil || line == "" {
		return "", usagef(o.command, "cancelled: no base URL given, nothing was written")
	}
	return line, nil
}

// draftModels are the models that were named, else the preset's.
func (a *app) draftModels(ctx context.Context, preset config.Preset, o draftOptions) ([]config.ModelRule, error) {
	var rules []config.ModelRule
	for _, m := range o.models {
		match, use, ok := strings.Cut(m, "=")
		if !ok {
			match, use = "*", m
		}
		if match == "" || use == "" {
			return nil, usagef(o.command+" --model '*haiku*=SMALL' --model LARGE", "--model %q names no model", m)
		}
		rules = append(rules, config.ModelRule{Match: match, Use: use})
	}
	switch {
	case rules != nil:
		return rules, nil
	case !preset.NeedsModel():
		return preset.Models(), nil
	case !a.interactive():
		return nil, usagef(o.command+" --preset "+preset.Name+" --model NAME", "%s has no model that is everybody's: name one", preset.Name)
	}
	line, err := a.ask(ctx, a.text("model: "))
	if err != nil || line == "" {
		return nil, usagef(o.command, "cancelled: no model given, nothing was written")
	}
	return []config.ModelRule{{Match: "*", Use: line}}, nil
}

// maxKey is how many bytes of stdin are read for a key.
const maxKey = 64 << 10

func (a *app) askKey(ctx context.Context, preset config.Preset, o draftOptions) (config.Secret, error) {
	if o.keyStdin {
		b, err := io.ReadAll(io.LimitReader(a.in, maxKey))
		if err != nil {
			return config.Secret{}, fmt.Errorf("read the key: %w", err)
		}
		key := config.NewSecret(strings.TrimSpace(string(b)))
		if key.IsZero() {
			return key, usagef(`printf %s "$KEY" | `+o.command+` --key-stdin`, "stdin held no key")
		}
		return key, nil
	}
	if !a.interactive() {
		return config.Secret{}, usagef(`printf %s "$KEY" | `+o.command+` --preset `+preset.Name+` --key-stdin --no-input`, "no key was given for %s, and nobody can be asked", preset.Name)
	}
	typed, err := a.askHidden(ctx, a.text("API key (%s; not shown): ", preset.Title))
	key := config.NewSecret(typed)
	if err != nil || key.IsZero() {
		return key, usagef(o.command, "cancelled: no key given, nothing was written")
	}
	return key, nil
}

// firstDocument writes the first profiles.yaml, in clear text; it is sealed before it touches
// the disk.
func firstDocument(p *config.Profile, token config.Secret) []byte {
	var b strings.Builder
	lines := config.ProfileLines(p)
	name := strings.TrimPrefix(lines[0], "name: ") // with quotes where it needs them
	fmt.Fprintf(&b, "# yaml-language-server: $schema=./profiles.schema.json\nactive: %s   # save this line to switch\n\nprofiles:\n", name)
	lead := "  - "
	for _, line := range lines {
		b.WriteString(lead + line + "\n")
		lead = "    "
	}
	fmt.Fprintf(&b, "\nclient_token: %s\n", quoted(token.Reveal()))
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

// addDraftFlags are the flags of every command that makes a profile.
func addDraftFlags(f *pflag.FlagSet, o *draftOptions) {
	f.StringVar(&o.preset, "preset", "", "provider of the profile, one of prism profiles presets")
	f.StringVar(&o.baseURL, "base-url", "", "`URL` of the provider, instead of the preset's")
	f.StringVar(&o.name, "name", "", "name of the profile")
	f.StringArrayVar(&o.models, "model", nil, "`NAME` of the model for everything, or PATTERN=NAME; repeatable, the first match wins")
	f.BoolVar(&o.keyStdin, "key-stdin", false, "read the provider's key from stdin")
}
