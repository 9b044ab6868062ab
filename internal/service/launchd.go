package service

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// launchd is the service manager of macOS.
type launchd struct{ opt Options }

// label names the job; the file is named for it.
const label = "prism.gateway"

func (d launchd) path() string {
	if d.opt.System {
		return "/Library/LaunchDaemons/" + label + ".plist"
	}
	return filepath.Join(d.opt.Home, "Library", "LaunchAgents", label+".plist")
}

// domain is where the job lives: the login session of the user, or the machine.
func (d launchd) domain() string {
	if d.opt.System {
		return "system"
	}
	return "gui/" + strconv.Itoa(d.opt.UID)
}

func (d launchd) target() string { return d.domain() + "/" + label }

func (d launchd) files(spec Spec) []File {
	p := newPlist()
	p.comment("The gateway as a service. Written by: " + Mark)
	p.text("Label", label)
	p.texts("ProgramArguments", append([]string{spec.Program, "serve"}, spec.Args...))
	p.flag("RunAtLoad", true)
	// An end with 0 was wanted; any other one is tried again.
	p.open("KeepAlive")
	p.flag("SuccessfulExit", false)
	p.close()
	p.number("ThrottleInterval", 5)
	// More than the setting drain: what is in flight may finish.
	p.number("ExitTimeOut", 90)
	p.number("Umask", 0o077)
	p.open("SoftResourceLimits")
	p.number("NumberOfFiles", 16384)
	p.number("Core", 0)
	p.close()
	if d.opt.System {
		p.text("UserName", spec.User)
	}
	if len(spec.Env) > 0 {
		p.open("EnvironmentVariables")
		for _, v := range spec.Env {
			p.text(v.Name, v.Value)
		}
		p.close()
	}
	p.text("StandardErrorPath", spec.Log)
	return []File{{Path: d.path(), Content: p.end()}}
}

func (d launchd) commands(verb string) []command {
	must := func(words ...string) command { return command{argv: append([]string{"launchctl"}, words...)} }
	may := func(words ...string) command {
		return command{argv: append([]string{"launchctl"}, words...), mayFail: true}
	}
	switch verb {
	case reach:
		return []command{must("print", d.domain())}
	case enable:
		return []command{must("enable", d.target())}
	case disable:
		return []command{may("bootout", d.target()), may("disable", d.target())}
	case start:
		// Loading starts it; one that is loaded already is only started.
		return []command{may("bootstrap", d.domain(), d.path()), must("kickstart", d.target())}
	case stop:
		return []command{must("bootout", d.target())} // waits for the end, and for ExitTimeOut at most
	case restart:
		return []command{may("bootout", d.target()), must("bootstrap", d.domain(), d.path())}
	}
	return nil
}

func (d launchd) logs(log string, lines int, follow bool) []string {
	argv := []string{"tail", "-n", strconv.Itoa(lines)}
	if follow {
		argv = append(argv, "-F")
	}
	return append(argv, log)
}

func (d launchd) state(ctx context.Context, run Runner) (State, error) {
	out, err := run(ctx, "launchctl", "print", d.target())
	if err != nil {
		return State{Active: "not loaded"}, nil //nolint:nilerr // that it is not loaded is an answer
	}
	st := State{Enabled: true}
	for line := range strings.Lines(out) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		switch {
		case !ok:
		case name == "state" && st.Active == "": // deeper ones follow
			st.Active, st.Running = value, value == "running"
		case name == "pid" && st.PID == 0:
			st.PID, _ = strconv.Atoi(value) // 0 where it is no number
		case name == "last exit code" && value != "0" && value != "(never exited)":
			st.Why = "exit code " + value
		}
	}
	return st, nil
}

// plist writes a property list.
type plist struct {
	b     strings.Builder
	depth int
}

func newPlist() *plist {
	p := &plist{depth: 1}
	p.b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n<dict>\n")
	return p
}

func (p *plist) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("  ", p.depth) + fmt.Sprintf(format, args...) + "\n")
}

func (p *plist) comment(text string) { p.line("<!-- %s -->", text) }

func (p *plist) text(key, value string) {
	p.line("<key>%s</key>", escapeXML(key))
	p.line("<string>%s</string>", escapeXML(value))
}

func (p *plist) texts(key string, values []string) {
	p.line("<key>%s</key>", escapeXML(key))
	p.line("<array>")
	for _, v := range values {
		p.line("  <string>%s</string>", escapeXML(v))
	}
	p.line("</array>")
}

func (p *plist) number(key string, n int) {
	p.line("<key>%s</key>", key)
	p.line("<integer>%d</integer>", n)
}

func (p *plist) flag(key string, value bool) {
	p.line("<key>%s</key>", key)
	p.line("<%t/>", value)
}

func (p *plist) open(key string) {
	p.line("<key>%s</key>", key)
	p.line("<dict>")
	p.depth++
}

func (p *plist) close() {
	p.depth--
	p.line("</dict>")
}

func (p *plist) end() string {
	p.b.WriteString("</dict>\n</plist>\n")
	return p.b.String()
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
