package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/importer"
	"prism/internal/importer/ccswitch"
)

// importOptions are the flags that all sources share.
type importOptions struct {
	since, until string
	profile      string
	provider     string
	host         string
	dryRun       bool
}

func newImport(a *app) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import SOURCE",
		Short: "Take in usage from before: transcripts of Claude Code, cc-switch, ccusage",
		Long: `Import makes rows of usage that did not pass through prism, marks each with its source, and
prices it with the prices of its day. A second import of the same thing adds nothing, and
neither does one of requests that prism recorded itself. Imported rows count in reports, not
in budgets.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&o.since, "since", "", "only what began at this `time` or later: 30d, 2026-11-01")
	f.StringVar(&o.until, "until", "", "only what began before this `time`")
	f.StringVar(&o.profile, "profile", "", "book it to this `profile`, at what it pays")
	f.StringVar(&o.provider, "provider", "", "price it as of this `provider` of the price book")
	f.StringVar(&o.host, "host", "", "book it to this `machine`; default this one")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be added, and add nothing")
	cmd.AddCommand(newImportTranscripts(a, &o), newImportCCSwitch(a, &o), newImportCCUsage(a, &o))
	return cmd
}

func newImportTranscripts(a *app, o *importOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "claude-jsonl [DIR|FILE]",
		Short: "The transcripts of Claude Code; by default those of this user",
		Long: `The client keeps a transcript of every session for thirty days, in ~/.claude/projects or
below CLAUDE_CONFIG_DIR. What was said stays there; only usage, models, ids, times and, unless
attribution is off, places are read.`,
		Example: "  prism import claude-jsonl\n  prism import claude-jsonl --since 7d --dry-run",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			dir := a.transcriptsDir()
			if len(given) == 1 {
				dir = given[0]
			}
			run, err := a.importRun(cmd, o)
			if err != nil {
				return err
			}
			src, err := importer.OpenTranscripts(dir, run.opt)
			if err != nil {
				return unreadableSource(dir, err)
			}
			return run.take(cmd.Context(), dir, src)
		},
	}
}

// transcriptsDir is where the client keeps its transcripts.
func (a *app) transcriptsDir() string {
	if dir := a.getenv("CLAUDE_CONFIG_DIR"); dir != "" {
		return filepath.Join(dir, "projects")
	}
	return filepath.Join(a.getenv("HOME"), ".claude", "projects")
}

func newImportCCSwitch(a *app, o *importOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "cc-switch [FILE]",
		Short: "The request log of cc-switch: its database, or an export of it as .sql",
		Long: `The database is read only, also while cc-switch runs. Requests of other clients than Claude
Code are left out. How long cache writes lived is not known there: they count as five minutes.`,
		Example: "  prism import cc-switch\n  prism import cc-switch cc-switch-export.sql --dry-run",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			file := filepath.Join(a.getenv("HOME"), ".cc-switch", "cc-switch.db")
			if len(given) == 1 {
				file = given[0]
			}
			run, err := a.importRun(cmd, o)
			if err != nil {
				return err
			}
			src, err := ccswitch.Open(cmd.Context(), file, run.opt)
			if err != nil {
				return unreadableSource(file, err)
			}
			defer src.Close()
			return run.take(cmd.Context(), file, src)
		},
	}
}

func newImportCCUsage(a *app, o *importOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "ccusage FILE",
		Short: "A report of ccusage in JSON: daily, session or blocks",
		Long: `A report holds sums, not requests: one row is made for each day (or session, or window) and
model, and marked as such. Days that the ledger knows from elsewhere are left out, and so is a
day that is not over. A sum says nothing about the length of single prompts: where the price
depends on that, the row has no price.`,
		Example: "  ccusage daily --json > report.json && prism import ccusage report.json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			run, err := a.importRun(cmd, o)
			if err != nil {
				return err
			}
			src, err := importer.OpenReport(given[0], importer.ReportOptions{Options: run.opt, Location: run.zone})
			if err != nil {
				return unreadableSource(given[0], err)
			}
			return run.take(cmd.Context(), given[0], src)
		},
	}
}

// unreadableSource says why there is nothing to import.
func unreadableSource(path string, err error) error {
	at := &admin.Position{File: path}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &admin.Error{Code: codeNotFound, Message: "there is nothing to import: the place does not exist", Fix: "name the file or folder: prism import --help", At: at}
	case errors.Is(err, importer.ErrNoTranscripts):
		return &admin.Error{Code: codeNotFound, Message: err.Error(), Fix: "name the folder that holds them: prism import claude-jsonl DIR", At: at}
	case errors.Is(err, importer.ErrNoReport), errors.Is(err, ccswitch.ErrNoLog), errors.Is(err, fs.ErrPermission), errors.Is(err, ccswitch.ErrDatabase):
		return &admin.Error{Code: codeUsage, Message: err.Error(), Fix: "prism import --help", At: at}
	}
	return err
}
