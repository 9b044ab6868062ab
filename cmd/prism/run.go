package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"prism/internal/admin"
)

func newRun(a *app) *cobra.Command {
	var o envOptions
	cmd := &cobra.Command{
		Use:   "run [--profile P] [--tag k=v] -- CMD...",
		Short: "Run a client through the gateway, which is started if need be",
		Long: `Run starts the command with the variables of prism env. Settings of Claude Code that would
win over them are overruled by a --settings file of its own. The exit code is the command's.`,
		Example: "  prism run -- claude\n  prism run --profile kimi --tag task=docs -- claude -p 'hello'",
		Args: func(_ *cobra.Command, given []string) error {
			if len(given) == 0 {
				return usagef("prism run -- claude", "no command given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			err := a.runClient(cmd, given, o)
			var child childError
			if err == nil || errors.As(err, &child) {
				return err
			}
			return runError{err}
		},
	}
	cmd.DisableFlagsInUseLine = true
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.StringVar(&o.profile, "profile", "", "always this `profile`, whatever is active (PRISM_PROFILE)")
	f.StringArrayVar(&o.tags, "tag", nil, "mark the requests in the ledger with `key=value`")
	return cmd
}

func (a *app) runClient(cmd *cobra.Command, argv []string, o envOptions) error {
	ctx := cmd.Context()
	r, err := a.room(nil)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return commandError(argv[0], err)
	}
	o.profile = firstOf(o.profile, a.getenv("PRISM_PROFILE"))
	o.where = r.settings.Attribution
	if err := a.ensureRunning(ctx, r); err != nil {
		return err
	}
	args := argv[1:]
	if !isClaude(program) {
		env, err := a.clientEnv(ctx, r.asRunning(ctx), o)
		if err != nil {
			return err
		}
		a.noteOthers(env)
		return a.execute(program, args, env)
	}
	given, rest, err := takeSettings(args)
	if err != nil {
		return err
	}
	all := append(a.claudeSettings(), given)
	env, err := a.underSettings(all).clientEnv(ctx, r.asRunning(ctx), o)
	if err != nil {
		return err
	}
	a.noteOthers(env)
	if slices.ContainsFunc(all, func(s map[string]any) bool { return conflicts(s, env) }) {
		file, cleanup, err := a.overrule(env, given)
		if err != nil {
			return err
		}
		defer cleanup()
		args = append([]string{"--settings", file}, rest...)
		a.note("note: Claude Code's settings name another gateway; overruled for this run")
	}
	return a.execute(program, args, env)
}

func commandError(name string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return &admin.Error{Code: codeNotExecutable, Message: fmt.Sprintf("%s cannot be executed", name), Fix: "chmod +x " + name}
	}
	return &admin.Error{Code: codeNoCommand, Message: fmt.Sprintf("%s was not found", name), Fix: "check the name and the PATH: prism run -- CMD"}
}

// execute runs the command in our place: it has the terminal, gets the signals, and its exit
// code becomes ours.
func (a *app) execute(program string, args []string, env clientEnv) error {
	child := exec.Command(program, args...) //nolint:noctx // it ends by itself or by a signal, never by us
	child.Stdin, child.Stdout, child.Stderr = a.in, a.out, a.err
	child.Env = env.apply(os.Environ())
	// The terminal sends SIGINT to both of us; the child decides what it means.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return commandError(program, err)
	}
	done := make(chan error, 1)
	go func() { done <- child.Wait() }()
	for {
		select {
		case s := <-signals:
			if s != os.Interrupt || !a.inTTY {
				_ = child.Process.Signal(s)
			}
		case err := <-done:
			return endOf(err)
		}
	}
}

// endOf turns how the command ended into an exit code of ours.
func endOf(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return childError{128 + int(ws.Signal())}
		}
		return childError{exit.ExitCode()}
	default:
		return fmt.Errorf("wait for the command: %w", err)
	}
}

