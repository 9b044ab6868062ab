package main

import (
	"context"
	"errors"
	"slices"

	"prism/config"
	"prism/internal/transfer"
)

// plain is profiles.yaml of the bundle in clear text, checked; keys that it does not hold are asked for,
// and profiles without them taken out.
func (in *bundleImport) plain(ctx context.Context, src []byte) ([]byte, error) {
	plain, _, err := openForEdit(ctx, in.path, src)
	if err != nil {
		return nil, err
	}
	if err := in.knows(plain); err != nil {
		return nil, err
	}
	if in.b.How == transfer.Redacted {
		if plain, err = in.restored(ctx, plain); err != nil {
			return nil, err
		}
	}
	_, err = in.r.accepted(plain, config.ParseOptions{File: in.path, AllowPlaintext: true, Active: "-", Own: []string{in.r.settings.Listen}})
	return plain, err
}

// knows refuses names of --only that no profile of the bundle has.
func (in *bundleImport) knows(plain []byte) error {
	read, problems := config.ParseProfiles(plain, config.ParseOptions{File: in.path, AllowPlaintext: true, Active: "-"})
	if read == nil {
		return problems
	}
	for _, name := range in.only {
		if read.Profile(name) == nil {
			return notFound("prism import bundle "+shellQuote(in.path)+" --dry-run", "there is no profile %q to import", name)
		}
	}
	return nil
}

// stays tells whether a profile of the bundle is not looked at, since one of its name is here.
func (in *bundleImport) stays(name string) bool { return !in.replace && slices.Contains(in.here, name) }

// ofTheSameName is why such a profile is left.
const ofTheSameName = "the file has another profile of this name, which stays; --replace takes the one of the bundle"

// restored puts keys into a redacted text.
func (in *bundleImport) restored(ctx context.Context, plain []byte) ([]byte, error) {
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	out, missing, err := config.RestoreKeys(plain, func(profile, key string) config.Secret {
		if profile == "" {
			return token
		}
		if !in.a.interactive() || !in.chosen(profile) || in.stays(profile) {
			return config.Secret{}
		}
		typed, err := in.a.askHidden(ctx, in.a.keyQuestion(profile, key))
		if err != nil {
			return config.Secret{}
		}
		return config.NewSecret(typed)
	})
	if err != nil {
		return nil, changeError(in.path, err)
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(missing))) {
		switch {
		case !in.chosen(name):
		case in.stays(name):
			in.leave("profiles["+name+"]", ofTheSameName)
		default:
			in.leave("profiles["+name+"]", "a redacted bundle does not hold its key")
		}
		if out, err = in.without(out, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keyQuestion asks for a key of a profile; one of several has a name.
func (a *app) keyQuestion(profile, key string) string {
	if key != "" {
		return a.text("API key %s of %s (not shown; Enter leaves the profile out): ", key, profile)
	}
	return a.text("API key of %s (not shown; Enter leaves the profile out): ", profile)
}

// errNoneLeft means that a redacted bundle has no profile that needs no key.
var errNoneLeft = errors.New("no profile is left")

// without takes a profile out of the bundle's text. Another one becomes active where it was; profiles that
// fell back to it do so no more, which is noted of those that come along.
func (in *bundleImport) without(text []byte, name string) ([]byte, error) {
	read, problems := config.ParseProfiles(text, config.ParseOptions{File: in.path, AllowPlaintext: true, Active: "-"})
	if read == nil {
		return nil, problems
	}
	for _, p := range read.Profiles {
		if in.chosen(p.Name) && !in.stays(p.Name) && slices.Contains(p.Fallback, name) {
			in.leave("profiles["+p.Name+"].fallback: "+name, "that profile does not come along")
		}
	}
	var err error
	if read.Active == name {
		i := slices.IndexFunc(read.Profiles, func(p config.Profile) bool { return p.Name != name })
		if i < 0 {
			return nil, errNoneLeft
		}
		if text, err = config.SpliceActive(text, read.Profiles[i].Name); err != nil {
			return nil, changeError(in.path, err)
		}
	}
	text, err = config.RemoveProfile(text, name)
	return text, changeError(in.path, err)
}

func (in *bundleImport) chosen(name string) bool {
	return len(in.only) == 0 || slices.Contains(in.only, name)
}
