package proxy_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"prism/config"
	"prism/internal/attribution"
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/simulator"
	"prism/internal/translate/translatetest"
	"prism/internal/upstream"
)

func TestMain(m *testing.M) {
	// net/http lingers for half a second on a connection that it closed with bytes unread.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// Keys of the tests. They look like nothing that exists, and are long enough to be redacted.
const (
	testKey   = "canary-upstream-key-0123456789"
	testToken = "canary-client-token-0123456789"
)

// memory is a journal that keeps close records, and what was opened, in memory.
type memory struct {
	mu     sync.Mutex
	opens  []string
	usages []string
	closes []ledger.Entry
	wake   chan struct{}
	refuse error
}

func newMemory() *memory { return &memory{wake: make(chan struct{}, 1)} }

func (m *memory) Open(e *ledger.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	m.opens = append(m.opens, e.RequestID)
	return nil
}

func (m *memory) Usage(e *ledger.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usages = append(m.usages, e.RequestID)
	return nil
}

func (m *memory) Close(e *ledger.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := *e
	c.Attempts = slices.Clone(e.Attempts)
	c.UsageNotes = slices.Clone(e.UsageNotes)
	c.UsageRaw = slices.Clone(e.UsageRaw)
	c.Iterations = slices.Clone(e.Iterations)
	m.closes = append(m.closes, c)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) entries() []ledger.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.closes)
}

// wait returns the entries once there are n.
func (m *memory) wait(t testing.TB, n int) []ledger.Entry {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if all := m.entries(); len(all) >= n {
			return all
		}
		select {
		case <-m.wake:
		case <-deadline:
			t.Fatalf("%d entries after 10 s, want %d", len(m.entries()), n)
		}
	}
}

// rig is a proxy on a real server before simulators.
type rig struct {
	t       testing.TB
	URL     string
	Addr    string
	Journal *memory
	Router  *router.Router
	Proxy   *proxy.Proxy
	Client  *http.Client
	gen     uint64
	cancel  context.CancelFunc
	writes  bool // prism writes answers itself: a profile is translated
}

type rigOptions struct {
	profiles []config.Profile
	rules    []config.Rule
	token    string
	timeouts upstream.Timeouts
	limits   proxy.Limits
	journal  proxy.Journal
	finished func(*ledger.Entry)
	budgets  proxy.Budgets
	place    func(string) (attribution.Place, bool)
	change   []func(*config.Profile) // of the first profile of a pair
	outbound func(*http.Request) (*url.URL, error)
}

// profile is a profile of the simulator at url.
func profile(name, url string) config.Profile {
	return config.Profile{
		Name: name, BaseURL: url, Dialect: config.DialectAnthropic, Auth: config.AuthXAPIKey, APIKey: config.NewSecret(testKey),
		Provider: "anthropic", Multiplier: "1", InputIncludesCache: "auto",
	}
}

func newRig(t testing.TB, opt rigOptions) *rig {
	t.Helper()
	if opt.timeouts == (upstream.Timeouts{}) {
		opt.timeouts = upstream.Timeouts{Dial: 5 * time.Second, TLS: 5 * time.Second, Write: 10 * time.Second, FirstByte: 10 * time.Second, Idle: 10 * time.Second, IdleConn: 55 * time.Second}
	}
	if opt.outbound == nil {
		opt.outbound = noProxy
	}
	r := &rig{t: t, Journal: newMemory(), Router: router.New(router.Options{Timeouts: opt.timeouts, Proxy: opt.outbound})}
	r.writes = slices.ContainsFunc(opt.profiles, func(p config.Profile) bool { return p.Dialect != config.DialectAnthropic })
	r.swap(opt.profiles, opt.rules, opt.token)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Addr = ln.Addr().String()
	r.URL = "http://" + r.Addr
	_, port, _ := net.SplitHostPort(r.Addr)
	var journal proxy.Journal = r.Journal
	if opt.journal != nil {
		journal = opt.journal
	}
	r.Proxy, err = proxy.New(proxy.Options{
		Router: r.Router, Journal: journal, Hosts: []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port},
		Limits: opt.limits, HostName: "test", Version: "test", Attribution: true, Budgets: opt.budgets, Finished: opt.finished, Place: opt.place,
	})
	if err != nil {
		t.Fatal(err)
	}
	base, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	srv := &http.Server{Handler: r.Proxy, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return base }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}
	r.Client = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		cancel()
		_ = srv.Close()
		<-done
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := r.Proxy.Wait(ctx); err != nil {
			t.Errorf("handlers still run: %v", err)
		}
		r.Router.Close()
	})
	return r
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // as http.ProxyFromEnvironment

