package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a gateway that answers what the test put in.
type gate struct {
	status  Status
	verdict Verdict
	err     error
	asked   []string
}

func (g *gate) Status(context.Context) (Status, error) { return g.status, g.err }

func (g *gate) Reload(_ context.Context, force bool) (Verdict, error) {
	if force {
		g.asked = append(g.asked, "reload --force")
	} else {
		g.asked = append(g.asked, "reload")
	}
	return g.verdict, g.err
}

func (g *gate) Use(_ context.Context, name string) (Verdict, error) {
	g.asked = append(g.asked, "use "+name)
	return g.verdict, g.err
}

func (g *gate) Trust(_ context.Context, profile string) (Verdict, error) {
	g.asked = append(g.asked, "trust "+profile)
	return g.verdict, g.err
}

func (g *gate) FoldNow(context.Context) (ledger.FoldResult, error) {
	return ledger.FoldResult{Rows: 7, Waiting: 2, Holder: "duckdb (PID 10367)"}, g.err
}

// socketPath is in a directory of our own; the names that t.TempDir makes can be too long.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "prism", "prism.sock")
}

func serve(t *testing.T, g *gate) (*Client, *Feed, string) {
	t.Helper()
	path := socketPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	feed := NewFeed()
	srv := &http.Server{Handler: Handler(Options{Control: g, Folder: g, Feed: feed})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return Dial(path), feed, path
}

func TestEveryCallReachesTheGatewayWithItsArguments(t *testing.T) {
	g := &gate{verdict: Verdict{OK: true, Generation: 3, Active: "kimi", Previous: "work"}}
	c, _, _ := serve(t, g)
	ctx := t.Context()
	for _, call := range []func() (Verdict, error){
		func() (Verdict, error) { return c.Reload(ctx, false) },
		func() (Verdict, error) { return c.Reload(ctx, true) },
		func() (Verdict, error) { return c.Use(ctx, "-") },
		func() (Verdict, error) { return c.Trust(ctx, "kimi") },
	} {
		v, err := call()
		if err != nil {
			t.Fatal(err)
		}
		if !v.OK || v.Generation != 3 || v.Active != "kimi" || v.Previous != "work" {
			t.Errorf("verdict %+v", v)
		}
	}
	want := "reload, reload --force, use -, trust kimi"
	if got := strings.Join(g.asked, ", "); got != want {
		t.Errorf("the gateway was asked %s, want %s", got, want)
	}
	res, err := c.Fold(ctx)
	if err != nil || res.Rows != 7 || res.Holder != "duckdb (PID 10367)" {
		t.Errorf("fold %+v, %v", res, err)
	}
}

func TestProblemsArriveWholeAtTheClient(t *testing.T) {
	p := config.Problem{
		Severity: config.SeverityError, Code: "config_invalid", File: "/x/profiles.yaml", Line: 20, Column: 14,
		Path: "profiles[local].dialect", Message: `expected anthropic, got "opanai"`, Fix: "dialect: anthropic", Excerpt: " > 20 |\n",
	}
	at := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	g := &gate{
		verdict: Verdict{Problems: []config.Problem{p}, Notes: []string{"n"}},
		status:  Status{Running: true, PID: 7, File: FileStatus{Path: "/x", Mode: "poll", Problems: []config.Problem{p}}, Profiles: []ProfileStatus{{Name: "work", LastOK: &at}}},
	}
	c, _, _ := serve(t, g)
	v, err := c.Reload(t.Context(), false)
	if err != nil || len(v.Problems) != 1 || v.Problems[0] != p {
		t.Errorf("verdict %+v, %v; want the problem %+v", v, err, p)
	}
	st, err := c.Status(t.Context())
	if err != nil || len(st.File.Problems) != 1 || st.File.Problems[0] != p || st.File.Mode != "poll" || st.PID != 7 {
		t.Errorf("status %+v, %v", st, err)
	}
	if len(st.Profiles) != 1 || st.Profiles[0].LastOK == nil || !st.Profiles[0].LastOK.Equal(at) {
		t.Errorf("profiles %+v", st.Profiles)
	}
}

func TestARefusalKeepsItsCodeAndItsFix(t *testing.T) {
	g := &gate{err: &Error{Code: CodeNotFound, Message: `no profile is named "x"`, Fix: "prism profiles list"}}
	c, _, _ := serve(t, g)
	_, err := c.Use(t.Context(), "x")
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeNotFound || e.Fix != "prism profiles list" {
		t.Fatalf("got %v", err)
	}
	g.err = errors.New("the disk is on fire")
	_, err = c.Status(t.Context())
	if !errors.As(err, &e) || e.Code != CodeInternal || e.Message != "the disk is on fire" {
		t.Fatalf("got %v", err)
	}
	if _, err = c.Use(t.Context(), ""); !errors.As(err, &e) || e.Code != CodeUsage {
		t.Fatalf("an empty name gave %v", err)
	}
}

func TestNobodyAtTheSocketIsNotRunning(t *testing.T) {
	path := socketPath(t)
	if _, err := Dial(path).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a socket: %v", err)
	}
	leaveStale(t, path)
	if _, err := Dial(path).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with a socket nobody listens at: %v", err)
	}
	if err := Dial(path).Events(t.Context(), nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("follow: %v", err)
	}
}

// leaveStale leaves a socket behind as a process does that is killed.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenReplacesAStaleSocketAndNothingElse(t *testing.T) {
	path := socketPath(t)
	leaveStale(t, path)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v", st.Mode(), err)
	}
	if st, _ := os.Stat(filepath.Dir(path)); st.Mode().Perm() != 0o700 {
		t.Errorf("directory has mode %v", st.Mode())
	}
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a second listener: %v", err)
	}

	file := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil {
		t.Error("a file of somebody was taken for a stale socket")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file is gone: %q, %v", b, err)
	}
}

