package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/pricing"
	"prism/internal/sqlfile"
	"prism/internal/transfer"
)

// transferOptions are the flags of every import of profiles.
type transferOptions struct {
	activate bool
	only     []string
}

func (o *transferOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.activate, "activate", false, "make active what is active there, or the only profile that is imported; its rules and client_token come with it")
	f.StringArrayVar(&o.only, "only", nil, "only the profile with this `name`, there or here; repeatable")
}

// profileSource is a tool whose configuration can be imported.
type profileSource struct{ name, file, short, long, example string }

func profileSources() []profileSource {
	return []profileSource{
		{
			name: transfer.CCR, file: "[FILE]", short: "The providers of claude-code-router, version 2 or 3",
			long: `Providers become profiles; the default route becomes the active one, the route for the
background a rule, and lists of fallbacks the fallback of a profile. By default the file
is config.sqlite or config.json in ~/.claude-code-router.`,
			example: "  prism import ccr --dry-run\n  prism import ccr ~/.claude-code-router/config.json --only deepseek",
		},
		{
			name: transfer.CLIProxyAPI, file: "[FILE]", short: "The keys and providers in config.yaml of CLIProxyAPI",
			long: `Every key becomes a profile; aliases of models become models and rules. The accounts that
CLIProxyAPI is signed in with are neither read nor imported.`,
			example: "  prism import cliproxyapi config.yaml --dry-run",
		},
		{
			name: transfer.LiteLLM, file: "[FILE]", short: "The deployments in config.yaml of LiteLLM's proxy",
			long: `Deployments at one address with one key become one profile; names of models become models
and rules, fallbacks the fallback of a profile, and costs per token rows of prices.
os.environ/NAME is resolved once, here, unless the file was found in this directory and not
named: then nothing of the environment goes into it.`,
			example: "  prism import litellm config.yaml --dry-run",
		},
		{
			name: transfer.ClaudeSettings, file: "[FILE]", short: "What the settings of Claude Code say of a provider",
			long: `Without a file the settings are read as the client reads them: those of an administrator,
of this directory, of the user, and last the environment. An address and a key of
different files are not put together. Tokens of an account are never imported.`,
			example: "  prism import claude-settings --dry-run\n  prism import claude-settings .claude/settings.local.json",
		},
	}
}

func newImportProfiles(a *app, shared *importOptions, s profileSource) *cobra.Command {
	var o transferOptions
	cmd := &cobra.Command{
		Use: s.name + " " + s.file, Short: s.short, Long: s.long, Example: s.example,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.importProfiles(cmd.Context(), r, transferring{o, s.name, strings.Join(given, ""), shared.dryRun})
		},
	}
	o.flags(cmd)
	return cmd
}

// transferring is one import of profiles.
type transferring struct {
	transferOptions

	source, file string // the file is empty for the place where the tool keeps it
	dry          bool
}

// errNothingNew ends a change that would change nothing.
var errNothingNew = errors.New("nothing is new")

func (a *app) importProfiles(ctx context.Context, r room, t transferring) error {
	plan, err := a.readPlan(ctx, r, t.source, t.file)
	if err != nil {
		return err
	}
	if unknown := plan.Only(t.only); len(unknown) > 0 {
		return notFound("prism import "+t.source+" --dry-run", "there is no profile %q to import", unknown[0])
	}
	if err := t.chooseActive(plan); err != nil {
		return err
	}
	rep := planReport{plan: plan, dry: t.dry, activate: t.activate}
	if _, err := os.Lstat(r.paths.Profiles); errors.Is(err, fs.ErrNotExist) {
		if !t.dry {
			return notFound("prism init --from "+shellQuote(sourceName(t.source, t.file)), "there is no profiles.yaml yet to import into")
		}
		text, _, err := planDocument(r, plan)
		if err == nil {
			rep.diff = config.Diff(nil, text)
			err = a.show(rep.view(a))
		}
		return err
	}
	edit := func(text []byte, opt config.ParseOptions) ([]byte, error) { return applyPlan(r, plan, text, opt, t) }
	rep.diff, err = a.rewrite(ctx, r, change{keys: true, edit: edit}, t.dry)
	if err != nil && !errors.Is(err, errNothingNew) {
		return err
	}
	rep.file, rep.written = r.paths.Profiles, err == nil && !t.dry
	if !t.dry {
		rep.activated, err = a.takeEffect(ctx, r, plan, rep.written, t)
	}
	if showErr := a.show(rep.view(a)); showErr != nil {
		return showErr
	}
	if t.dry {
		return nil
	}
	if err == nil && t.source == transfer.ClaudeSettings {
		return a.offerToConnect(ctx, r, t.file)
	}
	return err
}

// takeEffect has the gateway read what was written, and makes the plan's profile the active one where that was
// asked for.
func (a *app) takeEffect(ctx context.Context, r room, plan *transfer.Plan, written bool, t transferring) (activated bool, err error) {
	if written {
		if err := a.reloaded(ctx, r); err != nil {
			return false, err
		}
	}
	if !t.activate || plan.Active == "" {
		return false, nil
	}
	err = a.activate(ctx, r, plan.Active)
	return err == nil, err
}

