package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/daemon"
)

func newUse(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "use [NAME|-]",
		Aliases: []string{"switch"},
		Short:   `Make a profile active; "-" goes back`,
		Long: `Use replaces the value of active: in profiles.yaml, and nothing else; comments, order and
sealed values stay. A file that cannot be written keeps its line: the choice is kept in the
state directory and wins until active: in the file changes. Without a name it prints the
active profile.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if len(given) == 0 {
				return a.showActive(cmd.Context(), r)
			}
			v, err := r.client.Use(cmd.Context(), given[0])
			if errors.Is(err, admin.ErrNotRunning) {
				v, err = a.useOffline(cmd.Context(), r, given[0])
			}
			if err != nil {
				return err
			}
			return a.showVerdict(v)
		},
		ValidArgsFunction: a.completeProfiles,
	}
}

// loadFor is valid for a file that need not name an active profile, since name will be it.
func (a *app) loadFor(ctx context.Context, r room, name string) (*profilesFile, error) {
	choice, err := admin.LoadChoice(r.paths.ActiveFile)
	if err != nil {
		return nil, err
	}
	f := daemon.Load(ctx, daemon.LoadOptions{Path: r.paths.Profiles, AllowPlaintext: r.settings.AllowPlaintext, Active: firstOf(choice.Active, name), Own: []string{r.settings.Listen}})
	return &profilesFile{f, choice}, f.Problems.Err()
}

// useOffline does what the gateway would do, without one.
func (a *app) useOffline(ctx context.Context, r room, name string) (admin.Verdict, error) {
	f, err := a.loadFor(ctx, r, strings.TrimPrefix(name, "-"))
	if err != nil {
		return admin.Verdict{}, err
	}
	now, _ := f.active(r)
	if name == "-" {
		if name = f.choice.Previous; name == "" {
			return admin.Verdict{}, notFound("prism use NAME", "no profile was active before")
		}
	}
	if f.Profiles.Profile(name) == nil {
		return admin.Verdict{}, noProfile(name)
	}
	v := admin.Verdict{OK: true, Trigger: "use", Active: name, Previous: now}
	if now == name {
		return v, nil
	}
	set, err := admin.SetActive(ctx, admin.SetOptions{
		Path: r.paths.Profiles, Choice: r.paths.ActiveFile, Now: now, InFile: f.Profiles.Active,
		Src: f.Src, State: f.State, Splice: daemon.Splice,
	}, name)
	if err != nil {
		return admin.Verdict{}, err
	}
	if set.InFile {
		v.Notes = append(v.Notes, fmt.Sprintf("%s:%d, one line changed; the gateway does not run", a.tilde(f.Path), f.Profiles.ActivePos.Line))
	} else {
		v.Notes = append(v.Notes, fmt.Sprintf(`kept in %s: %s; it wins until active: in the file changes`, a.tilde(r.paths.ActiveFile), a.tilde(set.Why)))
	}
	return v, nil
}

func (a *app) showActive(ctx context.Context, r room) error {
	st, err := r.client.Status(ctx)
	if err == nil {
		return a.show(activeView(st.Active, st.ActiveFrom))
	}
	if !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	f, err := a.valid(ctx, r)
	if err != nil {
		return err
	}
	name, from := f.active(r)
	return a.show(activeView(name, from))
}

func activeView(name, from string) view {
	return view{
		columns: []column{{name: "active"}, {name: "from"}},
		rows:    [][]cell{{textCell(name), textCell(from)}},
		object: struct {
			Active string `json:"active"`
			From   string `json:"from"`
		}{name, from},
	}
}

// completeProfiles offers the names of the file to the shell, without opening it.
func (a *app) completeProfiles(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := a.paths()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	src, _, err := config.ReadFile(p.Profiles)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	f, _ := config.ParseProfiles(src, config.ParseOptions{File: p.Profiles, Sealed: sealed.IsSealed(src), AllowPlaintext: true, Unopened: true})
	if f == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, 0, len(f.Profiles))
	for _, pr := range f.Profiles {
		names = append(names, pr.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
