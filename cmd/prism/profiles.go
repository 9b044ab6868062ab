package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

func newProfiles(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profiles",
		Short: "List, show, add, rename and remove profiles",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listProfiles(cmd) },
	}
	cmd.AddCommand(newList(a, "list", false), &cobra.Command{
		Use:               "show NAME",
		Short:             "Show one profile: host, models, timeouts; secrets are masked",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeProfiles,
		RunE:              func(cmd *cobra.Command, given []string) error { return a.showProfile(cmd, given[0]) },
	}, newProfilesAdd(a), newProfilesRename(a), newProfilesRemove(a), newPresets(a))
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
	}, empty: "no profiles; add one with prism profiles add"}
	for i := range f.Profiles.Profiles {
		p := &f.Profiles.Profiles[i]
		st, known := live[p.Name]
		pinned := cell{unknown, nil}
		if known {
			pinned = a.boolCell(st.Pinned)
		}
		mark := cell{"", false}
		if p.Name == active {
			mark = cell{"*", true}
		}
		v.rows = append(v.rows, []cell{
			textCell(p.Name), mark, textCell(p.Host()),
			{fmt.Sprint(len(p.Models)), len(p.Models)},
			textCell(masked(p)), textCell(fingerprint(p)), pinned, textAs(a.health(st, known), a.english().health(st, known)),
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
