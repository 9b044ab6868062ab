package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/lang"
)

// app is what every command has in common: the streams, the environment and the global
// flags. There is one per process.
type app struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	now    func() time.Time
	lang   lang.Printer // of what people read; the zero one speaks English

	machine string // directory of the services of the machine; "" = where the service manager looks for them

	inTTY, outTTY, errTTY bool

	configFlag string
	langFlag   string
	format     string
	asJSON     bool
	jq         string
	noColor    bool
	noInput    bool
}

func newApp() *app {
	tty := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	return &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now,
		inTTY: tty(os.Stdin), outTTY: tty(os.Stdout), errTTY: tty(os.Stderr),
	}
}

// run parses args, executes the command and returns the exit code of ux section 5.
func run(ctx context.Context, args []string) int {
	// The library of the tray ties the first goroutine to its thread before main begins, which macOS
	// demands for a menu bar. Elsewhere every hand-over to another goroutine would pay for it.
	if runtime.GOOS != "darwin" {
		runtime.UnlockOSThread()
	}
	// Private files from the first one on: DuckDB makes its own with whatever the mask allows. And
	// no command that opens a sealed file leaves its memory in another one.
	restrictUmask()
	forbidDumps()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// What has no width of its own is narrow in today's terminals, whatever the locale says.
	text.OverrideRuneWidthEastAsianWidth(false)
	a := newApp()
	a.lang = lang.For(languageOf(args, a.getenv))
	root := newRoot(a)
	a.localizeHelp(root, args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	a.report(err)
	return exitCode(err)
}

// interactive tells whether a question may be asked.
func (a *app) interactive() bool { return a.inTTY && a.errTTY && !a.noInput }

// colour tells whether stdout takes colours: never in a pipe unless CLICOLOR_FORCE asks for it.
func (a *app) colour() bool {
	if a.noColor || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return false
	}
	if f := a.getenv("CLICOLOR_FORCE"); f != "" && f != "0" {
		return true
	}
	return a.outTTY
}

// width is how many characters a line of stdout holds; 0 = no limit.
func (a *app) width() int {
	f, ok := a.out.(*os.File)
	if !ok || !a.outTTY {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

func (a *app) paths() (config.Paths, error) {
	p, err := config.ResolvePaths(a.getenv, a.configFlag)
	if err != nil {
		return p, &admin.Error{Code: codeConfigInvalid, Message: err.Error(), Fix: "set HOME, or PRISM_CONFIG and the XDG_* directories"}
	}
	return p, nil
}

// settings reads prism.yaml and the environment; cmd gives the flags that override them.
func (a *app) settings(p config.Paths, cmd *cobra.Command) (config.Settings, error) {
	opt := config.LoadOptions{File: p.Settings, Env: os.LookupEnv}
	if cmd != nil {
		opt.Flags = cmd.Flags()
	}
	s, err := config.LoadSettings(opt)
	if err != nil {
		if _, known := errors.AsType[config.Problems](err); known {
			return s, err
		}
		return s, &admin.Error{Code: codeConfigInvalid, Message: err.Error(), Fix: "edit " + p.Settings, At: &admin.Position{File: p.Settings}}
	}
	return s, nil
}

// client finds the socket: the one in the settings, else the one of the paths.
func (a *app) client(p config.Paths, s config.Settings) *admin.Client {
	return admin.Dial(socketOf(p, s))
}

func socketOf(p config.Paths, s config.Settings) string {
	if s.Socket != "" {
		return s.Socket
	}
	return p.Socket
}

// room is what most commands start from.
type room struct {
	paths    config.Paths
	settings config.Settings
	client   *admin.Client
}

func (a *app) room(cmd *cobra.Command) (room, error) {
	p, err := a.paths()
	if err != nil {
		return room{}, err
	}
	s, err := a.settings(p, cmd)
	if err != nil {
		return room{}, err
	}
	return room{p, s, a.client(p, s)}, nil
}

// tilde shortens the home directory for people.
func (a *app) tilde(path string) string {
	home := strings.TrimSuffix(a.getenv("HOME"), "/")
	if home != "" && strings.HasPrefix(path, home+"/") {
		return "~" + path[len(home):]
	}
	return path
}

// tildes shortens it wherever a path begins in a text.
func (a *app) tildes(s string) string {
	words := strings.SplitAfter(s, " ")
	for i, w := range words {
		words[i] = a.tilde(w)
	}
	return strings.Join(words, "")
}
