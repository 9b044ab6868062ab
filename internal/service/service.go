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
	"slices"
	"strings"
	"time"
)

// Mark stands in every file that this package writes.
const Mark = "prism service install"

// Errors that a caller tells apart.
var (
	ErrNoManager    = errors.New("no service manager answers")
	ErrUnsupported  = errors.New("this platform has no service manager that prism knows")
	ErrForeign      = errors.New("the file was not written by prism")
	ErrDenied       = errors.New("the service manager refuses it to this user")
	ErrNotInstalled = errors.New("the service is not installed")
)

// Spec says what the service runs, and how.
type Spec struct {
	Program string     // path of the program
	Args    []string   // after "serve"
	Env     []Variable // what the service would not have otherwise
	Over    []Variable // what its user has set over that, the last of a name counts; "" = taken away. It is read, never written
	User    string     // whom a service of the machine runs as

	// Addresses that the manager keeps open while the program is replaced; "" = that one is not
	// kept open. launchd keeps none.
	Data, Dashboard, Control string

	Log string // file for what the program says where the manager keeps no log
}

// Variable is one variable of the environment.
type Variable struct{ Name, Value string }

// Lookup returns what the service has for a variable, and whether it has any.
func (s Spec) Lookup(name string) (string, bool) {
	for _, v := range slices.Backward(s.Over) {
		if v.Name == name {
			return v.Value, v.Value != ""
		}
	}
	for _, v := range s.Env {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

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

// Runner runs a command and returns what it printed. How a command ended is told by an error with a
// method ExitCode, as that of [exec.ExitError].
type Runner func(ctx context.Context, argv ...string) (string, error)

// Options says where the service belongs. The zero value is a service of the user, on this
// platform.
type Options struct {
	Platform string // of runtime.GOOS; "" = this one
	System   bool   // of the machine, not of the user
	Machine  string // directory of the services of the machine; "" = where the manager looks for them
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
	read    func(text string) Spec // what the service's own file says; see [Service.Read]
	over    func(Spec) []Variable  // what its user has set over that; nil = the manager knows no such thing
	dirs    []string               // that are made for the files alone, the deepest first
	keepLog bool                   // the manager writes to [Spec.Log], and makes no directory for it
}

// manager is one kind of service manager.
type manager interface {
	// files are those for spec; with the zero Spec only their paths are right.
	files(spec Spec) []File
	// commands are what a verb takes, for the files that are there and ours, or for some of them.
	commands(verb string, only ...string) []command
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
	unless  []string // a question: where the answer is yes, the command is left out
	fine    []int    // exit codes that are as good as 0
	again   []int    // exit codes after which it is tried again for a while: the manager is still busy
	gone    bool     // it asks for what is about to go, until that is no longer there
}

// How long the manager is waited for where its commands do not wait themselves.
const (
	askAgain   = 100 * time.Millisecond
	busyLimit  = 10 * time.Second
	leaveLimit = 95 * time.Second // more than ExitTimeOut of launchd
)

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
		s := &Service{opt: opt, manager: d, read: d.read, over: d.over}
		if !opt.System {
			s.dirs = []string{d.dir(), filepath.Dir(d.dir())}
		}
		return s, nil
	case "darwin":
		return &Service{opt: opt, manager: launchd{opt}, read: readAgent, keepLog: true}, nil
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
func (s *Service) do(ctx context.Context, verb string, only ...string) error {
	for _, c := range s.commands(verb, only...) {
		if err := s.command(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// command runs one, again and again where it says so.
func (s *Service) command(ctx context.Context, c command) error {
	if c.unless != nil {
		if _, err := s.opt.Run(ctx, c.unless...); err == nil {
			return nil
		}
	}
	limit := busyLimit
	if c.gone {
		limit = leaveLimit
	}
	for deadline := time.Now().Add(limit); ; {
		out, err := s.opt.Run(ctx, c.argv...)
		code := exitCode(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case c.gone && err != nil, !c.gone && (err == nil || c.mayFail || slices.Contains(c.fine, code)):
			return nil //nolint:nilerr // that it fails is what was waited for, or does not matter
		case c.gone && time.Now().After(deadline):
			return fmt.Errorf("%s: it has not ended within %s", strings.Join(c.argv, " "), limit)
		case !c.gone && (!slices.Contains(c.again, code) || time.Now().After(deadline)):
			return failed(c.argv, out, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// exitCode is how a command ended; -1 where nobody knows.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if exit, ended := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ended {
		return exit.ExitCode()
	}
	return -1
}

// failed explains why a command of the manager failed.
func failed(argv []string, out string, err error) error {
	first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	switch {
	case says(first, "Failed to connect to", "System has not been booted with systemd", "Domain does not support", "Could not find domain"), errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: %s", ErrNoManager, firstOf(first, err.Error()))
	case says(first, "Access denied", "authentication required", "Permission denied", "Operation not permitted", "Not privileged"):
		return fmt.Errorf("%w: %s: %s", ErrDenied, strings.Join(argv, " "), first)
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, first)
}

// says recognises what systemctl and launchctl print: their exit codes do not tell one failure from
// another.
func says(line string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) })
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
func (s *Service) Installed() bool { return ours(s.files(Spec{})[0].Path) }

// ours tells whether a file is there and was written by this package.
func ours(path string) bool {
	b, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(b), Mark)
}

// Read returns what the installed service runs, as its own file has it: program, arguments,
// variables and user, and the variables that its user has set over them (systemctl edit), which
// outlast an installation. The error is [ErrNotInstalled] where there is none.
func (s *Service) Read() (spec Spec, err error) {
	b, err := os.ReadFile(s.files(Spec{})[0].Path)
	if err != nil || !strings.Contains(string(b), Mark) {
		err = ErrNotInstalled
	} else {
		spec = s.read(string(b))
	}
	if s.over != nil {
		spec.Over = s.over(spec)
	}
	return spec, err
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
		if !want[f.Path] && ours(f.Path) {
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
