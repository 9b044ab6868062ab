package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/service"
)

// mustBeRoot refuses what only root can do, before anything is done.
func (h house) mustBeRoot(verb string) error {
	if h.system && os.Geteuid() != 0 {
		return usagef("sudo prism service "+verb+" --system", "a service of the machine is the affair of root")
	}
	return nil
}

// mustBeFound refuses a service of the machine whose control socket the commands of its user would
// look for elsewhere: it has no runtime directory, and not the variables of a shell.
func (h house) mustBeFound() error {
	if !h.system {
		return nil
	}
	own, err := config.LoadSettings(config.LoadOptions{File: h.paths.Settings, Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		return err
	}
	fix := "socket: " + filepath.Join(h.paths.State, "prism.sock") + " in " + h.paths.Settings
	if own.Socket == "" {
		return usagef(fix, "a service of the machine needs a place for its control socket that is there before the login")
	}
	for _, dir := range []string{h.a.getenv("XDG_RUNTIME_DIR"), "/run/user"} {
		if dir != "" && strings.HasPrefix(own.Socket, strings.TrimSuffix(dir, "/")+"/") {
			return usagef(fix, "the control socket lies in %s, which is not there before the login", dir)
		}
	}
	return nil
}

// mustDecide refuses an installation of spec that would run another gateway all the same: what systemctl
// edit has made counts before the unit, and outlasts it.
func (h house) mustDecide(spec service.Spec) error {
	p, err := h.pathsOf(spec)
	if err != nil || samePlace(p.Profiles, h.paths.Profiles) && samePlace(p.State, h.paths.State) {
		return err
	}
	var names []string
	for _, v := range spec.Over {
		if slices.Contains([]string{"PRISM_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"}, v.Name) && !slices.Contains(names, v.Name) {
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	fix := "systemctl --user edit prism.service"
	if h.system {
		fix = "sudo systemctl edit prism.service"
	}
	return &admin.Error{
		Code: codeFileChanged, Fix: fix,
		Message: "what systemctl edit made sets " + strings.Join(names, ", ") + " and counts before the unit, so that the service would run another gateway: " + h.named(p, ""),
	}
}

// ownFix is how the installed service comes to run this gateway.
func (h house) ownFix() string {
	if spec, err := h.wanted(); err == nil {
		if err := h.mustDecide(spec); err != nil {
			return describe(err).Fix
		}
	}
	return "prism service install --force"
}

// mustBeOurs refuses to replace a service that runs another gateway.
func (h house) mustBeOurs(force bool) error {
	if force || !h.Installed() || h.ours() {
		return nil
	}
	return &admin.Error{
		Code: codeFileChanged, Message: "the service that is installed runs another gateway: " + h.other(),
		Fix: "prism service uninstall, or: prism service install --force",
	}
}

// other names the gateway that the installed service runs.
func (h house) other() string {
	is, err := h.Read()
	if err != nil {
		return ""
	}
	p, err := h.pathsOf(is)
	if err != nil {
		return ""
	}
	return h.named(p, is.User)
}

// named names a gateway by its places, and by who runs it where that says something.
func (h house) named(p config.Paths, user string) string {
	text := h.a.tilde(p.Profiles) + ", " + h.a.tilde(p.State)
	if user != "" {
		text += ", " + user
	}
	return text
}

func (a *app) serviceInstall(cmd *cobra.Command, o serviceOptions) error {
	ctx := cmd.Context()
	h, err := a.house(o)
	if err != nil {
		return err
	}
	for _, err := range []error{h.mustBeFound(), h.mustBeRoot("install")} {
		if err != nil {
			return err
		}
	}
	spec, err := h.wanted()
	if err != nil {
		return err
	}
	for _, err := range []error{h.mustDecide(spec), h.mustBeOurs(o.force)} {
		if err != nil {
			return err
		}
	}
	a.warnProgram(spec.Program)
	a.warnSecrets()
	a.warnDropped(h)
	before, err := h.State(ctx)
	if err != nil {
		return serviceError(err)
	}
	report, err := h.Install(ctx, spec, o.force)
	if err != nil {
		return serviceError(err)
	}
	if err := a.serviceBegin(ctx, h, before, len(report.Written)+len(report.Removed) > 0); err != nil {
		return err
	}
	if err := a.showFiles(report); err != nil {
		return err
	}
	a.noteLinger(o)
	return nil
}

// serviceBegin has the service run what was installed, in place of a gateway that runs without it.
func (a *app) serviceBegin(ctx context.Context, h house, before service.State, changed bool) error {
	if before.Running && !changed {
		return nil
	}
	inside, err := h.inside()
	if err != nil {
		return err
	}
	for _, r := range []room{h.room, inside} { // it may be where this shell has it, or the service
		if st, err := r.client.Status(ctx); err == nil && st.PID != before.PID {
			a.note("the gateway that runs in the background (PID %d) makes room for the service", st.PID)
			if err := a.stopProcess(ctx, r, st, false); err != nil {
				return err
			}
		}
	}
	if changed {
		// What systemd holds open is opened anew: a socket cannot change under a service, and one that
		// fails or waits for its next try has them open too.
		_ = h.Stop(ctx)
	}
	if err := h.Start(ctx); err != nil {
		return serviceError(err)
	}
	return a.serviceReady(ctx, h)
}

// serviceReady waits until the service answers.
func (a *app) serviceReady(ctx context.Context, h house) error {
	inside, err := h.inside()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := h.a.waitReady(ctx, inside, nil); err != nil {
		what := "the service was started and does not answer"
		if st, stateErr := h.State(context.WithoutCancel(ctx)); stateErr == nil && st.Why != "" {
			what += ": " + st.Why
		}
		return &admin.Error{Code: codeNotRunning, Message: what, Fix: "prism service logs; docs/running.md names what some systems lack"}
	}
	return nil
}

// lingers tells whether the services of a user outlive the login; false also where nobody knows.
func lingers(name string) bool {
	_, err := os.Stat(filepath.Join("/var/lib/systemd/linger", name))
	return err == nil
}

// noteLinger tells that a service of the user ends with the last login.
func (a *app) noteLinger(o serviceOptions) {
	name := a.loginName()
	if runtime.GOOS == "linux" && !o.system && name != "" && !lingers(name) {
		a.note("it runs while you are logged in; to keep it beyond that: loginctl enable-linger %s", name)
	}
}

// loginName is the name of the user, "" where it would not do as the name of a file.
func (a *app) loginName() string {
	name := firstOf(a.getenv("USER"), a.getenv("LOGNAME"))
	if name == "" || filepath.Base(name) != name {
		return ""
	}
	return name
}
