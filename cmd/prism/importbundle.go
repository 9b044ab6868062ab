package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/transfer"
)

func newImportBundle(a *app, shared *importOptions) *cobra.Command {
	var only []string
	var replace bool
	cmd := &cobra.Command{
		Use:   "bundle FILE",
		Short: "A bundle that prism export config made",
		Long: `Where there is no profiles.yaml yet, the bundle becomes the configuration, byte for byte, and
files that are there already stay. Where there is one, only the profiles of the bundle that are
new go behind those that are there, as they are written; settings, rules, prices and queries are
named and left. --replace takes profiles of the same name in the place of those here, too. The
keys of a redacted bundle are asked for; without a terminal such profiles are left out.`,
		Example: "  prism import bundle prism.bundle --dry-run\n  prism import bundle prism.bundle --only kimi --replace --dry-run",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			b, err := transfer.ReadBundle(given[0])
			if err != nil {
				return bundleError(given[0], err)
			}
			in := bundleImport{a: a, r: r, b: b, path: given[0], only: only, replace: replace, dry: shared.dryRun}
			return in.run(cmd.Context())
		},
	}
	cmd.Flags().StringArrayVar(&only, "only", nil, "only the profile with this `name`; repeatable")
	cmd.Flags().BoolVar(&replace, "replace", false, "take profiles of the same name out of the bundle, in the place of those here")
	return cmd
}

// bundleImport is a bundle on its way in.
type bundleImport struct {
	a       *app
	r       room
	b       *transfer.Bundle
	path    string
	only    []string
	replace bool
	dry     bool
	here    []string // names of the profiles that are here already

	made     made
	added    []string
	replaced []string
	left     []transfer.Left
	diff     string
	written  bool
}

func (in *bundleImport) leave(what, why string) {
	in.left = append(in.left, transfer.Left{What: what, Why: why})
}

func (in *bundleImport) run(ctx context.Context) error {
	src := in.b.File(transfer.BundleProfiles)
	if src == nil {
		return bundleError(in.path, transfer.ErrBundle)
	}
	_, err := os.Lstat(in.r.paths.Profiles)
	fresh := errors.Is(err, fs.ErrNotExist)
	if fresh && in.b.How == transfer.Redacted {
		return notFound("prism init --from "+shellQuote("bundle="+in.path), "there is no profiles.yaml yet to import into")
	}
	if !fresh {
		if in.here, err = in.a.namesInFile(ctx, in.r); err != nil {
			return err
		}
	}
	plain, err := in.plain(ctx, src)
	switch {
	case errors.Is(err, errNoneLeft):
		err = nil // which was noted for each of them
	case err == nil && fresh:
		err = in.whole(src, plain)
	case err == nil:
		err = in.merge(ctx, plain)
	}
	if err != nil && !errors.Is(err, errNothingNew) {
		return err
	}
	if err := in.others(fresh); err != nil {
		return err
	}
	if err := in.a.show(in.view()); err != nil || !in.written {
		return err
	}
	return in.a.reloaded(ctx, in.r)
}

// whole makes the bundle's file the one of this machine, byte for byte.
func (in *bundleImport) whole(src, plain []byte) error {
	if len(in.only) > 0 {
		return usagef("prism import bundle "+shellQuote(in.path), "there is no profiles.yaml yet; --only is for one that is there")
	}
	if err := in.r.mayLieInClear(in.path, src); err != nil {
		return refusedAs(err, "prism init --from "+shellQuote("bundle="+in.path)+" seals it")
	}
	read, problems := config.ParseProfiles(plain, config.ParseOptions{File: in.path, AllowPlaintext: true, Active: "-"})
	if read == nil {
		return problems
	}
	in.added = namesOf(read.Profiles)
	if in.dry {
		in.diff = config.Diff(nil, src)
		return nil
	}
	if err := os.MkdirAll(in.r.paths.ConfigDir, 0o700); err != nil {
		return fmt.Errorf("make the configuration directory: %w", err)
	}
	in.written = true
	return writeNew(in.r.paths.Profiles, src, 0o600, &in.made, "profiles")
}

// refusedAs is an error with another way out.
func refusedAs(err error, fix string) error {
	e := *describe(err)
	e.Fix = fix
	return &e
}

// merge puts the profiles that are new behind those that are there.
func (in *bundleImport) merge(ctx context.Context, plain []byte) error {
	edit := func(text []byte, opt config.ParseOptions) ([]byte, error) {
		out, err := in.merged(text, plain, opt)
		if err == nil && string(out) == string(text) {
			err = errNothingNew
		}
		if err != nil {
			return nil, err
		}
		_, err = in.r.accepted(out, opt)
		return out, err
	}
	diff, err := in.a.rewrite(ctx, in.r, change{keys: true, edit: edit}, in.dry)
	in.diff, in.written = diff, err == nil && !in.dry
	return err
}

func (in *bundleImport) merged(text, plain []byte, opt config.ParseOptions) ([]byte, error) {
	have, problems := config.ParseProfiles(text, opt)
	if have == nil {
		return nil, problems
	}
	opt.File = in.path
	from, problems := config.ParseProfiles(plain, opt)
	if from == nil {
		return nil, problems
	}
	in.here = namesOf(have.Profiles)
	// What is not taken along, and not here, leaves no name behind that leads nowhere.
	var err error
	for _, p := range from.Profiles {
		if in.chosen(p.Name) || have.Profile(p.Name) != nil {
			continue
		}
		if plain, err = in.without(plain, p.Name); err != nil {
			return nil, err
		}
	}
	out, err := in.taken(text, plain, from)
	if err != nil {
		return nil, err
	}
	for _, r := range from.Rules {
		if in.chosen(r.Use) && !slices.ContainsFunc(have.Rules, func(k config.Rule) bool { return k.SameConditions(&r) && k.Use == r.Use }) {
			in.leave("rules: "+r.Use, "rules of another configuration would send requests elsewhere; prism edit takes them in")
		}
	}
	if len(from.Prices) > 0 {
		in.leave("prices", "see: prism prices set")
	}
	return out, nil
}

// taken puts the profiles of the bundle that were chosen into the text.
func (in *bundleImport) taken(text, plain []byte, from *config.Profiles) (out []byte, err error) {
	out = text
	for _, p := range from.Profiles {
		switch {
		case !in.chosen(p.Name):
		case !slices.Contains(in.here, p.Name):
			if out, err = config.CopyProfile(out, plain, p.Name); err != nil {
				return nil, err
			}
			in.added = append(in.added, p.Name)
		case config.SameProfile(text, plain, p.Name):
		case in.replace:
			if out, err = config.ReplaceProfile(out, plain, p.Name); err != nil {
				return nil, err
			}
			in.replaced = append(in.replaced, p.Name)
		default:
			in.leave("profiles["+p.Name+"]", ofTheSameName)
		}
	}
	return out, nil
}