// chooseActive settles which profile --activate means: the one that is active there, else the only one.
func (t transferring) chooseActive(plan *transfer.Plan) error {
	switch {
	case !t.activate || plan.Active != "" || len(plan.Profiles) == 0:
		return nil
	case len(plan.Profiles) == 1:
		plan.Active = plan.Profiles[0].Name
		return nil
	}
	names := make([]string, len(plan.Profiles))
	for i := range plan.Profiles {
		names[i] = plan.Profiles[i].Name
	}
	return usagef("prism import "+t.source+" --only NAME --activate", "none of these profiles is active there: %s", strings.Join(names, ", "))
}

// sourceName is how a source is named to prism init. A link is not repeated: it holds a key.
func sourceName(source, file string) string {
	switch {
	case file == "":
		return source
	case isLink(file):
		return source + "=LINK"
	}
	return source + "=" + file
}

func isLink(file string) bool { return strings.Contains(file, "://") }

// applyPlan puts a plan into the text of profiles.yaml, in clear.
func applyPlan(r room, plan *transfer.Plan, text []byte, opt config.ParseOptions, t transferring) ([]byte, error) {
	have, problems := config.ParseProfiles(text, opt)
	if have == nil {
		return nil, problems
	}
	plan.Fit(have, t.activate)
	// What prism use would do to the file stands in the diff; the file itself gets it from there.
	out, err := plan.Apply(text, t.activate && t.dry)
	if err != nil {
		return nil, err
	}
	if string(out) == string(text) {
		return nil, errNothingNew
	}
	_, err = r.accepted(out, opt)
	return out, err
}

// readPlan reads the configuration of a tool: from a file, or from where the tool keeps it.
func (a *app) readPlan(ctx context.Context, r room, source, file string) (*transfer.Plan, error) {
	opt := transfer.Options{
		Getenv: a.getenv, Own: []string{r.settings.Listen},
		Book: func() (*pricing.Book, error) { return daemon.BaseBook(r.paths.Prices) },
	}
	var plan *transfer.Plan
	var err error
	if file == "" {
		plan, err = transfer.ReadFound(ctx, source, a.places(), opt)
	} else {
		plan, err = transfer.Read(ctx, source, file, opt)
	}
	return plan, planError(source, file, err)
}

// places are where other tools keep their files.
func (a *app) places() transfer.Places {
	dir, _ := os.Getwd() // without one it is not looked at
	return transfer.Places{Home: a.getenv("HOME"), Dir: dir, AppData: a.getenv("APPDATA"), ClaudeDir: a.getenv("CLAUDE_CONFIG_DIR")}
}

// planError says why there is no plan. A link is not repeated: it holds a key.
func planError(source, file string, err error) error {
	if err == nil {
		return nil
	}
	at := &admin.Position{File: file}
	if isLink(file) || file == "" {
		at = nil
	}
	help := "prism import " + source + " --help"
	var where *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if file == "" && errors.As(err, &where) {
			at = &admin.Position{File: where.Path}
		}
		return &admin.Error{Code: codeNotFound, Message: "there is no configuration to import", Fix: "name the file: prism import " + source + " FILE", At: at}
	case errors.Is(err, sqlfile.ErrBusy):
		return &admin.Error{Code: codeBusy, Message: err.Error(), Fix: "close that program, and import again", At: at}
	case transfer.IsFormat(err), errors.Is(err, fs.ErrPermission), errors.Is(err, sqlfile.ErrDatabase), errors.Is(err, sqlfile.ErrTooLarge):
		return &admin.Error{Code: codeUsage, Message: config.RedactText(err.Error()), Fix: help, At: at}
	}
	if isLink(file) {
		return &admin.Error{Code: codeUsage, Message: "the link cannot be read", Fix: help}
	}
	return fmt.Errorf("import %s: %w", source, err)
}

// activate makes a profile the active one, in the gateway or without.
func (a *app) activate(ctx context.Context, r room, name string) error {
	v, err := r.client.Use(ctx, name)
	if errors.Is(err, admin.ErrNotRunning) {
		v, err = a.useOffline(ctx, r, name)
	}
	if err == nil && !v.OK {
		return config.Problems(v.Problems)
	}
	return err
}

// shortToken is how many characters a token must have not to be guessed.
const shortToken = 16

// planDocument writes a whole profiles.yaml of a plan, in clear. Clients keep the token that they
// present already, if it is a good one. It returns the profile that is active in it, too.
func planDocument(r room, plan *transfer.Plan) ([]byte, *config.Profile, error) {
	if len(plan.Profiles) == 0 {
		return nil, nil, notFound("prism init", "nothing there makes a profile")
	}
	first := &plan.Profiles[0].Profile
	if plan.Active == "" {
		plan.Active = first.Name
	}
	plan.Fit(&config.Profiles{}, true)
	rest := *plan
	rest.Profiles, rest.ClientToken = plan.Profiles[1:], config.Secret{}
	if len(plan.ClientToken.Reveal()) < shortToken {
		token, err := newToken()
		if err != nil {
			return nil, nil, err
		}
		plan.ClientToken = token
	}
	text, err := rest.Apply(firstDocument(first, plan.ClientToken), true)
	if err != nil {
		return nil, nil, err
	}
	read, err := r.accepted(text, config.ParseOptions{File: r.paths.Profiles, AllowPlaintext: true, Own: []string{r.settings.Listen}})
	if err != nil {
		return nil, nil, err
	}
	return text, read.Profile(read.Active), nil
}
