package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"prism/config"
	"prism/internal/service"
)

// varLanguage is the variable of the language; a shell that has another one says nothing about the
// service.
const varLanguage = "PRISM_LANG"

// wanted is what the service is to run here: this program, with the settings as they are, and with
// the variables of this shell that say where files lie. What an installed service has beyond that
// stays: this shell may know less than the one that installed it.
func (h house) wanted() (service.Spec, error) {
	program, err := ownProgram()
	if err != nil {
		return service.Spec{}, err
	}
	is, err := h.Read()
	if err != nil || !h.ours() {
		is = service.Spec{Over: is.Over} // which is not ours to replace
	}
	spec := service.Spec{Program: program, User: h.user, Log: serveLog(h.room), Over: is.Over}
	if samePlace(is.Program, program) && !versioned(is.Program) {
		spec.Program = is.Program // the same by another name
	}
	if err := h.carry(&spec, is); err != nil {
		return spec, err
	}
	// The settings as the service will have them, which may have variables that this shell lacks.
	paths, settings, err := h.settingsOf(spec)
	if err != nil {
		return spec, err
	}
	spec.Data, spec.Dashboard = listenStream(settings.Listen), listenStream(settings.Dashboard)
	if !h.system { // the directory of a socket that systemd makes for a user of the machine would be root's
		spec.Control = socketOf(paths, settings)
	}
	return spec, nil
}

// outdated is what an installation now would change in the installed service.
func (h house) outdated() (differences, error) {
	is, err := h.Read()
	if err != nil {
		return differences{}, nil //nolint:nilerr // what is not installed is not out of date
	}
	spec, err := h.wanted()
	if err != nil {
		return differences{}, err
	}
	if !h.ours() {
		return differences{files: h.Stale(spec)}, nil
	}
	has, here := valuesOf(is), valuesOf(spec)
	here[varLanguage] = has[varLanguage]
	spec.Env = nil
	d := differences{dropped: dropped(is), path: here["PATH"] != has["PATH"]}
	for _, name := range sortedKeys(here) {
		if here[name] != "" {
			spec.Env = append(spec.Env, service.Variable{Name: name, Value: here[name]})
		}
		if here[name] != has[name] && name != "PATH" { // no shell has that of a service
			d.variables = append(d.variables, name)
		}
	}
	d.files = h.Stale(spec)
	return d, nil
}

func valuesOf(spec service.Spec) map[string]string {
	all := map[string]string{}
	for _, v := range spec.Env {
		all[v.Name] = v.Value
	}
	return all
}

// ours tells whether the installed service runs the gateway that this command means, or would: both
// read the same profiles.yaml, and have the same state directory, which one gateway at a time can use.
func (h house) ours() bool {
	is, err := h.Read()
	if err != nil || h.system && is.User != h.user {
		return false
	}
	p, err := h.pathsOf(is)
	return err == nil && samePlace(p.Profiles, h.paths.Profiles) && samePlace(p.State, h.paths.State)
}

// pathsOf are the paths of a gateway that runs as spec says.
func (h house) pathsOf(spec service.Spec) (config.Paths, error) {
	env := h.environment(spec)
	return config.ResolvePaths(func(name string) string { value, _ := env(name); return value }, configOf(spec.Args))
}

// settingsOf are the paths and the settings of a gateway that runs as spec says.
func (h house) settingsOf(spec service.Spec) (config.Paths, config.Settings, error) {
	paths, err := h.pathsOf(spec)
	if err != nil {
		return paths, config.Settings{}, err
	}
	settings, err := config.LoadSettings(config.LoadOptions{File: paths.Settings, Env: h.environment(spec)})
	return paths, settings, err
}

// inside is the room of the installed service itself, whose variables may lead to another socket than
// those of this shell.
func (h house) inside() (room, error) {
	is, err := h.Read()
	if err != nil {
		return room{}, err
	}
	paths, settings, err := h.settingsOf(is)
	if err != nil {
		return room{}, err
	}
	return room{paths, settings, h.a.client(paths, settings)}, nil
}

// environment looks up what a process has under the service manager.
func (h house) environment(spec service.Spec) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if value, is := spec.Lookup(name); is {
			return value, true
		}
		if name == "HOME" || name == "XDG_RUNTIME_DIR" && !h.system {
			value := h.a.getenv(name)
			return value, value != ""
		}
		return "", false
	}
}

// configOf is the value of --config among the arguments of a command.
func configOf(args []string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			return value
		}
		if arg == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// samePlace tells whether two paths lead to one file, or would.
func samePlace(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	left, errLeft := os.Stat(a) //nolint:gosec // a path that the user gave, and only looked at
	right, errRight := os.Stat(b)
	return errLeft == nil && errRight == nil && os.SameFile(left, right)
}

func serveLog(r room) string { return filepath.Join(r.paths.State, "log", "serve.log") }

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

// ownProgram is the path of this program, by the name that the PATH has for it, else by the one that
// it was called by: a package manager replaces what these lead to.
func ownProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program file: %w", err)
	}
	for _, name := range []string{"prism", os.Args[0]} {
		known, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if known, err = filepath.Abs(known); err == nil && samePlace(known, self) {
			return known, nil
		}
	}
	return self, nil
}

// versionName is a folder or a file named for a version, as package managers have them.
var versionName = regexp.MustCompile(`(^|[-_@/])v?[0-9]+\.[0-9]+\.[0-9]+`)

// versioned tells whether a program goes by a name that the next version will not have.
func versioned(program string) bool { return versionName.MatchString(program) }

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

// warnProgram names a place that does not last.
func (a *app) warnProgram(program string) {
	if passing(program) {
		a.note("warning: the program lies in %s, where a service does not see it; install it first: mkdir -p ~/.local/bin && install -m755 %s ~/.local/bin/", filepath.Dir(program), shellQuote(program))
	} else if versioned(program) {
		a.note("warning: %s is a path of this version: after an upgrade the service starts nothing; install it again by a path that upgrades keep, such as a link of the package manager", program)
	}
}
