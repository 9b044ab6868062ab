package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/connect"
)

type connectOptions struct {
	settings string
	profile  string
	undo     bool
	dry      bool
}

func newConnect(a *app) *cobra.Command {
	var o connectOptions
	cmd := &cobra.Command{
		Use:   "connect",
		Short: "Point Claude Code at prism in its settings, for good",
		Long: `Connect writes into "env" of Claude Code's settings.json what leads every client to prism,
however it is started. API keys, switches to a cloud and names of other providers' models are
taken out of "env": a key or a switch would win over prism, and the name of a model would be
asked of whichever provider is active. Everything else in the file stays as it is, and the file
as it was is kept beside it, as settings.json.before-prism. Both can be read by you alone:
prism's token is in the one, and maybe a key in the other.

--undo takes it back: byte for byte where nothing else was changed since, else variable by
variable. Where that, or a second connect, would lose a value that was written there since, the
file is kept aside first. Sessions that run take up what is set within seconds; what is taken
out, such as a model, they keep until they end.`,
		Example: "  prism connect --dry-run\n  prism connect\n  prism connect --settings .claude/settings.local.json --profile kimi\n  prism connect --undo",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil && !o.undo {
				return err
			}
			if o.settings = firstOf(o.settings, a.userSettings()); o.settings == "" {
				return usagef("prism connect --settings FILE", "HOME is not set: where are the settings of Claude Code?")
			}
			if i := strings.LastIndex(o.settings, beforePrism); i > strings.LastIndexAny(o.settings, `/\`) {
				return usagef("prism connect --settings "+shellQuote(o.settings[:i]), "%s is what prism connect keeps of a settings file, and stays as it is", o.settings)
			}
			if o.undo {
				listen := config.DefaultSettings().Listen // the way out is open where prism.yaml is broken, too
				if err == nil {
					listen = r.asRunning(cmd.Context()).settings.Listen
				}
				return a.disconnect(cmd.Context(), r, listen, o)
			}
			return a.connect(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.settings, "settings", "", "this settings `file` of Claude Code; default: that of the user")
	f.StringVar(&o.profile, "profile", "", "always this `profile`, whatever is active")
	f.BoolVar(&o.undo, "undo", false, "take it back")
	f.BoolVar(&o.dry, "dry-run", false, "only show what would change")
	cmd.MarkFlagsMutuallyExclusive("undo", "profile")
	return cmd
}

// claudeHome is where Claude Code keeps the settings of the user.
func (a *app) claudeHome() string {
	return firstOf(a.getenv("CLAUDE_CONFIG_DIR"), filepath.Join(a.getenv("HOME"), ".claude"))
}

// userSettings is the settings file of the user; "" where nobody knows where that is.
func (a *app) userSettings() string {
	if a.getenv("CLAUDE_CONFIG_DIR") == "" && a.getenv("HOME") == "" {
		return ""
	}
	return filepath.Join(a.claudeHome(), "settings.json")
}

func (a *app) connect(ctx context.Context, r room, o connectOptions) error {
	if _, port, err := net.SplitHostPort(r.settings.Listen); err == nil && port == "0" {
		return usagef("listen: 127.0.0.1:3000 in prism.yaml", "the gateway listens elsewhere each time it starts; a settings file cannot follow it")
	}
	r = r.asRunning(ctx)
	f, err := readClientFile(o.settings)
	if err != nil {
		return err
	}
	was, err := f.kept()
	if err != nil {
		return err
	}
	now := f.Env()
	connected := was != nil && leadsToPrism(f, r.settings.Listen)
	if connected { // once more: from what was there before, so that nothing of another profile stays
		takeBack(f, was)
	}
	e, err := a.settingsEnv(ctx, r, f.Env(), o.profile)
	if err != nil {
		return err
	}
	f.Edit(e.set, slices.Concat(e.unset, connect.ForeignModels(f.Env())))
	rep := connectReport{Settings: o.settings, DryRun: o.dry, Changes: changedVariables(now, f.Env())}
	if len(rep.Changes) > 0 && !o.dry {
		lost := connected && a.loses(ctx, r, f, was)
		if err := a.writeConnected(f, connected, lost); err != nil {
			return err
		}
		kept := f.keptPath()
		rep.Backup, rep.Written = &kept, true
	}
	if err := a.show(a.connectView(rep)); err != nil {
		return err
	}
	a.noteConnected(ctx, r, f, rep)
	return nil
}

// writeConnected writes the file, for the user alone, once what was there is kept: before the first time, and
// again where something would be lost.
func (a *app) writeConnected(f *clientFile, connected, lost bool) error {
	text, err := f.Checked()
	if err != nil {
		return clientFileError(f.path, err)
	}
	if err := config.Writable(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return clientFileError(f.path, err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return clientFileError(f.path, err)
	}
	aside, undo := "", func() {}
	switch {
	case !connected:
		aside, undo, err = a.keepBefore(f, writeCopy)
	case lost:
		aside, undo, err = f.keepNow()
	}
	if err != nil {
		return clientFileError(f.path, err)
	}
	if err = f.forUserAlone(); err == nil {
		err = config.WriteFileAtomic(f.path, text, f.state)
	}
	if err != nil {
		undo()
		return clientFileError(f.path, err)
	}
	switch {
	case lost:
		a.noteKept(aside)
	case aside != "":
		a.noteOlder(aside)
	}
	return nil
}

// settingsEnv is what [app.clientEnv] says of a client whose own variables are those of its settings, which
// win over its environment. How large the window of a model is belongs to a profile, and is told only where
// that is fixed.
func (a *app) settingsEnv(ctx context.Context, r room, own map[string]string, profile string) (clientEnv, error) {
	inner := *a
	inner.getenv = func(name string) string {
		switch name {
		case "NO_PROXY", "no_proxy": // what is written must not take away what the environment has
			return firstOf(own[name], a.getenv(name))
		case "ANTHROPIC_MODEL":
			if connect.Foreign(own[name]) {
				return ""
			}
			return own[name]
		case headersVariable, "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN":
			return own[name]
		}
		return a.getenv(name)
	}
	e, err := inner.clientEnv(ctx, r, envOptions{profile: profile})
	if err != nil {
		return e, err
	}
	e.unset = append(e.unset, "ANTHROPIC_UNIX_SOCKET")
	if profile == "" {
		delete(e.set, windowVariable)
	}
	for _, name := range connect.Written() {
		if e.set[name] == "" {
			delete(e.set, name)
		}
		// The credential of a client that is signed in by itself stays.
		if !hasKey(e.set, name) && name != "ANTHROPIC_AUTH_TOKEN" {
			e.unset = append(e.unset, name)
		}
	}
	return e, nil
}

// headersVariable holds headers that the client sends with each request.
const headersVariable = "ANTHROPIC_CUSTOM_HEADERS"

// originOf is the origin of a base URL, as that of a profile; without one it is Anthropic's.
func originOf(base string) string {
	p := config.Profile{BaseURL: firstOf(base, "https://api.anthropic.com")}
	return p.Origin()
}

// withoutCredentials takes the headers out that hold a credential by their name: it is one provider's, and
// would go to whichever is active. Those of prism's own go to none, and stay.
func withoutCredentials(headers []string) []string {
	secret := func(word string) bool {
		return slices.Contains([]string{"authorization", "auth", "key", "apikey", "token", "secret", "cookie", "password"}, word)
	}
	return slices.DeleteFunc(slices.Clone(headers), func(line string) bool {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		return !strings.HasPrefix(name, "x-prism-") && slices.ContainsFunc(strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }), secret)
	})
}

// offerToConnect asks, after the profiles of the client's own settings were imported, whether the client
// should ask prism from now on.
func (a *app) offerToConnect(ctx context.Context, r room, file string) error {
	o := connectOptions{settings: a.userSettings()}
	if a.isClientFile(file) {
		o.settings = file
	}
	command := a.connectCommand(o.settings)
	if !a.interactive() || o.settings == "" {
		a.note("then point Claude Code at prism: %s", command)
		return nil
	}
	// Who cancels the question has said no: what was imported stands.
	if line, _ := a.ask(ctx, a.text("point Claude Code at prism in %s? The file as it is is kept beside it [y/N] ", a.tilde(o.settings))); !isYes(line) {
		a.note("later: %s", command)
		return nil
	}
	return a.connect(ctx, r, o)
}

// isClientFile tells whether Claude Code reads a file, by its name or its place. Another one, such as what prism
// connect has kept, can be imported from, but not connected.
func (a *app) isClientFile(path string) bool {
	return slices.Contains([]string{"settings.json", "settings.local.json"}, filepath.Base(path)) || slices.ContainsFunc(a.places().ClaudeFiles(), func(known string) bool {
		same, err := sameFile(known, path)
		return err == nil && same
	})
}

// connectCommand is how a settings file is connected.
func (a *app) connectCommand(settings string) string {
	if settings == a.userSettings() {
		return "prism connect"
	}
	return "prism connect --settings " + shellQuote(settings)
}

func isYes(line string) bool {
	return slices.Contains([]string{"y", "yes", "是"}, strings.ToLower(line))
}
