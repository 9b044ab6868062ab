package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

func TestTheClientTokenIsAcceptedInThreePlacesAndTravelsNowhere(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, token: testToken})
	for _, h := range [][]string{
		{"X-Api-Key", testToken},
		{"Authorization", "Bearer " + testToken},
		{"Authorization", "bearer " + testToken},
		{"X-Prism-Token", testToken},
		{"Authorization", "Bearer " + testToken, "X-Api-Key", testToken},
		{"X-Prism-Token", testToken, "Authorization", "Bearer somebody-elses-login"},
	} {
		if got := r.post(plainBody, h...); got.status != 200 {
			t.Errorf("%v: status %d: %s", h, got.status, got.body)
		}
	}
	for _, b := range s.Bill() {
		if len(b.Credentials) != 1 || b.Key != testKey {
			t.Errorf("the upstream got the credentials %v, want one", b.Credentials)
		}
		for name, values := range b.Header {
			if v := strings.Join(values, " "); strings.Contains(v, testToken) || strings.Contains(v, "somebody") {
				t.Errorf("header %s carried %q upstream", name, v)
			}
		}
	}
}

func TestOnlyListedHeadersTravelAndExactlyOneCredential(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	sent := map[string]string{
		"Anthropic-Version": "2023-06-01", "Anthropic-Beta": "a,b", "Anthropic-Future-Thing": "x", "X-Claude-Code-Session-Id": "s-1", "X-Claude-Code-New": "y",
		"X-Stainless-Lang": "js", "X-App": "cli", "User-Agent": "claude-cli/2.1.330 (external, cli)", "Accept": "application/json",
	}
	kept := map[string]string{
		"Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "Proxy-Authorization": "Basic x", "Anthropic-Organization": "o", "Anthropic-Organization-Id": "o",
		"X-Prism-Profile": "work", "X-Prism-Tags": "a=b", "Idempotency-Key": "k", "X-Real-Ip": "1.2.3.4", "Authorization": "Bearer of-the-client", "X-Custom": "v", "Referer": "http://x/",
	}
	args := []string{"Connection", "x-api-key, authorization, anthropic-future-hop", "Anthropic-Future-Hop", "hop"}
	for _, m := range []map[string]string{sent, kept} {
		for k, v := range m {
			args = append(args, k, v)
		}
	}
	if got := r.post(plainBody, args...); got.status != 200 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	b := s.Bill()[0]
	for k, v := range sent {
		if got := b.Header.Get(k); got != v {
			t.Errorf("%s arrived as %q, want %q", k, got, v)
		}
	}
	for k := range kept {
		if got, ok := b.Header[k]; ok {
			t.Errorf("%s travelled: %q", k, got)
		}
	}
	if _, ok := b.Header["Anthropic-Future-Hop"]; ok {
		t.Error("a header named in Connection travelled")
	}
	if got := b.Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("accept-encoding %q", got)
	}
	if len(b.Credentials) != 1 || b.Key != testKey {
		t.Errorf("credentials %v", b.Credentials)
	}
}

func TestABodyThatIsTooLargeIsRefusedAndTheConnectionEnds(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{Body: 4096}})
	big := `{"model":"m","x":"` + strings.Repeat("x", 5000) + `"}`
	for _, how := range []string{"length", "chunked", "gzip"} {
		t.Run(how, func(t *testing.T) {
			var body io.Reader = strings.NewReader(big)
			req, err := http.NewRequest(http.MethodPost, r.URL+"/v1/messages", body)
			if err != nil {
				t.Fatal(err)
			}
			switch how {
			case "chunked":
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(big)), -1
			case "gzip":
				var z bytes.Buffer
				zw := gzip.NewWriter(&z)
				_, _ = io.WriteString(zw, big)
				_ = zw.Close()
				req.Body, req.ContentLength = io.NopCloser(&z), int64(z.Len())
				req.Header.Set("Content-Encoding", "gzip")
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := r.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 413 || !strings.Contains(string(b), "request_too_large") || !resp.Close {
				t.Errorf("status %d, close %v: %s", resp.StatusCode, resp.Close, b)
			}
		})
	}
	if seen, _ := s.Requests(); seen != 0 {
		t.Errorf("%d requests reached the upstream", seen)
	}
}

func TestTheBodyBudgetAnswersBusyAndRecovers(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{BodyBudget: 64 << 10}})
	big := strings.Replace(plainBody, "hi", strings.Repeat("x", 100<<10), 1)
	got := r.post(big)
	if got.status != 529 || got.header.Get("Retry-After") != "1" || got.header.Get("X-Prism-Error") != "busy" || got.header.Get("X-Should-Retry") != "" {
		t.Errorf("status %d, header %v: %s", got.status, got.header, got.body)
	}
	if got := r.post(plainBody); got.status != 200 {
		t.Errorf("after it: status %d: %s", got.status, got.body)
	}
}

func TestCompressedRequestsAreSentOnPlain(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	_, _ = io.WriteString(zw, plainBody)
	_ = zw.Close()
	if got := r.post(z.String(), "Content-Encoding", "gzip"); got.status != 200 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if b := s.Bill()[0]; string(b.RequestBody) != plainBody || b.Header.Get("Content-Encoding") != "" {
		t.Errorf("the upstream got %q, encoding %q", b.RequestBody, b.Header.Get("Content-Encoding"))
	}
}

func TestWarmUpCallsAreAnsweredWithoutAnUpstream(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, token: testToken})
	for _, c := range [][2]string{{"HEAD", "/"}, {"GET", "/"}, {"HEAD", "/api/hello"}} {
		if got := r.do(c[0], c[1], ""); got.status != 200 {
			t.Errorf("%s %s: status %d", c[0], c[1], got.status)
		}
	}
	if seen, _ := s.Requests(); seen != 0 {
		t.Errorf("%d calls reached the upstream", seen)
	}
}
