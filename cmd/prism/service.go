package main

import (
	"cmp"
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
	broken bool // it is looked at, or taken away, also where prism.yaml cannot be read
}

// tolerant is for what needs no settings.
func (o serviceOptions) tolerant() serviceOptions {
	o.broken = true
	return o
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
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serviceStatus(cmd, o.tolerant()) },
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
written into it, secrets never. What it has of an earlier installation it keeps, where this shell
says nothing else. A service that runs another gateway, with another profiles.yaml or another
state directory, is replaced with --force only.`,
		Example: "  prism service install\n  sudo prism service install --system",
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serviceInstall(cmd, *o) },
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "replace files that somebody else wrote, and a service that runs another gateway")
	return cmd
}

func newServiceUninstall(a *app, o *serviceOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop the service and remove its files",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceUninstall(cmd, o.tolerant()) },
	}
}

func newServiceStatus(a *app, o *serviceOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Whether the service is installed, starts at login, runs, and is up to date",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceStatus(cmd, o.tolerant()) },
	}
}

func newServiceLogs(a *app, o *serviceOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "What the service said last",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serviceLogs(cmd, o.tolerant()) },
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
	system bool
	user   string // whom a service of the machine runs as
}

// installedHouse finds the service that is there: root needs not know whom the one of the machine runs as, nor
// that it is one, where root has none of its own.
func (a *app) installedHouse(o serviceOptions) (house, error) {
	name := a.machineUser()
	if o.user != "" || name == "" {
		return a.house(o)
	}
	if !o.system {
		if h, err := a.house(o); err != nil || h.Installed() {
			return h, err
		}
	}
	o.system, o.user = true, name
	return a.house(o)
}

// house finds the service that o means.
func (a *app) house(o serviceOptions) (house, error) {
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
	if _, wrong := a.paths(); err != nil && o.broken && wrong == nil {
		r, err = a.quickRoom(), nil
	}
	if err != nil {
		return house{}, err
	}
	opt := a.serviceManager()
	opt.System = o.system
	s, err := service.New(opt)
	if err != nil {
		return house{}, serviceError(err)
	}
	return house{a: a, room: r, Service: s, system: o.system, user: name}, nil
}

// serviceManager is where the service manager of this user keeps its files.
func (a *app) serviceManager() service.Options {
	opt := service.Options{Home: a.getenv("HOME"), Runtime: a.getenv("XDG_RUNTIME_DIR"), UID: os.Getuid(), Machine: a.machine}
	if dir := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		opt.Config = dir
	}
	return opt
}

// machineUser is whom the service of the machine runs as, where root asks: root may start and stop it,
// whoever that is. "" = there is none, or it is asked by somebody else.
func (a *app) machineUser() string {
	if os.Geteuid() != 0 {
		return ""
	}
	opt := a.serviceManager()
	opt.System = true
	s, err := service.New(opt)
	if err != nil {
		return ""
	}
	is, err := s.Read()
	if err != nil {
		return ""
	}
	return is.User
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

// problem gives an error of the manager the fix that helps: what it refuses to a user, root may do
// to a service of the machine.
func (h house) problem(err error, verb string) error {
	if h.system && errors.Is(err, service.ErrDenied) {
		return &admin.Error{Code: codeInternal, Message: err.Error(), Fix: "sudo prism " + verb}
	}
	return serviceError(err)
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
	find := a.house
	if o.system { // whoever it runs as
		find = a.installedHouse
	}
	h, err := find(o)
	if err != nil {
		return err
	}
	if err := h.mustBeRoot("uninstall"); err != nil {
		return err
	}
	other := ""
	if h.Installed() && !h.ours() {
		other = h.other()
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
	if other != "" {
		a.note("it ran another gateway: %s", other)
	}
	return a.showFiles(report)
}

func (a *app) serviceStatus(cmd *cobra.Command, o serviceOptions) error {
	h, err := a.installedHouse(o)
	if err != nil {
		return err
	}
	st, err := h.State(cmd.Context())
	if err != nil {
		return serviceError(err)
	}
	differ, unread := h.outdated() // with settings that cannot be read nobody knows
	file := h.Files(service.Spec{})[0].Path
	pid := cell{unknown, nil}
	if st.PID != 0 {
		pid = cell{strconv.Itoa(st.PID), st.PID}
	}
	current := cell{unknown, nil}
	if st.Installed && unread == nil {
		current = a.boolCell(len(differ.files) == 0)
	}
	v := view{
		columns: []column{{name: "installed"}, {name: "enabled"}, {name: "active"}, {name: "pid", right: true}, {name: "current"}, {name: "why"}, {name: "file"}},
		rows:    [][]cell{{a.boolCell(st.Installed), a.boolCell(st.Enabled), textCell(st.Active), pid, current, textCell(st.Why), textAs(a.tilde(file), file)}},
	}
	v.text = func(w io.Writer) { a.writeServiceStatus(w, h, st, differ) }
	if err := cmp.Or(a.show(v), unread); err != nil {
		return err
	}
	if st.Installed && !st.Running && st.Why != "" {
		return quietError{codeUnhealthy}
	}
	return nil
}

// differences are what an installation now would change.
type differences struct {
	files     []string
	variables []string // in which this shell differs from the service
	dropped   []string // that the service has and would lose
	path      bool     // a program that opens the file lies where the service does not look
}

func (a *app) writeServiceStatus(w io.Writer, h house, st service.State, d differences) {
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
	line("file     %s", a.tilde(h.Files(service.Spec{})[0].Path))
	if !h.ours() {
		line("differs  it runs another gateway: %s   fix: %s", h.other(), h.ownFix())
		return
	}
	for _, path := range d.files {
		line("differs  %s is not what would be installed now   fix: prism service install", a.tilde(path))
	}
	if len(d.variables) > 0 {
		line("         because of %s in this shell; if the service is not to have that: unset it", strings.Join(d.variables, ", "))
	}
	if d.path {
		line("         because a program that opens the file lies elsewhere")
	}
	if len(d.dropped) > 0 {
		line("         it would lose %s, which may be a secret or is no setting of this version", strings.Join(d.dropped, ", "))
	}
}

func (a *app) serviceLogs(cmd *cobra.Command, o serviceOptions) error {
	h, err := a.installedHouse(o)
	if err != nil {
		return err
	}
	if !h.Installed() {
		return serviceError(service.ErrNotInstalled)
	}
	argv := h.Logs(serveLog(h.room), o.lines, o.follow)
	show := exec.CommandContext(cmd.Context(), argv[0], argv[1:]...)
	show.Stdout, show.Stderr = a.out, a.err
	if err := show.Run(); err != nil && cmd.Context().Err() == nil {
		return fmt.Errorf("%s: %w", argv[0], err)
	}
	return nil
}
