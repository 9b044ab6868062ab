package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/daemon"
	"prism/internal/pricing"
)

func newCheck(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:     "check [FILE]",
		Aliases: []string{"validate"},
		Short:   "Check profiles.yaml: shape, references, secrets, pins, prices",
		Long: `Check reads the file as the gateway would and reports every problem at once, each with
its line, column and a fix. --format github annotates a pull request.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			path := r.paths.Profiles
			if len(given) == 1 {
				path = given[0]
			}
			f, err := a.load(cmd.Context(), r.asRunning(cmd.Context()), path)
			if err != nil {
				return err
			}
			problems := append(config.Problems{}, f.Problems...)
			if problems.Err() == nil {
				pins, err := pinProblems(r, f)
				if err != nil {
					return err
				}
				prices, err := a.priceProblems(r, f)
				if err != nil {
					return err
				}
				problems = append(append(problems, pins...), prices...)
			}
			return a.verdict(problems, strict, path)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings fail too")
	return cmd
}

// pinProblems asks the pins without writing them: check changes nothing.
func pinProblems(r room, f *profilesFile) (config.Problems, error) {
	pins, err := config.LoadPins(r.paths.Pins)
	if err != nil {
		return nil, err
	}
	report, err := pins.Check(f.Profiles.Profiles, r.settings.Trust == trustStrict)
	if err != nil {
		return nil, err
	}
	return report.Refused.Locate(f.Path, f.Src), nil
}

// priceProblems warns of models that a profile asks for by name and that have no price: their
// requests are recorded, and not counted as money.
func (a *app) priceProblems(r room, f *profilesFile) (config.Problems, error) {
	base, err := a.baseBook(r)
	if err != nil {
		return nil, err
	}
	book, problems := daemon.BookOf(base, f.File)
	if book == nil {
		return problems, nil
	}
	for i := range f.Profiles.Profiles {
		p := &f.Profiles.Profiles[i]
		var missing []string
		for _, m := range p.Models {
			_, priced := book.Find(&pricing.Query{Profile: p.Name, Provider: p.Provider, Model: m.Use, At: a.now()})
			if !p.FlatFee && !priced && !slices.Contains(missing, m.Use) {
				missing = append(missing, m.Use)
			}
		}
		if len(missing) == 0 {
			continue
		}
		problems = append(problems, config.Problem{
			Severity: config.SeverityWarning, Code: codeNoPrice, File: f.Path, Line: p.Pos.Line, Column: p.Pos.Column,
			Path: "profiles[" + p.Name + "].models", Message: fmt.Sprintf("no price for %s at provider %s: what it costs stays unknown", strings.Join(missing, ", "), p.Provider),
			Fix: fmt.Sprintf("%s; or flat_fee: true, or the right provider:", priceFix(missing[0], p.Provider)),
		})
	}
	return problems.Locate(f.Path, f.Src), nil
}

// verdict prints all problems in the format asked for and fails if one is an error.
func (a *app) verdict(ps config.Problems, strict bool, path string) error {
	if a.format == "github" {
		fmt.Fprint(a.out, escape(ps.GitHub(), true))
	} else if err := a.show(problemView(a, ps, path)); err != nil {
		return err
	}
	switch {
	case ps.Errors() > 0:
		return quietError{worst(ps).Code}
	case strict && len(ps) > 0:
		return quietError{codeConfigInvalid}
	}
	return nil
}

func problemView(a *app, ps config.Problems, path string) view {
	v := view{columns: []column{
		{name: "severity"},
		{name: "code"},
		{name: "file"},
		{name: "line", right: true},
		{name: "column", right: true},
		{name: "path"},
		{name: "message"},
		{name: "fix"},
	}}
	for _, p := range ps {
		v.rows = append(v.rows, []cell{
			textCell(string(p.Severity)), textCell(p.Code), textCell(p.File),
			{fmt.Sprint(p.Line), p.Line},
			{fmt.Sprint(p.Column), p.Column},
			textCell(p.Path), textCell(p.Message), textCell(p.Fix),
		})
	}
	v.object = struct {
		OK       bool            `json:"ok"`
		Problems config.Problems `json:"problems"`
	}{ps.Errors() == 0, append(config.Problems{}, ps...)}
	v.text = func(w io.Writer) {
		if len(ps) == 0 {
			fmt.Fprintln(w, escape(a.text("%s   ok", a.tilde(path)), false))
			return
		}
		fmt.Fprint(w, escape(a.problemsText(ps), true))
	}
	return v
}
