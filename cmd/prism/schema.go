package main

import (
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"prism/config"
)

func newSchema(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "The JSON Schema of profiles.yaml, draft-07",
		Args:  args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				_, err := a.out.Write(config.Schema())
				return err
			}
			if err := renameio.WriteFile(out, config.Schema(), 0o644, renameio.IgnoreUmask()); err != nil {
				return err
			}
			a.note("wrote %s", a.tilde(out))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write it to this `file`")
	return cmd
}
