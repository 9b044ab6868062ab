package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// hostile is a request as raw bytes. HOST stands for the address of the proxy.
type hostile struct {
	name   string
	raw    string
	status []int // any of these; 0 = the connection ends without an answer
}

const goodHead = "Host: HOST\r\nContent-Type: application/json\r\nX-Api-Key: " + testToken + "\r\n"

// messages is a POST of a good body with these header lines and target.
func messages(target, head string) string {
	return "POST " + target + " HTTP/1.1\r\n" + head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(plainBody), plainBody)
}

func with(line string) string { return messages("/v1/messages", goodHead+line+"\r\n") }

func hostAs(host string) string {
	return messages("/v1/messages", strings.Replace(goodHead, "Host: HOST\r\n", host, 1))
}

func hostileRequests() []hostile {
	bad := []int{400}
	list := []hostile{
		{"absolute form", messages("http://evil.example/v1/messages", goodHead), []int{400, 421}},
		{"absolute form of ourselves", messages("http://HOST/v1/messages", goodHead), bad},
		{"authority form", "CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", []int{400, 403}},
		{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", []int{200, 400, 403}},
		{"double slash", messages("/v1//messages", goodHead), bad},
		{"leading double slash", messages("//v1/messages", goodHead), bad},
		{"dot segment", messages("/v1/./messages", goodHead), bad},
		{"dot dot", messages("/v1/../admin", goodHead), bad},
		{"dot dot to the target", messages("/x/../v1/messages", goodHead), bad},
		{"encoded slash", messages("/v1%2Fmessages", goodHead), bad},
		{"encoded letter", messages("/v1/%6dessages", goodHead), bad},
		{"encoded dot dot", messages("/v1/%2e%2e/admin", goodHead), bad},
		{"encoded zero", messages("/v1/messages%00", goodHead), bad},
		{"path parameter", messages("/v1/messages;x=1", goodHead), bad},
		{"trailing slash", messages("/v1/messages/", goodHead), bad},
		{"backslash", messages(`/v1\messages`, goodHead), bad},
		{"non-ASCII path", messages("/v1/mess\xc3\xa4ges", goodHead), bad},
		{"space in the path", messages("/v1/mess ages", goodHead), bad},
		{"outside of v1", messages("/admin", goodHead), []int{404}},
		{"pprof", "GET /debug/pprof/ HTTP/1.1\r\n" + goodHead + "\r\n", []int{400, 404}},
		{"pprof without slash", "GET /debug/pprof HTTP/1.1\r\n" + goodHead + "\r\n", []int{404}},
		{"control API on the data port", "GET /v1x/status HTTP/1.1\r\n" + goodHead + "\r\n", []int{404}},
		{"unknown profile in the path", messages("/p/nobody/v1/messages", goodHead), []int{404}},
		{"empty profile in the path", messages("/p//v1/messages", goodHead), bad},
		{"profile without v1", messages("/p/work/messages", goodHead), []int{404}},
		{"profile twice", messages("/p/work/p/work/v1/messages", goodHead), []int{404}},
		{"unknown profile in the header", with("X-Prism-Profile: nobody"), []int{404}},

		{"foreign host", hostAs("Host: evil.example:3000\r\n"), []int{421}},
		{"foreign host without port", hostAs("Host: evil.example\r\n"), []int{421}},
		{"rebinding name", hostAs("Host: 127.0.0.1.evil.example\r\n"), []int{421}},
		{"all interfaces", hostAs("Host: 0.0.0.0:3000\r\n"), []int{421}},
		{"unspecified v6", hostAs("Host: [::]:3000\r\n"), []int{421}},
		{"trailing dot", hostAs("Host: localhost.:3000\r\n"), []int{421}},
		{"loopback without port", hostAs("Host: 127.0.0.1\r\n"), []int{421}},
		{"loopback with another port", hostAs("Host: 127.0.0.1:1\r\n"), []int{421}},
		{"host with a path", hostAs("Host: a/admin?x=\r\n"), []int{400, 421}},
		{"host with userinfo", hostAs("Host: user@127.0.0.1:3000\r\n"), []int{400, 421}},
		{"empty host", hostAs("Host: \r\n"), []int{400, 421}},
		{"no host", hostAs(""), bad},
		{"two hosts", hostAs("Host: HOST\r\nHost: HOST\r\n"), bad},
		{"HTTP/1.0 without host", strings.Replace(hostAs(""), "HTTP/1.1", "HTTP/1.0", 1), []int{421}},

		{"origin of a page", with("Origin: https://evil.example"), []int{403}},
		{"origin null", with("Origin: null"), []int{403}},
		{"origin empty", with("Origin:"), []int{403}},
		{"origin of ourselves", with("Origin: http://HOST"), []int{403}},
		{"sec-fetch-site cross-site", with("Sec-Fetch-Site: cross-site"), []int{403}},
		{"sec-fetch-site same-site", with("Sec-Fetch-Site: same-site"), []int{403}},
		{"sec-fetch-site same-origin", with("Sec-Fetch-Site: same-origin"), []int{403}},
		{"sec-fetch-site twice", with("Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site"), []int{403}},
		{"GET by an image", "GET /v1/models HTTP/1.1\r\n" + goodHead + "Sec-Fetch-Site: cross-site\r\n\r\n", []int{403}},
		{"preflight", "OPTIONS /v1/messages HTTP/1.1\r\n" + goodHead + "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", []int{403}},
		{"OPTIONS", "OPTIONS /v1/messages HTTP/1.1\r\n" + goodHead + "\r\n", []int{403}},
		{"TRACE", "TRACE /v1/messages HTTP/1.1\r\n" + goodHead + "\r\n", []int{403}},
		{"invented method", "BREW /v1/messages HTTP/1.1\r\n" + goodHead + "\r\n", []int{403}},

		{"websocket", with("Connection: Upgrade\r\nUpgrade: websocket"), bad},
		{"h2c upgrade", with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"), bad},
		{"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{0, 400, 403, 505}},
		{"loop", with("Via: 1.1 prism"), []int{508}},

		{"text/plain", strings.Replace(with("X: y"), "application/json", "text/plain", 1), []int{415}},
		{"form", strings.Replace(with("X: y"), "application/json", "application/x-www-form-urlencoded", 1), []int{415}},
		{"multipart", strings.Replace(with("X: y"), "application/json", "multipart/form-data; boundary=x", 1), []int{415}},
		{"no content type", strings.Replace(with("X: y"), "Content-Type: application/json\r\n", "", 1), []int{415}},
		{"content type with a trick", strings.Replace(with("X: y"), "application/json", "text/plain; application/json", 1), []int{415}},
		{"brotli", with("Content-Encoding: br"), []int{415}},
		{"two encodings", with("Content-Encoding: gzip, gzip"), []int{415}},
		{"not gzip", with("Content-Encoding: gzip"), bad},

		{"two lengths", with("Content-Length: 3"), bad},
		{"negative length", "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Content-Length: -1\r\n\r\n", bad},
		{"unknown transfer encoding", "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"header with a space before the colon", messages("/v1/messages", goodHead+"X-Bad : v\r\n"), bad},
		{"header without a colon", messages("/v1/messages", goodHead+"nonsense\r\n"), bad},
		{"header with a zero byte", messages("/v1/messages", goodHead+"X-Bad: a\x00b\r\n"), bad},
		{"bad chunk size", "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", bad},
		{"chunk size that overflows", "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\n{}\r\n0\r\n\r\n", bad},
		{"a length that lies", "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Content-Length: 33554433\r\n\r\n{", []int{413}},

		{"query too long", messages("/v1/messages?beta="+strings.Repeat("x", 9000), goodHead), bad},
		{"semicolon in the query", messages("/v1/messages?a=1;b=2", goodHead), bad},
		{"broken escape in the query", messages("/v1/messages?a=%zz", goodHead), bad},
	}
	for _, body := range []string{"", "null", "[]", `"x"`, "{", "nonsense", `{"model":"a","model":"b"}`, `{"model":"a","mod\u0065l":"b"}`, `{"stream":true,"stream":false}`, `{"model":"a"} trailing`, strings.Repeat("[", 100000)} {
		name := body
		if len(name) > 40 {
			name = name[:40]
		}
		list = append(list, hostile{"body " + name, "POST /v1/messages HTTP/1.1\r\n" + goodHead + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), bad})
	}
	token := func(lines string) string {
		return messages("/v1/messages", strings.Replace(goodHead, "X-Api-Key: "+testToken+"\r\n", lines, 1))
	}
	for name, lines := range map[string]string{
		"no token":              "",
		"empty token":           "X-Api-Key: \r\n",
		"wrong token":           "X-Api-Key: wrong\r\n",
		"token with more":       "X-Api-Key: " + testToken + "x\r\n",
		"token with less":       "X-Api-Key: " + testToken[:len(testToken)-1] + "\r\n",
		"token as basic":        "Authorization: Basic " + testToken + "\r\n",
		"token without scheme":  "Authorization: " + testToken + "\r\n",
		"token in a cookie":     "Cookie: token=" + testToken + "\r\n",
		"the key of a provider": "X-Api-Key: " + testKey + "\r\n",
		"token in another case": "Authorization: Bearer " + strings.ToUpper(testToken) + "\r\n",
	} {
		list = append(list, hostile{name, token(lines), []int{401}})
	}
	return list
}

// sendRaw sends bytes and returns the status and the whole answer; 0 = no answer.
func sendRaw(t *testing.T, addr, raw string) (int, http.Header, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, strings.ReplaceAll(raw, "HOST", addr)); err != nil {
		return 0, nil, ""
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

func TestNoHostileRequestReachesAnUpstream(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, token: testToken})
	list := hostileRequests()
	if len(list) < 60 {
		t.Fatalf("%d hostile requests, want at least 60", len(list))
	}
	for _, h := range list {
		t.Run(h.name, func(t *testing.T) {
			status, header, body := sendRaw(t, r.Addr, h.raw)
			ok := false
			for _, want := range h.status {
				ok = ok || status == want
			}
			if !ok {
				t.Errorf("status %d, want one of %v: %s", status, h.status, body)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("header %s was sent", name)
				}
			}
			if strings.Contains(body, testToken) || strings.Contains(body, testKey) {
				t.Errorf("a secret was sent: %s", body)
			}
			if code := header.Get("X-Prism-Error"); code != "" {
				checkShape(t, body)
			}
		})
	}
	if seen, _ := s.Requests(); seen != 0 {
		t.Errorf("%d hostile requests reached the upstream", seen)
	}
	if n := len(r.Journal.entries()); n != 0 {
		t.Errorf("%d entries were journaled for requests that were refused", n)
	}
	// The same route is open to a request that is in order.
	if got := r.post(plainBody, "X-Api-Key", testToken); got.status != 200 {
		t.Errorf("a good request got %d: %s", got.status, got.body)
	}
}

// checkShape checks that a refusal has the shape of the Messages API.
func checkShape(t *testing.T, body string) {
	t.Helper()
	var e struct {
		Type  string `json:"type"`
		Error struct {
			Type, Message string
		} `json:"error"`
		RequestID *string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Type != "error" || e.Error.Type == "" || e.Error.Message == "" {
		t.Errorf("refusal %q: %v", body, err)
	}
}

func TestOnlyOneRequestComesOutOfASmuggledOne(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	inner := "GET /v1/models HTTP/1.1\r\nHost: HOST\r\n\r\n"
	raw := "POST /v1/messages HTTP/1.1\r\n" + goodHead + "Transfer-Encoding: chunked\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%x\r\n%s\r\n0\r\n\r\n%s", 4, len(plainBody), plainBody, inner)
	status, _, _ := sendRaw(t, r.Addr, raw)
	if status != 200 && status != 400 {
		t.Fatalf("status %d", status)
	}
	for _, b := range s.Bill() {
		if b.Method == http.MethodPost && string(b.RequestBody) != plainBody {
			t.Errorf("the upstream read a body of %q", b.RequestBody)
		}
	}
}

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
