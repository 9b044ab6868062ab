package dashboard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"prism/config"
	"prism/internal/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a gateway that does what a test says.
type gateway struct {
	mu     sync.Mutex
	st     admin.Status
	live   admin.Live
	recent []admin.Exchange // all that finished, from number 1 on
	swaps  []admin.Swap
	used   []string
	looks  int
	slow   time.Duration // what a swap takes
}

func newGateway() *gateway {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return &gateway{
		st:   admin.Status{Running: true, Active: "work", Generation: 7, StartedAt: at, File: admin.FileStatus{Path: "/home/u/profiles.yaml", OK: true}},
		live: admin.Live{StartedAt: at, Version: "1.2.3", InFlight: []admin.Flight{}, Windows: []admin.Window{}},
	}
}

func (g *gateway) Status(context.Context) (admin.Status, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.st, nil
}

// Live remembers 200 exchanges, as the real one.
func (g *gateway) Live(_ context.Context, after int64) (admin.Live, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looks++
	l := g.live
	l.Seq = int64(len(g.recent))
	if after < 0 || after > l.Seq {
		after = 0
	}
	l.Recent = append([]admin.Exchange{}, g.recent[max(after, l.Seq-200):]...)
	return l, nil
}

func (g *gateway) Use(ctx context.Context, name string) (admin.Verdict, error) {
	select {
	case <-ctx.Done():
		return admin.Verdict{}, ctx.Err()
	case <-time.After(g.slow):
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used = append(g.used, name)
	if name == "nobody" {
		return admin.Verdict{}, &admin.Error{Code: admin.CodeNotFound, Message: "no profile is named"}
	}
	g.st.Active = name
	return admin.Verdict{OK: true, Active: name, Trigger: "use"}, nil
}

func (g *gateway) Swaps() []admin.Swap {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]admin.Swap{}, g.swaps...)
}

func (g *gateway) change(f func(*gateway)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g)
}

func (g *gateway) looked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.looks
}

// readTimeout is the server's limit on reading a request.
const readTimeout = time.Second

// rig is a dashboard port behind a real server.
type rig struct {
	*testing.T
	gateway *gateway
	feed    *admin.Feed
	pages   *Server
	http    *httptest.Server
	host    string
	now     time.Time
	opened  []string
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	r := &rig{T: t, gateway: newGateway(), feed: admin.NewFeed(), now: time.Now()}
	r.http = httptest.NewUnstartedServer(nil)
	r.host = r.http.Listener.Addr().String()
	profiles := &config.Profiles{Active: "work", Profiles: []config.Profile{{Name: "work", BaseURL: "http://127.0.0.1:9", Auth: config.AuthXAPIKey, APIKey: config.NewSecret("sk-canary-0123456789")}}}
	opt := Options{
		Gateway: r.gateway, Feed: r.feed, Hosts: []string{r.host, "localhost:" + port(r.host)}, Version: "1.2.3", Logger: zerolog.Nop(),
		Monitor:  &admin.Monitor{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a_metric 1\n") })},
		Profiles: func() *config.Profiles { return profiles },
		Open:     func(_ context.Context, path string) error { r.opened = append(r.opened, path); return nil },
		Data: func(mux *http.ServeMux) {
			mux.HandleFunc("GET /api/requests/{id}", func(w http.ResponseWriter, r *http.Request) { reply(w, r.PathValue("id"), nil) })
		},
		Now: func() time.Time { return r.now },
	}
	if change != nil {
		change(&opt)
	}
	var err error
	if r.pages, err = New(opt); err != nil {
		t.Fatal(err)
	}
	r.http.Config.Handler, r.http.Config.ConnContext = r.pages, r.pages.ConnContext
	r.http.Config.ReadTimeout, r.http.Config.WriteTimeout = readTimeout, 30*time.Second
	r.http.Start()
	t.Cleanup(func() {
		r.pages.Close()
		r.http.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return r
}

func port(host string) string { return host[strings.LastIndexByte(host, ':')+1:] }

// ask sends a request as a browser would that is on a page of ours; change makes it another one.
func (r *rig) ask(method, path, body string, change func(*http.Request)) (*http.Response, string) {
	r.Helper()
	var text io.Reader
	if body != "" {
		text = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(r.Context(), method, r.http.URL+path, text)
	if err != nil {
		r.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp, string(answer)
}

// signIn returns what adds the cookie of a new session to a request.
func (r *rig) signIn() func(*http.Request) {
	r.Helper()
	resp, body := r.ask(http.MethodPost, "/api/login", `{"code":"`+r.pages.Code().Code+`"}`, nil)
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 {
		r.Fatalf("sign in: %d %s", resp.StatusCode, body)
	}
	c := resp.Cookies()[0]
	return func(req *http.Request) { req.AddCookie(c) }
}

// until waits for a condition.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.Fatalf("never: %s", what)
		}
	}
}
