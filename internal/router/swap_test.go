package router_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/router"
	"prism/internal/upstream"
)

// origin is a server that counts connections.
type origin struct {
	*httptest.Server
	opened, closed atomic.Int64
}

func newOrigin(t *testing.T, h http.HandlerFunc) *origin {
	t.Helper()
	o := &origin{}
	o.Server = httptest.NewUnstartedServer(h)
	o.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			o.opened.Add(1)
		case http.StateClosed:
			o.closed.Add(1)
		default:
		}
	}
	o.Start()
	t.Cleanup(o.Close)
	return o
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }

func ask(t *testing.T, route *router.Route) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := route.Lanes[0].Upstream.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not after 10 s", what)
		}
	}
}

func one(p config.Profile) *config.Profiles {
	return &config.Profiles{Active: p.Name, Profiles: []config.Profile{p}}
}

func TestASwapKeepsTheConnectionsOfAnOriginThatStays(t *testing.T) {
	o := newOrigin(t, ok)
	r := newRouter(t)
	r.Swap(compile(t, r, one(profile("work", o.URL))))
	ask(t, r.Table().Active())
	renamed := profile("other", o.URL)
	renamed.APIKey = config.NewSecret("another-key-0123456789")
	r.Swap(compile(t, r, &config.Profiles{Active: "other", Profiles: []config.Profile{renamed, profile("work", o.URL)}}))
	ask(t, r.Table().Active())
	ask(t, r.Table().Route("work"))
	if n := o.opened.Load(); n != 1 {
		t.Errorf("%d connections, want the one from before the swap", n)
	}
}

func TestASwapClosesTheConnectionsOfAnOriginThatIsGone(t *testing.T) {
	old, now := newOrigin(t, ok), newOrigin(t, ok)
	r := newRouter(t)
	r.Swap(compile(t, r, one(profile("work", old.URL))))
	ask(t, r.Table().Active())
	before := r.Swap(compile(t, r, one(profile("work", now.URL))))
	eventually(t, "the kept connection is closed", func() bool { return old.closed.Load() == 1 })

	// An exchange that holds the old table still gets its answer, and leaves nothing behind.
	ask(t, before.Active())
	eventually(t, "the late connection is closed", func() bool { return old.closed.Load() == old.opened.Load() })
	if n := old.opened.Load(); n != 2 {
		t.Errorf("%d connections to the old origin, want 2", n)
	}
}

func TestProfilesWithOtherBoundsOrRootsShareNoConnection(t *testing.T) {
	o := newOrigin(t, ok)
	r := newRouter(t)
	patient := profile("patient", o.URL)
	patient.Timeouts = config.Timeouts{Idle: time.Minute}
	r.Swap(compile(t, r, &config.Profiles{Active: "work", Profiles: []config.Profile{profile("work", o.URL), patient}}))
	ask(t, r.Table().Route("work"))
	ask(t, r.Table().Route("patient"))
	if n := o.opened.Load(); n != 2 {
		t.Errorf("%d connections, want one for each profile", n)
	}
}

func TestAStreamUnderWayOutlivesTheSwapThatRemovesItsOrigin(t *testing.T) {
	more := make(chan struct{})
	o := newOrigin(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, "last")
	})
	r := newRouter(t)
	r.Swap(compile(t, r, one(profile("work", o.URL))))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.Table().Active().Lanes[0].Upstream.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, len("first "))); err != nil {
		t.Fatal(err)
	}
	r.Swap(compile(t, r, one(profile("work", "http://127.0.0.1:1"))))
	close(more)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "last" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
	_ = resp.Body.Close()
	eventually(t, "its connection is closed", func() bool { return o.closed.Load() == 1 })
}

func TestHealthOutlivesTables(t *testing.T) {
	r := newRouter(t)
	r.Swap(compile(t, r, one(profile("work", "http://127.0.0.1:1"))))
	now := time.Now()
	w := r.Walk(router.Plan{Routes: []*router.Route{r.Table().Active()}, Reason: "active"}, "")
	_, _ = w.Next(now)
	w.End(now, router.Result{ErrorType: "dial"})
	r.Swap(compile(t, r, &config.Profiles{Active: "other", Profiles: []config.Profile{profile("other", "http://127.0.0.1:2"), profile("work", "http://127.0.0.1:1")}}))
	if v := r.Health("work").View(now); v.LastError != "dial" || v.Errors1h != 1 {
		t.Errorf("after the swap %+v", v)
	}
}

// BenchmarkSelect is the table look-up of one request.
func BenchmarkSelect(b *testing.B) {
	r := router.New(router.Options{Timeouts: upstream.Timeouts{}})
	defer r.Close()
	table, err := r.Compile(router.Source{Profiles: three()})
	if err != nil {
		b.Fatal(err)
	}
	r.Swap(table)
	q := router.Query{Model: "claude-opus-5-5", Path: "/v1/messages", Header: http.Header{"X-Team": {"blue"}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Table().Select(&q); err != nil {
			b.Fatal(err)
		}
	}
}
