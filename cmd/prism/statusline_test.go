package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/tray"
)

// observer is a gateway of which only the live part answers.
type observer struct {
	admin.Control
	mu    sync.Mutex
	line  admin.SessionLine
	live  admin.Live
	err   error
	stall time.Duration
	told  []admin.SessionPlace
}

func (o *observer) Live(context.Context, int64) (admin.Live, error) { return o.live, o.err }

func (o *observer) Place(ctx context.Context, p admin.SessionPlace) (admin.SessionLine, error) {
	o.mu.Lock()
	o.told = append(o.told, p)
	o.mu.Unlock()
	select {
	case <-time.After(o.stall):
	case <-ctx.Done():
	}
	return o.line, o.err
}

func (o *observer) places() []admin.SessionPlace {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.told)
}

func (o *observer) FoldNow(context.Context) (ledger.FoldResult, error) {
	return ledger.FoldResult{}, nil
}

// clientApp is an app as Claude Code starts it: nothing is a terminal. Its environment is env.
func clientApp(t testing.TB, env map[string]string, in io.Reader) (*app, *bytes.Buffer) {
	t.Helper()
	home, err := os.MkdirTemp("", "line") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	all := map[string]string{"HOME": home, "XDG_RUNTIME_DIR": home, "ANTHROPIC_BASE_URL": "http://127.0.0.1:3000"}
	maps.Copy(all, env)
	var out bytes.Buffer
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return &app{in: in, out: &out, err: io.Discard, getenv: func(k string) string { return all[k] }, now: func() time.Time { return at }}, &out
}

// gateway answers at the socket of a.
func gateway(t testing.TB, a *app, o *observer) {
	t.Helper()
	p, err := a.paths()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := admin.Listen(p.Socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.Handler(admin.Options{Control: o, Folder: o, Feed: admin.NewFeed(), Observer: o}), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
}

// lineOf runs the command as a client would, and returns the line.
func lineOf(t testing.TB, a *app, out *bytes.Buffer, args ...string) string {
	t.Helper()
	// A test may run on a machine that is busy; only the gateway that does not answer is waited for.
	cmd := newLimitedLine(a, lineLimits{whole: time.Second, ask: 900 * time.Millisecond})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Errorf("a status line failed: %v", err)
	}
	s := out.String()
	if strings.Count(s, "\n") != 1 || !strings.HasSuffix(s, "\n") || strings.TrimSpace(s) == "" {
		t.Errorf("%q is not one line that says something", s)
	}
	if !utf8.ValidString(s) || strings.IndexFunc(strings.TrimSuffix(s, "\n"), tray.Hostile) >= 0 {
		t.Errorf("%q would do something to a terminal", s)
	}
	return strings.TrimSuffix(s, "\n")
}

const clientJSON = `{"session_id":"s-1","cwd":"/nowhere/shop","model":{"id":"claude-sonnet-5-5[1m]"},"workspace":{"current_dir":"/nowhere/shop"},
"cost":{"total_cost_usd":0.8449999999},"context_window":{"used_percentage":42,"context_window_size":1000000},
"rate_limits":{"five_hour":{"used_percentage":57.5,"resets_at":1795183440},"seven_day":{"used_percentage":12,"resets_at":"2026-11-25T00:00:00Z"}}}`