func TestListenRefusesADirectoryThatOthersCanEnter(t *testing.T) {
	path := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
	link := filepath.Join(filepath.Dir(filepath.Dir(path)), "link")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(link, "prism.sock")); err == nil {
		t.Error("a symbolic link was taken for the directory")
	}
	if _, err := Listen("/tmp/" + strings.Repeat("x", 200)); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a path too long: %v", err)
	}
}

func entry(id string) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.Outcome, e.Profile = id, ledger.OutcomeOK, "work"
	e.Cost = 42_000_000
	e.Usage.Output = 812
	return e
}

func TestFollowersSeeWhatFinishes(t *testing.T) {
	c, feed, _ := serve(t, &gate{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan Exchange)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(ctx, func(ev Event) error {
			got <- *ev.Exchange
			return nil
		})
	}()
	waitFor(t, func() bool { return feed.followers.Load() == 1 })
	feed.Publish(entry("a"))
	x := <-got
	if x.RequestID != "a" || x.CostUSD == nil || *x.CostUSD != "0.0042000000" || x.OutputTokens != 812 || x.PromptTokens != stream.Unknown {
		t.Errorf("exchange %+v", x)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("an end of our own is no error: %v", err)
	}
	waitFor(t, func() bool { return feed.followers.Load() == 0 })
}

func TestASlowFollowerIsDroppedAndNobodyWaits(t *testing.T) {
	f := NewFeed()
	slow, stopSlow := f.Subscribe()
	defer stopSlow()
	quick, stopQuick := f.Subscribe()
	defer stopQuick()
	e := entry("x")
	for range feedBuffer {
		f.Publish(e)
	}
	for range feedBuffer {
		<-quick
	}
	f.Publish(e)
	if x, ok := <-quick; !ok || x.RequestID != "x" {
		t.Error("the quick follower was dropped too")
	}
	n := 0
	for range slow {
		n++
	}
	if n != feedBuffer {
		t.Errorf("the slow follower got %d exchanges, want the %d that fitted", n, feedBuffer)
	}
	if f.followers.Load() != 1 {
		t.Errorf("%d followers, want 1", f.followers.Load())
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAChoiceWinsUntilTheFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "active")
	if c, err := LoadChoice(path); err != nil || c != (Choice{}) {
		t.Fatalf("no file: %+v, %v", c, err)
	}
	want := Choice{Active: "kimi", While: "work", Previous: "work"}
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	c, err := LoadChoice(path)
	if err != nil || c != want {
		t.Fatalf("got %+v, %v", c, err)
	}
	if name, chosen := c.Effective("work"); name != "kimi" || !chosen {
		t.Errorf("while the file says work: %s %v", name, chosen)
	}
	if name, chosen := c.Effective("local"); name != "local" || chosen {
		t.Errorf("the file changed: %s %v", name, chosen)
	}
	if err := os.WriteFile(path, []byte("not json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadChoice(path); err == nil {
		t.Error("a damaged choice was taken for none")
	}
}

func TestSetActiveKeepsTheChoiceWhereTheFileCannotBeChanged(t *testing.T) {
	dir := t.TempDir()
	path, choice := filepath.Join(dir, "profiles.yaml"), filepath.Join(dir, "active")
	src := []byte("active: work # mine\nprofiles: []\n")
	if err := os.WriteFile(path, src, 0o600); err != nil {
		t.Fatal(err)
	}
	state, err := config.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	opt := SetOptions{
		Path: path, Choice: choice, Now: "work", InFile: "work", Src: src, State: state,
		Splice: func(_ context.Context, src []byte, name string) ([]byte, error) {
			return []byte(strings.Replace(string(src), "work", name, 1)), nil
		},
	}
	set, err := SetActive(t.Context(), opt, "kimi")
	if err != nil || !set.InFile {
		t.Fatalf("got %+v, %v", set, err)
	}
	if b, _ := os.ReadFile(path); string(b) != "active: kimi # mine\nprofiles: []\n" {
		t.Errorf("file %q", b)
	}
	if c, _ := LoadChoice(choice); c != (Choice{Previous: "work"}) {
		t.Errorf("choice %+v", c)
	}

	// The state is of the text before: somebody saved meanwhile.
	if _, err := SetActive(t.Context(), opt, "local"); !errors.Is(err, config.ErrChanged) {
		t.Errorf("a change meanwhile: %v", err)
	}

	opt.Splice = func(context.Context, []byte, string) ([]byte, error) { return nil, config.ErrNoActive }
	set, err = SetActive(t.Context(), opt, "kimi")
	if err != nil || set.InFile || set.Why == "" {
		t.Fatalf("without an active line: %+v, %v", set, err)
	}
	if c, _ := LoadChoice(choice); c != (Choice{Active: "kimi", While: "work", Previous: "work"}) {
		t.Errorf("choice %+v", c)
	}
}

func TestMoneyIsAnExactDecimal(t *testing.T) {
	for m, want := range map[ledger.Money]string{0: "0.0000000000", 1: "0.0000000001", -15_000_000_000: "-1.5000000000"} {
		if got := decimal(m); got == nil || *got != want {
			t.Errorf("%d: %v, want %s", m, got, want)
		}
	}
	if decimal(ledger.NoMoney) != nil {
		t.Error("unknown money is a number")
	}
}
