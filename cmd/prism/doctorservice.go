package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"prism/internal/service"
)

// unit is the file of the user's service, "" where there is none.
func (x *examination) unit() string {
	s, err := service.New(x.a.serviceManager())
	if err != nil {
		return ""
	}
	path := s.Files(service.Spec{})[0].Path
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// service looks at what a service of the user needs: to be up to date, to be wanted at login, and
// to outlive the login.
func (x *examination) service() {
	if x.unit() == "" {
		return
	}
	if name := x.a.loginName(); runtime.GOOS == "linux" && name != "" && !lingers(name) {
		x.add(stateWarn, "service", "loginctl enable-linger "+name, "the user service ends with the last login: lingering is off")
	}
	s, err := x.a.house(serviceOptions{})
	if err != nil || !s.Installed() {
		return // somebody keeps the unit by hand
	}
	if !s.ours() {
		x.add(stateWarn, "service", "prism service install --force, if it is to run this one", "the service runs another gateway: %s", s.other())
		return
	}
	files, variables, err := s.outdated()
	switch {
	case err != nil:
		x.add(stateWarn, "service", "prism service status", "%v", err)
	case len(files) > 0 && len(variables) > 0:
		names := strings.Join(variables, " ")
		x.add(stateWarn, "service", "unset "+names+"; or, if the service is to have it: prism service install", "%s is not what would be installed now, because of %s in this shell", x.a.tilde(files[0]), names)
	case len(files) > 0:
		x.add(stateWarn, "service", "prism service install", "%s is not what would be installed now: the program or an address has changed", x.a.tilde(files[0]))
	}
	switch st, err := s.State(x.ctx); {
	case errors.Is(err, service.ErrNoManager):
		x.add(stateWarn, "service", "log in on the machine itself, not with su or sudo", "no service manager answers: whether the service runs is not known")
	case err != nil:
		x.add(stateWarn, "service", "prism service status", "%v", err)
	case st.Why != "" && !st.Running:
		x.add(stateFail, "service", "prism service logs", "the service failed: %s", st.Why)
	case !st.Enabled:
		x.add(stateWarn, "service", "prism service install", "the service does not start by itself")
	case !st.Running:
		x.add(stateWarn, "service", "prism start", "the service does not run")
	case x.status != nil && st.PID != x.status.PID:
		x.add(stateWarn, "service", "prism stop, then prism start", "the gateway that answers (PID %d) is not the service's", x.status.PID)
	default:
		x.add(stateOK, "service", "", "PID %d, starts by itself", st.PID)
	}
}

// tray looks at the file by which the desktop starts the tray.
func (x *examination) tray() {
	login, err := service.NewLogin(x.a.serviceManager())
	if err != nil || !login.IsOn() {
		return
	}
	argv, err := x.a.trayCommand()
	if err != nil {
		return
	}
	if login.StartsOther(argv) {
		x.add(stateWarn, "tray", "prism tray --autostart on", "%s starts another program than this one", x.a.tilde(login.Path()))
	}
	if _, err := exec.LookPath("notify-send"); err != nil && runtime.GOOS == "linux" {
		x.add(stateWarn, "tray", "install libnotify (notify-send)", "notices cannot be shown on this desktop")
	}
}
