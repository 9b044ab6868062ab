package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/renameio/v2"
)

// loginMark stands in every file that makes the tray start with the login.
const loginMark = "prism tray --autostart"

// Login makes a program of the desktop start with the login: by a file for XDG desktops, by a
// launch agent on macOS.
type Login struct {
	path  string
	entry func(argv []string) string
}

// NewLogin returns the way of the platform; the error is [ErrUnsupported] where prism knows none.
// Of opt, Platform, Home and Config count.
func NewLogin(opt Options) (*Login, error) {
	if opt.Platform == "" {
		opt.Platform = runtime.GOOS
	}
	if opt.Config == "" {
		opt.Config = filepath.Join(opt.Home, ".config")
	}
	switch opt.Platform {
	case "linux", "freebsd", "openbsd", "netbsd":
		return &Login{filepath.Join(opt.Config, "autostart", "prism-tray.desktop"), desktopEntry}, nil
	case "darwin":
		return &Login{filepath.Join(opt.Home, "Library", "LaunchAgents", "prism.tray.plist"), loginAgent}, nil
	}
	return nil, ErrUnsupported
}

// Path is the file that says so.
func (l *Login) Path() string { return l.path }

// On makes the command start with the next login. A file that somebody else wrote is not
// replaced; the error is [ErrForeign].
func (l *Login) On(argv []string) error {
	for _, word := range argv {
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%q has a control character", word)
		}
	}
	if err := l.ours(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o750); err != nil {
		return fmt.Errorf("start with the login: %w", err)
	}
	if err := renameio.WriteFile(l.path, []byte(l.entry(argv)), 0o644, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("start with the login: %w", err)
	}
	return nil
}

// Off takes that back. Where nothing starts there is nothing to do.
func (l *Login) Off() error {
	err := l.ours()
	if err == nil {
		err = os.Remove(l.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ours tells by its error whether the file may be changed.
func (l *Login) ours() error {
	b, err := os.ReadFile(l.path)
	if err == nil && !strings.Contains(string(b), loginMark) {
		return fmt.Errorf("%w: %s", ErrForeign, l.path)
	}
	return err
}

// IsOn tells whether the program starts with the login. Desktops switch an entry off by a line in
// it.
func (l *Login) IsOn() bool {
	b, err := os.ReadFile(l.path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		switch strings.ToLower(strings.ReplaceAll(strings.TrimSpace(line), " ", "")) {
		case "hidden=true", "x-gnome-autostart-enabled=false":
			return false
		}
	}
	return true
}

// StartsOther tells whether a file of ours has the login start another program than that of argv.
func (l *Login) StartsOther(argv []string) bool {
	there := l.Command()
	return len(there) > 0 && programOf(there) != programOf(argv)
}

// desktopEntry is the file for XDG desktops.
func desktopEntry(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = quoteEntry(word)
	}
	return "# Written by: " + loginMark + ` on
[Desktop Entry]
Type=Application
Name=prism
Comment=The gateway of your AI clients, in the tray
Comment[zh]=托盘中的 prism 网关
Exec=` + strings.Join(words, " ") + `
Terminal=false
StartupNotify=false
X-GNOME-Autostart-enabled=true
`
}

// quoteEntry writes an argument as the Desktop Entry Specification has it: in quotes, with the
// characters of a shell escaped, as part of a text whose backslashes are escaped in turn; % is for
// field codes.
func quoteEntry(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"'\\><~|&;$*?#()`%=") {
		return word
	}
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(word)
	return `"` + strings.NewReplacer(`\`, `\\`, "%", "%%").Replace(word) + `"`
}

// loginAgent is the file for launchd. The tray needs a session with a screen.
func loginAgent(argv []string) string {
	p := newPlist()
	p.text("Label", "prism.tray")
	p.text("Comment", loginMark)
	p.texts("ProgramArguments", argv)
	p.flag("RunAtLoad", true)
	p.text("LimitLoadToSessionType", "Aqua")
	p.text("ProcessType", "Interactive")
	return p.end()
}
