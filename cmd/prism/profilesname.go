package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

func newProfilesRename(a *app) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a profile another name, wherever profiles.yaml uses it",
		Long: `Rename changes the name of the profile, active:, and what leads to it in rules, fallbacks and
prices; comments, order and sealed values stay. Rows in the ledger keep the old name, and so
do budgets and alerts in prism.yaml.`,
		Args:              args(cobra.ExactArgs(2)),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.renameProfile(cmd.Context(), r, given[0], given[1], dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing, print what would change")
	return cmd
}

func (a *app) renameProfile(ctx context.Context, r room, from, to string, dry bool) error {
	names, err := a.namesInFile(ctx, r)
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(names, from):
		return noProfile(from)
	case !config.ValidName(to):
		return badName(to)
	case slices.Contains(names, to):
		return usagef("prism profiles list", "there is a profile %q already", to)
	}
	c := change{edit: func(text []byte, opt config.ParseOptions) ([]byte, error) {
		out, err := config.RenameProfile(text, from, to)
		if err != nil {
			return nil, err
		}
		return out, checked(out, opt)
	}}
	c.then = func() error { return renameChoice(r, from, to) }
	return a.commit(ctx, r, c, renamed(r, from, to), dry)
}

func renamed(r room, from, to string) outcome {
	o := outcome{Profile: to, Done: "renamed from " + from, Notes: []string{"rows in the ledger keep the name " + from}}
	if elsewhere := settingsNaming(r.settings, from); elsewhere != "" {
		o.Notes = append(o.Notes, "prism.yaml still names "+from+" in "+elsewhere+": change it there too")
	}
	return o
}

// renameChoice keeps what prism use remembers in step.
func renameChoice(r room, from, to string) error {
	was, err := admin.LoadChoice(r.paths.ActiveFile)
	if err != nil {
		return err
	}
	now := was
	for _, name := range []*string{&now.Active, &now.While, &now.Previous} {
		if *name == from {
			*name = to
		}
	}
	if now == was {
		return nil
	}
	return now.Save(r.paths.ActiveFile)
}

// settingsNaming says which lists of prism.yaml name a profile.
func settingsNaming(s config.Settings, name string) string {
	var in []string
	for _, b := range s.Budgets {
		if b.Profile == name {
			in = append(in, "budget "+b.Name)
		}
	}
	for _, al := range s.Alerts {
		if al.Profile == name {
			in = append(in, "alert "+al.Name)
		}
	}
	return strings.Join(in, ", ")
}

func newProfilesRemove(a *app) *cobra.Command {
	var dry, force bool
	cmd := &cobra.Command{
		Use:     "rm NAME",
		Aliases: []string{"remove"},
		Short:   "Take a profile out of profiles.yaml, with its key",
		Long: `Rm takes out one profile with the comments in it and directly above it; the rest stays as it
is. While a rule, a fallback or a price leads to it, nothing is done without --force, which takes
these out as well. The active profile cannot be taken out. Rows in the ledger stay.`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeProfiles,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.removeProfile(cmd.Context(), r, given[0], removeOptions{force, dry})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "take out the rules, fallbacks and prices that lead to it as well")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing, print what would change")
	return cmd
}

type removeOptions struct{ force, dry bool }

func (a *app) removeProfile(ctx context.Context, r room, name string, o removeOptions) error {
	f, err := a.valid(ctx, r)
	if err != nil {
		return err
	}
	p := f.Profiles.Profile(name)
	if p == nil {
		return noProfile(name)
	}
	if active, _ := f.active(r); active == name || f.Profiles.Active == name {
		return &admin.Error{Code: codeReferenced, Message: fmt.Sprintf("profile %q is active", name), Fix: "prism use OTHER, then prism profiles rm " + shellQuote(name)}
	}
	c := change{keys: len(p.AllKeys()) > 0, edit: func(text []byte, opt config.ParseOptions) ([]byte, error) {
		refs, err := config.References(text, name)
		if err != nil {
			return nil, err
		}
		if len(refs) > 0 && !o.force {
			return nil, stillNeeded(r.paths.Profiles, name, refs)
		}
		out, err := config.RemoveProfile(text, name)
		if err != nil {
			return nil, err
		}
		return out, checked(out, opt)
	}}
	done := outcome{Profile: name, Done: "removed"}
	if elsewhere := settingsNaming(r.settings, name); elsewhere != "" {
		done.Notes = append(done.Notes, "prism.yaml still names it in "+elsewhere)
	}
	return a.commit(ctx, r, c, done, o.dry)
}

// stillNeeded says what leads to a profile.
func stillNeeded(path, name string, refs []config.Reference) error {
	var places []string
	for _, ref := range refs {
		places = append(places, fmt.Sprintf("%s in line %d", ref.Path, ref.Pos.Line))
	}
	return &admin.Error{
		Code: codeReferenced, Message: fmt.Sprintf("%s to profile %q: %s", lead(len(refs)), name, strings.Join(places, ", ")),
		Fix: "prism profiles rm --force " + shellQuote(name) + " takes these out as well",
		At:  &admin.Position{File: path, Line: refs[0].Pos.Line, Column: refs[0].Pos.Column, Path: refs[0].Path},
	}
}

func lead(n int) string {
	if n == 1 {
		return "something leads"
	}
	return fmt.Sprintf("%d places lead", n)
}
