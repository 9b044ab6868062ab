package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

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
sealed values stay. A file that cannot be written, or whose active: is sealed or missing,
stays as it is: the choice is kept in the state directory and wins until active: in the file
changes. Without a name it prints the active profile.`,
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
	f := daemon.Load(ctx, daemon.LoadOptions{Path: r.paths.Profiles, AllowPlaintext: r.settings.AllowPlaintext, Active: firstOf(choice.Active, name), Own: r.own()})
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
	opt := admin.SetOptions{
		Path: r.paths.Profiles, Choice: r.paths.ActiveFile, Now: now, InFile: f.Profiles.Active,
		Src: f.Src, State: f.State, Splice: daemon.Splice,
	}
	set, err := admin.SetActive(ctx, opt, name)
	if err != nil {
		return admin.Verdict{}, err
	}
	v.Notes = append(v.Notes, set.Note(opt, f.Profiles.ActivePos.Line), "the gateway does not run")
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

// completeProfiles offers the names of the file to the shell.
func (a *app) completeProfiles(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.profileNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
}

// completeTimeout is how long a shell may wait for a suggestion.
const completeTimeout = 2 * time.Second

// profileNames reads the names without opening the file. Where they are sealed too, the
// gateway is asked; a key service never is, for a tab.
func (a *app) profileNames(ctx context.Context) []string {
	r, err := a.room(nil)
	if err != nil {
		return nil
	}
	if src, _, err := config.ReadFile(r.paths.Profiles); err == nil {
		opt := config.ParseOptions{File: r.paths.Profiles, Sealed: sealed.IsSealed(src), AllowPlaintext: true, Unopened: true, Active: "-"}
		if f, _ := config.ParseProfiles(src, opt); f != nil {
			if names := namesOf(f.Profiles); !slices.Contains(names, "") {
				return names
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	st, err := r.client.Status(ctx)
	if err != nil {
		return nil
	}
	names := make([]string, len(st.Profiles))
	for i, p := range st.Profiles {
		names[i] = p.Name
	}
	return names
}

func namesOf(profiles []config.Profile) []string {
	names := make([]string, len(profiles))
	for i := range profiles {
		names[i] = profiles[i].Name
	}
	return names
}
