package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const (
	keyA  = "canary-key-of-upstream-a-0123456789"
	keyB  = "canary-key-of-upstream-b-0123456789"
	token = "canary-client-token-0123456789"
)

// logs collects what is logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// noFold is a Folder that has nothing to do: what is tested here is before the fold.
type noFold struct{}

func (noFold) Fold(context.Context) (ledger.FoldResult, error) { return ledger.FoldResult{}, nil }

// rig is a daemon with two simulators and a home of its own.
type rig struct {
	t        testing.TB
	d        *Daemon
	paths    config.Paths
	settings config.Settings
	a, b     *simulator.Server
	upA, upB *simulator.Running
	log      *logs
	url      string
	client   *http.Client
	identity string
	to       string         // recipient
	edit     func(*Options) // nil = as they are
	stop     context.CancelFunc
	done     chan error
}

// newRig makes the home; start starts the daemon.
func newRig(t testing.TB) *rig {
	t.Helper()
	home := t.TempDir()
	env := map[string]string{"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "c"), "XDG_DATA_HOME": filepath.Join(home, "d"), "XDG_STATE_HOME": filepath.Join(home, "s"), "XDG_RUNTIME_DIR": filepath.Join(home, "r")}
	paths, err := config.ResolvePaths(func(k string) string { return env[k] }, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(paths.Socket)) })
	for _, dir := range []string{paths.ConfigDir, filepath.Join(home, "r")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r := &rig{t: t, paths: paths, settings: config.DefaultSettings(), log: &logs{}, done: make(chan error, 1)}
	r.settings.Drain, r.settings.Dashboard = 5*time.Second, "off"
	if r.identity, r.to, err = sealed.NewIdentity(); err != nil {
		t.Fatal(err)
	}
	if setter, ok := t.(interface{ Setenv(string, string) }); ok {
		setter.Setenv("SOPS_AGE_KEY", r.identity)
	}
	r.a = simulator.New(simulator.Options{Name: "a", Key: keyA, Record: simulator.RecordHashes})
	r.b = simulator.New(simulator.Options{Name: "b", Key: keyB, Record: simulator.RecordHashes})
	r.upA, r.upB = r.a.Start(), r.b.Start()
	t.Cleanup(r.upA.Close)
	t.Cleanup(r.upB.Close)
	return r
}

// seal returns a sealed profiles.yaml.
func (r *rig) seal(plain string) []byte {
	r.t.Helper()
	out, err := sealed.Encrypt([]byte(plain), []string{r.to})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// two is a file with both upstreams as profiles a and b.
func (r *rig) two(active string) string {
	return "active: " + active + "\nprofiles:\n" +
		"  - name: a\n    base_url: " + r.upA.URL + "\n    api_key: " + keyA + "\n    provider: anthropic\n" +
		"  - name: b\n    base_url: " + r.upB.URL + "\n    api_key: " + keyB + "\n    provider: anthropic\n" +
		"client_token: " + token + "\n"
}

func (r *rig) write(data []byte) {
	r.t.Helper()
	if err := os.WriteFile(r.paths.Profiles, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// options are those of a daemon on a port of its own.
func (r *rig) options() Options {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	opt := Options{Paths: r.paths, Settings: r.settings, Version: "test", Logger: zerolog.New(r.log), Folder: noFold{}, Listener: ln}
	if r.edit != nil {
		r.edit(&opt)
	}
	return opt
}

// fail runs a daemon that must not start, and returns why it did not.
func (r *rig) fail(opt Options) error {
	r.t.Helper()
	opt.Ready = func(Ready) { r.t.Error("the daemon started") }
	d, err := New(opt)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err = d.Run(ctx)
	if err == nil || ctx.Err() != nil {
		r.t.Fatalf("the daemon ended with %v", err)
	}
	return err
}

func (r *rig) start() Ready {
	r.t.Helper()
	ready := make(chan Ready, 1)
	opt := r.options()
	opt.Ready = func(v Ready) { ready <- v }
	var err error
	if r.d, err = New(opt); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.done <- r.d.Run(ctx) }()
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	r.client = &http.Client{Transport: tr}
	r.t.Cleanup(func() {
		tr.CloseIdleConnections()
		r.halt()
	})
	select {
	case v := <-ready:
		r.url = "http://" + v.Listen
		return v
	case err := <-r.done:
		r.t.Fatalf("the daemon did not start: %v\n%s", err, r.log)
	case <-time.After(20 * time.Second):
		r.t.Fatalf("the daemon is not ready after 20 s\n%s", r.log)
	}
	return Ready{}
}

// halt stops the daemon, once.
func (r *rig) halt() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("the daemon ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		r.t.Errorf("the daemon did not stop\n%s", r.log)
	}
}

const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"canary of a prompt"}],"max_tokens":100,"stream":true}`

// post sends one request and returns status and body.
func (r *rig) post() (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, r.url+"/v1/messages", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// until waits for a condition.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not after 15 s\n%s", what, r.log)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (r *rig) status() admin.Status {
	r.t.Helper()
	st, err := admin.Dial(r.paths.Socket).Status(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

// events reads the config events from the journal.
func (r *rig) events() []ledger.ConfigEvent {
	r.t.Helper()
	var all []ledger.ConfigEvent
	_, err := ledger.ReadSegments(r.paths.Journal, ledger.Watermark{}, func(rec ledger.Record) error {
		if rec.Kind != ledger.KindConfig {
			return nil
		}
		ev, err := rec.ConfigEvent()
		if err == nil {
			all = append(all, *ev)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return all
}
