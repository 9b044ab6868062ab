package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script of a shell",
		Long: `Completion prints a script that completes commands, flags, and the names of profiles and
queries. The one for bash needs the package bash-completion.`,
		Example:   "  source <(prism completion bash)\n  prism completion fish > ~/.config/fish/completions/prism.fish",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(cmd *cobra.Command, given []string) error {
			root := cmd.Root()
			switch given[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
		},
	}
}

func newMan(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef("prism man --dir DIR", "no directory named")
			}
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return fmt.Errorf("make the directory: %w", err)
			}
			root := cmd.Root()
			a.localize(root)
			root.DisableAutoGenTag = true
			// A fixed date keeps the pages the same for the same version.
			date := time.Unix(0, 0).UTC()
			header := &doc.GenManHeader{Title: "PRISM", Section: "1", Source: "prism " + thisBuild().Version, Manual: "prism", Date: &date}
			if err := doc.GenManTree(root, header, dir); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			if err := readable(dir); err != nil {
				return err
			}
			a.note("wrote the manual pages to %s", a.tilde(dir))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write them into this `directory`")
	return cmd
}

// readable opens the pages to everybody: what prism writes is private otherwise.
func readable(dir string) error {
	pages, err := filepath.Glob(filepath.Join(dir, "prism*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		if err := os.Chmod(page, 0o644); err != nil { //nolint:gosec // manual pages are for everybody
			return fmt.Errorf("write the manual pages: %w", err)
		}
	}
	return nil
}
