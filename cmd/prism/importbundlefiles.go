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

	"prism/config"
	"prism/internal/transfer"
)

// bundlePlace is a file of a bundle, and where it belongs.
type bundlePlace struct {
	name, path string
	data       []byte
}

// places are the files beside profiles.yaml, in the order of their names.
func (in *bundleImport) places() []bundlePlace {
	p := in.r.paths
	all := []bundlePlace{{name: transfer.BundleSettings, path: p.Settings}, {name: transfer.BundleRules, path: filepath.Join(p.ConfigDir, ".sops.yaml")}}
	for name := range in.b.Queries() {
		all = append(all, bundlePlace{name: "queries/" + name, path: filepath.Join(p.Queries, name)})
	}
	slices.SortFunc(all, func(a, b bundlePlace) int { return strings.Compare(a.name, b.name) })
	for i := range all {
		all[i].data = in.b.File(all[i].name)
	}
	return slices.DeleteFunc(all, func(place bundlePlace) bool { return place.data == nil })
}

// along are the files that come along where there is no profiles.yaml yet. What does not is named.
func (in *bundleImport) along() []bundlePlace {
	return slices.DeleteFunc(in.places(), func(place bundlePlace) bool {
		if place.name != transfer.BundleSettings {
			return false
		}
		if in.b.How == transfer.Redacted {
			in.leave(place.name, "a redacted bundle does not hold all of it")
			return true
		}
		for _, name := range in.b.Withheld {
			in.leave(place.name+": "+name, "a bundle does not hold it; write it there again")
		}
		return false
	})
}

// others makes the files beside profiles.yaml that are missing, where there was no configuration; else it
// names those that would be new.
func (in *bundleImport) others(fresh bool) error {
	if fresh && !in.dry {
		return makeMissing(in.along(), &in.made)
	}
	if fresh {
		for _, place := range in.along() {
			if _, err := os.Lstat(place.path); errors.Is(err, fs.ErrNotExist) {
				in.made.add(place.name, place.path, "would be made")
			}
		}
		return nil
	}
	for _, place := range in.places() {
		if here, err := os.ReadFile(place.path); err != nil || string(here) != string(place.data) {
			in.leave(place.name, "only profiles are added to a configuration that is there")
		}
	}
	return nil
}

// makeMissing makes the files that are not there yet.
func makeMissing(files []bundlePlace, m *made) error {
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		if err := writeNew(f.path, f.data, 0o600, m, f.name); err != nil {
			return err
		}
	}
	return nil
}

// bundleBeginning is the clear text of a bundle, for a first profiles.yaml that is sealed anew, and the files
// that come with it. The rules of sops are made for the keys of this machine.
func (a *app) bundleBeginning(ctx context.Context, r room, path string) (beginning, error) {
	b, err := transfer.ReadBundle(path)
	if err != nil {
		return beginning{}, bundleError(path, err)
	}
	src := b.File(transfer.BundleProfiles)
	if src == nil {
		return beginning{}, bundleError(path, transfer.ErrBundle)
	}
	in := bundleImport{a: a, r: r, b: b, path: path}
	plain, err := in.plain(ctx, src)
	if errors.Is(err, errNoneLeft) {
		return beginning{}, notFound("prism init --from "+shellQuote("bundle="+path)+", on a terminal", "a redacted bundle holds no keys, and nobody can be asked for them")
	}
	if err != nil {
		return beginning{}, err
	}
	files := slices.DeleteFunc(in.along(), func(f bundlePlace) bool { return f.name == transfer.BundleRules })
	for _, l := range in.left {
		a.note("  %s: %s", l.What, a.said(l.Why))
	}
	read, problems := config.ParseProfiles(plain, config.ParseOptions{File: path, AllowPlaintext: true})
	if read == nil {
		return beginning{}, problems
	}
	return beginning{text: plain, first: read.Profile(read.Active), files: files}, nil
}

// sourceBundle is how prism init --from names a bundle.
const sourceBundle = "bundle"
