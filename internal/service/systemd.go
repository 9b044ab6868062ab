package service

import (
	"context"
	"embed"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

//go:embed units
var units embed.FS

// systemd is the service manager of most distributions of Linux.
type systemd struct{ opt Options }

// Names of the units, the service first.
const (
	unitService   = "prism.service"
	unitData      = "prism.socket"
	unitControl   = "prism-control.socket"
	unitDashboard = "prism-dashboard.socket"
)

func (d systemd) dir() string {
	if d.opt.System {
		return "/etc/systemd/system"
	}
	return filepath.Join(d.opt.Config, "systemd", "user")
}

// unit is what the templates see. Every text is quoted already.
type unit struct {
	Program string
	Serve   string // the command
	Reload  string
	Env     []string
	User    string // "" = a service of the user
	Target  string
	Sockets string
	Listen  string
}

func (d systemd) files(spec Spec) []File {
	names := []string{unitService}
	sockets := []struct{ name, listen string }{{unitData, spec.Data}, {unitControl, d.short(spec.Control)}, {unitDashboard, spec.Dashboard}}
	all := spec.Program == "" // only the paths are asked for
	for _, s := range sockets {
		if s.listen != "" || all {
			names = append(names, s.name)
		}
	}
	u := d.unit(spec, names[1:])
	files := make([]File, 0, len(names))
	for _, name := range names {
		for _, s := range sockets {
			if s.name == name {
				u.Listen = strings.ReplaceAll(s.listen, "%", "%%")
				if strings.HasPrefix(s.listen, runtimeDir) {
					u.Listen = runtimeDir + strings.ReplaceAll(s.listen[len(runtimeDir):], "%", "%%")
				}
			}
		}
		files = append(files, File{Path: filepath.Join(d.dir(), name), Content: render(name, u)})
	}
	return files
}

func (d systemd) unit(spec Spec, sockets []string) unit {
	u := unit{Program: d.quote(spec.Program), Target: "default.target", Sockets: strings.Join(sockets, " ")}
	var args strings.Builder
	for _, a := range spec.Args {
		args.WriteString(" " + d.quote(a))
	}
	u.Serve, u.Reload = u.Program+" serve"+args.String(), u.Program+" reload"+args.String()
	for _, v := range spec.Env {
		u.Env = append(u.Env, quoteUnit(v.Name+"="+v.Value, false))
	}
	if d.opt.System {
		u.User, u.Target = quoteUnit(spec.User, false), "multi-user.target"
	}
	return u
}

// runtimeDir and homeDir are how a unit names the directories of its user.
const (
	runtimeDir = "%t"
	homeDir    = "%h"
)

// short writes a path below the runtime directory as units do.
func (d systemd) short(path string) string {
	if rest, ok := below(path, d.opt.Runtime); ok && !d.opt.System {
		return runtimeDir + rest
	}
	return path
}

// quote writes a word of a command. A path below the home directory is named as units do, so that
// the unit can be kept among the dotfiles of several machines.
func (d systemd) quote(word string) string {
	if rest, ok := below(word, d.opt.Home); ok && !d.opt.System {
		if quoted := quoteUnit(rest, true); !strings.HasPrefix(quoted, `"`) {
			return homeDir + quoted
		}
	}
	return quoteUnit(word, true)
}

// below returns path without dir, if it lies there.
func below(path, dir string) (string, bool) {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, ok && dir != "" && strings.HasPrefix(rest, "/")
}

// quoteUnit writes a word so that systemd reads it as one, and replaces nothing in it: % is for
// its specifiers, and $ in a command for variables.
func quoteUnit(word string, inCommand bool) string {
	s := strings.ReplaceAll(word, "%", "%%")
	if inCommand {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	if s != "" && !strings.ContainsAny(s, " \t\"'\\;#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func render(name string, u unit) string {
	t := template.Must(template.New(name+".tmpl").ParseFS(units, "units/"+name+".tmpl"))
	var b strings.Builder
	if err := t.Execute(&b, u); err != nil {
		panic(err) // the templates and their data are part of the program; a test renders each
	}
	return b.String()
}

func (d systemd) systemctl(words ...string) []string {
	if d.opt.System {
		return append([]string{"systemctl"}, words...)
	}
	return append([]string{"systemctl", "--user"}, words...)
}

// present are the names of the units that are there.
func (d systemd) present() []string {
	var names []string
	for _, name := range []string{unitService, unitData, unitControl, unitDashboard} {
		if isFile(filepath.Join(d.dir(), name)) {
			names = append(names, name)
		}
	}
	return names
}

func (d systemd) commands(verb string) []command {
	must := func(words ...string) command { return command{argv: d.systemctl(words...)} }
	may := func(words ...string) command { return command{argv: d.systemctl(words...), mayFail: true} }
	with := func(words ...string) []string { return append(words, d.present()...) }
	switch verb {
	case reach:
		return []command{must("show", "--property=Version")}
	case enable:
		return []command{must("daemon-reload"), must(with("enable")...)}
	case disable:
		return []command{must(with("disable", "--now")...)}
	case forget:
		return []command{may("daemon-reload"), may("reset-failed", unitService)}
	case start:
		// A unit that gave up after too many failures is started again only after this. The
		// service brings its sockets.
		return []command{may(with("reset-failed")...), must("start", unitService)}
	case stop:
		return []command{must(with("stop")...)}
	case restart:
		return []command{must("restart", unitService)} // the sockets stay: nobody is refused
	}
	return nil
}

func (d systemd) logs(_ string, lines int, follow bool) []string {
	argv := []string{"journalctl", "--user", "-u", unitService, "-n", strconv.Itoa(lines)}
	if d.opt.System {
		argv = []string{"journalctl", "-u", unitService, "-n", strconv.Itoa(lines)}
	}
	if follow {
		argv = append(argv, "-f")
	}
	return argv
}

func (d systemd) state(ctx context.Context, run Runner) (State, error) {
	argv := d.systemctl("show", unitService, "--property=ActiveState,UnitFileState,MainPID,Result")
	out, err := run(ctx, argv...)
	if err != nil {
		return State{}, failed(argv, out, err)
	}
	var st State
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "ActiveState":
			st.Active = value
			st.Running = value == "active" || value == "reloading" || value == "deactivating"
		case "UnitFileState":
			st.Enabled = value == "enabled"
		case "MainPID":
			st.PID, _ = strconv.Atoi(value) // 0 where it is no number
		case "Result":
			if value != "success" {
				st.Why = value
			}
		}
	}
	return st, nil
}
