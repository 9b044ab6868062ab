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
	s, err := x.a.house(serviceOptions{})
	if err == nil && s.Installed() && !s.ours() { // one of several gateways; its own doctor looks after it
		x.add(stateOK, "service", "", "the service runs another gateway: %s", s.other())
		return
	}
	if name := x.a.loginName(); runtime.GOOS == "linux" && name != "" && !lingers(name) {
		x.add(stateWarn, "service", "loginctl enable-linger "+name, "the user service ends with the last login: lingering is off")
	}
	if err != nil || !s.Installed() {
		return // somebody keeps the unit by hand
	}
	x.installed(s)
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

// installed looks at whether the service is as it would be installed now.
func (x *examination) installed(h house) {
	d, err := h.outdated()
	if err != nil {
		x.add(stateWarn, "service", "prism service status", "%v", err)
		return
	}
	if len(d.dropped) > 0 {
		x.add(stateWarn, "service", "write it into prism.yaml if it is a setting, then: prism service install", "the service has %s, which may be a secret or is no setting of this version", strings.Join(d.dropped, " "))
	}
	switch {
	case len(d.files) == 0:
	case len(d.variables) > 0:
		names := strings.Join(d.variables, " ")
		x.add(stateWarn, "service", "unset "+names+"; or, if the service is to have it: prism service install", "%s is not what would be installed now, because of %s in this shell", x.a.tilde(d.files[0]), names)
	case d.path:
		x.add(stateWarn, "service", "prism service install", "%s is not what would be installed now: a program that opens the file lies elsewhere", x.a.tilde(d.files[0]))
	case len(d.dropped) == 0:
		x.add(stateWarn, "service", "prism service install", "%s is not what would be installed now: the program or an address has changed", x.a.tilde(d.files[0]))
	}
}

// tray looks at the file by which the desktop starts the tray.
func (x *examination) tray() {
	login, err := x.a.newTrayLogin()
	if err != nil || !login.Login.IsOn() {
		return
	}
	if other := login.other(); other != "" {
		x.add(stateOK, "tray", "", "the login starts the tray of another gateway: %s", x.a.tilde(other))
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
