package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/router"
	"prism/internal/upstream/cloudauth"
)

func newServe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway in the foreground",
		Long: `Serve runs the gateway until it is told to stop: the first SIGTERM or SIGINT lets what
is in flight finish, the second ends it. SIGHUP reloads; where the terminal was closed it
stops the gateway. Every flag is also a key of prism.yaml and a PRISM_* variable.

Under systemd it says when it is ready, and takes sockets that systemd keeps open while the
program is replaced: see docs/running.md and examples/systemd.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			boundLog(os.Stderr, serveLog(r))
			ctx, stop := a.untilHangUp(cmd.Context())
			defer stop()
			return a.serve(ctx, r)
		},
	}
	settingsFlags(cmd.Flags())
	return cmd
}

// settingsFlags declares flags for the keys of prism.yaml that people set by hand; the names
// bind them to the keys.
func settingsFlags(f *pflag.FlagSet) {
	d := config.DefaultSettings()
	f.String("listen", d.Listen, "`address` of the data port, loopback only")
	f.String("dashboard", d.Dashboard, "`address` of the dashboard port, loopback only, or off")
	f.String("socket", "", "`path` of the control socket")
	f.String("log-level", d.LogLevel, "debug|info|warn|error")
	f.String("log-format", d.LogFormat, "auto|console|json")
	f.Bool("allow-plaintext", d.AllowPlaintext, "accept a profiles.yaml that is not sealed")
	f.String("trust", d.Trust, "first_use|strict")
	f.String("audit", d.Audit, "best_effort|strict")
	f.String("durability", d.Durability, "commit|fsync")
	f.Duration("drain", d.Drain, "how long what is in flight may go on after the first signal")
}

// serve runs the gateway until ctx ends and what is in flight has finished.
func (a *app) serve(ctx context.Context, r room) error {
	kill, stop := secondSignal()
	defer stop()
	defer survivePipes()()
	secrets := router.NewRedactor()
	a.err = secrets.Writer(a.err) // the log, the banner, and the error at the end
	lines := newLogWriter(a.logOutput(r.settings), a.now)
	defer lines.close()
	manager, sockets, err := a.managed()
	if err != nil {
		return err
	}
	program, err := ownProgram()
	if err != nil {
		program = "" // nobody will know of an upgrade
	}
	d, err := daemon.New(daemon.Options{
		Paths: r.paths, Settings: r.settings, Version: thisBuild().Version, Logger: logger(lines, r.settings), Secrets: secrets, Kill: kill,
		Listener: sockets.Data, Dashboard: sockets.Dashboard, Control: sockets.Control, Manager: manager,
		Clouds: cloudauth.New(cloudauth.Options{}).Of, Zone: a.zone(), Lang: a.lang, Program: program,
		Queries: func() ([]admin.NamedQuery, error) { return offered(r.paths.Queries) },
		Ready:   func(ready daemon.Ready) { a.banner(r, ready) },
	})
	if err != nil {
		sockets.Close()
		return err
	}
	return serveError(d.Run(ctx))
}

// managed takes what a service manager gives this process, and keeps it from the children.
func (a *app) managed() (*daemon.Manager, daemon.Sockets, error) {
	manager := daemon.ManagerOf(a.getenv)
	sockets, err := daemon.Inherited(a.getenv)
	for _, name := range daemon.ManagerVariables() {
		_ = os.Unsetenv(name)
	}
	return manager, sockets, err
}

// serveError names the processes that stand in the way.
func serveError(err error) error {
	switch {
	case errors.Is(err, daemon.ErrRunning), errors.Is(err, admin.ErrInUse):
		return &admin.Error{Code: codeOccupied, Message: err.Error(), Fix: "prism status"}
	case errors.Is(err, daemon.ErrPort):
		return &admin.Error{Code: codeOccupied, Message: err.Error(), Fix: "stop the program that listens there, or: prism serve --listen 127.0.0.1:3010"}
	}
	return err
}

// untilHangUp ends the context when the terminal that prism was started on is closed. Every
// other SIGHUP is a reload, which is the gateway's own affair.
func (a *app) untilHangUp(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	if !a.inTTY {
		return ctx, cancel
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				if !term.IsTerminal(int(os.Stdin.Fd())) {
					cancel()
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// secondSignal returns a channel that is closed when the user asks a second time.
func secondSignal() (<-chan struct{}, func()) {
	kill, done := make(chan struct{}), make(chan struct{})
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-signals:
				if n == 1 {
					close(kill)
				}
			case <-done:
				return
			}
		}
	}()
	return kill, func() {
		signal.Stop(signals)
		close(done)
	}
}

// logger writes one line of JSON per event.
func logger(w io.Writer, s config.Settings) zerolog.Logger {
	level, err := zerolog.ParseLevel(s.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// logOutput shows the lines to a person on a terminal and passes them on elsewhere.
func (a *app) logOutput(s config.Settings) io.Writer {
	if s.LogFormat != "console" && (s.LogFormat != "auto" || !a.errTTY) {
		return jsonLog{a.err}
	}
	return zerolog.ConsoleWriter{
		Out: a.err, TimeFormat: time.TimeOnly, NoColor: !a.errTTY || a.noColor || a.getenv("NO_COLOR") != "",
		FormatFieldValue: fieldText,
	}
}

// fieldText shows the value of a field; lists arrive as bytes of JSON.
func fieldText(v any) string {
	if b, ok := v.([]byte); ok {
		return escape(string(b), false)
	}
	return escape(fmt.Sprint(v), false)
}

// banner says on a terminal what a person wants to know at the start; a log has it in its
// own line.
func (a *app) banner(r room, ready daemon.Ready) {
	if !a.errTTY {
		return
	}
	st := ready.Status
	a.note("prism %s   gateway http://%s   socket %s", thisBuild().Version, ready.Listen, a.tilde(ready.Socket))
	if st.Dashboard != "" {
		a.note("pages    http://%s   open them with: prism ui", st.Dashboard)
	}
	profiles := a.tilde(r.paths.Profiles)
	if st.File.RealPath != "" && st.File.RealPath != r.paths.Profiles {
		profiles += " → " + a.tilde(st.File.RealPath)
	}
	a.note("profiles %s   %s", profiles, plural(len(st.Profiles), "%d profiles"))
	a.note("active   %s   from %s   generation %d", st.Active, a.tilde(st.ActiveFrom), st.Generation)
	a.note("ledger   %s   %s in the journal, waiting for the fold", a.tilde(r.paths.Data), plural(int(st.Ledger.Waiting), "%d entries"))
	if ready.Crashed > 0 {
		a.note("note     %s of an earlier run ended with it", plural(ready.Crashed, "%d requests"))
	}
}
