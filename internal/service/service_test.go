package service

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorder stands for the service manager: it remembers what it was told and fails where it is to.
type recorder struct {
	told []string
	fail map[string]string // start of a command -> what it prints
	say  map[string]string
}

func (r *recorder) run(_ context.Context, argv ...string) (string, error) {
	line := strings.Join(argv, " ")
	r.told = append(r.told, line)
	for start, text := range r.fail {
		if strings.HasPrefix(line, start) {
			return text, errors.New("exit status 1")
		}
	}
	for start, text := range r.say {
		if strings.HasPrefix(line, start) {
			return text, nil
		}
	}
	return "", nil
}

func linux(t *testing.T) (*Service, *recorder, Options) {
	t.Helper()
	home := t.TempDir()
	r := &recorder{}
	opt := Options{Platform: "linux", Home: home, Runtime: "/run/user/1000", UID: 1000, Run: r.run}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s, r, opt
}

func everyday(home string) Spec {
	return Spec{
		Program: filepath.Join(home, ".local/bin/prism"), Data: "127.0.0.1:3000", Dashboard: "127.0.0.1:3001",
		Control: "/run/user/1000/prism/prism.sock", Log: filepath.Join(home, ".local/state/prism/log/serve.log"),
	}
}

// TestTheExamplesAreWhatInstallWrites keeps examples/systemd, which people copy, and the program
// from saying different things.
func TestTheExamplesAreWhatInstallWrites(t *testing.T) {
	s, _, opt := linux(t)
	files := s.Files(everyday(opt.Home))
	if len(files) != 4 {
		t.Fatalf("%d files", len(files))
	}
	for _, f := range files {
		golden(t, filepath.Join("..", "..", "examples", "systemd", filepath.Base(f.Path)), f.Content)
	}
}

func TestTheAgentOfMacOSIsAPropertyList(t *testing.T) {
	s, err := New(Options{Platform: "darwin", Home: "/Users/ann", UID: 501})
	if err != nil {
		t.Fatal(err)
	}
	spec := everyday("/Users/ann")
	spec.Env = []Variable{{"PRISM_CONFIG", "/Users/ann/a <b> & \"c\""}}
	spec.Args = []string{"--config", "/Users/ann/dot files"}
	f := s.Files(spec)[0]
	golden(t, filepath.Join("testdata", "gateway.plist"), f.Content)
	for dec := xml.NewDecoder(strings.NewReader(f.Content)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if want := "/Users/ann/Library/LaunchAgents/prism.gateway.plist"; f.Path != want {
		t.Errorf("it lies in %s, want %s", f.Path, want)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what would be installed; run: go test ./internal/service -update\n%s", name, got)
	}
}

// TestNothingInAUnitIsReplaced: percent signs, dollars, spaces and quotes in paths stay what they
// are.
func TestNothingInAUnitIsReplaced(t *testing.T) {
	for _, tt := range []struct{ word, argument, plain string }{
		{"/usr/bin/prism", "/usr/bin/prism", "/usr/bin/prism"},
		{"/opt/my apps/prism", `"/opt/my apps/prism"`, `"/opt/my apps/prism"`},
		{"/opt/100%/p", "/opt/100%%/p", "/opt/100%%/p"},
		{"/opt/$HOME/p", "/opt/$$HOME/p", "/opt/$HOME/p"}, // systemd looks for variables in arguments alone
		{`/opt/a"b\c/p`, `"/opt/a\"b\\c/p"`, `"/opt/a\"b\\c/p"`},
		{"/opt/a;b", `"/opt/a;b"`, `"/opt/a;b"`},
		{"", `""`, `""`},
	} {
		if got := quoteUnit(tt.word, anArgument); got != tt.argument {
			t.Errorf("%q as an argument is %s, want %s", tt.word, got, tt.argument)
		}
		for _, place := range []int{aProgram, aVariable} {
			if got := quoteUnit(tt.word, place); got != tt.plain {
				t.Errorf("%q is %s, want %s", tt.word, got, tt.plain)
			}
		}
	}
}

// hostile has in every place what the files of a manager give a meaning to.
func hostile(home string) Spec {
	const odd = `a $HOME ${x} %h 100% "q" 'r' \b <&> ;#é`
	return Spec{
		Program: filepath.Join(home, odd, "prism"), Args: []string{"--config", filepath.Join(home, odd)}, Log: filepath.Join(home, odd, "serve.log"),
		Env:  []Variable{{"PATH", "/opt/" + odd}, {"PRISM_DRAIN", "5s"}, {"SOPS_AGE_KEY_CMD", odd}},
		User: `CORP\ann %u`, Data: "127.0.0.1:3000", Control: "/run/user/1000/" + odd + "/prism.sock",
	}
}

// TestWhatWasInstalledCanBeReadBack: what is kept of an installation is what was meant, whatever it
// looks like.
func TestWhatWasInstalledCanBeReadBack(t *testing.T) {
	for _, opt := range []Options{{Platform: "linux"}, {Platform: "linux", System: true}, {Platform: "darwin"}, {Platform: "darwin", System: true}} {
		opt.Home, opt.Runtime = t.TempDir(), "/run/user/1000"
		s, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []Spec{hostile(opt.Home), everyday(opt.Home)} {
			got := s.read(s.Files(want)[0].Content)
			if got.Program != want.Program || !slices.Equal(got.Args, want.Args) || !slices.Equal(got.Env, want.Env) {
				t.Errorf("%+v: read\n%+v, want\n%+v", opt, got, want)
			}
			if opt.System && got.User != want.User {
				t.Errorf("%+v: it runs as %q, want %q", opt, got.User, want.User)
			}
		}
	}
	s, _, opt := linux(t)
	if _, err := s.Read(); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("without an installation: %v", err)
	}
	if _, err := s.Install(t.Context(), everyday(opt.Home), false); err != nil {
		t.Fatal(err)
	}
	if spec, err := s.Read(); err != nil || spec.Program != everyday(opt.Home).Program {
		t.Errorf("%+v, %v", spec, err)
	}
}

