package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

func newProfiles(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List the profiles, or show one as compiled",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listProfiles(cmd) },
	}
	cmd.AddCommand(newList(a, "list", false), &cobra.Command{
		Use:               "show NAME",
		Short:             "Show one profile: host, models, timeouts; secrets are masked",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeProfiles,
		RunE:              func(cmd *cobra.Command, given []string) error { return a.showProfile(cmd, given[0]) },
	})
	return cmd
}

func newList(a *app, name string, hidden bool) *cobra.Command {
	return &cobra.Command{
		Use:    name,
		Hidden: hidden,
		Short:  "List the profiles: active one, host, models, masked key, pin, health",
		Args:   args(cobra.NoArgs),
		RunE:   func(cmd *cobra.Command, _ []string) error { return a.listProfiles(cmd) },
	}
}

func (a *app) listProfiles(cmd *cobra.Command) error {
	r, err := a.room(cmd)
	if err != nil {
		return err
	}
	f, err := a.valid(cmd.Context(), r)
	if err != nil {
		return err
	}
	active, _ := f.active(r)
	live, err := a.liveProfiles(cmd.Context(), r)
	if err != nil {
		return err
	}
	v := view{columns: []column{
		{name: "name"},
		{name: "active"},
		{name: "host", whole: true},
		{name: "models", right: true},
		{name: "key"},
		{name: "fingerprint"},
		{name: "pinned"},
		{name: "health"},
	}, empty: "no profiles; add one with prism edit"}
	for i := range f.Profiles.Profiles {
		p := &f.Profiles.Profiles[i]
		st, known := live[p.Name]
		pinned := cell{unknown, nil}
		if known {
			pinned = boolCell(st.Pinned)
		}
		mark := cell{"", false}
		if p.Name == active {
			mark = cell{"*", true}
		}
		v.rows = append(v.rows, []cell{
			textCell(p.Name), mark, textCell(p.Host()),
			{fmt.Sprint(len(p.Models)), len(p.Models)},
			textCell(masked(p)), textCell(fingerprint(p)), pinned, textCell(a.health(st, known)),
		})
	}
	return a.show(v)
}

// liveProfiles is what the gateway knows about its upstreams; nothing if it does not run.
func (a *app) liveProfiles(ctx context.Context, r room) (map[string]admin.ProfileStatus, error) {
	st, err := r.client.Status(ctx)
	if errors.Is(err, admin.ErrNotRunning) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := make(map[string]admin.ProfileStatus, len(st.Profiles))
	for _, p := range st.Profiles {
		m[p.Name] = p
	}
	return m, nil
}

// masked shows the keys of a profile by their first and last characters.
func masked(p *config.Profile) string {
	return eachKey(p, func(k config.Key) string { return k.Secret.Masked() })
}

func fingerprint(p *config.Profile) string {
	return eachKey(p, func(k config.Key) string { return k.Secret.Fingerprint() })
}

// eachKey joins what is said of each key, with its name where the profile has several.
func eachKey(p *config.Profile, say func(config.Key) string) string {
	var parts []string
	for _, key := range p.AllKeys() {
		text := say(key)
		if key.Name != "" {
			text = key.Name + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func (a *app) showProfile(cmd *cobra.Command, name string) error {
	r, err := a.room(cmd)
	if err != nil {
		return err
	}
	f, err := a.valid(cmd.Context(), r)
	if err != nil {
		return err
	}
	p := f.Profiles.Profile(name)
	if p == nil {
		return noProfile(name)
	}
	return a.show(profileView(p))
}

type profileJSON struct {
	Name        string             `json:"name"`
	BaseURL     string             `json:"base_url"`
	Origin      string             `json:"origin"`
	Dialect     string             `json:"dialect"`
	Auth        string             `json:"auth"`
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
		models = append(models, m.Match+" → "+m.Use)
	}
	times := timeoutsOf(p.Timeouts)
	v := factsView([][2]string{
		{"name", p.Name},
		{"base_url", p.BaseURL},
		{"origin", p.Origin()},
		{"dialect", string(p.Dialect)},
		{"auth", string(p.Auth)},
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
		Key: orNull(p.APIKey.Masked()), Fingerprint: orNull(p.APIKey.Fingerprint()), Keys: keys,
		Models: append([]config.ModelRule{}, p.Models...), Provider: p.Provider, Multiplier: p.Multiplier, FlatFee: p.FlatFee,
		Fallback: append([]string{}, p.Fallback...), CAFile: p.CAFile,
		FallbackOnAuth: p.FallbackOnAuth, Keepalive: p.Keepalive, OnClientDisconnect: p.OnClientDisconnect, OnTruncate: p.OnTruncate, Timeouts: times,
	}
	return v
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
