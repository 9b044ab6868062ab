package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
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
		return c.edit(src, plain)
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
	path := r.paths.Profiles
	src, st, err := config.ReadFile(path)
	if err != nil {
		return readError(path, err)
	}
	if !dry {
		if err := config.Writable(path); err != nil {
			return err
		}
	}
	out, err := a.rewritten(ctx, r, src, c)
	if err != nil {
		return changeError(path, err)
	}
	o.File, o.Written = path, !dry
	if dry {
		o.Diff = config.Diff(src, out)
		return a.show(o.view(a))
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return err
	}
	if c.then != nil {
		if err := c.then(); err != nil {
			return err
		}
	}
	if err := a.show(o.view(a)); err != nil {
		return err
	}
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
	if errors.Is(err, config.ErrProfilesShape) {
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
		rows:    [][]cell{{textCell(o.Profile), textCell(o.Done), boolCell(o.Written)}},
		object:  o,
	}
	v.text = func(w io.Writer) {
		if !o.Written {
			fmt.Fprint(w, escape(o.Diff, true))
			return
		}
		fmt.Fprintf(w, "%s: %s in %s\n", escape(o.Profile, false), escape(o.Done, false), escape(a.tilde(o.File), false))
		for _, note := range o.Notes {
			fmt.Fprintln(w, escape(note, false))
		}
	}
	return v
}
