package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"prism/internal/admin"
	"prism/internal/importer"
	"prism/internal/importer/ccswitch"
	"prism/internal/transfer"
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
		Short: "Take in profiles of another tool, a bundle, or usage from before",
		Long: `Import takes profiles out of the configuration of another tool (ccr, cc-switch, cliproxyapi,
litellm, claude-settings) or out of a bundle, puts them behind those in profiles.yaml, and
seals their keys on the way. What prism has no words for is named. The originals are opened
for reading only. --dry-run shows what would change.

It also makes rows of usage that did not pass through prism (claude-jsonl, ccusage, cc-switch
--history), marks each with its source, and prices it with the prices of its day. Imported
rows count in reports, not in budgets. A second import of the same thing adds nothing.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().BoolVar(&o.dryRun, "dry-run", false, "say what would be added, and add nothing")
	for _, source := range profileSources() {
		cmd.AddCommand(newImportProfiles(a, &o, source))
	}
	cmd.AddCommand(newImportCCSwitch(a, &o), newImportBundle(a, &o), newImportTranscripts(a, &o), newImportCCUsage(a, &o))
	return cmd
}

// usageFlags are those of imports of usage.
func (o *importOptions) usageFlags(f *pflag.FlagSet) {
	f.StringVar(&o.since, "since", "", "only what began at this `time` or later: 30d, 2026-11-01")
	f.StringVar(&o.until, "until", "", "only what began before this `time`")
	f.StringVar(&o.profile, "profile", "", "book it to this `profile`, at what it pays")
	f.StringVar(&o.provider, "provider", "", "price it as of this `provider` of the price book")
	f.StringVar(&o.host, "host", "", "book it to this `machine`; default this one")
}

func newImportTranscripts(a *app, o *importOptions) *cobra.Command {
	cmd := &cobra.Command{
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
	o.usageFlags(cmd.Flags())
	return cmd
}

// transcriptsDir is where the client keeps its transcripts.
func (a *app) transcriptsDir() string {
	if dir := a.getenv("CLAUDE_CONFIG_DIR"); dir != "" {
		return filepath.Join(dir, "projects")
	}
	return filepath.Join(a.getenv("HOME"), ".claude", "projects")
}

func newImportCCSwitch(a *app, o *importOptions) *cobra.Command {
	var t transferOptions
	var history bool
	cmd := &cobra.Command{
		Use:   "cc-switch [FILE|LINK]",
		Short: "The providers of cc-switch, or with --history its request log",
		Long: `Every provider of Claude Code becomes a profile, the queue for failures their fallback. The
source is the database in ~/.cc-switch, an export of it as .sql, config.json of versions
before 3.7, or a link (ccswitch://…). It is read as it is at one moment, also while cc-switch
runs; accounts that it is signed in with are never imported.

With --history rows of usage are made of its request log. Requests of other clients than
Claude Code are left out. How long cache writes lived is not known there: they count as five
minutes.`,
		Example: "  prism import cc-switch --dry-run\n  prism import cc-switch --only GLM --activate\n  prism import cc-switch --history cc-switch-export.sql",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			file := strings.Join(given, "")
			if history {
				return a.importHistory(cmd, o, file)
			}
			for _, name := range []string{"since", "until", "profile", "provider", "host"} {
				if cmd.Flags().Changed(name) {
					return usagef("prism import cc-switch --history --"+name+" VALUE", "--%s is for usage, not for profiles", name)
				}
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.importProfiles(cmd.Context(), r, transferring{t, transfer.CCSwitch, file, o.dryRun})
		},
	}
	cmd.Flags().BoolVar(&history, "history", false, "usage from its request log, not profiles")
	t.flags(cmd)
	o.usageFlags(cmd.Flags())
	return cmd
}

// importHistory imports the request log of cc-switch.
func (a *app) importHistory(cmd *cobra.Command, o *importOptions, file string) error {
	if file == "" {
		file = filepath.Join(a.getenv("HOME"), ".cc-switch", "cc-switch.db")
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
}

func newImportCCUsage(a *app, o *importOptions) *cobra.Command {
	cmd := &cobra.Command{
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
	o.usageFlags(cmd.Flags())
	return cmd
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