// TestWhatItsUserHasSetCounts: systemd reads the files that systemctl edit makes after the unit.
func TestWhatItsUserHasSetCounts(t *testing.T) {
	s, _, opt := linux(t)
	spec := everyday(opt.Home)
	spec.Env = []Variable{{"PRISM_CONFIG", "/a"}, {"PRISM_DRAIN", "5s"}}
	if _, err := s.Install(t.Context(), spec, false); err != nil {
		t.Fatal(err)
	}
	dir := s.Files(spec)[0].Path + ".d"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	look := func(want map[string]string) {
		t.Helper()
		is, err := s.Read()
		if err != nil || !slices.Equal(is.Env, spec.Env) {
			t.Errorf("the unit has %+v, %v", is.Env, err)
		}
		for _, name := range []string{"PRISM_CONFIG", "PRISM_DRAIN", "PRISM_LOG", "ODD"} {
			value, known := want[name]
			if got, there := is.Lookup(name); got != value || there != known {
				t.Errorf("%s is %q, %t, want %q, %t", name, got, there, value, known)
			}
		}
		if stale := s.Stale(spec); len(stale) > 0 {
			t.Errorf("out of date: %q", stale)
		}
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	look(map[string]string{"PRISM_CONFIG": "/a", "PRISM_DRAIN": "5s"})
	put("20-b.conf", "[Service]\nEnvironment = \"PRISM_CONFIG=%h/my b\" \\\n  PRISM_LOG=debug\n# Environment=PRISM_DRAIN=9s\n")
	put("10-a.conf", "[Service]\nEnvironment=PRISM_CONFIG=/c ODD=1\nTimeoutStopSec=9\n")
	put("30-no.txt", "Environment=PRISM_CONFIG=/d\n")
	put(".#40.conf", "Environment=PRISM_CONFIG=/e\n")
	look(map[string]string{"PRISM_CONFIG": opt.Home + "/my b", "PRISM_DRAIN": "5s", "PRISM_LOG": "debug", "ODD": "1"})
	put("15-none.conf", "[Service]\nEnvironment=\n")
	look(map[string]string{"PRISM_CONFIG": opt.Home + "/my b", "PRISM_LOG": "debug"})
}

// TestAUserIsNotAWord: systemd takes the value of User= as it is.
func TestAUserIsNotAWord(t *testing.T) {
	s, err := New(Options{Platform: "linux", System: true})
	if err != nil {
		t.Fatal(err)
	}
	if text := s.Files(hostile("/home/ann"))[0].Content; !strings.Contains(text, "\nUser=CORP\\ann %%u\n") {
		t.Errorf("the user is lost:\n%s", text)
	}
}

func TestAValueThatWouldBeALineOfItsOwnIsRefused(t *testing.T) {
	s, r, opt := linux(t)
	for _, spoil := range []func(*Spec){
		func(p *Spec) { p.Env = []Variable{{"A", "x\nExecStartPre=/bin/evil"}} },
		func(p *Spec) { p.Args = []string{"--config", "a\rb"} },
		func(p *Spec) { p.Data = "127.0.0.1:3000\nListenStream=0.0.0.0:1" },
		func(p *Spec) { p.Program = "prism" },
		func(p *Spec) { p.Program = `/opt/it's/prism` }, // systemd refuses such a unit
	} {
		spec := everyday(opt.Home)
		spoil(&spec)
		if _, err := s.Install(t.Context(), spec, true); err == nil {
			t.Errorf("%+v was installed", spec)
		}
	}
	if len(r.told) > 0 || len(tree(t, opt.Home)) > 0 {
		t.Errorf("something was done: %q %q", r.told, tree(t, opt.Home))
	}
}

func TestUninstallLeavesNothing(t *testing.T) {
	for _, platform := range []string{"linux", "darwin"} {
		t.Run(platform, func(t *testing.T) {
			r := &recorder{}
			home := t.TempDir()
			keep := filepath.Join(home, "keep")
			if err := os.WriteFile(keep, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := New(Options{Platform: platform, Home: home, Run: r.run})
			if err != nil {
				t.Fatal(err)
			}
			report, err := s.Install(t.Context(), everyday(home), false)
			if err != nil || len(report.Written) == 0 || !s.Installed() {
				t.Fatal(report, err)
			}
			if platform == "linux" { // what systemctl enable does, in a world where disable does not answer
				link(t, home, "default.target.wants", "prism.service")
				link(t, home, "sockets.target.wants", "prism.socket")
			}
			if stale := s.Stale(everyday(home)); len(stale) > 0 {
				t.Errorf("out of date at once: %q", stale)
			}
			again, err := s.Install(t.Context(), everyday(home), false)
			if err != nil || len(again.Written) > 0 {
				t.Errorf("the second time it wrote %q, %v", again.Written, err)
			}
			r.fail = map[string]string{"systemctl": "Failed to connect to bus: No medium found", "launchctl": "Could not find domain"}
			gone, err := s.Uninstall(t.Context())
			if platform == "linux" && !errors.Is(err, ErrNoManager) {
				t.Errorf("that nobody answers is not said: %v", err)
			}
			if !slices.Equal(sorted(gone.Removed), sorted(report.Written)) {
				t.Errorf("removed %q, had written %q", gone.Removed, report.Written)
			}
			if left := tree(t, home); !slices.Equal(left, []string{keep}) {
				t.Errorf("left: %q", left)
			}
		})
	}
}

func link(t *testing.T, home, wants, unit string) {
	t.Helper()
	dir := filepath.Join(home, ".config/systemd/user")
	if err := os.MkdirAll(filepath.Join(dir, wants), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, unit), filepath.Join(dir, wants, unit)); err != nil {
		t.Fatal(err)
	}
}

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

// tree is every file below a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAFileOfSomebodyElseIsNeitherReplacedNorRemoved(t *testing.T) {
	s, r, opt := linux(t)
	theirs := filepath.Join(opt.Home, ".config/systemd/user/prism.socket")
	if err := os.MkdirAll(filepath.Dir(theirs), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(theirs, []byte("[Socket]\nListenStream=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := s.Install(t.Context(), everyday(opt.Home), false)
	if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), theirs) {
		t.Fatalf("installed over it: %v", err)
	}
	if got := tree(t, opt.Home); !slices.Equal(got, []string{theirs}) {
		t.Errorf("there is now %q", got)
	}
	spec := everyday(opt.Home)
	spec.Data = "" // not wanted, and in the way
	r.told = nil
	if _, err := s.Install(t.Context(), spec, true); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Uninstall(t.Context()); err != nil || !slices.Contains(report.Left, theirs) {
		t.Errorf("left %q, %v", report.Left, err)
	}
	if b, err := os.ReadFile(theirs); err != nil || !strings.Contains(string(b), "ListenStream=1") {
		t.Errorf("it holds %q, %v", b, err)
	}
	for _, line := range r.told {
		if slices.Contains(strings.Fields(line), "prism.socket") {
			t.Errorf("the manager was told of it: %s", line)
		}
	}
}

// TestWhatTheManagerRefusesIsTakenBack: after a failed installation everything is as it was.
func TestWhatTheManagerRefusesIsTakenBack(t *testing.T) {
	s, r, opt := linux(t)
	old := everyday(opt.Home)
	if _, err := s.Install(t.Context(), old, false); err != nil {
		t.Fatal(err)
	}
	r.fail = map[string]string{"systemctl --user enable": "Failed to enable unit: Access denied"}
	next := old
	next.Data, next.Dashboard = "127.0.0.1:4000", ""
	if _, err := s.Install(t.Context(), next, false); err == nil || !strings.Contains(err.Error(), "Access denied") {
		t.Fatalf("it was not refused, or not said why: %v", err)
	}
	if stale := s.Stale(old); len(stale) > 0 {
		t.Errorf("these are not as they were: %q", stale)
	}
}

func TestWithoutAManagerNothingIsWritten(t *testing.T) {
	s, r, opt := linux(t)
	r.fail = map[string]string{"systemctl": "Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined"}
	if _, err := s.Install(t.Context(), everyday(opt.Home), false); !errors.Is(err, ErrNoManager) {
		t.Fatalf("the error is %v", err)
	}
	if got := tree(t, opt.Home); len(got) > 0 {
		t.Errorf("written: %q", got)
	}
}

// TestAnAddressThatIsNoLongerWantedIsNoLongerKeptOpen: the unit of a dashboard that was switched
// off goes with the next installation.
func TestAnAddressThatIsNoLongerWantedIsNoLongerKeptOpen(t *testing.T) {
	s, r, opt := linux(t)
	if _, err := s.Install(t.Context(), everyday(opt.Home), false); err != nil {
		t.Fatal(err)
	}
	spec := everyday(opt.Home)
	spec.Dashboard = ""
	r.told = nil
	if stale := s.Stale(spec); len(stale) != 2 { // the service names its sockets
		t.Errorf("out of date: %q", stale)
	}
	report, err := s.Install(t.Context(), spec, false)
	if err != nil || len(report.Removed) != 1 || filepath.Base(report.Removed[0]) != "prism-dashboard.socket" {
		t.Errorf("removed %q, %v", report.Removed, err)
	}
	// Without the file systemd goes on holding the port, and knows no way to let it go.
	closed := slices.Index(r.told, "systemctl --user disable --now prism-dashboard.socket")
	if reloaded := slices.Index(r.told, "systemctl --user daemon-reload"); closed < 0 || reloaded < closed {
		t.Errorf("the manager was told %q", r.told)
	}
}

func TestStateIsWhatTheManagerSays(t *testing.T) {
	s, r, opt := linux(t)
	if st, err := s.State(t.Context()); err != nil || st != (State{}) || len(r.told) > 0 {
		t.Errorf("without an installation: %+v, %v", st, err)
	}
	if _, err := s.Install(t.Context(), everyday(opt.Home), false); err != nil {
		t.Fatal(err)
	}
	r.say = map[string]string{"systemctl --user show prism.service": "ActiveState=failed\nUnitFileState=enabled\nMainPID=0\nResult=exit-code\n"}
	want := State{Installed: true, Enabled: true, Active: "failed", Why: "exit-code"}
	if st, err := s.State(t.Context()); err != nil || st != want {
		t.Errorf("%+v, %v", st, err)
	}
	r.say = map[string]string{"systemctl --user show prism.service": "ActiveState=active\nUnitFileState=disabled\nMainPID=4121\nResult=success\n"}
	want = State{Installed: true, Active: "active", Running: true, PID: 4121}
	if st, err := s.State(t.Context()); err != nil || st != want {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestAServiceOfTheMachineRunsAsItsUser(t *testing.T) {
	s, err := New(Options{Platform: "linux", System: true, Home: "/home/ann", Runtime: "/run/user/1000"})
	if err != nil {
		t.Fatal(err)
	}
	spec := everyday("/home/ann")
	spec.User, spec.Control = "ann", ""
	text := s.Files(spec)[0].Content
	for _, want := range []string{"User=ann\n", "ExecStart=/home/ann/.local/bin/prism serve\n", "WantedBy=multi-user.target\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