// swap makes a new table live.
func (r *rig) swap(profiles []config.Profile, rules []config.Rule, token string) {
	r.t.Helper()
	book, err := pricing.Embedded()
	if err != nil {
		r.t.Fatal(err)
	}
	r.gen++
	table, err := r.Router.Compile(router.Source{
		Generation: r.gen, Book: book,
		Profiles: &config.Profiles{Active: profiles[0].Name, Profiles: profiles, Rules: rules, ClientToken: config.NewSecret(token)},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Router.Swap(table)
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // while reading the body
}

// post sends a messages request.
func (r *rig) post(body string, header ...string) answer {
	r.t.Helper()
	return r.do(http.MethodPost, "/v1/messages?beta=true", body, header...)
}

func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	got := answer{status: resp.StatusCode, header: resp.Header, body: b, err: err}
	r.judge(method, path, &got)
	return got
}

// document is the API's own, read once.
var document = sync.OnceValues(translatetest.Load)

// judge holds what prism itself has written against the API's document: its refusals, and everything
// that comes through a translated profile.
func (r *rig) judge(method, path string, a *answer) {
	r.t.Helper()
	if method == http.MethodHead || !r.writes && a.header.Get("X-Prism-Error") == "" {
		return
	}
	doc, err := document()
	if err != nil {
		r.t.Fatal(err)
	}
	body := a.body
	if i := bytes.LastIndex(body, []byte("\n\n")); a.err != nil && i >= 0 {
		body = body[:i+2] // the connection may have cut the event behind it
	}
	if err := doc.Answer(path, a.status, a.header, body); err != nil {
		r.t.Errorf("%s %s: the client got what the API's document does not know: %v\n%d %s", method, path, err, a.status, body)
	}
}

const streamBody = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}`

const plainBody = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}],"max_tokens":100}`

func TestAStreamPassesByteForByteAndIsPricedInOneRow(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Reply(simulator.Text("hello"), simulator.Usage{Input: 1000, CacheRead: 4096, CacheWrite5m: 10, CacheWrite1h: 20, Output: 7}))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	got := r.post(streamBody)
	if got.status != 200 || got.err != nil {
		t.Fatalf("status %d, error %v: %s", got.status, got.err, got.body)
	}
	e := r.Journal.wait(t, 1)[0]
	b := s.Bill()[0]
	if !bytes.Equal(got.body, b.ResponseBody) {
		t.Errorf("the client got %q, the simulator sent %q", got.body, b.ResponseBody)
	}
	if e.Outcome != ledger.OutcomeOK || e.Usage.Input != 1000 || e.Usage.CacheRead != 4096 || e.Usage.CacheWrite5m != 10 || e.Usage.CacheWrite1h != 20 || e.Usage.Output != 7 {
		t.Errorf("entry %+v", e)
	}
	// 1000 x 4 + 4096 x 0.2 + 10 x 5 + 20 x 8 + 7 x 20 = 5169.2 per million tokens.
	if e.CostList != 51_692_000 {
		t.Errorf("cost %d, want 0.0051692 USD", e.CostList)
	}
	if e.UpstreamRequestID != b.RequestID || e.TTFTMS < 0 || e.UsageSource != ledger.UsageFinal {
		t.Errorf("entry %+v", e)
	}
}