func TestTheLineSaysWhatTheSessionReallyCost(t *testing.T) {
	reset := time.Date(2026, 11, 20, 14, 4, 0, 0, time.UTC)
	spent := admin.SessionLine{
		Active: "work", Profile: "kimi", Model: "kimi-k3", Today: admin.Totals{Requests: 9, CostUSD: new("7.0049999999")},
		Session: &admin.SessionView{SessionID: "s-1", Profile: "kimi", Totals: admin.Totals{Requests: 3, CostUSD: new("0.1250000000"), PromptTokens: 1000, CacheReadTokens: 940}},
	}
	with := func(change func(*admin.SessionLine)) admin.SessionLine {
		l := spent
		change(&l)
		return l
	}
	const plain = `{"session_id":"s-1","cwd":"/nowhere/shop","model":{"id":"claude-sonnet-5-20250929"},"context_window":{"used_percentage":42}}`
	for _, c := range []struct {
		name string
		in   string
		env  map[string]string
		line admin.SessionLine
		args []string
		want string
	}{
		{"a session that is known", clientJSON, nil, spent, nil, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today · 5h 58% ↻2h04m"},
		{
			"one that has asked nothing yet", clientJSON, nil,
			admin.SessionLine{Active: "work", Profile: "work", Model: "claude-sonnet-5-5", Today: admin.Totals{CostUSD: new("0")}},
			nil,
			"work · sonnet-5-5 · ctx 42% · ~$0.84 session · $0.00 today · 5h 58% ↻2h04m",
		},
		{
			"a profile in the path", plain,
			map[string]string{"ANTHROPIC_BASE_URL": "http://localhost:3000/p/local"},
			admin.SessionLine{Active: "work", Profile: "work", Today: admin.Totals{CostUSD: new("1")}},
			nil,
			"local · sonnet-5 · ctx 42% · $1.00 today",
		},
		{
			"without a price", plain, nil, with(func(l *admin.SessionLine) {
				l.Today.CostUSD, l.Session = nil, &admin.SessionView{Totals: admin.Totals{Requests: 1, Unpriced: 1}}
			}), nil,
			"kimi · kimi-k3 · ctx 42% · – session · – today",
		},
		{"a window from the headers", plain, nil, with(func(l *admin.SessionLine) {
			l.Windows = []admin.Window{{Profile: "kimi", Name: admin.Window7d, Used: 0.2}, {Profile: "kimi", Name: admin.Window5h, Used: 0.58, ResetsAt: &reset}}
		}), nil, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today · 5h 58% ↻2h04m"},
		{"a budget that is nearly used up", plain, nil, with(func(l *admin.SessionLine) {
			l.Budgets = []admin.BudgetStatus{{Name: "daily", State: admin.BudgetOK}, {Name: "team", State: admin.BudgetWarn, SpentUSD: "9.99", LimitUSD: "10"}}
		}), nil, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today · team 99% of budget"},
		{"one that is over counts more", plain, nil, with(func(l *admin.SessionLine) {
			l.Budgets = []admin.BudgetStatus{{Name: "team", State: admin.BudgetWarn, SpentUSD: "9", LimitUSD: "10"}, {Name: "daily", State: admin.BudgetOver}}
		}), nil, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today · daily over budget"},
		{"a template", clientJSON, nil, spent, []string{"--template", "{{.Project}} {{.Session}}/{{.Today}} {{.Cached}} {{.SevenDay}}{{with .Branch}} on {{.}}{{end}}"}, "shop $0.13/$7.00 94% 12%"},
		{"only the first line of a template", clientJSON, nil, spent, []string{"--template", "a\nb"}, "a"},
		{"a template that is none", clientJSON, nil, spent, []string{"--template", "{{.Session"}, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today · 5h 58% ↻2h04m"},
		{"a template with a wrong name", plain, nil, spent, []string{"--template", "{{.Nothing}}"}, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today"},
		{"a template that does not end", plain, nil, spent, []string{"--template", "{{range 99999999999}}x{{end}}"}, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today"},
		{"a template that is empty", plain, nil, spent, []string{"--template", "{{with .Budget}}{{.}}{{end}}"}, "prism"},
		{"an unknown flag", plain, nil, spent, []string{"--nothing", "x"}, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today"},
		{"arguments", plain, nil, spent, []string{"a", "b"}, "kimi · kimi-k3 · ctx 42% · $0.13 session · $7.00 today"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, out := clientApp(t, c.env, strings.NewReader(c.in))
			gateway(t, a, &observer{line: c.line})
			if got := lineOf(t, a, out, c.args...); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// The file holds what the client of that version wrote.
func TestTheRealClientsInputIsUnderstood(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "claude-2.1.330-statusline.json"))
	if err != nil {
		t.Fatal(err)
	}
	a, out := clientApp(t, nil, bytes.NewReader(b))
	o := &observer{line: admin.SessionLine{Active: "work", Profile: "work", Today: admin.Totals{CostUSD: new("4.88")}}}
	gateway(t, a, o)
	if got, want := lineOf(t, a, out), "work · opus-5-5 · ctx 5% · ~$0.05 session · $4.88 today"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want := admin.SessionPlace{SessionID: "3f0c1d52-0000-4000-8000-000000000001", Project: "shop", Cwd: "/home/u/shop", Model: "claude-opus-5-5"}
	if got := o.places(); len(got) != 1 || got[0] != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
}

func TestTheLineStandsWithoutTheGateway(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		gw   *observer
		want string
	}{
		{"it does not run", nil, nil, "prism down · sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
		{"it answers too late", nil, &observer{stall: time.Minute}, "sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
		{"it answers with an error", nil, &observer{err: errors.New("canary")}, "sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
		{"the client asks somebody else", map[string]string{"ANTHROPIC_BASE_URL": "https://api.example.com"}, &observer{}, "direct · sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
		{"the client asks nobody in particular", map[string]string{"ANTHROPIC_BASE_URL": ""}, &observer{}, "direct · sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
		{"there is no home", map[string]string{"HOME": "", "XDG_RUNTIME_DIR": ""}, nil, "prism down · sonnet-5-5 · ctx 42% · ~$0.84 session · 5h 58% ↻2h04m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, out := clientApp(t, c.env, strings.NewReader(clientJSON))
			if c.gw != nil {
				gateway(t, a, c.gw)
			}
			if got := lineOf(t, a, out); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// endless is an input that never ends.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.text), nil }

// silent is an input that never says anything.
type silent struct{}

func (silent) Read([]byte) (int, error) { select {} }

func TestNoInputMakesTheLineFail(t *testing.T) {
	for _, c := range []struct {
		name string
		in   io.Reader
		want string
	}{
		{"none", strings.NewReader(""), "prism down"},
		{"not JSON", strings.NewReader("hello\n"), "prism down"},
		{"torn", strings.NewReader(clientJSON[:100]), "prism down"},
		{"a list", strings.NewReader(`[1,2]`), "prism down"},
		{"null", strings.NewReader(`null`), "prism down"},
		{"what follows does not count", strings.NewReader(`{"model":{"id":"claude-opus-5-5"}}garbage`), "prism down · opus-5-5"},
		{"fields of other types", strings.NewReader(`{"session_id":7,"model":{"id":"claude-opus-5-5"},"cost":{"total_cost_usd":"x"},"context_window":[],"rate_limits":3}`), "prism down · opus-5-5"},
		{"numbers that are none", strings.NewReader(`{"model":{"id":"m"},"cost":{"total_cost_usd":1e999999999},"context_window":{"used_percentage":-5}}`), "prism down · m"},
		{"more than full", strings.NewReader(`{"model":{"id":"m"},"context_window":{"used_percentage":1e9}}`), "prism down · m"},
		{"a window that is over", strings.NewReader(`{"model":{"id":"m"},"rate_limits":{"five_hour":{"used_percentage":99,"resets_at":1}}}`), "prism down · m"},
		{"tokens for a share", strings.NewReader(`{"model":{"id":"m"},"context_window":{"used_percentage":null,"total_input_tokens":84000,"context_window_size":200000}}`), "prism down · m · ctx 42%"},
		{"a window of nothing", strings.NewReader(`{"model":{"id":"m"},"context_window":{"total_input_tokens":84000,"context_window_size":0}}`), "prism down · m"},
		{"a name that moves the cursor", strings.NewReader(`{"model":{"id":"\u001b[2J\u202eevil\nmodel"}}`), `prism down · \u001b[2J\u202eevil\u000amodel`},
		{"a long name", strings.NewReader(`{"model":{"id":"` + strings.Repeat("x", 5000) + `"}}`), "prism down · " + strings.Repeat("x", 20) + "…" + strings.Repeat("x", 19)},
		{"deep", strings.NewReader(strings.Repeat(`{"model":`, 100_000)), "prism down"},
		{"endless", endless{`{"a":"` + strings.Repeat("x", 1000)}, "prism down"},
		{"endless space", endless{"   "}, "prism down"},
		{"silent", silent{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, out := clientApp(t, nil, c.in)
			began := time.Now()
			got := lineOf(t, a, out)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if c.want != "" && got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func TestTheLineTellsTheGatewayWhereTheSessionWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "HEAD"), []byte("ref: refs/heads/fix\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, out := clientApp(t, map[string]string{"CLAUDE_CODE_SESSION_ID": "from-env"}, strings.NewReader(`{"cwd":"`+dir+`","model":{"id":"claude-opus-5-5[1m]"}}`))
	o := &observer{}
	gateway(t, a, o)
	lineOf(t, a, out)
	want := admin.SessionPlace{SessionID: "from-env", Project: "shop", Cwd: dir, GitBranch: "fix", Model: "claude-opus-5-5"}
	if got := o.places(); len(got) != 1 || got[0] != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
}

func TestAModelIsNamedAsPeopleSayIt(t *testing.T) {
	for id, want := range map[string]string{
		"claude-sonnet-5": "sonnet-5", "claude-sonnet-4-5-20250929": "sonnet-4-5", "claude-opus-4-8@20260101": "opus-4-8", "anthropic/claude-opus-5-5": "opus-5-5",
		"claude-fable-5-2[1m]": "fable-5-2", "kimi-k3": "kimi-k3", "glm-5": "glm-5", "": "", "gpt-20261": "gpt-20261", "a/b/": "",
	} {
		if got := shortModel(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}

func TestTheTimeLeftIsShort(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Second: "", 0: "", 30 * time.Second: "0m", 59 * time.Minute: "59m", 2*time.Hour + 4*time.Minute: "2h04m", 24 * time.Hour: "1d0h", 76 * time.Hour: "3d4h",
	} {
		if got := until(now, now.Add(d)); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func FuzzStatuslineInput(f *testing.F) {
	f.Add([]byte(clientJSON), "")
	f.Add([]byte(`{"model":{"id":"\u001b]0;x\u0007"},"cost":{"total_cost_usd":1e25},"rate_limits":{"five_hour":{"resets_at":{}}}}`), "{{.Model}}{{.Session}}")
	f.Add([]byte(`{"context_window":{"total_input_tokens":1e15,"context_window_size":1e-25}}`), "{{range .Model}}")
	f.Fuzz(func(t *testing.T, in []byte, template string) {
		a, out := clientApp(t, map[string]string{"ANTHROPIC_BASE_URL": "", "CLAUDE_CODE_SESSION_ID": "s"}, bytes.NewReader(in))
		lineOf(t, a, out, "--template="+template)
	})
}

// BenchmarkStatusline is a whole run, with the start of the process and a gateway that answers.
// Run it with -benchtime 300x; it reports the median, the 95th percentile and the time on the
// processor.
func BenchmarkStatusline(b *testing.B) {
	a, _ := clientApp(b, nil, nil)
	gateway(b, a, &observer{line: admin.SessionLine{Active: "work", Profile: "work", Today: admin.Totals{CostUSD: new("7.00")}}})
	p := newLineProcess(b, a)
	took := make([]time.Duration, 0, b.N)
	var cpu time.Duration
	for b.Loop() {
		began := time.Now()
		cpu += p.run(b)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64((cpu/time.Duration(len(took))).Microseconds())/1000, "cpu-ms")
}

// lineProcess runs the status line in a process of its own: this test's program under the name
// of prism.
type lineProcess struct {
	program string
	env     []string
}

func newLineProcess(tb testing.TB, a *app) lineProcess {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(tb.TempDir(), "prism")
	if err := os.Symlink(self, program); err != nil {
		tb.Skip(err)
	}
	p := lineProcess{program: program}
	for _, k := range []string{"HOME", "XDG_RUNTIME_DIR", "ANTHROPIC_BASE_URL"} {
		p.env = append(p.env, k+"="+a.getenv(k))
	}
	return p
}

// run returns the time on the processor.
func (p lineProcess) run(tb testing.TB) time.Duration {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), p.program, "statusline")
	cmd.Env, cmd.Stdin = p.env, strings.NewReader(clientJSON)
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		tb.Fatalf("%v: %q", err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// TestALineCostsLittle bounds the time on the processor: the time on the clock depends on what
// else the machine does.
func TestALineCostsLittle(t *testing.T) {
	a, _ := clientApp(t, nil, nil)
	gateway(t, a, &observer{line: admin.SessionLine{Profile: "work"}})
	p := newLineProcess(t, a)
	took := make([]time.Duration, 15)
	for i := range took {
		took[i] = p.run(t)
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("a status line takes %v of the processor, want well below 100 ms", median)
	}
}
