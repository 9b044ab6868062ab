package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Mark stands in every file that this package writes.
const Mark = "prism service install"

// Errors that a caller tells apart.
var (
	ErrNoManager    = errors.New("no service manager answers")
	ErrUnsupported  = errors.New("this platform has no service manager that prism knows")
	ErrForeign      = errors.New("the file was not written by prism")
	ErrNotInstalled = errors.New("the service is not installed")
)

// Spec says what the service runs, and how.
type Spec struct {
	Program string     // path of the program
	Args    []string   // after "serve"
	Env     []Variable // what the service would not have otherwise
	User    string     // whom a service of the machine runs as

	// Addresses that the manager keeps open while the program is replaced; "" = that one is not
	// kept open. launchd keeps none.
	Data, Dashboard, Control string

	Log string // file for what the program says where the manager keeps no log
}

// Variable is one variable of the environment.
type Variable struct{ Name, Value string }

// File is a file of the service manager.
type File struct {
	Path    string
	Content string
}

// State is how the service is.
type State struct {
	Installed bool   // its files are there
	Enabled   bool   // it starts with the login, or with the machine
	Active    string // as the manager says it: active, inactive, failed, running ...
	Running   bool
	PID       int    // 0 = it does not run
	Why       string // result of the last run, where that was no success
}

// Runner runs a command and returns what it printed.
type Runner func(ctx context.Context, argv ...string) (string, error)

// Options says where the service belongs. The zero value is a service of the user, on this
// platform.
type Options struct {
	Platform string // of runtime.GOOS; "" = this one
	System   bool   // of the machine, not of the user
	Home     string // of the user
	Config   string // $XDG_CONFIG_HOME; "" = ~/.config
	Runtime  string // $XDG_RUNTIME_DIR
	UID      int

	Run Runner // nil = the command itself
}

// Service is prism under the service manager.
type Service struct {
	opt Options
	manager
	dirs []string // that are made for the files alone, the deepest first
}

// manager is one kind of service manager.
type manager interface {
	// files are those for spec; with the zero Spec only their paths are right.
	files(spec Spec) []File
	// commands are what a verb takes.
	commands(verb string) []command
	// logs is a command that shows what the program said.
	logs(log string, lines int, follow bool) []string
	// state asks the manager, for a service whose files are there.
	state(ctx context.Context, run Runner) (State, error)
}

// Verbs of [manager.commands].
const (
	reach   = "reach" // whether the manager answers
	enable  = "enable"
	disable = "disable"
	start   = "start"
	stop    = "stop"
	restart = "restart"
	forget  = "forget" // that the files are gone
)

// command is a command of the manager.
type command struct {
	argv    []string
	mayFail bool
}

// New returns the service of the platform's manager; the error is [ErrUnsupported] where prism
// knows none.
func New(opt Options) (*Service, error) {
	if opt.Platform == "" {
		opt.Platform = runtime.GOOS
	}
	if opt.Config == "" {
		opt.Config = filepath.Join(opt.Home, ".config")
	}
	if opt.Run == nil {
		opt.Run = runCommand
	}
	switch opt.Platform {
	case "linux":
		d := systemd{opt}
		s := &Service{opt: opt, manager: d}
		if !opt.System {
			s.dirs = []string{d.dir(), filepath.Dir(d.dir())}
		}
		return s, nil
	case "darwin":
		return &Service{opt: opt, manager: launchd{opt}}, nil
	}
	return nil, ErrUnsupported
}

func runCommand(ctx context.Context, argv ...string) (string, error) {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}

// Files are those that [Service.Install] writes for spec.
func (s *Service) Files(spec Spec) []File { return s.files(spec) }

// do runs the commands of a verb, up to the first that fails.
func (s *Service) do(ctx context.Context, verb string) error {
	for _, c := range s.commands(verb) {
		out, err := s.opt.Run(ctx, c.argv...)
		if err != nil && !c.mayFail {
			return failed(c.argv, out, err)
		}
	}
	return nil
}

// failed explains why a command of the manager failed.
func failed(argv []string, out string, err error) error {
	first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if unreachable(first) || errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNoManager, firstOf(first, err.Error()))
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, first)
}

// unreachable recognises what systemctl and launchctl say where there is no manager to talk to.
func unreachable(said string) bool {
	for _, text := range []string{"Failed to connect to", "System has not been booted with systemd", "Domain does not support", "Could not find domain"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// Start starts the service, and what keeps its ports open.
func (s *Service) Start(ctx context.Context) error { return s.installed(ctx, start) }

// Stop stops the service, and what would start it again. It waits for the end.
func (s *Service) Stop(ctx context.Context) error { return s.installed(ctx, stop) }

// Restart replaces the running program.
func (s *Service) Restart(ctx context.Context) error { return s.installed(ctx, restart) }

func (s *Service) installed(ctx context.Context, verb string) error {
	if !s.Installed() {
		return ErrNotInstalled
	}
	return s.do(ctx, verb)
}

// Installed tells whether the service's own file is there and ours.
func (s *Service) Installed() bool {
	b, err := os.ReadFile(s.files(Spec{})[0].Path)
	return err == nil && strings.Contains(string(b), Mark)
}

// State asks the manager how the service is. Without an installation it is the zero State.
func (s *Service) State(ctx context.Context) (State, error) {
	if !s.Installed() {
		return State{}, nil
	}
	st, err := s.state(ctx, s.opt.Run)
	st.Installed = true
	return st, err
}

// Logs is a command that shows the last lines of what the program said, and with follow also what
// it says from then on. log is the file of [Spec.Log].
func (s *Service) Logs(log string, lines int, follow bool) []string {
	return s.logs(log, lines, follow)
}

// Stale are the files that an installation for spec would write or take away.
func (s *Service) Stale(spec Spec) []string {
	var out []string
	want := map[string]bool{}
	for _, f := range s.files(spec) {
		want[f.Path] = true
		if b, err := os.ReadFile(f.Path); err != nil || string(b) != f.Content {
			out = append(out, f.Path)
		}
	}
	for _, f := range s.files(Spec{}) {
		if b, err := os.ReadFile(f.Path); err == nil && !want[f.Path] && strings.Contains(string(b), Mark) {
			out = append(out, f.Path)
		}
	}
	return out
}

// Foreign is the first file that is in the way of an installation because somebody else wrote it;
// "" = none.
func (s *Service) Foreign() string {
	for _, f := range s.files(Spec{}) {
		b, err := os.ReadFile(f.Path)
		if err == nil && !strings.Contains(string(b), Mark) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f.Path
		}
	}
	return ""
}
