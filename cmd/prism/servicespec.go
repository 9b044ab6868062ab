package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"prism/internal/service"
)

// serviceSpec is what the service is to run here: this program, with the settings as they are, and
// with the variables of this shell that say where files lie.
func (a *app) serviceSpec(ctx context.Context, r room, o serviceOptions) (service.Spec, error) {
	program, err := ownProgram()
	if err != nil {
		return service.Spec{}, err
	}
	spec := service.Spec{Program: program, Data: listenStream(r.settings.Listen), Dashboard: listenStream(r.settings.Dashboard), Log: serveLog(r)}
	if !o.system { // the directory of a socket that systemd makes for a user of the machine would be root's
		spec.Control = socketOf(r.paths, r.settings)
	}
	if a.configFlag != "" {
		path, err := filepath.Abs(a.configFlag)
		if err != nil {
			return spec, fmt.Errorf("find %s: %w", a.configFlag, err)
		}
		spec.Args = []string{"--config", path}
	}
	for _, name := range a.carried() {
		spec.Env = append(spec.Env, service.Variable{Name: name, Value: a.getenv(name)})
	}
	if path := a.servicePath(ctx, r); path != "" {
		spec.Env = append(spec.Env, service.Variable{Name: "PATH", Value: path})
	}
	return spec, nil
}

func serveLog(r room) string { return filepath.Join(r.paths.State, "log", "serve.log") }

// ownProgram is the path of this program, by the name that the PATH has for it: a package manager
// replaces what that leads to.
func ownProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program file: %w", err)
	}
	known, err := exec.LookPath("prism")
	if err != nil {
		return self, nil //nolint:nilerr // it is not on the PATH
	}
	if known, err = filepath.Abs(known); err != nil {
		return self, nil //nolint:nilerr // the directory we are in has gone
	}
	a, errA := os.Stat(self)
	b, errB := os.Stat(known)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return known, nil
	}
	return self, nil
}

// passing tells whether a program lies where files do not stay, and where systemd shows a service a
// directory of its own.
func passing(program string) bool {
	for _, dir := range []string{"/tmp", "/var/tmp", os.TempDir()} {
		if strings.HasPrefix(program, strings.TrimSuffix(dir, "/")+"/") {
			return true
		}
	}
	return false
}

// listenStream is an address as service managers write it; "" for one that nobody could find again.
func listenStream(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return ""
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// carried are the variables of this shell that the service gets. Its file can be read by everybody:
// what may be a secret is not among them.
func (a *app) carried() []string {
	var names []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "PRISM_PROFILE", name == "PRISM_LANG", strings.HasSuffix(name, "_WEBHOOK"):
		case strings.HasPrefix(name, "PRISM_"):
			names = append(names, name)
		}
	}
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"} {
		if a.getenv(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// warnSecrets names what the service will not have.
func (a *app) warnSecrets() {
	if a.getenv("SOPS_AGE_KEY") != "" {
		a.note("warning: SOPS_AGE_KEY is a secret and is not written into the service; keep the identity in a file: prism doctor names where")
	}
	if a.getenv("PRISM_NOTIFY_WEBHOOK") != "" {
		a.note("warning: PRISM_NOTIFY_WEBHOOK may be a secret and is not written into the service; write notify: into prism.yaml")
	}
}

// serviceFolders are where a service looks for programs.
func serviceFolders() []string {
	if runtime.GOOS == "darwin" {
		return []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}
	}
	return []string{"/usr/local/bin", "/usr/bin", "/bin"}
}

// servicePath is the PATH of the service where it needs one of its own: programs that open the file
// lie where it would not look. "" = it does not.
func (a *app) servicePath(ctx context.Context, r room) string {
	programs := []string{}
	if words := strings.Fields(a.getenv("SOPS_AGE_KEY_CMD")); len(words) > 0 {
		programs = append(programs, words[0])
	}
	if f, err := a.load(ctx, r, r.paths.Profiles); err == nil && f.Opened != nil {
		programs = append(programs, agePlugins(f.Opened.Recipients)...)
	}
	var own []string
	for _, p := range programs {
		where, err := exec.LookPath(p)
		if dir := filepath.Dir(where); err == nil && filepath.IsAbs(dir) && !slices.Contains(serviceFolders(), dir) && !slices.Contains(own, dir) {
			own = append(own, dir)
		}
	}
	if len(own) == 0 {
		return ""
	}
	return strings.Join(append(own, serviceFolders()...), string(os.PathListSeparator))
}

// agePlugins are the programs that recipients of the file need.
func agePlugins(recipients []string) []string {
	var out []string
	for _, r := range recipients {
		name, rest, ok := strings.Cut(strings.TrimPrefix(r, "age1"), "1")
		if ok && name != "" && strings.HasPrefix(r, "age1") && len(rest) >= 20 && len(name) <= 20 {
			out = append(out, "age-plugin-"+name)
		}
	}
	return out
}

// lingers tells whether the services of a user outlive the login; false also where nobody knows.
func lingers(name string) bool {
	_, err := os.Stat(filepath.Join("/var/lib/systemd/linger", name))
	return err == nil
}

// noteLinger tells that a service of the user ends with the last login.
func (a *app) noteLinger(o serviceOptions) {
	name := a.loginName()
	if runtime.GOOS == "linux" && !o.system && name != "" && !lingers(name) {
		a.note("it runs while you are logged in; to keep it beyond that: loginctl enable-linger %s", name)
	}
}

// loginName is the name of the user, "" where it would not do as the name of a file.
func (a *app) loginName() string {
	name := firstOf(a.getenv("USER"), a.getenv("LOGNAME"))
	if name == "" || filepath.Base(name) != name {
		return ""
	}
	return name
}
