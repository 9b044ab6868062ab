package proxy_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/attribution"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// begin sends a request whose answer the caller does not wait for.
func (r *rig) begin(body string, header ...string) (leave func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+"/v1/messages", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		resp, err := r.Client.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		buf := make([]byte, 4096)
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// flying waits until the flights are as wanted.
func (r *rig) flying(what string, ok func([]proxy.Flight) bool) []proxy.Flight {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		f := r.Proxy.Flights()
		if ok(f) {
			return f
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not after 10 s: %+v", what, f)
		}
	}
}

func TestAnExchangeIsSeenWhileItRunsAndNoLonger(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	words := strings.Repeat("word ", 400)
	s.Script(simulator.Reply(simulator.TextPieces(words, 20), simulator.Usage{Input: 10, Output: 500}, simulator.Pause(12, time.Hour)))
	p := profile("work", up.URL)
	p.Models = []config.ModelRule{{Match: "*", Use: "claude-sonnet-5-5"}}
	r := newRig(t, rigOptions{profiles: []config.Profile{p}})
	if f := r.Proxy.Flights(); len(f) != 0 {
		t.Fatalf("%d flights before the first request", len(f))
	}
	leave := r.begin(streamBody, "X-Claude-Code-Session-Id", "s-1", "X-Claude-Code-Agent-Id", "agent-1", "X-Prism-Project", "shop")
	// Ten pieces of twenty bytes came before the pause, at a token for each 3.6 of them.
	f := r.flying("ten pieces", func(f []proxy.Flight) bool { return len(f) == 1 && f[0].OutputTokens == 56 })[0]
	if f.Profile != "work" || f.RequestModel != "claude-opus-5-5" || f.UpstreamModel != "claude-sonnet-5-5" || f.SessionID != "s-1" ||
		f.AgentID != "agent-1" || f.Project != "shop" || f.Operation != "messages" || f.Attempts != 1 || f.RequestID == "" {
		t.Errorf("flight %+v", f)
	}
	if f.ResponseBytes < 500 || !f.TTFTMS.Known() || time.Since(f.StartedAt) > time.Minute {
		t.Errorf("flight %+v", f)
	}
	leave()
	e := r.Journal.wait(t, 1)[0]
	if e.RequestID != f.RequestID {
		t.Errorf("the flight was %s, the entry is %s", f.RequestID, e.RequestID)
	}
	r.flying("landing", func(f []proxy.Flight) bool { return len(f) == 0 })
}

func TestFlightsAreListedTheOldestFirst(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	s.Script(simulator.Always(simulator.Reply(simulator.Text("hi"), simulator.Usage{Input: 1, Output: 1}, simulator.Delay(time.Hour))))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for n := range 4 {
		defer r.begin(plainBody)()
		f := r.flying("one more", func(f []proxy.Flight) bool { return len(f) == n+1 })
		for i := range n {
			if f[i].StartedAt.After(f[i+1].StartedAt) || f[i].ResponseBytes != 0 || f[i].TTFTMS.Known() {
				t.Errorf("%+v comes before %+v", f[i], f[i+1])
			}
		}
	}
}

func TestASessionThatSaysNothingIsFoundWhereTheRegistryHasIt(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	known := attribution.Place{Project: "shop", Cwd: "/home/u/shop", GitBranch: "fix"}
	r := newRig(t, rigOptions{
		profiles: []config.Profile{profile("work", up.URL)},
		place: func(id string) (attribution.Place, bool) {
			return known, id == "s-known"
		},
	})
	for _, c := range []struct {
		name   string
		header []string
		want   attribution.Place
	}{
		{"a known session", []string{"X-Claude-Code-Session-Id", "s-known"}, known},
		{"another session", []string{"X-Claude-Code-Session-Id", "s-other"}, attribution.Place{}},
		{"no session", nil, attribution.Place{}},
		{"what the request says wins", []string{"X-Claude-Code-Session-Id", "s-known", "X-Prism-Project", "own"}, attribution.Place{Project: "own"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := len(r.Journal.entries())
			if got := r.post(streamBody, c.header...); got.status != http.StatusOK {
				t.Fatalf("status %d", got.status)
			}
			e := r.Journal.wait(t, n+1)[n]
			if got := (attribution.Place{Project: e.Project, Cwd: e.Cwd, GitBranch: e.GitBranch}); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
