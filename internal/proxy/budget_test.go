package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// gatekeeper stops what is sent to some profiles, and writes down what it was asked.
type gatekeeper struct {
	mu    sync.Mutex
	stops map[string]bool // profile -> whether its fallback may take over
	asked []string
	told  []string
}

func (g *gatekeeper) Check(e *ledger.Entry, free bool) *proxy.Stop {
	g.mu.Lock()
	defer g.mu.Unlock()
	ask := e.Operation + " " + e.Profile + " " + e.UpstreamModel
	if free {
		ask += " free"
	}
	g.asked = append(g.asked, ask)
	fallback, stopped := g.stops[e.Profile]
	if !stopped || free {
		return nil
	}
	profile := e.Profile
	return &proxy.Stop{Name: "b", Message: `used up: "` + profile + `"`, Fallback: fallback, Told: func(state string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told = append(g.told, profile+" "+state)
	}}
}

func TestWhatIsStoppedNeverReachesItsProvider(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	up := sim.Start()
	defer up.Close()
	with := func(p config.Profile, edit func(*config.Profile)) config.Profile {
		p.Auth, p.APIKey = config.AuthNone, config.Secret{}
		edit(&p)
		return p
	}
	profiles := []config.Profile{
		with(profile("open", up.URL), func(*config.Profile) {}),
		with(profile("shut", up.URL), func(p *config.Profile) { p.Fallback = []string{"open"} }), // blocks: nobody else is asked
		with(profile("tired", up.URL), func(p *config.Profile) {
			p.Fallback = []string{"gone", "shut", "renamed", "open"}
			p.Models = []config.ModelRule{{Match: "*", Use: "tired-model"}}
		}),
		with(profile("renamed", up.URL), func(p *config.Profile) { p.Models = []config.ModelRule{{Match: "*", Use: "other-model"}} }),
		with(profile("alone", up.URL), func(*config.Profile) {}),
		with(profile("monthly", up.URL), func(p *config.Profile) { p.FlatFee = true }),
	}
	for _, tt := range []struct {
		path, method, profile string
		asked, told           []string
		served                string // by whom; "" = nobody
	}{
		{"/v1/messages", "POST", "open", []string{"messages open m"}, nil, "open header m"},
		{"/v1/messages", "POST", "shut", []string{"messages shut m"}, []string{"shut blocked"}, ""},
		{"/v1/messages", "POST", "tired", []string{"messages tired tired-model", "messages shut m", "messages renamed other-model"}, []string{"tired fallback"}, "renamed fallback other-model"},
		{"/v1/messages", "POST", "alone", []string{"messages alone m"}, []string{"alone blocked"}, ""},
		{"/v1/messages", "POST", "monthly", []string{"messages monthly m free"}, nil, "monthly header m"},
		{"/v1/messages/count_tokens", "POST", "shut", nil, nil, "shut header m"},
		{"/v1/models", "GET", "shut", nil, nil, "shut header "},
		{"/v1/messages/batches", "POST", "shut", []string{"other shut "}, []string{"shut blocked"}, ""},
		{"/v1/messages/batches/b_1", "GET", "shut", nil, nil, "shut header "},
	} {
		t.Run(tt.method+" "+tt.path+" "+tt.profile, func(t *testing.T) {
			g := &gatekeeper{stops: map[string]bool{"shut": false, "tired": true, "alone": true, "monthly": false}}
			r := newRig(t, rigOptions{profiles: profiles, budgets: g})
			sim.ClearBill()
			before, _ := sim.Requests()
			var body *strings.Reader
			if body = strings.NewReader(""); tt.method == "POST" {
				body = strings.NewReader(`{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`)
			}
			req, err := http.NewRequest(tt.method, r.URL+tt.path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Prism-Profile", tt.profile)
			resp, err := r.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			e := r.Journal.wait(t, 1)[0]
			if !slices.Equal(g.asked, tt.asked) || !slices.Equal(g.told, tt.told) {
				t.Errorf("asked %q, told %q", g.asked, g.told)
			}
			after, _ := sim.Requests()
			if tt.served == "" {
				if after != before || resp.StatusCode != http.StatusTooManyRequests || e.Outcome != ledger.OutcomeBlocked || e.Profile != tt.profile || e.RouteReason != "header" {
					t.Errorf("%s, %d requests arrived, entry %s %s %s", resp.Status, after-before, e.Outcome, e.Profile, e.RouteReason)
				}
				return
			}
			if got := e.Profile + " " + e.RouteReason + " " + e.UpstreamModel; after != before+1 || got != tt.served {
				t.Errorf("%d requests arrived, served by %s", after-before, got)
			}
		})
	}
}
