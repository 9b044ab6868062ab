package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/daemon"
)

// change is an edit of profiles.yaml that a command makes: of the text alone, so that comments,
// order and ciphertexts stay.
type change struct {
	// edit returns the new text, read and checked with the options that fit the old one.
	edit func(text []byte, opt config.ParseOptions) ([]byte, error)
	keys bool         // keys come in or go, so the file must be opened
	then func() error // is done once the file is written, before the gateway is told; nil = nothing
}

// rewritten is the text of profiles.yaml after a change. A file whose MAC covers what is changed,
// or where that is sealed, is sealed anew, as prism edit does it.
func (a *app) rewritten(ctx context.Context, r room, src []byte, c change) ([]byte, error) {
	path, own := r.paths.Profiles, []string{r.settings.Listen}
	plain := config.ParseOptions{File: path, AllowPlaintext: true, Active: "-", Own: own}
	if !sealed.IsSealed(src) {
		out, err := c.edit(src, plain)
		if err == nil && c.keys {
			err = r.mayLieInClear(path, out)
		}
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if !sealed.FullMAC(src) && !c.keys {
		out, err := c.edit(src, config.ParseOptions{File: path, Sealed: true, Unopened: true, Active: "-", Own: own})
		switch {
		case errors.Is(err, config.ErrNamesSealed):
		case err != nil:
			return nil, err
		default:
			_, openErr := sealed.Open(ctx, out)
			// Another trouble, such as no key on this machine, is none of the change's.
			if _, clear := errors.AsType[*sealed.ClearTextError](openErr); !clear {
				return out, nil
			}
		}
	}
	opened, err := sealed.Open(ctx, src)
	if err != nil {
		return nil, sealError(path, err)
	}
	defer opened.Wipe()
	edited, err := c.edit(opened.Plain, plain)
	if err != nil {
		return nil, err
	}
	out, err := sealed.Reseal(ctx, src, edited)
	if err != nil {
		return nil, sealError(path, err)
	}
	return out, nil
}

// mayLieInClear refuses a text that holds keys and is not sealed, unless that is allowed: the gateway would
// not read it either.
func (r room) mayLieInClear(path string, text []byte) error {
	if sealed.IsSealed(text) || r.settings.AllowPlaintext {
		return nil
	}
	p, problems := config.ParseProfiles(text, config.ParseOptions{File: path, AllowPlaintext: true, Active: "-"})
	if p == nil {
		return problems
	}
	if p.ClientToken.IsZero() && !slices.ContainsFunc(p.Profiles, func(q config.Profile) bool { return len(q.AllKeys()) > 0 }) {
		return nil
	}
	return &admin.Error{
		Code: codeConfigUnsealed, Message: "the file is not sealed: keys would lie in it in clear text; nothing was written",
		Fix: "prism seal (or set allow_plaintext: true in prism.yaml)", At: &admin.Position{File: path},
	}
}

// accepted reads a text as the gateway will, with its prices: what would be refused is not written.
func (r room) accepted(text []byte, opt config.ParseOptions) (*config.Profiles, error) {
	p, problems := config.ParseProfiles(text, opt)
	if p == nil || problems.Err() != nil {
		return nil, problems
	}
	base, err := daemon.BaseBook(r.paths.Prices)
	if base == nil {
		return nil, err
	}
	if _, problems := daemon.BookOf(base, &daemon.File{Path: opt.File, Src: text, Profiles: p}); problems.Err() != nil {
		return nil, problems
	}
	return p, nil
}

// outcome is what a command that changes profiles.yaml says about it.
type outcome struct {
	File    string   `json:"file"`
	Profile string   `json:"profile"`
	Done    string   `json:"done"` // added, renamed, removed
	Written bool     `json:"written"`
	Diff    string   `json:"diff,omitempty"`
	Notes   []string `json:"notes"`
}

// commit makes a change of profiles.yaml, or only shows it, and has the gateway read it.
func (a *app) commit(ctx context.Context, r room, c change, o outcome, dry bool) error {
	diff, err := a.rewrite(ctx, r, c, dry)
	if err != nil {
		return err
	}
	o.File, o.Written, o.Diff = r.paths.Profiles, !dry, diff
	if err := a.show(o.view(a)); err != nil || dry {
		return err
	}
	return a.reloaded(ctx, r)
}

// rewrite makes a change of profiles.yaml; with dry it writes nothing and returns what would differ.
func (a *app) rewrite(ctx context.Context, r room, c change, dry bool) (diff string, err error) {
	path := r.paths.Profiles
	src, st, err := config.ReadFile(path)
	if err != nil {
		return "", readError(path, err)
	}
	if !dry {
		if err := config.Writable(path); err != nil {
			return "", err
		}
	}
	out, err := a.rewritten(ctx, r, src, c)
	if err != nil {
		return "", changeError(path, err)
	}
	if dry {
		return config.Diff(src, out), nil
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return "", err
	}
	if c.then != nil {
		return "", c.then()
	}
	return "", nil
}

// reloaded has the gateway read profiles.yaml, where one runs.
func (a *app) reloaded(ctx context.Context, r room) error {
	v, err := r.client.Reload(ctx, false)
	if errors.Is(err, admin.ErrNotRunning) {
		return nil
	}
	if err == nil && !v.OK {
		return config.Problems(v.Problems)
	}
	return err
}

// changeError says what a person can do where the file is written in a way that cannot be spliced.
func changeError(path string, err error) error {
	if errors.Is(err, config.ErrProfilesShape) || errors.Is(err, config.ErrRulesShape) || errors.Is(err, config.ErrPricesShape) {
		return &admin.Error{
			Code: codeConfigInvalid, Message: "the profiles are written in a way that this cannot be done without touching more than that",
			Fix: "prism edit", At: &admin.Position{File: path, Path: "profiles"},
		}
	}
	return err
}

func (o outcome) view(a *app) view {
	if o.Notes == nil {
		o.Notes = []string{}
	}
	v := view{
		columns: []column{{name: "profile"}, {name: "outcome"}, {name: "written"}},
		rows:    [][]cell{{textCell(o.Profile), a.wordCell(o.Done), a.boolCell(o.Written)}},
		object:  o,
	}
	v.text = func(w io.Writer) {
		if !o.Written {
			fmt.Fprint(w, escape(o.Diff, true))
			return
		}
		fmt.Fprintln(w, escape(a.text("%s: %s in %s", o.Profile, a.said(o.Done), a.tilde(o.File)), false))
		for _, note := range o.Notes {
			fmt.Fprintln(w, escape(a.said(note), false))
		}
	}
	return v
}
