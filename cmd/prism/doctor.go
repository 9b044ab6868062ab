package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/config/sealed"
	"prism/internal/admin"
)

// finding is the outcome of one check of the doctor.
type finding struct {
	check string
	state string // ok, warn, fail, skip
	what  string
	fix   string
}

const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
	stateSkip = "skip"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Ordered checks, each with a fix",
		Long: `Doctor looks at what a start would need, in that order: settings, directories, age key,
profiles.yaml, pins, port, ledger, and what could lead a client past the gateway. It changes
nothing, and ends with 7 if a check fails.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd)
		},
	}
}

func (a *app) doctor(cmd *cobra.Command) error {
	x := &examination{a: a, ctx: cmd.Context()}
	x.run(cmd)
	v := view{columns: []column{{name: "state"}, {name: "check"}, {name: "what"}, {name: "fix"}}}
	failed := 0
	for _, f := range x.findings {
		if f.state == stateFail {
			failed++
		}
		v.rows = append(v.rows, []cell{textCell(f.state), textCell(f.check), textCell(f.what), textAs(f.fix, f.fix)})
	}
	findings := x.findings
	v.text = func(w io.Writer) { writeFindings(w, findings) }
	if err := a.show(v); err != nil {
		return err
	}
	if failed > 0 {
		return quietError{codeUnhealthy}
	}
	return nil
}

func writeFindings(w io.Writer, findings []finding) {
	for _, f := range findings {
		fmt.Fprintln(w, escape(fmt.Sprintf("%-4s  %-11s  %s", f.state, f.check, f.what), false))
		if f.fix != "" {
			fmt.Fprintln(w, escape("      fix: "+f.fix, false))
		}
	}
}

// examination runs the checks in the order in which a start would need them.
type examination struct {
	a        *app
	ctx      context.Context //nolint:containedctx // it lives for one command
	room     room
	file     *profilesFile
	running  bool
	findings []finding
}

func (x *examination) add(state, check, fix, format string, args ...any) {
	x.findings = append(x.findings, finding{check, state, fmt.Sprintf(format, args...), fix})
}

func (x *examination) run(cmd *cobra.Command) {
	r, err := x.a.room(cmd)
	if err != nil {
		e := describe(err)
		x.add(stateFail, "settings", e.Fix, "%s", e.Message)
		return
	}
	x.room = r
	x.add(stateOK, "settings", "", "listen %s, trust %s, audit %s", r.settings.Listen, r.settings.Trust, r.settings.Audit)
	x.directories()
	x.identities()
	x.profiles()
	x.pins()
	x.plugins()
	x.gateway()
	x.ledger()
	x.client()
}

// directories must be ours and closed to others: keys and the journal lie there.
func (x *examination) directories() {
	p := x.room.paths
	for _, d := range []struct{ name, path string }{{"state", p.State}, {"data", p.Data}} {
		st, err := os.Stat(d.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			x.add(stateSkip, d.name, "", "%s is made with the first start", x.a.tilde(d.path))
		case err != nil:
			x.add(stateFail, d.name, "ls -ld "+d.path, "%v", err)
		case st.Mode().Perm()&0o077 != 0:
			x.add(stateWarn, d.name, "chmod 700 "+d.path, "%s is open to others (mode %04o)", x.a.tilde(d.path), st.Mode().Perm())
		default:
			x.add(stateOK, d.name, "", "%s", x.a.tilde(d.path))
		}
	}
}

func (x *examination) identities() {
	var found []string
	for _, s := range sealed.FindIdentities(x.a.getenv) {
		switch {
		case len(s.Recipients) > 0:
			found = append(found, x.a.tilde(s.Place))
		case strings.HasPrefix(s.Problem, "ignored"):
			x.add(stateWarn, "age key", "chmod 600 "+s.Place, "%s is %s", x.a.tilde(s.Place), s.Problem)
			return
		}
	}
	if len(found) == 0 {
		x.add(stateWarn, "age key", "prism init", "no age identity where sops looks for one")
		return
	}
	x.add(stateOK, "age key", "", "%s", strings.Join(found, ", "))
}

func (x *examination) profiles() {
	f, err := x.a.load(x.ctx, x.room, x.room.paths.Profiles)
	if err != nil {
		x.add(stateFail, "profiles", "ls -l "+x.a.tilde(x.room.paths.ActiveFile), "%v", err)
		return
	}
	if err := f.Problems.Err(); err != nil {
		e := worst(f.Problems)
		x.add(stateFail, "profiles", e.Fix, "%s: %s", placeOf(x.a, e.At), e.Message)
		return
	}
	x.file = f
	how := "not sealed"
	if f.Sealed {
		how = "sealed for " + plural(len(f.Opened.Recipients), "recipient")
	}
	x.add(stateOK, "profiles", "", "%s, %s, %s", x.a.tilde(f.Path), plural(len(f.Profiles.Profiles), "profile"), how)
	for _, p := range f.Problems {
		x.add(stateWarn, "profiles", p.Fix, "%d:%d: %s", p.Line, p.Column, p.Message)
	}
	if f.Sealed && len(f.Opened.Recipients) == 1 {
		x.add(stateWarn, "backup", "add a second recipient to .sops.yaml, then: sops updatekeys "+x.a.tilde(f.Path), "only one key opens the file: if it is lost, so are the keys in it")
	}
	if _, err := os.Stat(x.room.paths.Schema); errors.Is(err, fs.ErrNotExist) {
		x.add(stateWarn, "schema", "prism schema --out "+x.a.tilde(x.room.paths.Schema), "the editor finds no schema beside the file")
	}
}

func (x *examination) pins() {
	if x.file == nil {
		return
	}
	problems, err := pinProblems(x.room, x.file)
	switch {
	case err != nil:
		x.add(stateFail, "pins", "prism trust --list", "%v", err)
	case len(problems) > 0:
		for _, p := range problems {
			x.add(stateFail, "pins", p.Fix, "%s", p.Message)
		}
	default:
		x.add(stateOK, "pins", "", "every key goes where it was confirmed for")
	}
}

// plugins are programs that hold an age key for us; a service has a short PATH.
func (x *examination) plugins() {
	if x.file == nil || x.file.Opened == nil {
		return
	}
	for _, r := range x.file.Opened.Recipients {
		name, rest, ok := strings.Cut(strings.TrimPrefix(r, "age1"), "1")
		if !ok || name == "" || !strings.HasPrefix(r, "age1") || len(rest) < 20 || len(name) > 20 {
			continue
		}
		plugin := "age-plugin-" + name
		if _, err := exec.LookPath(plugin); err != nil {
			x.add(stateWarn, "plugin", "put "+plugin+" on the PATH", "%s is not found; the file has a recipient of it", plugin)
		}
	}
}

func (x *examination) gateway() {
	st, err := x.room.client.Status(x.ctx)
	if errors.Is(err, admin.ErrNotRunning) {
		x.add(stateWarn, "gateway", "prism serve", "it does not run")
		x.freePort()
		return
	}
	if err != nil {
		x.add(stateFail, "gateway", "prism status", "%v", err)
		return
	}
	x.running = true
	if wrong := illness(st); wrong != "" {
		x.add(stateFail, "gateway", "prism status", "%s", wrong)
	} else {
		x.add(stateOK, "gateway", "", "PID %d, generation %d, active %s", st.PID, st.Generation, st.Active)
	}
	x.port(st.Listen)
	if st.Version != thisBuild().Version {
		x.add(stateWarn, "version", "restart prism serve", "the gateway is %s, this is %s", st.Version, thisBuild().Version)
	}
	if st.File.Mode == "poll" {
		x.add(stateWarn, "watch", "sysctl fs.inotify.max_user_instances", "no file events: a save is seen by the poll, two seconds late at most")
	}
	if st.Ledger.Holder != "" {
		x.add(stateWarn, "ledger", "open it read-only there", "%s holds the ledger; %d entries wait in the journal", st.Ledger.Holder, st.Ledger.Waiting)
	}
}

// freePort looks whether the gateway could have its port.
func (x *examination) freePort() {
	listen := x.room.settings.Listen
	var lc net.ListenConfig
	ln, err := lc.Listen(x.ctx, "tcp", listen)
	if err != nil {
		x.add(stateFail, "port", "stop the program that listens there, or set listen: in prism.yaml", "%s cannot be had: %v", listen, errors.Unwrap(err))
		return
	}
	_ = ln.Close()
}

// port asks the data port itself, as a client would.
func (x *examination) port(listen string) {
	ctx, cancel := context.WithTimeout(x.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+listen+"/", nil)
	if err != nil {
		x.add(stateFail, "port", "prism status", "%v", err)
		return
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		x.add(stateFail, "port", "prism status", "%s does not answer: %v", listen, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		x.add(stateFail, "port", "see what listens there", "%s answers %s, which prism would not", listen, resp.Status)
		return
	}
	x.add(stateOK, "port", "", "%s answers", listen)
}

func (x *examination) ledger() {
	if _, err := os.Stat(x.room.paths.LedgerFile); err != nil {
		x.add(stateSkip, "ledger", "", "no request was recorded yet")
		return
	}
	db, err := x.a.reader(x.ctx, x.room)
	if err != nil {
		e := describe(err)
		x.add(stateFail, "ledger", e.Fix, "%s", e.Message)
		return
	}
	defer db.Close()
	var n int64
	if err := db.QueryRowContext(x.ctx, "select count(*) from requests").Scan(&n); err != nil {
		x.add(stateFail, "ledger", "prism sql \"describe requests\"", "%v", err)
		return
	}
	x.add(stateOK, "ledger", "", "%s, %s", x.a.tilde(x.room.paths.LedgerFile), plural(int(n), "request"))
}

// client looks for what would lead a client past the gateway.
func (x *examination) client() {
	want := "http://" + x.room.settings.Listen
	if base := x.a.getenv("ANTHROPIC_BASE_URL"); base != "" && !strings.HasPrefix(base, want) {
		x.add(stateWarn, "client", `eval "$(prism env)"`, "ANTHROPIC_BASE_URL leads to %s, not to prism", base)
	}
	proxied := firstOf(x.a.getenv("HTTP_PROXY"), x.a.getenv("http_proxy"), x.a.getenv("HTTPS_PROXY"), x.a.getenv("https_proxy"))
	if none := firstOf(x.a.getenv("NO_PROXY"), x.a.getenv("no_proxy")); proxied != "" && withLoopback(none) != none {
		x.add(stateWarn, "client", "export NO_PROXY=127.0.0.1,localhost", "with a proxy set, calls to the loopback address go to that proxy")
	}
	for _, s := range x.a.claudeSettings() {
		env, _ := s["env"].(map[string]any)
		if base, _ := env["ANTHROPIC_BASE_URL"].(string); base != "" && !strings.HasPrefix(base, want) {
			x.add(stateWarn, "client", "prism run -- claude, or take it out of the settings", "the settings of Claude Code lead to %s; they win over the environment", base)
		}
	}
}
