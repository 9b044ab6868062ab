package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/lang"
	"prism/internal/service"
)

// envProgram sets variables for a command. Files of a login and menus of bars have no other way that
// all of them know.
const envProgram = "/usr/bin/env"

// trayCommand is what a login starts.
func (a *app) trayCommand() ([]string, error) {
	program, err := ownProgram()
	if err != nil {
		return nil, err
	}
	argv, err := a.forThisGateway(program)
	if err != nil {
		return nil, err
	}
	argv = append(argv, "tray")
	if wish := firstOf(a.langFlag, a.getenv(varLanguage)); wish != "" {
		if tag, ok := lang.Parse(wish); ok {
			argv = append(argv, "--"+langFlag, tag.String())
		}
	}
	return argv, nil
}

// forThisGateway is how a command begins that others start, who know nothing of this shell: with all
// that leads to the same gateway.
func (a *app) forThisGateway(program string) ([]string, error) {
	var argv []string
	for _, name := range carried() {
		if value := a.getenv(name); value != "" && name != "PRISM_CONFIG" && name != varLanguage { // are arguments
			if strings.HasSuffix(name, "_FILE") {
				path, err := filepath.Abs(value)
				if err != nil {
					return nil, fmt.Errorf("find %s: %w", value, err)
				}
				value = path
			}
			argv = append(argv, name+"="+value)
		}
	}
	if len(argv) > 0 {
		argv = append([]string{envProgram}, argv...)
	}
	argv = append(argv, program)
	if named := firstOf(a.configFlag, a.getenv("PRISM_CONFIG")); named != "" {
		path, err := filepath.Abs(named)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", named, err)
		}
		argv = append(argv, "--"+configFlag, path)
	}
	return argv, nil
}

// trayLogin is the one entry by which the desktop starts a tray, as seen from this gateway: that of
// another gateway is neither taken for its own nor replaced.
type trayLogin struct {
	*service.Login
	app *app
}

func (a *app) newTrayLogin() (trayLogin, error) {
	login, err := service.NewLogin(a.serviceManager())
	return trayLogin{login, a}, err
}

// IsOn implements [tray.Login].
func (l trayLogin) IsOn() bool { return l.Login.IsOn() && l.other() == "" }

// On implements [tray.Login].
func (l trayLogin) On(argv []string) error {
	if other := l.other(); other != "" {
		return &admin.Error{Code: codeOccupied, Message: "the login starts the tray of another gateway: " + l.app.tilde(other), Fix: "prism tray --autostart off, then prism tray --autostart on"}
	}
	if err := l.Login.On(argv); err != nil {
		return loginError(err)
	}
	return nil
}

// Off implements [tray.Login].
func (l trayLogin) Off() error { return loginError(l.Login.Off()) }

// other names the gateway whose tray the login starts, by its profiles, or by its state where they
// are the same; "" = it is this one's, or there is none.
func (l trayLogin) other() string {
	there := l.Command()
	if len(there) == 0 {
		return ""
	}
	here, err := l.app.trayCommand()
	if err != nil {
		return ""
	}
	a, b := l.app.placesOf(here), l.app.placesOf(there)
	switch {
	case !samePlace(a.Profiles, b.Profiles):
		return b.Profiles
	case !samePlace(a.State, b.State):
		return b.State
	case a.Socket != b.Socket:
		return b.Socket
	}
	return ""
}

// placesOf are the files of the gateway that a command of a login is for.
func (a *app) placesOf(argv []string) config.Paths {
	named := argument(argv, configFlag)
	p, err := config.ResolvePaths(func(name string) string {
		for _, word := range argv {
			if value, ok := strings.CutPrefix(word, name+"="); ok {
				return value
			}
		}
		switch name {
		case "HOME", "XDG_RUNTIME_DIR": // the login has them itself
			return a.getenv(name)
		}
		return ""
	}, named)
	if err != nil {
		return config.Paths{Profiles: named}
	}
	for _, word := range argv {
		if value, ok := strings.CutPrefix(word, "PRISM_SOCKET="); ok {
			p.Socket = value
		}
	}
	return p
}

func loginError(err error) error {
	if errors.Is(err, service.ErrForeign) {
		return &admin.Error{Code: codeFileChanged, Message: err.Error(), Fix: "move it away, and try again"}
	}
	return err
}
