package service

import (
	"context"
	"embed"
	"os"
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
		return firstOf(d.opt.Machine, "/etc/systemd/system")
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
	u := unit{Program: d.quote(spec.Program, aProgram), Target: "default.target", Sockets: strings.Join(sockets, " ")}
	var args strings.Builder
	for _, a := range spec.Args {
		args.WriteString(" " + d.quote(a, anArgument))
	}
	u.Serve, u.Reload = u.Program+" serve"+args.String(), u.Program+" reload"+args.String()
	for _, v := range spec.Env {
		u.Env = append(u.Env, quoteUnit(v.Name+"="+v.Value, aVariable))
	}
	if d.opt.System {
		// Not a word: neither quotes nor backslashes mean anything in it.
		u.User, u.Target = strings.ReplaceAll(spec.User, "%", "%%"), "multi-user.target"
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

// Places where a word can stand in a unit.
const (
	aVariable = iota
	aProgram
	anArgument
)

// quote writes a word of a command. A path below the home directory is named as units do, so that
// the unit can be kept among the dotfiles of several machines.
func (d systemd) quote(word string, place int) string {
	if rest, ok := below(word, d.opt.Home); ok && !d.opt.System {
		if quoted := quoteUnit(rest, place); !strings.HasPrefix(quoted, `"`) {
			return homeDir + quoted
		}
	}
	return quoteUnit(word, place)
}

// below returns path without dir, if it lies there.
func below(path, dir string) (string, bool) {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, ok && dir != "" && strings.HasPrefix(rest, "/")
}

// quoteUnit writes a word so that systemd reads it as one, and replaces nothing in it: % is for
// its specifiers, and $ in the arguments of a command for variables, but not in its program.
func quoteUnit(word string, place int) string {
	s := strings.ReplaceAll(word, "%", "%%")
	if place == anArgument {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	if s != "" && !strings.ContainsAny(s, " \t\"'\\;#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// read takes a unit of ours apart.
func (d systemd) read(text string) Spec {
	var spec Spec
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "User":
			spec.User = d.resolve(value)
		case "Environment":
			for _, word := range splitUnit(value) {
				name, value, _ := strings.Cut(d.resolve(word), "=")
				spec.Env = append(spec.Env, Variable{name, value})
			}
		case "ExecStart":
			for i, word := range splitUnit(value) {
				switch word = d.resolve(word); i {
				case 0:
					spec.Program = word
				case 1: // serve
				default:
					spec.Args = append(spec.Args, strings.ReplaceAll(word, "$$", "$"))
				}
			}
		}
	}
	return spec
}

// over are the variables that files beside the unit set, as systemctl edit makes them. An empty
// Environment= takes away all that stood before it.
func (d systemd) over(own Spec) []Variable {
	dir := filepath.Join(d.dir(), unitService+".d")
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var over []Variable
	for _, f := range files { // by name, as systemd has them
		if strings.HasPrefix(f.Name(), ".") || filepath.Ext(f.Name()) != ".conf" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(string(b), "\\\n", " ")) {
			name, value, _ := strings.Cut(line, "=")
			if strings.TrimSpace(name) != "Environment" {
				continue
			}
			words := splitUnit(strings.TrimSpace(value))
			if len(words) == 0 {
				over = nil
				for _, v := range own.Env {
					over = append(over, Variable{Name: v.Name})
				}
			}
			for _, word := range words {
				name, value, _ := strings.Cut(d.resolve(word), "=")
				over = append(over, Variable{name, value})
			}
		}
	}
	return over
}

// resolve is a word with what its specifiers stand for.
func (d systemd) resolve(word string) string {
	pairs := []string{"%%", "%"}
	if !d.opt.System {
		pairs = append(pairs, homeDir, strings.TrimSuffix(d.opt.Home, "/"), runtimeDir, strings.TrimSuffix(d.opt.Runtime, "/"))
	}
	return strings.NewReplacer(pairs...).Replace(word)
}

// splitUnit takes a line into words as systemd does: at spaces outside of quotes.
func splitUnit(line string) []string {
	var words []string
	var b strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, b.String())
			}
			b.Reset()
			inWord = false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words
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

// present are the names of the units that are there and ours.
func (d systemd) present() []string {
	var names []string
	for _, name := range []string{unitService, unitData, unitControl, unitDashboard} {
		if ours(filepath.Join(d.dir(), name)) {
			names = append(names, name)
		}
	}
	return names
}

func (d systemd) commands(verb string, only ...string) []command {
	names := d.present()
	if len(only) > 0 {
		names = nil
		for _, path := range only {
			names = append(names, filepath.Base(path))
		}
	}
	must := func(words ...string) command { return command{argv: d.systemctl(words...)} }
	may := func(words ...string) command { return command{argv: d.systemctl(words...), mayFail: true} }
	with := func(words ...string) []string { return append(words, names...) }
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
