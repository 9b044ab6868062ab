package daemon

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/simulator"
)

// look asks a path of the dashboard port.
func (r *rig) look(path string) (status int, body string) {
	r.t.Helper()
	resp, err := r.client.Get("http://" + r.d.dashboard + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestTheDashboardPortShowsWhatTheGatewayDid(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:0"
	r.start()
	r.answers()
	if status, body := r.look("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d %s", status, body)
	}
	if status, body := r.look("/readyz"); status != http.StatusOK || body != `{"ready":true,"reasons":[]}`+"\n" {
		t.Errorf("readyz: %d %s", status, body)
	}
	r.until("the request is counted", func() bool {
		_, body := r.look("/metrics")
		return strings.Contains(body, `gen_ai_client_operation_duration_seconds_count{`) && strings.Contains(body, `prism_upstream_attempts_total{prism_outcome="ok"`)
	})
	_, body := r.look("/metrics")
	for _, want := range []string{"prism_swaps_total{prism_result=\"accepted\"} 1\n", `prism_profile_health{prism_profile="a",prism_state="ok"} 1`, "prism_requests_in_flight 0\n", "go_goroutines", "target_info{"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing in\n%s", want, body)
		}
	}
	if st := r.status(); st.Dashboard != r.d.dashboard {
		t.Errorf("status names %q, it is %q", st.Dashboard, r.d.dashboard)
	}
	for _, path := range []string{"/v1/status", "/v1/messages", "/debug/pprof/"} {
		if status, _ := r.look(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestTheControlSocketAnswersTheSameThree(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	v := r.start()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", v.Socket)
	}}}
	for path, want := range map[string]string{"/healthz": `"ready":true`, "/readyz": `"ready":true`, "/metrics": "prism_generation 1"} {
		resp, err := client.Get("http://prism" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	if r.d.dashboard != "" {
		t.Errorf("dashboard: off listens on %s", r.d.dashboard)
	}
}

func TestAGatewayServesWithoutADashboardPort(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = held.Addr().String()
	r.start()
	r.answers()
	if got := r.log.String(); !strings.Contains(got, "no dashboard port") || !strings.Contains(got, "dashboard: off") || r.status().Dashboard != "" {
		t.Errorf("log: %s", got)
	}
}

// inherit gives the daemon a dashboard port that is open already.
func (r *rig) inherit() (at string) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.edit = func(o *Options) { o.Dashboard = ln }
	return ln.Addr().String()
}

func TestAnInheritedDashboardPortIsClosedWhereTheSettingsSayOff(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	at := r.inherit()
	r.start()
	if got := r.log.String(); r.status().Dashboard != "" || !strings.Contains(got, "the settings say off") || !strings.Contains(got, "set dashboard: "+at) {
		t.Errorf("dashboard %q, log: %s", r.status().Dashboard, got)
	}
	if c, err := net.Dial("tcp", at); err == nil {
		_ = c.Close()
		t.Error("the port is open")
	}
}

func TestAnInheritedDashboardPortThatTheSettingsDoNotNameIsToldOf(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:1"
	at := r.inherit()
	r.start()
	if got := r.log.String(); r.status().Dashboard != at || !strings.Contains(got, "not the one that the settings name") || !strings.Contains(got, "set dashboard: "+at) {
		t.Errorf("dashboard %q, log: %s", r.status().Dashboard, got)
	}
}

// A session outlives a restart, so that its page asks while the file is read for the first time.
func TestPagesWaitWhileTheGatewayStarts(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.settings.Dashboard = ln.Addr().String()
	mustMake(t, ln.Close())
	r.start()
	cookie := r.signIn()
	r.halt()

	home := t.TempDir()
	hang := home + "/hang"
	mustMake(t, os.WriteFile(hang, nil, 0o600))
	mustMake(t, os.WriteFile(home+"/key", []byte("#!/bin/sh\nwhile [ -e "+hang+" ]; do sleep 0.02; done\necho "+r.identity+"\n"), 0o700))
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SOPS_AGE_KEY", "")
	t.Setenv("SOPS_AGE_KEY_CMD", home+"/key")
	ready := make(chan struct{})
	opt := r.options()
	opt.Ready = func(Ready) { close(ready) }
	d, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.done <- d.Run(ctx) }()
	ask := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.settings.Dashboard+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(cookie)
		resp, err := r.client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	r.until("the port answers", func() bool { status, _ := ask("/healthz"); return status == http.StatusOK })
	for _, path := range []string{"/api/state", "/api/events", "/api/profiles", "/api/spend"} {
		if status, body := ask(path); status != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"starting"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	select {
	case <-ready:
		t.Error("it was ready before its file was read")
	default:
	}
	mustMake(t, os.Remove(hang))
	r.until("the pages are answered", func() bool { status, _ := ask("/api/state"); return status == http.StatusOK })
	<-ready
}

// TestABodyThatNeverComesHoldsNoPlace announces bodies on every place of the port.
func TestABodyThatNeverComesHoldsNoPlace(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:0"
	r.start()
	for range dashboardClients {
		c, err := net.Dial("tcp", r.d.dashboard)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: "+r.d.dashboard+"\r\nContent-Length: 9\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	client := &http.Client{Timeout: dashboardRead / 2, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 {
		resp, err := client.Get("http://" + r.d.dashboard + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if strings.Contains(r.log.String(), "ulimit") {
		t.Errorf("the port speaks of descriptors:\n%s", r.log)
	}
}

func TestMetricsCanBeKeptFromTheOtherUsersOfTheMachine(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard, r.settings.Telemetry.Scrape = "127.0.0.1:0", false
	v := r.start()
	if status, _ := r.look("/metrics"); status != http.StatusNotFound {
		t.Errorf("the port: %d", status)
	}
	if status, _ := r.look("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", v.Socket)
	}}}
	resp, err := client.Get("http://prism/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the control socket: %d", resp.StatusCode)
	}
}

// A prompt that is sent to the dashboard port would be answered by prism itself.
func TestAProfileLeadsToNoPortOfPrism(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:0"
	r.start()
	for name, port := range map[string]string{"data": r.d.ln.Addr().String(), "dashboard": r.d.dashboard} {
		r.write(r.seal(strings.Replace(r.two("a"), r.upB.URL, "http://"+port, 1)))
		v, err := admin.Dial(r.paths.Socket).Reload(t.Context(), true)
		if err != nil || v.OK || !strings.Contains(config.Problems(v.Problems).Text(), "prism itself listens on") {
			t.Errorf("the %s port: %+v, %v", name, v, err)
		}
	}
}

// While prism drains, whoever balances load is to send elsewhere; the process itself lives.
func TestADrainingGatewayIsAliveAndNotReady(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:0"
	r.a.Script(simulator.Always(simulator.Reply(simulator.TextPieces("one two three four five six seven eight", 5), simulator.EventDelay(100*time.Millisecond))))
	r.start()
	out := r.open(1)
	dashboard := r.d.dashboard
	r.stop()
	ask := func(path string) (int, admin.Readiness) {
		var got admin.Readiness
		resp, err := http.Get("http://" + dashboard + path)
		if err != nil {
			return 0, got
		}
		defer resp.Body.Close()
		_ = json.NewDecoder(resp.Body).Decode(&got)
		return resp.StatusCode, got
	}
	r.until("it is not ready", func() bool {
		status, got := ask("/readyz")
		return status == http.StatusServiceUnavailable && !got.Ready && strings.Contains(strings.Join(got.Reasons, " "), "draining")
	})
	if status, _ := ask("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	if got := <-out; !strings.Contains(got, "message_stop") {
		t.Errorf("the stream ended with %q", got)
	}
}

func TestReadinessNamesWhatIsWrong(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Dashboard = "127.0.0.1:0"
	r.start()
	r.write([]byte("active: nobody\n"))
	r.until("the refused file is told", func() bool {
		status, body := r.look("/readyz")
		return status == http.StatusOK && strings.Contains(body, "profiles.yaml was refused")
	})
	r.until("the refusal is counted", func() bool {
		_, body := r.look("/metrics")
		return strings.Contains(body, `prism_swaps_total{prism_result="refused"} 1`)
	})
}

func TestACollectorThatIsRefusedIsToldOfAndTheGatewayServes(t *testing.T) {
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Telemetry = config.SettingsTelemetry{OTLP: "http://collector.example", Traces: true, Interval: time.Second}
	r.start()
	r.answers()
	if got := r.log.String(); !strings.Contains(got, "nothing is sent to the collector") {
		t.Errorf("log: %s", got)
	}
}

func TestEachExchangeIsASpanAtTheCollector(t *testing.T) {
	var traces, metrics atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/v1/traces" && strings.Contains(string(body), "chat claude-opus-5-5") && !strings.Contains(string(body), "canary of a prompt"):
			traces.Add(1)
		case r.URL.Path == "/v1/metrics" && strings.Contains(string(body), "gen_ai.client.token.usage"):
			metrics.Add(1)
		}
	}))
	defer collector.Close()
	r := newRig(t)
	r.write(r.seal(r.two("a")))
	r.settings.Telemetry = config.SettingsTelemetry{OTLP: collector.URL, Traces: true, Metrics: true, Interval: time.Hour}
	r.start()
	r.answers()
	r.until("the exchange is over", func() bool { return r.status().InFlight == 0 })
	r.halt() // sends what waits
	if traces.Load() != 1 || metrics.Load() != 1 {
		t.Errorf("%d times traces and %d times metrics were sent\n%s", traces.Load(), metrics.Load(), r.log)
	}
}
