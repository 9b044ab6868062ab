package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/transfer"
)

func newImportBundle(a *app, shared *importOptions) *cobra.Command {
	var only []string
	cmd := &cobra.Command{
		Use:   "bundle FILE",
		Short: "A bundle that prism export config made",
		Long: `Where there is no configuration yet, the bundle becomes it, byte for byte. Where there is one,
the profiles of the bundle that are new go behind those that are there, as they are written,
and other files that are missing are made; nothing is overwritten. The keys of a redacted
bundle are asked for; without a terminal such profiles are left out.`,
		Example: "  prism import bundle prism.bundle --dry-run",
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
			in := bundleImport{a: a, r: r, b: b, path: given[0], only: only, dry: shared.dryRun}
			return in.run(cmd.Context())
		},
	}
	cmd.Flags().StringArrayVar(&only, "only", nil, "only the profile with this `name`; repeatable")
	return cmd
}

// bundleImport is a bundle on its way in.
type bundleImport struct {
	a    *app
	r    room
	b    *transfer.Bundle
	path string
	only []string
	dry  bool

	made    made
	added   []string
	left    []transfer.Left
	diff    string
	written bool
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
	if err := in.others(); err != nil {
		return err
	}
	if err := in.a.show(in.view()); err != nil || !in.written {
		return err
	}
	return in.a.reloaded(ctx, in.r)
}

// plain is profiles.yaml of the bundle in clear text, checked; keys that it does not hold are asked for,
// and profiles without them taken out.
func (in *bundleImport) plain(ctx context.Context, src []byte) ([]byte, error) {
	plain, _, err := openForEdit(ctx, in.path, src)
	if err != nil {
		return nil, err
	}
	if in.b.How == transfer.Redacted {
		if plain, err = in.restored(ctx, plain); err != nil {
			return nil, err
		}
	}
	_, problems := config.ParseProfiles(plain, config.ParseOptions{File: in.path, AllowPlaintext: true, Active: "-", Own: []string{in.r.settings.Listen}})
	return plain, problems.Err()
}

// restored puts keys into a redacted text.
func (in *bundleImport) restored(ctx context.Context, plain []byte) ([]byte, error) {
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	out, missing, err := config.RestoreKeys(plain, func(profile string) config.Secret {
		if profile == "" {
			return token
		}
		if !in.a.interactive() || !in.chosen(profile) {
			return config.Secret{}
		}
		typed, err := in.a.askHidden(ctx, in.a.text("API key of %s (not shown; Enter leaves the profile out): ", profile))
		if err != nil {
			return config.Secret{}
		}
		return config.NewSecret(typed)
	})
	if err != nil {
		return nil, changeError(in.path, err)
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(missing))) {
		if in.chosen(name) {
			in.left = append(in.left, transfer.Left{What: "profiles[" + name + "]", Why: "a redacted bundle does not hold its key"})
		}
		if out, err = without(out, name); errors.Is(err, errNoneLeft) {
			return nil, err
		} else if err != nil {
			return nil, changeError(in.path, err)
		}
	}
	return out, nil
}

// errNoneLeft means that a redacted bundle has no profile that needs no key.
var errNoneLeft = errors.New("no profile is left")

// without takes a profile out of a text; another one becomes active where it was.
func without(text []byte, name string) ([]byte, error) {
	read, problems := config.ParseProfiles(text, config.ParseOptions{AllowPlaintext: true})
	if read == nil {
		return nil, problems
	}
	if read.Active == name {
		i := slices.IndexFunc(read.Profiles, func(p config.Profile) bool { return p.Name != name })
		if i < 0 {
			return nil, errNoneLeft
		}
		var err error
		if text, err = config.SpliceActive(text, read.Profiles[i].Name); err != nil {
			return nil, err
		}
	}
	return config.RemoveProfile(text, name)
}

func (in *bundleImport) chosen(name string) bool {
	return len(in.only) == 0 || slices.Contains(in.only, name)
}

// whole makes the bundle's file the one of this machine, byte for byte.
func (in *bundleImport) whole(src, plain []byte) error {
	if len(in.only) > 0 {
		return usagef("prism import bundle "+shellQuote(in.path), "there is no profiles.yaml yet; --only is for one that is there")
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
		return out, checked(out, opt)
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
	out := text
	var err error
	leave := func(what, why string) { in.left = append(in.left, transfer.Left{What: what, Why: why}) }
	for _, p := range from.Profiles {
		switch {
		case !in.chosen(p.Name):
		case have.Profile(p.Name) == nil:
			if out, err = config.CopyProfile(out, plain, p.Name); err != nil {
				return nil, err
			}
			in.added = append(in.added, p.Name)
		case !config.SameProfile(text, plain, p.Name):
			leave("profiles["+p.Name+"]", "the file has another profile of this name, which stays")
		}
	}
	for _, r := range from.Rules {
		if !slices.ContainsFunc(have.Rules, func(k config.Rule) bool { return k.SameConditions(&r) && k.Use == r.Use }) {
			leave("rules: "+r.Use, "rules of another configuration would send requests elsewhere; prism edit takes them in")
		}
	}
	if len(from.Prices) > 0 {
		leave("prices", "see: prism prices set")
	}
	return out, nil
}

// others makes the files beside profiles.yaml that are missing.
func (in *bundleImport) others() error {
	p := in.r.paths
	places := [][2]string{{transfer.BundleSettings, p.Settings}, {transfer.BundleRules, filepath.Join(p.ConfigDir, ".sops.yaml")}}
	for name := range in.b.Queries() {
		places = append(places, [2]string{"queries/" + name, filepath.Join(p.Queries, name)})
	}
	slices.SortFunc(places, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	for _, place := range places {
		data := in.b.File(place[0])
		if data == nil {
			continue
		}
		if in.b.How == transfer.Redacted && place[0] == transfer.BundleSettings {
			in.left = append(in.left, transfer.Left{What: place[0], Why: "a redacted bundle does not hold all of it"})
			continue
		}
		if in.dry {
			if _, err := os.Lstat(place[1]); errors.Is(err, fs.ErrNotExist) {
				in.made.add(place[0], place[1], "would be made")
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(place[1]), 0o700); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		if err := writeNew(place[1], data, 0o600, &in.made, place[0]); err != nil {
			return err
		}
	}
	return nil
}

// bundleText is the clear text of a bundle, for a first profiles.yaml that is sealed anew.
func (a *app) bundleText(ctx context.Context, r room, path string) ([]byte, *config.Profile, error) {
	b, err := transfer.ReadBundle(path)
	if err != nil {
		return nil, nil, bundleError(path, err)
	}
	src := b.File(transfer.BundleProfiles)
	if src == nil {
		return nil, nil, bundleError(path, transfer.ErrBundle)
	}
	in := bundleImport{a: a, r: r, b: b, path: path}
	plain, err := in.plain(ctx, src)
	if errors.Is(err, errNoneLeft) {
		return nil, nil, notFound("prism init --from "+shellQuote("bundle="+path)+", on a terminal", "a redacted bundle holds no keys, and nobody can be asked for them")
	}
	if err != nil {
		return nil, nil, err
	}
	for _, l := range in.left {
		a.note("  %s: %s", l.What, a.said(l.Why))
	}
	read, problems := config.ParseProfiles(plain, config.ParseOptions{File: path, AllowPlaintext: true})
	if read == nil {
		return nil, nil, problems
	}
	return plain, read.Profile(read.Active), nil
}

// sourceBundle is how prism init --from names a bundle.
const sourceBundle = "bundle"
