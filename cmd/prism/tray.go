package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/alert"
	"prism/internal/daemon"
	"prism/internal/dashboard"
	"prism/internal/lang"
	"prism/internal/tray"
)

// codeNoDesktop is the error code where there is no desktop to show something on.
const codeNoDesktop = "no_desktop"

func newTray(a *app) *cobra.Command {
	var autostart string
	cmd := &cobra.Command{
		Use:   "tray [--autostart on|off]",
		Short: "An icon in the tray or menu bar: who answers, what it costs, one click to switch",
		Long: `Tray shows an icon whose form says how everything is, the spend of the day and the profiles; a
click on one makes it active, as prism use does. It is a client of the gateway in a process of
its own, finds it again when it is restarted, and shows the notices that the gateway has for
people; pausing them pauses nothing else. --autostart on has the desktop start it at login, with
the configuration and the places of files that this shell names.

Where the desktop has no tray (i3, sway, a terminal) there is prism status --format
waybar|swiftbar|tmux|polybar; see docs/desktop.md.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(nil)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("autostart") {
				return a.autostart(autostart)
			}
			a.speakAsDesktop(cmd.Context(), localeLimit, runtime.GOOS, appleLocale()...)
			return a.tray(cmd.Context(), r)
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().StringVar(&autostart, "autostart", "", "on|off: whether the desktop starts it at login; nothing else happens")
	return cmd
}

func (a *app) autostart(wish string) error {
	login, err := a.newTrayLogin()
	if err != nil {
		return serviceError(err)
	}
	switch wish {
	case "on":
		argv, err := a.trayCommand()
		if err != nil {
			return err
		}
		if err := login.On(argv); err != nil {
			return err
		}
		a.note("the tray starts with the next login: %s", a.tilde(login.Path()))
	case "off":
		other := login.other()
		if err := login.Off(); err != nil {
			return err
		}
		if other != "" {
			a.note("it was the tray of another gateway: %s", a.tilde(other))
		}
		a.note("the tray does not start with the login")
	default:
		return usagef("prism tray --autostart on|off", "--autostart is %q, not on or off", wish)
	}
	return nil
}

func (a *app) tray(ctx context.Context, r room) error {
	if err := os.MkdirAll(r.paths.State, 0o700); err != nil {
		return fmt.Errorf("start the tray: %w", err)
	}
	lock, err := daemon.TakeLock(filepath.Join(r.paths.State, "tray.lock"))
	if errors.Is(err, daemon.ErrRunning) {
		return &admin.Error{Code: codeOccupied, Message: "a tray of prism runs already", Fix: "look for its icon, or end it with Quit in its menu"}
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	session, err := tray.Open()
	var watched bool
	if err == nil {
		defer session.Close()
		watched, err = session.Watched()
	}
	if err != nil {
		return &admin.Error{Code: codeNoDesktop, Message: err.Error(), Fix: "start it from the desktop; elsewhere: prism status --format waybar|swiftbar|tmux|polybar"}
	}
	if !watched {
		a.note("this desktop has no tray right now; the icon comes when one starts\nGNOME needs the extension AppIndicator; bars without a tray: prism status --format waybar|polybar|tmux")
	}
	// The library below speaks of what was just said, in its own words.
	log.SetOutput(io.Discard)
	opt, err := a.trayOptions(r)
	if err != nil {
		return err
	}
	t := tray.New(opt)
	return session.Show(ctx, t.Menu(), t.Run)
}

func (a *app) trayOptions(r room) (tray.Options, error) {
	argv, err := a.trayCommand()
	if err != nil {
		return tray.Options{}, err
	}
	opt := tray.Options{
		Gateway: r.client, Words: a.wordsIn, Command: argv, Now: a.now, File: filepath.Join(r.paths.State, "tray.json"),
		Desktop: tray.Desktop{
			Dashboard: func(ctx context.Context) error {
				u, err := r.client.UI(ctx)
				if err != nil {
					return err
				}
				return browse(ctx, u.URL)
			},
			File:   func(ctx context.Context) error { return dashboard.OpenInEditor(ctx, r.paths.Profiles) },
			Copy:   func(ctx context.Context) error { return a.copyEnv(ctx, r) },
			Notify: alert.Desktop,
		},
	}
	if login, err := a.newTrayLogin(); err == nil {
		opt.Login = login
	}
	return opt, nil
}

// wordsIn says glances in a language; "" is the language of this run.
func (a *app) wordsIn(language string) tray.Words {
	p := a.lang
	if tag, ok := lang.Parse(language); ok && language != "" {
		p = lang.For(tag)
	}
	return tray.Words{Text: p.Text, Said: p.Translate, Left: until, Money: func(d string) string { return dollars(d, 2) }}
}

// copyEnv puts what prism env prints on the clipboard.
func (a *app) copyEnv(ctx context.Context, r room) error {
	e, err := a.clientEnv(ctx, r.asRunning(ctx), envOptions{})
	if err != nil {
		return describe(err)
	}
	text, err := shellLines(e, defaultShell(a.getenv("SHELL")))
	if err != nil {
		return err
	}
	for _, argv := range clipboards(runtime.GOOS, a.getenv) {
		if _, err := exec.LookPath(argv[0]); err != nil {
			continue
		}
		// The text goes through a pipe: arguments can be read by every user of the machine. A program
		// that keeps the clipboard stays in the background; its output is nobody's.
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdin = strings.NewReader(text)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", argv[0], err)
		}
		return nil
	}
	return &admin.Error{Code: codeNotFound, Message: "there is no program for the clipboard", Fix: "install wl-clipboard or xclip; or: prism env"}
}

// clipboards are programs that put their input on the clipboard, the best first.
func clipboards(platform string, getenv func(string) string) [][]string {
	if platform == "darwin" {
		return [][]string{{"pbcopy"}}
	}
	var out [][]string
	if getenv("WAYLAND_DISPLAY") != "" {
		out = append(out, []string{"wl-copy"})
	}
	if getenv("DISPLAY") != "" {
		out = append(out, []string{"xclip", "-selection", "clipboard"}, []string{"xsel", "--input", "--clipboard"})
	}
	return out
}
