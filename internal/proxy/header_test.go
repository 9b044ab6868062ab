package proxy_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/simulator"
)

func TestAnErrorAnswerRepeatsNoKeyInItsHeaders(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Error(401, "authentication_error", "invalid key "+testKey, http.Header{
		"X-Echo": {"key " + testKey, base64.StdEncoding.EncodeToString([]byte("user:" + testKey))}, "Www-Authenticate": {`Bearer realm="` + url.QueryEscape(testKey) + `"`},
		"Request-Id": {"req_1"},
	}))
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	got := r.post(plainBody)
	if got.status != 401 || got.header.Get("Request-Id") != "req_1" || !strings.Contains(got.header.Get("X-Echo"), "[redacted:work]") {
		t.Errorf("status %d, headers %v", got.status, got.header)
	}
	for name, values := range got.header {
		if v := strings.Join(values, " "); strings.Contains(v, testKey) || strings.Contains(v, base64.RawStdEncoding.EncodeToString([]byte(testKey))[3:20]) {
			t.Errorf("%s: %s", name, v)
		}
	}
	if strings.Contains(string(got.body), testKey) {
		t.Errorf("body %s", got.body)
	}
}

// TestNoProviderSpeaksForThisMachine: a browser shares cookies among all ports of 127.0.0.1, and
// would remember the rest for its name.
func TestNoProviderSpeaksForThisMachine(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	bad := http.Header{}
	for _, name := range []string{
		"Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Content-Security-Policy", "Content-Security-Policy-Report-Only", "Clear-Site-Data", "Alt-Svc", "Refresh", "Link",
		"Report-To", "Reporting-Endpoints", "Nel", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "X-Prism-Error", "Proxy-Authenticate",
		"Keep-Alive", "X-Named-In-Connection",
	} {
		bad[name] = []string{"evil"}
	}
	bad["Connection"] = []string{"keep-alive, x-named-in-connection"}
	kept := http.Header{"Request-Id": {"req_1"}, "Anthropic-Ratelimit-Requests-Remaining": {"7"}, "X-Should-Retry": {"true"}, "Cf-Ray": {"x"}, "Server": {"cloudflare"}}
	for name, body := range map[string]string{"text/html; charset=utf-8": "<script>alert(1)</script>", "application/javascript": "alert(1)", "image/svg+xml": "<svg onload=alert(1)>", "": "<script>"} {
		extra := bad.Clone()
		maps.Copy(extra, kept)
		s.Script(simulator.On("*", simulator.RawBody(200, name, []byte(body)).With(simulator.ExtraHeaders(extra))))
		r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
		got := r.do(http.MethodGet, "/v1/models", "")
		if got.status != 200 || string(got.body) != body {
			t.Errorf("%s: status %d, %q", name, got.status, got.body)
		}
		for k := range bad {
			if v, ok := got.header[k]; ok && (k != "Content-Security-Policy" || v[0] != "sandbox; default-src 'none'") {
				t.Errorf("%s: %s: %v came through", name, k, v)
			}
		}
		for k, v := range kept {
			if got.header.Get(k) != v[0] {
				t.Errorf("%s: %s is %q, want %q", name, k, got.header.Get(k), v[0])
			}
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Disposition") != "attachment" || !strings.HasPrefix(got.header.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("%s: %v is no sandbox", name, got.header)
		}
	}
}
