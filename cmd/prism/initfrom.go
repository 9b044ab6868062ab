package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"prism/config"
	"prism/internal/transfer"
)

// beginning is what the first profiles.yaml is made of, and what comes with it.
type beginning struct {
	text  []byte          // in clear; nil = there is a file already
	first *config.Profile // the active one
	files []bundlePlace   // of a bundle, to be made where they are missing
}

// profilesFrom makes the first profiles.yaml of what another tool has.
func (a *app) profilesFrom(ctx context.Context, r room, o initOptions) (beginning, error) {
	source, file, _ := strings.Cut(o.from, "=")
	if o.draft.preset != "" || o.draft.baseURL != "" {
		return beginning{}, usagef("prism init --from "+shellQuote(sourceName(source, file)), "--from and --preset or --base-url are two ways to the first profile")
	}
	if source == sourceBundle && file != "" {
		return a.bundleBeginning(ctx, r, file)
	}
	if !isSource(source) {
		return beginning{}, usagef("prism init --from "+strings.Join(transfer.Sources(), "|")+"|bundle=FILE", "%q is no source of profiles", source)
	}
	plan, err := a.readPlan(ctx, r, source, file)
	if err != nil {
		return beginning{}, err
	}
	text, first, err := planDocument(r, plan)
	if err != nil {
		return beginning{}, err
	}
	for _, name := range plan.Files {
		a.note("from %s", a.tilde(name))
	}
	for i := range plan.Profiles {
		a.note("profile %s   %s", plan.Profiles[i].Name, plan.Profiles[i].Host())
	}
	if len(plan.Left) > 0 {
		a.note("not imported, or not in full:")
	}
	for _, l := range plan.Left {
		a.note("  %s: %s", l.What, a.said(l.Why))
	}
	return beginning{text: text, first: first}, nil
}

func isSource(name string) bool { return slices.Contains(transfer.Sources(), name) }

// askFrom offers what other tools have, where somebody can be asked who has not said yet what the first
// profile is to be.
func (a *app) askFrom(ctx context.Context, r room, o initOptions) (string, error) {
	if o.from != "" || o.draft.preset != "" || o.draft.baseURL != "" || o.draft.keyStdin || !a.interactive() {
		return o.from, nil
	}
	var found []string
	for _, source := range transfer.Sources() {
		plan, err := a.readPlan(ctx, r, source, "")
		if err != nil || len(plan.Profiles) == 0 {
			continue
		}
		found = append(found, source)
		if len(found) == 1 {
			fmt.Fprintln(a.err, a.text("Found here:"))
		}
		line := a.text("  %2d  %-16s %s in %s", len(found), source, plural(len(plan.Profiles), "%d profiles"), a.tilde(strings.Join(plan.Files, ", ")))
		fmt.Fprintln(a.err, escape(line, false))
	}
	if len(found) == 0 {
		return "", nil
	}
	for {
		line, err := a.ask(ctx, a.text("import from number, or Enter for a new profile: "))
		if err != nil {
			return "", usagef("prism init", "cancelled; nothing was written")
		}
		n, err := strconv.Atoi(line)
		switch {
		case line == "":
			return "", nil
		case err == nil && n >= 1 && n <= len(found):
			return found[n-1], nil
		case slices.Contains(found, line):
			return line, nil
		}
		a.note("answer with a number from 1 to %d, or with Enter", len(found))
	}
}
