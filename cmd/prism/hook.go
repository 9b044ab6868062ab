package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/attribution"
)

// Limits of a hook: the client waits for it.
const (
	hookInput = 500 * time.Millisecond // for what the client writes
	hookAsk   = 100 * time.Millisecond // for the gateway
)

func newHook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Hooks of Claude Code",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSessionStart(a))
	return cmd
}

func newSessionStart(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session-start",
		Short: "Tell the ledger where a session works: directory, project, branch",
		Long: `Session-start reads what Claude Code writes to a SessionStart hook and remembers directory,
project and git branch of the session, so that its requests carry them in the ledger. A
client that was started by prism run needs no hook. In settings.json:

  {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "prism hook session-start"}]}]}}

It prints nothing and always ends with 0: neither the client nor the model hears of it. Where
the gateway does not run, it finds the session when it starts. attribution: false in prism.yaml
switches it off.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.inTTY {
				a.note("this is for Claude Code to call; see prism hook session-start --help")
				return nil
			}
			a.sessionStart(cmd.Context())
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, _ error) error {
		a.sessionStart(cmd.Context())
		return nil
	})
	return cmd
}

// sessionStart tells the gateway, or writes the file that it will read.
func (a *app) sessionStart(ctx context.Context) {
	reading, cancel := context.WithTimeout(ctx, hookInput)
	defer cancel()
	in := readInput(reading, a.in)
	id := firstOf(in.SessionID, a.getenv("CLAUDE_CODE_SESSION_ID"))
	r, err := a.room(nil)
	if err != nil || id == "" || !r.settings.Attribution {
		return // settings that cannot be read may say that it is not wanted
	}
	place := attribution.Locate(ctx, in.directory())
	asking, cancel := context.WithTimeout(ctx, hookAsk)
	defer cancel()
	_, err = r.client.Place(asking, admin.SessionPlace{SessionID: id, Project: place.Project, Cwd: place.Cwd, GitBranch: place.GitBranch})
	if err != nil {
		// What cannot be written either is told again by the next session.
		_ = attribution.Record(r.paths.Sessions, attribution.Session{ID: id, Place: place, SeenAt: a.now()})
	}
}