// apply returns environ with the variables of e in place of the ones it has.
func (e clientEnv) apply(environ []string) []string {
	out := make([]string, 0, len(environ)+len(e.set))
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if _, replaced := e.set[name]; !replaced && !slices.Contains(e.unset, name) {
			out = append(out, kv)
		}
	}
	for _, k := range sortedKeys(e.set) {
		out = append(out, k+"="+e.set[k])
	}
	return out
}

func isClaude(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == "claude"
}

// underSettings is a with the variables of the client as it would have them: its settings win over the
// environment, the last ones over all. Of prism's own variables they say nothing.
func (a *app) underSettings(all []map[string]any) *app {
	b := *a
	b.getenv = func(name string) string {
		if strings.HasPrefix(name, "ANTHROPIC_") || strings.HasPrefix(name, "CLAUDE_CODE_") || strings.EqualFold(name, "NO_PROXY") {
			for _, s := range slices.Backward(all) {
				env, _ := s["env"].(map[string]any)
				if v, there := env[name].(string); there {
					return v
				}
			}
		}
		return a.getenv(name)
	}
	return &b
}

// overrule writes a settings file of our own, with what the command line has: settings there win over
// files, whose env wins over the environment. The file is private because it holds the token.
func (a *app) overrule(e clientEnv, own map[string]any) (file string, cleanup func(), err error) {
	if own == nil {
		own = map[string]any{}
	}
	env, _ := own["env"].(map[string]any)
	if env == nil {
		env = map[string]any{}
	}
	for k, v := range e.set {
		env[k] = v
	}
	for _, k := range e.unset {
		env[k] = ""
	}
	own["env"] = env
	b, err := json.Marshal(own)
	if err != nil {
		return "", nil, err
	}
	dir, err := a.privateDir()
	if err != nil {
		return "", nil, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) }
	file = filepath.Join(dir, "settings.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		cleanup()
		return "", nil, err
	}
	return file, cleanup, nil
}

// takeSettings takes --settings out of the client's arguments: two of them would not add up.
func takeSettings(args []string) (settings map[string]any, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		value, ok := strings.CutPrefix(args[i], "--settings=")
		switch {
		case args[i] == "--":
			return settings, append(rest, args[i:]...), nil
		case args[i] == "--settings" && i+1 < len(args):
			i++
			value = args[i]
		case !ok:
			rest = append(rest, args[i])
			continue
		}
		b := []byte(value)
		if !strings.HasPrefix(strings.TrimSpace(value), "{") {
			if b, err = os.ReadFile(value); err != nil {
				return nil, nil, usagef("check the file after --settings", "read the client's settings: %v", err)
			}
		}
		if err := json.Unmarshal(withoutMark(b), &settings); err != nil {
			return nil, nil, usagef("check the JSON after --settings", "read the client's settings: %v", err)
		}
	}
	return settings, rest, nil
}

// claudeSettingsFiles are where they lie.
func (a *app) claudeSettingsFiles() []string {
	return []string{filepath.Join(a.claudeHome(), "settings.json"), filepath.Join(".claude", "settings.json"), filepath.Join(".claude", "settings.local.json")}
}

// claudeSettings are the settings files that Claude Code would read here.
func (a *app) claudeSettings() []map[string]any {
	var all []map[string]any
	for _, path := range a.claudeSettingsFiles() {
		var s map[string]any
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(withoutMark(b), &s) == nil {
			all = append(all, s)
		}
	}
	return all
}

// withoutMark is a text without the byte order mark that some editors put in front; the client reads such files.
func withoutMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }

// conflicts tells whether the settings set a variable to something else than e does.
func conflicts(settings map[string]any, e clientEnv) bool {
	env, _ := settings["env"].(map[string]any)
	for k, v := range env {
		want, ours := e.set[k]
		if ours && v != want || slices.Contains(e.unset, k) && v != "" {
			return true
		}
	}
	return false
}

// ensureRunning starts the gateway if none answers, as prism start does.
func (a *app) ensureRunning(ctx context.Context, r room) error {
	_, err := r.client.Status(ctx)
	if !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	return a.start(ctx, r, true)
}
