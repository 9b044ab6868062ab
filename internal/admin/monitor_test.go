package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// dashboard is a dashboard port with a gateway that is as r says.
func dashboard(t *testing.T, r *Readiness) *httptest.Server {
	t.Helper()
	m := &Monitor{
		Ready:   func() Readiness { return *r },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a_metric 1\n") }),
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = DashboardHandler(m, []string{s.Listener.Addr().String(), "localhost:1"})
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, s *httptest.Server, method, path string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestTheDashboardPortAnswersThreeQuestions(t *testing.T) {
	ready := &Readiness{Ready: true}
	s := dashboard(t, ready)
	for path, want := range map[string]string{
		"/healthz": `{"ready":true,"reasons":[]}`, "/readyz": `{"ready":true,"reasons":[]}`, "/metrics": "a_metric 1",
	} {
		resp, body := ask(t, s, http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
		for header, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
			if resp.Header.Get(header) != value {
				t.Errorf("%s: %s is %q", path, header, resp.Header.Get(header))
			}
		}
		if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") || resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, resp.Header)
		}
		if head, none := ask(t, s, http.MethodHead, path, nil); head.StatusCode != http.StatusOK || none != "" {
			t.Errorf("HEAD %s: %d %q", path, head.StatusCode, none)
		}
	}
}

func TestAGatewayThatIsNotReadyLivesAndSaysWhy(t *testing.T) {
	ready := &Readiness{Reasons: []string{"draining"}}
	s := dashboard(t, ready)
	resp, body := ask(t, s, http.MethodGet, "/readyz", nil)
	var got Readiness
	if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusServiceUnavailable || got.Ready || len(got.Reasons) != 1 {
		t.Errorf("readyz: %d %s, %v", resp.StatusCode, body, err)
	}
	if resp, _ := ask(t, s, http.MethodGet, "/healthz", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("healthz: %d", resp.StatusCode)
	}
}

// Whatever a page in a browser, or somebody who rebinds a name, may send.
func TestTheDashboardPortRefusesWhatAPageCouldSend(t *testing.T) {
	s := dashboard(t, &Readiness{Ready: true})
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	body := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for _, tt := range []struct {
		name, method, path string
		change             func(*http.Request)
		want               int
	}{
		{"a name that was rebound", "GET", "/metrics", host("evil.example"), 421},
		{"another port", "GET", "/metrics", host("127.0.0.1:3000"), 421},
		{"a host with a dot", "GET", "/metrics", host("localhost.:1"), 421},
		{"a name of this machine", "GET", "/metrics", host("LOCALHOST:1"), 200},
		{"an origin", "GET", "/metrics", header("Origin", "http://"+s.Listener.Addr().String()), 403},
		{"the origin null", "GET", "/healthz", header("Origin", "null"), 403},
		{"no-cors from another site", "GET", "/healthz", header("Sec-Fetch-Site", "cross-site"), 403},
		{"the same site", "GET", "/healthz", header("Sec-Fetch-Site", "same-site"), 403},
		{"typed into the address bar", "GET", "/healthz", header("Sec-Fetch-Site", "none"), 200},
		{"POST", "POST", "/metrics", nil, 405},
		{"PUT", "PUT", "/readyz", nil, 405},
		{"DELETE", "DELETE", "/healthz", nil, 405},
		{"OPTIONS", "OPTIONS", "/healthz", nil, 405},
		{"a body", "GET", "/healthz", body("x"), 400},
		{"a body without a length", "GET", "/healthz", func(r *http.Request) { body("x")(r); r.ContentLength = -1 }, 400},
		{"the root", "GET", "/", nil, 404},
		{"the control API", "GET", "/v1/status", nil, 404},
		{"messages", "GET", "/v1/messages", nil, 404},
		{"profiling", "GET", "/debug/pprof/", nil, 404},
		{"variables", "GET", "/debug/vars", nil, 404},
		{"two slashes", "GET", "//metrics", nil, 404},
		{"dots", "GET", "/x/../metrics", nil, 404},
		{"an escape", "GET", "/%6detrics", nil, 404},
		{"an escaped slash", "GET", "/x%2f..%2fmetrics", nil, 404},
		{"a slash at the end", "GET", "/metrics/", nil, 404},
		{"a query", "GET", "/healthz?x=1", nil, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if resp, body := ask(t, s, tt.method, tt.path, tt.change); resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tt.want, body)
			}
		})
	}
}
