package service

import (
	"context"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// launchd is the service manager of macOS.
type launchd struct{ opt Options }

// label names the job; the file is named for it.
const label = "prism.gateway"

func (d launchd) path() string {
	if d.opt.System {
		return filepath.Join(firstOf(d.opt.Machine, "/Library/LaunchDaemons"), label+".plist")
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

// Exit codes of launchctl.
const (
	exitIO       = 5 // of bootstrap, while the old job is on its way out
	exitNoJob    = 3
	exitBusy     = 36 // of bootout: the job takes its time
	exitBusyLoad = 37
	exitNotFound = 113
)

func (d launchd) commands(verb string, _ ...string) []command {
	launchctl := func(words ...string) command { return command{argv: append([]string{"launchctl"}, words...)} }
	ask := launchctl("print", d.target())
	// bootout returns before the job has ended, and its name is free only then.
	out := launchctl("bootout", d.target())
	out.fine = []int{exitNoJob, exitBusy, exitNotFound}
	left := ask
	left.gone = true
	load := launchctl("bootstrap", d.domain(), d.path())
	load.unless, load.again = ask.argv, []int{exitIO, exitBusyLoad}
	switch verb {
	case reach:
		return []command{launchctl("print", d.domain())}
	case enable:
		return []command{launchctl("enable", d.target())}
	case disable, stop:
		return []command{out, left}
	case start:
		// Loading starts it; one that is loaded already is only started.
		return []command{load, launchctl("kickstart", d.target())}
	case restart:
		return []command{out, left, load}
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
	st := State{Enabled: !d.switchedOff(ctx, run)}
	out, err := run(ctx, "launchctl", "print", d.target())
	if err != nil {
		st.Active = "not loaded"
		return st, nil //nolint:nilerr // that it is not loaded is an answer
	}
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

// switchedOff tells whether launchd has a note that the job is not to start, whatever its file says.
// Older versions write true for disabled.
func (d launchd) switchedOff(ctx context.Context, run Runner) bool {
	out, err := run(ctx, "launchctl", "print-disabled", d.domain())
	if err != nil {
		return false
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " => ")
		if name == `"`+label+`"` {
			return value == "disabled" || value == "true"
		}
	}
	return false
}

// readAgent takes a property list of ours apart.
func readAgent(text string) Spec {
	top, _ := readPlist(xml.NewDecoder(strings.NewReader(text))).(map[string]any)
	var spec Spec
	spec.User, _ = top["UserName"].(string)
	spec.Log, _ = top["StandardErrorPath"].(string)
	words, _ := top["ProgramArguments"].([]any)
	for i, word := range words {
		switch text, _ := word.(string); i {
		case 0:
			spec.Program = text
		case 1: // serve
		default:
			spec.Args = append(spec.Args, text)
		}
	}
	env, _ := top["EnvironmentVariables"].(map[string]any)
	for name, value := range env {
		text, _ := value.(string)
		spec.Env = append(spec.Env, Variable{name, text})
	}
	slices.SortFunc(spec.Env, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return spec
}

// readPlist reads the next value of a property list: a dictionary, a list, or a text; nil at the end
// of what is around it.
func readPlist(dec *xml.Decoder) any {
	for {
		token, err := dec.Token()
		if err != nil {
			return nil
		}
		if _, ends := token.(xml.EndElement); ends {
			return nil
		}
		begin, ok := token.(xml.StartElement)
		if !ok || begin.Name.Local == "plist" {
			continue
		}
		switch begin.Name.Local {
		case "dict":
			all := map[string]any{}
			for key, ok := readPlist(dec).(string); ok; key, ok = readPlist(dec).(string) {
				all[key] = readPlist(dec)
			}
			return all
		case "array":
			all := []any{}
			for v := readPlist(dec); v != nil; v = readPlist(dec) {
				all = append(all, v)
			}
			return all
		}
		var text string
		if dec.DecodeElement(&text, &begin) != nil {
			return nil
		}
		return text
	}
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
