package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

func newReload(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the gateway read its files now, and print the verdict",
		Long: `Reload is for a script that must know: saving profiles.yaml is noticed without it. A file
with an error changes nothing; it is printed as prism check would, and the exit code is 3.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			v, err := r.client.Reload(cmd.Context(), force)
			if err != nil {
				return err
			}
			return a.showVerdict(v)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also when the text is the same")
	return cmd
}

// showVerdict prints what a reload did; a refusal is an error with the problems as its text.
func (a *app) showVerdict(v admin.Verdict) error {
	if !v.OK && !a.jsonWanted() {
		ps := config.Problems(v.Problems)
		if len(ps) == 0 {
			return &admin.Error{Code: codeConfigInvalid, Message: "the file was refused", Fix: "prism check"}
		}
		fmt.Fprintln(a.err, escape(strings.TrimRight(a.problemsText(ps), "\n"), true))
		a.note("refused: generation %d goes on", v.Generation)
		return quietError{worst(ps).Code}
	}
	if err := a.show(a.verdictView(v)); err != nil {
		return err
	}
	if !v.OK {
		return quietError{worst(config.Problems(v.Problems)).Code}
	}
	return nil
}

func (a *app) jsonWanted() bool {
	return a.asJSON || a.format == formatJSON || a.format == formatNDJSON || a.jq != ""
}

func (a *app) verdictView(v admin.Verdict) view {
	names := func(list []string) cell {
		if len(list) == 0 {
			return cell{unknown, []string{}}
		}
		return cell{strings.Join(list, " "), list}
	}
	return view{
		object: v,
		columns: []column{
			{name: "ok"},
			{name: "generation", right: true},
			{name: "active"},
			{name: "previous"},
			{name: "changed"},
			{name: "added"},
			{name: "removed"},
			{name: "trigger"},
		},
		rows: [][]cell{{
			a.boolCell(v.OK),
			{fmt.Sprint(v.Generation), v.Generation},
			textCell(v.Active), textCell(v.Previous), names(v.Changed),
			names(v.Added), names(v.Removed), textCell(v.Trigger),
		}},
		text: func(w io.Writer) { a.writeVerdict(w, v) },
	}
}

func (a *app) writeVerdict(w io.Writer, v admin.Verdict) {
	line := a.text("active") + ": " + v.Active
	if v.Previous != "" && v.Previous != v.Active {
		line = a.text("active") + ": " + v.Previous + " → " + v.Active
	}
	for _, part := range []struct {
		word  string
		names []string
	}{{"changed", v.Changed}, {"added", v.Added}, {"removed", v.Removed}} {
		if len(part.names) > 0 {
			line += "   " + a.said(part.word) + ": " + strings.Join(part.names, " ")
		}
	}
	if v.Unchanged() {
		line += "   " + a.text("nothing changed")
	}
	if v.Generation > 0 {
		line += "   " + a.text("generation %d", v.Generation)
	}
	if v.DurationMS > 0 {
		line += fmt.Sprintf("   %.0f ms", v.DurationMS)
	}
	if v.Draining > 0 {
		line += "   " + a.text("%s finish on the route they began with", plural(v.Draining, "%d requests"))
	}
	fmt.Fprintln(w, escape(line, false))
	for _, n := range v.Notes {
		fmt.Fprintln(w, escape(a.text("note   %s", a.said(a.tildes(n))), false))
	}
	for _, p := range v.Problems {
		fmt.Fprintln(w, escape(fmt.Sprintf("%s %d:%d   %s", a.said(string(p.Severity)), p.Line, p.Column, a.said(p.Message)), false))
	}
}
