package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/service"
)

// codeNoManager is the error code where no service manager answers.
const codeNoManager = "no_service_manager"

// serviceOptions say which service is meant.
type serviceOptions struct {
	system bool
	user   string // whom a service of the machine runs as
	force  bool
	lines  int
	follow bool
}

func newService(a *app) *cobra.Command {
	var o serviceOptions
	cmd := &cobra.Command{
		Use:   "service",
		Short: "The gateway as a service that starts at login",
		Long: `Service has the service manager of this machine run the gateway: systemd as a unit of the
user, with its ports kept open while prism is replaced, or launchd as an agent of the user.
--system is for machines: it starts with the machine, as one user. Without a service manager
there is prism start.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serviceStatus(cmd, o) },
	}
	f := cmd.PersistentFlags()
	f.BoolVar(&o.system, "system", false, "a service of the machine instead of the user")
	f.StringVar(&o.user, "user", "", "the `name` of whom a service of the machine runs as; default: who called sudo")
	cmd.AddCommand(newServiceInstall(a, &o), newServiceUninstall(a, &o), newServiceStatus(a, &o), newServiceLogs(a, &o))
	return cmd
}

func newServiceInstall(a *app, o *serviceOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the service and start it",
		Long: `Install writes the files of the service, has it start at login and starts it; a gateway that
runs in the background ends first, when what is in flight has finished. It may be run again,
after a change of listen: in prism.yaml or of the program's place: what is up to date is left
alone. A service does not see the variables of your shell: those that say where files lie are
written into it, secrets never.`,
		Example: "  prism service install\n  sudo prism service install --system",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serviceInstall(cmd, *o) },
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "replace files that somebody else wrote")
	return cmd
}

func newServiceUninstall(a *app, o *serviceOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop the service and remove its files",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceUninstall(cmd, *o) },
	}
}

func newServiceStatus(a *app, o *serviceOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Whether the service is installed, starts at login, runs, and is up to date",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceStatus(cmd, *o) },
	}
}

func newServiceLogs(a *app, o *serviceOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "What the service said last",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceLogs(cmd, *o) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "and what it says from now on")
	cmd.Flags().IntVarP(&o.lines, "lines", "n", 50, "how many `lines`")
	return cmd
}

// house is a service with the room that it runs in.
type house struct {
	a *app // as the user that the service runs as
	room
	*service.Service
	spec service.Spec
}

// house finds the service that o means.
func (a *app) house(cmd *cobra.Command, o serviceOptions) (house, error) {
	if o.user != "" && !o.system {
		return house{}, usagef("prism service install --system --user "+o.user, "--user is for a service of the machine")
	}
	name := ""
	if o.system {
		var err error
		if a, name, err = a.as(firstOf(o.user, a.getenv("SUDO_USER"))); err != nil {
			return house{}, err
		}
	}
	r, err := a.room(nil)
	if err != nil {
		return house{}, err
	}
	opt := a.serviceManager()
	opt.System = o.system
	s, err := service.New(opt)
	if err != nil {
		return house{}, serviceError(err)
	}
	h := house{a: a, room: r, Service: s}
	h.spec, err = a.serviceSpec(cmd.Context(), r, o)
	h.spec.User = name
	return h, err
}

// serviceManager is where the service manager of this user keeps its files.
func (a *app) serviceManager() service.Options {
	opt := service.Options{Home: a.getenv("HOME"), Runtime: a.getenv("XDG_RUNTIME_DIR"), UID: os.Getuid()}
	if dir := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		opt.Config = dir
	}
	return opt
}

// as returns a for another user of the machine: nothing of our own environment says where their
// files lie. Without a name it is the one who runs this.
func (a *app) as(name string) (*app, string, error) {
	own, err := user.Current()
	if err != nil {
		return nil, "", fmt.Errorf("find the user: %w", err)
	}
	if name == "" || name == own.Username {
		return a, own.Username, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, "", notFound("prism service install --system --user NAME", "no user is named %q", name)
	}
	b, ours := *a, a.getenv
	b.getenv = func(key string) string {
		switch {
		case key == "HOME":
			return u.HomeDir
		case strings.HasPrefix(key, "XDG_"), strings.HasPrefix(key, "SOPS_"):
			return ""
		}
		return ours(key)
	}
	return &b, name, nil
}

// serviceError gives an error of the service the fix that helps.
func serviceError(err error) error {
	e := &admin.Error{Code: codeInternal, Message: err.Error()}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, service.ErrUnsupported):
		e.Code, e.Fix = codeNoManager, "prism start"
	case errors.Is(err, service.ErrNoManager):
		e.Code, e.Fix = codeNoManager, "log in on the machine itself, not with su or sudo; without systemd: prism start"
	case errors.Is(err, service.ErrForeign):
		e.Code, e.Fix = codeFileChanged, "move it away, or: prism service install --force"
	case errors.Is(err, service.ErrNotInstalled):
		e.Code, e.Fix = codeNotFound, "prism service install"
	default:
		e.Fix = "prism service logs"
	}
	return e
}

// mustBeRoot refuses what only root can do, before anything is done.
func (h house) mustBeRoot(o serviceOptions, verb string) error {
	if o.system && os.Geteuid() != 0 {
		return usagef("sudo prism service "+verb+" --system", "a service of the machine is the affair of root")
	}
	return nil
}

func (a *app) serviceInstall(cmd *cobra.Command, o serviceOptions) error {
	ctx := cmd.Context()
	h, err := a.house(cmd, o)
	if err != nil {
		return err
	}
	if err := h.mustBeRoot(o, "install"); err != nil {
		return err
	}
	if dir := a.getenv("XDG_RUNTIME_DIR"); o.system && dir != "" && strings.HasPrefix(socketOf(h.paths, h.settings), dir+"/") {
		return usagef("socket: "+filepath.Join(h.paths.State, "prism.sock")+" in prism.yaml",
			"the control socket lies in %s, which is not there before the login", dir)
	}
	if passing(h.spec.Program) {
		a.note("warning: the program lies in %s, where a service does not see it; install it first: install -Dm755 prism ~/.local/bin/prism", filepath.Dir(h.spec.Program))
	}
	a.warnSecrets()
	before, err := h.State(ctx)
	if err != nil {
		return serviceError(err)
	}
	report, err := h.Install(ctx, h.spec, o.force)
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
	st, err := h.client.Status(ctx)
	if err == nil && !before.Running {
		a.note("the gateway that runs in the background (PID %d) makes room for the service", st.PID)
		if err := a.stopProcess(ctx, h.room, st, false); err != nil {
			return err
		}
	}
	begin := h.Start
	if before.Running {
		// What systemd holds open is opened anew: a socket cannot change under a service.
		begin = func(ctx context.Context) error {
			if err := h.Stop(ctx); err != nil {
				return err
			}
			return h.Start(ctx)
		}
	}
	if err := begin(ctx); err != nil {
		return serviceError(err)
	}
	return a.serviceReady(ctx, h)
}

// serviceReady waits until the service answers.
func (a *app) serviceReady(ctx context.Context, h house) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := h.a.waitReady(ctx, h.room, nil); err != nil {
		what := "the service was started and does not answer"
		if st, stateErr := h.State(context.WithoutCancel(ctx)); stateErr == nil && st.Why != "" {
			what += ": " + st.Why
		}
		return &admin.Error{Code: codeNotRunning, Message: what, Fix: "prism service logs; docs/running.md names what some systems lack"}
	}
	return nil
}

// showFiles tells what became of the files.
func (a *app) showFiles(report service.Report) error {
	v := view{columns: []column{{name: "file"}, {name: "state"}}}
	add := func(state string, paths []string) {
		for _, p := range paths {
			v.rows = append(v.rows, []cell{textAs(a.tilde(p), p), a.wordCell(state)})
		}
	}
	add("written", report.Written)
	add("unchanged", report.Unchanged)
	add("removed", report.Removed)
	add("left, it is not ours", report.Left)
	return a.show(v)
}

func (a *app) serviceUninstall(cmd *cobra.Command, o serviceOptions) error {
	h, err := a.house(cmd, o)
	if err != nil {
		return err
	}
	if err := h.mustBeRoot(o, "uninstall"); err != nil {
		return err
	}
	report, err := h.Uninstall(cmd.Context())
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		a.note("the service is not installed")
		return nil
	case errors.Is(err, service.ErrNoManager):
		a.note("the files are gone, but no service manager answers: a gateway that runs goes on")
	case err != nil:
		return serviceError(err)
	}
	return a.showFiles(report)
}

func (a *app) serviceStatus(cmd *cobra.Command, o serviceOptions) error {
	h, err := a.house(cmd, o)
	if err != nil {
		return err
	}
	st, err := h.State(cmd.Context())
	if err != nil {
		return serviceError(err)
	}
	stale := h.Stale(h.spec)
	file := h.Files(h.spec)[0].Path
	pid := cell{unknown, nil}
	if st.PID != 0 {
		pid = cell{strconv.Itoa(st.PID), st.PID}
	}
	current := cell{unknown, nil}
	if st.Installed {
		current = a.boolCell(len(stale) == 0)
	}
	v := view{
		columns: []column{{name: "installed"}, {name: "enabled"}, {name: "active"}, {name: "pid", right: true}, {name: "current"}, {name: "why"}, {name: "file"}},
		rows:    [][]cell{{a.boolCell(st.Installed), a.boolCell(st.Enabled), textCell(st.Active), pid, current, textCell(st.Why), textAs(a.tilde(file), file)}},
	}
	v.text = func(w io.Writer) { a.writeServiceStatus(w, h, st, stale) }
	if err := a.show(v); err != nil {
		return err
	}
	if st.Installed && !st.Running && st.Why != "" {
		return quietError{codeUnhealthy}
	}
	return nil
}

func (a *app) writeServiceStatus(w io.Writer, h house, st service.State, stale []string) {
	line := func(format string, args ...any) { fmt.Fprintln(w, escape(a.text(format, args...), false)) }
	if !st.Installed {
		line("the service is not installed")
		if path := h.Foreign(); path != "" {
			line("%s was written by somebody else", a.tilde(path))
		}
		line("fix: %s", "prism service install")
		return
	}
	state := st.Active
	if st.PID != 0 {
		state += "   pid " + strconv.Itoa(st.PID)
	}
	if st.Why != "" {
		state += "   " + st.Why
	}
	line("service  %s", state)
	when := a.text("starts by itself")
	if !st.Enabled {
		when = a.text("does not start by itself")
	}
	line("login    %s", when)
	line("file     %s", a.tilde(h.Files(h.spec)[0].Path))
	for _, path := range stale {
		line("differs  %s is not what would be installed now   fix: prism service install", a.tilde(path))
	}
}

func (a *app) serviceLogs(cmd *cobra.Command, o serviceOptions) error {
	h, err := a.house(cmd, o)
	if err != nil {
		return err
	}
	if !h.Installed() {
		return serviceError(service.ErrNotInstalled)
	}
	argv := h.Logs(h.spec.Log, o.lines, o.follow)
	show := exec.CommandContext(cmd.Context(), argv[0], argv[1:]...)
	show.Stdout, show.Stderr = a.out, a.err
	if err := show.Run(); err != nil && cmd.Context().Err() == nil {
		return fmt.Errorf("%s: %w", argv[0], err)
	}
	return nil
}
