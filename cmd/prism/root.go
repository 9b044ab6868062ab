package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
)

const (
	groupRun      = "run"
	groupProfiles = "profiles"
	groupMoney    = "money"
	groupSystem   = "system"
)

// newRoot builds the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "prism",
		Short: "A local gateway: one file decides which provider answers, every request is one priced row",
		Long: `prism is a local gateway for Claude Code and every other client of the Anthropic
Messages API. Which provider answers is decided in profiles.yaml, sealed with sops; saving
it swaps the route. Every request leaves one priced row in DuckDB.`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return a.bare(cmd) },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd.CommandPath()+" --help", "%v", err)
	})
	f := root.PersistentFlags()
	f.StringVar(&a.configFlag, configFlag, "", "profiles.yaml, or the directory it lies in (PRISM_CONFIG)")
	f.Var(langValue{&a.langFlag}, langFlag, strings.Join(languages(), "|")+" (PRISM_LANG; else lang: in prism.yaml, else the locale)")
	f.StringVar(&a.format, "format", "", strings.Join(formats(), "|"))
	f.BoolVar(&a.asJSON, "json", false, "same as --format json; errors are JSON on stdout too")
	f.StringVar(&a.jq, "jq", "", "filter the JSON by a jq `expression`")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (NO_COLOR)")
	f.BoolVar(&a.noInput, "no-input", false, "never ask; implied without a terminal")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupProfiles, Title: "Profiles:"},
		&cobra.Group{ID: groupMoney, Title: "Money and data:"},
		&cobra.Group{ID: groupSystem, Title: "System:"},
	)
	root.SetHelpCommandGroupID(groupSystem)
	root.CompletionOptions.DisableDefaultCmd = true
	addAll(root, groupRun, newServe(a), newStart(a), newStop(a), newRestart(a), newReload(a), newStatus(a), newRun(a), newEnv(a), newConnect(a), newStatusline(a), newHook(a), newTop(a), newLogs(a), newUI(a), newDemo(a))
	addAll(root, groupProfiles, newProfiles(a), newUse(a), newTest(a), newRoute(a), newEdit(a), newSeal(a), newCheck(a), newTrust(a), newSchema(a))
	addAll(root, groupMoney, newSpend(a), newSQL(a), newPrices(a), newReprice(a), newQueries(a), newCache(a), newExport(a), newImport(a), newReconcile(a), newLedger(a))
	addAll(root, groupSystem, newInit(a), newService(a), newTray(a), newDoctor(a), newPaths(a), newVersion(a), newCompletion(a), newMan(a))
	root.AddCommand(newList(a, "ls", true), newFoldWorker(a), newAlertWorker(a), newSQLWorker(a))
	root.AddCommand(topics()...)
	a.completeFlags(root)
	return root
}

// completeFlags offers the values of the flags that take one of a few.
func (a *app) completeFlags(root *cobra.Command) {
	values := map[string]cobra.CompletionFunc{
		langFlag: oneOf(languages()...),
		"profile": func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.profileNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
		},
		"format":  oneOf(formats()...),
		"shell":   oneOf("sh", "bash", "zsh", "fish", "powershell", "claude-settings"),
		"by":      oneOf("day", "week", "month", "hour", "model", "profile", "provider", "project", "session", "host", "branch", "tag:"),
		"outcome": oneOf(outcomes()...),
		"open":    oneOf("duckdb", "dbeaver", "python"),
		"status":  oneOf("ok", "error", "429", "5xx"),
		// Asked for when the shell asks: reading the presets takes longer than the rest of a start.
		"preset": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return config.PresetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		"trust":     oneOf("first_use", trustStrict),
		"audit":     oneOf("best_effort", "strict"),
		"autostart": oneOf("on", "off"),
	}
	registerCompletions(root, values)
}

// registerCompletions gives the flags of a command and of those below it their values.
func registerCompletions(c *cobra.Command, values map[string]cobra.CompletionFunc) {
	for name, fn := range values {
		if c.Flags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, fn) // fails for a flag that is not there
		}
	}
	for _, sub := range c.Commands() {
		registerCompletions(sub, values)
	}
}

func oneOf(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

func addAll(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// bare is prism without arguments: the status if the gateway runs, else where to begin.
func (a *app) bare(cmd *cobra.Command) error {
	err := a.status(cmd, statusOptions{})
	if !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	a.note("\nthe gateway does not run; begin with: prism init, or look around first: prism demo")
	return nil
}

// args wraps a cobra validator so that what it says ends with a fix.
func args(v cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := v(cmd, given); err != nil {
			return usagef(cmd.CommandPath()+" --help", "%v", err)
		}
		return nil
	}
}
