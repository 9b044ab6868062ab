package main

import (
	"github.com/spf13/cobra"

	"prism/config"
)

func newPaths(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "paths",
		Short: "Where prism keeps what, and why there",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			p, err := a.paths()
			if err != nil {
				return err
			}
			return a.show(a.pathsView(p))
		},
	}
}

func (a *app) pathsView(p config.Paths) view {
	v := view{columns: []column{{name: "what"}, {name: "path", whole: true}, {name: "from"}}}
	object := map[string]string{}
	for _, f := range []struct{ what, path string }{
		{"profiles", p.Profiles},
		{"settings", p.Settings},
		{"schema", p.Schema},
		{"data", p.Data},
		{"ledger", p.LedgerFile},
		{"journal", p.Journal},
		{"archive", p.Archive},
		{"queries", p.Queries},
		{"state", p.State},
		{"pins", p.Pins},
		{"active", p.ActiveFile},
		{"lock", p.Lock},
		{"socket", p.Socket},
	} {
		object[f.what] = f.path
		v.rows = append(v.rows, []cell{a.wordCell(f.what), textCell(f.path), textAs(a.said(p.From[f.what]), p.From[f.what])})
	}
	v.object = object
	return v
}
