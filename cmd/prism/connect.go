package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
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
however it is started. Other keys, switches to a cloud and names of other providers' models
there are taken out: they would win, or go to whichever provider is active. Everything else in
the file stays as it is, and the file as it was is kept beside it, as settings.json.before-prism.
Both can be read by you alone: prism's token is in the one, and maybe a key in the other.

--undo takes it back: byte for byte where nothing else was changed since, else variable by
variable. Sessions that run take up what is set within seconds; what is taken out, such as a
model, they keep until they end.`,
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
			if o.undo {
				listen := config.DefaultSettings().Listen // the way out is open where prism.yaml is broken, too
				if err == nil {
					listen = r.asRunning(cmd.Context()).settings.Listen
				}
				return a.disconnect(listen, o)
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
		if err := a.writeConnected(f, connected); err != nil {
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

// writeConnected writes the file, for the user alone, once what was there is kept.
func (a *app) writeConnected(f *clientFile, connected bool) error {
	if err := config.Writable(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return clientFileError(f.path, err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return clientFileError(f.path, err)
	}
	undo := func() {}
	if !connected {
		var err error
		if undo, err = a.keepBefore(f); err != nil {
			return clientFileError(f.path, err)
		}
	}
	err := f.forUserAlone()
	if err == nil {
		err = config.WriteFileAtomic(f.path, f.Text(), f.state)
	}
	if err != nil {
		undo()
		return clientFileError(f.path, err)
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
		case headersVariable:
			return own[name]
		}
		return a.getenv(name)
	}
	e, err := inner.clientEnv(ctx, r, envOptions{profile: profile})
	if err != nil {
		return e, err
	}
	e.unset = append(e.unset, "ANTHROPIC_UNIX_SOCKET")
	if e.profile.Auth == config.AuthPassthrough && originOf(own["ANTHROPIC_BASE_URL"]) != e.profile.Origin() {
		e.unset = append(e.unset, credentials()...) // they are for somebody else
	}
	if profile == "" {
		delete(e.set, windowVariable)
	}
	if e.profile.Auth != config.AuthPassthrough {
		e.set[headersVariable] = withoutCredentials(e.set[headersVariable])
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
// would go to whichever is active.
func withoutCredentials(headers string) string {
	secret := func(word string) bool {
		return slices.Contains([]string{"authorization", "auth", "key", "apikey", "token", "secret", "cookie", "password"}, word)
	}
	return strings.Join(slices.DeleteFunc(strings.Split(headers, "\n"), func(line string) bool {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		return slices.ContainsFunc(strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }), secret)
	}), "\n")
}

// leadsToPrism tells whether a settings file is as prism connect has left it, maybe with another address.
func leadsToPrism(f *clientFile, listen string) bool {
	env := f.Env()
	base := env["ANTHROPIC_BASE_URL"]
	if leadsHere(base, listen) {
		return true
	}
	u, err := url.Parse(base)
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	return env["CLAUDE_CODE_GATEWAY_HINT_HEADERS"] == "1" && (base == "" || local)
}

// takeBack makes of the variables that prism connect touches what they were, but for what was written since.
func takeBack(f, was *clientFile) {
	now, before := f.Env(), was.Env()
	names := slices.DeleteFunc(connect.TakenOut(), f.Sets)
	for _, name := range connect.Written() {
		mine := true
		switch name {
		case "NO_PROXY", "no_proxy":
			mine = !was.Sets(name) || withoutLoopback(now[name]) == withoutLoopback(before[name])
		case headersVariable:
			own := strings.Join(ownHeaders(now[name]), "\n")
			if mine = own == "" || own == before[name] || own == withoutCredentials(before[name]); !mine {
				f.Edit(map[string]string{name: own}, nil)
			}
		}
		if mine {
			names = append(names, name)
		}
	}
	f.Restore(was.Settings, names)
}

func (a *app) disconnect(listen string, o connectOptions) error {
	f, err := readClientFile(o.settings)
	if err != nil {
		return err
	}
	was, err := f.kept()
	if err != nil {
		return err
	}
	if was == nil {
		return notFound("take ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN out of it", "prism connect has kept no %s", f.keptPath())
	}
	if !leadsToPrism(f, listen) {
		return usagef("rm "+shellQuote(f.keptPath())+", which is the file as it was before prism connect", "%s does not lead to prism any more; nothing was written", f.path)
	}
	before := f.Env()
	takeBack(f, was)
	same := f.Equal(was.Settings)
	rep := connectReport{Settings: o.settings, DryRun: o.dry, Changes: changedVariables(before, f.Env())}
	if !o.dry {
		if err := f.giveBack(was, same); err != nil {
			return err
		}
		rep.Written = true
	}
	if err := a.show(a.connectView(rep)); err != nil {
		return err
	}
	if !same {
		a.note("the file was changed since in other places, too; those stay")
	}
	return nil
}

// offerToConnect asks, after the profiles of the client's own settings were imported, whether the client
// should ask prism from now on.
func (a *app) offerToConnect(ctx context.Context, r room, file string) error {
	o := connectOptions{settings: firstOf(file, a.userSettings())}
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
