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
			return a.show(pathsView(p))
		},
	}
}

func pathsView(p config.Paths) view {
	v := view{columns: []column{{name: "what"}, {name: "path"}, {name: "from"}}}
	object := map[string]string{}
	for _, f := range []struct{ what, path, from string }{
		{"profiles", p.Profiles, "Profiles"},
		{"settings", p.Settings, "Settings"},
		{"schema", p.Schema, "Schema"},
		{"data", p.Data, "Data"},
		{"ledger", p.LedgerFile, "LedgerFile"},
		{"journal", p.Journal, "Journal"},
		{"archive", p.Archive, "Archive"},
		{"queries", p.Queries, "Queries"},
		{"state", p.State, "State"},
		{"pins", p.Pins, "Pins"},
		{"active", p.ActiveFile, "ActiveFile"},
		{"lock", p.Lock, "Lock"},
		{"socket", p.Socket, "Socket"},
	} {
		object[f.what] = f.path
		v.rows = append(v.rows, []cell{textCell(f.what), textCell(f.path), textAs(p.From[f.what], p.From[f.what])})
	}
	v.object = object
	return v
}
