package dashboard

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"prism/config"
	"prism/internal/admin"
)

// attack is a request as bytes, and the statuses that are an answer to it. HOST stands for the
// port's own name, COOKIE for that of a session.
type attack struct {
	name, text string
	want       []int
}

// get is a request that would be answered, with something added.
func get(path string, lines ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\n" + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n"
}

func post(path, body string, lines ...string) string {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nContent-Length: %d\r\n", path, len(body))
	return head + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n" + body
}

const asJSON = "Content-Type: application/json"

func hostNames() []attack {
	var out []attack
	for _, host := range []string{
		"evil.example:PORT", "evil.example", "HOST.", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.:PORT", "0.0.0.0:PORT", "[::]:PORT", "[::1%25lo]:PORT", "localhost", "localhost.:PORT",
		"localhost:PORT.evil.example", "127.1:PORT", "2130706433:PORT", "0x7f000001:PORT", "0177.0.0.1:PORT", "127.0.0.1:0PORT", "127.0.0.1:", ":PORT", "user@127.0.0.1:PORT",
		"127.0.0.1:PORT:PORT", "127.0.0.1:PORT@evil.example", "[::ffff:127.0.0.1]:PORT", "127.0.0.1:PORT,evil.example", "evil.example,127.0.0.1:PORT", "rebind.network:PORT", "prism:PORT", "a",
	} {
		out = append(out, attack{"host " + host, strings.Replace(get("/api/state"), "HOST", host, 1), []int{400, 421}})
	}
	return append(out,
		attack{"no host", "GET /api/state HTTP/1.0\r\nCookie: COOKIE\r\n\r\n", []int{421}},
		attack{"empty host", strings.Replace(get("/api/state"), "HOST", "", 1), []int{400, 421}},
		attack{"host with a path", strings.Replace(get("/api/state"), "HOST", "HOST/api/use?x=", 1), []int{400, 421}},
		attack{"two hosts", get("/api/state", "Host: evil.example"), []int{400}},
		attack{"absolute target", strings.Replace(get("/api/state"), "GET /", "GET http://HOST/", 1), []int{400}},
		attack{"absolute target elsewhere", strings.Replace(get("/api/state"), "GET /", "GET http://evil.example/", 1), []int{400, 421}},
		attack{"no slash", strings.Replace(get("/api/state"), "GET /", "GET ", 1), []int{400}},
		attack{"forwarded host", strings.Replace(get("/api/state", "X-Forwarded-Host: HOST"), "HOST", "evil.example", 1), []int{421}},
	)
}

func sources() []attack {
	var out []attack
	for _, origin := range []string{
		"http://evil.example", "null", "", "https://HOST", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:1", "http://HOST.evil.example", "http://HOST/", "HOST", "file://", "chrome-extension://abc",
		"http://user@HOST", "http://HOST http://evil.example", "HTTP://HOST", "//HOST", "http://[::1]:PORT",
	} {
		out = append(out,
			attack{"GET from origin " + origin, get("/api/state", "Origin: "+origin), []int{403}},
			attack{"POST from origin " + origin, post("/api/use", `{"name":"kimi"}`, asJSON, "Origin: "+origin), []int{403}},
		)
	}
	for _, site := range []string{"cross-site", "same-site", "none", "", "same-origin, cross-site", "SAME-ORIGIN", "bogus"} {
		out = append(out, attack{"POST from site " + site, post("/api/use", `{"name":"kimi"}`, asJSON, "Sec-Fetch-Site: "+site), []int{403}})
		if site != "none" && site != "" {
			out = append(out, attack{"asset for site " + site, get("/assets/lang/zh.json", "Sec-Fetch-Site: "+site), []int{403}},
				attack{"metrics for site " + site, get("/metrics", "Sec-Fetch-Site: "+site), []int{403}},
				attack{"page in a frame of site " + site, get("/", "Sec-Fetch-Site: "+site, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"), []int{403}},
				attack{"page fetched by site " + site, get("/", "Sec-Fetch-Site: "+site, "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), []int{403}},
				attack{"api opened by site " + site, get("/api/state", "Sec-Fetch-Site: "+site, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), []int{403}},
				attack{"form of site " + site, post("/", "a=b", "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: "+site, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"), []int{403}})
		}
	}
	return append(out,
		attack{"address typed to the api", get("/api/state", "Sec-Fetch-Site: none"), []int{403}},
		attack{"two sites", get("/api/state", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), []int{403}},
		attack{"two origins", get("/api/state", "Origin: http://HOST", "Origin: http://evil.example"), []int{403}},
		attack{"preflight", strings.Replace(get("/api/use", "Origin: http://evil.example", "Access-Control-Request-Method: POST"), "GET", "OPTIONS", 1), []int{403}},
		attack{"preflight without origin", strings.Replace(get("/api/use"), "GET", "OPTIONS", 1), []int{403}},
		attack{"websocket", get("/api/events", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA"), []int{400}},
	)
}

func shapes() []attack {
	var out []attack
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp", "text/json", "application/json/x", "application/json; charset", "text/plain; application/json"} {
		out = append(out, attack{"body of type " + kind, post("/api/use", `{"name":"kimi"}`, "Content-Type: "+kind), []int{415}})
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "HEAD"} {
		out = append(out, attack{"method " + method, strings.Replace(get("/api/state"), "GET", method, 1), []int{400, 405}})
	}
	for _, path := range []string{
		"//", "//api/state", "/api//state", "/api/./state", "/api/../api/state", "/assets/../api/state", "/api/state/", "/api/%73tate", "/%61pi/state", "/api%2Fstate", "/api/state%00", "/api/state;x", "/api\\state",
		"/API/state", "/api", "/api/", "/assets", "/assets/", "/assets/../../etc/passwd", "/assets/..%2f..%2fetc/passwd", "/assets/index.html", "/assets/.", "/debug/pprof/", "/v1/status", "/v1/messages", "/p/work/v1/messages",
		"/now/", "/index.html", "/favicon.ico", "/.well-known/x", "/sql.json", "/api/nothing", "/api/state%0d%0aX:y", "/%C3%A9", "/api/requests/%2e%2e", "/~",
	} {
		out = append(out, attack{"path " + path, get(path), []int{400, 404}})
	}
	return append(out,
		attack{"query with a semicolon", get("/api/state?a=1;b=2"), []int{400}},
		attack{"query with a broken escape", get("/api/state?a=%zz"), []int{400}},
		attack{"query of many parts", get("/api/state?" + strings.Repeat("a&", 300)), []int{400}},
		attack{"query beyond every bound", get("/api/state?a=" + strings.Repeat("a", 2<<20)), []int{431}},
		attack{"GET with a body", "GET /api/state HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nContent-Length: 2\r\n\r\n{}", []int{400}},
		attack{"GET with a chunked body", get("/api/state", "Transfer-Encoding: chunked") + "0\r\n\r\n", []int{400}},
		attack{"GET that uses", get("/api/use?name=kimi"), []int{405}},
		attack{"GET that signs in", get("/api/login?code=x"), []int{405}},
		attack{"GET that signs out", get("/api/logout"), []int{405}},
		attack{"GET that opens", get("/api/open"), []int{405}},
		attack{"GET that tests", get("/api/test?profile=work"), []int{405}},
		attack{"GET with the method in a header", get("/api/use", "X-HTTP-Method-Override: POST"), []int{405}},
		attack{"POST to a question", post("/api/state", `{}`, asJSON), []int{405}},
		attack{"POST to a page", post("/", `{}`, asJSON), []int{405}},
		attack{"POST to metrics", post("/metrics", `{}`, asJSON), []int{405}},
		attack{"encoded body", post("/api/use", `{"name":"kimi"}`, asJSON, "Content-Encoding: gzip"), []int{415}},
		attack{"two types of body", post("/api/use", `{"name":"kimi"}`, asJSON, "Content-Type: text/plain"), []int{415}},
		attack{"body too large", post("/api/use", `{"name":"`+strings.Repeat("k", maxBody)+`"}`, asJSON), []int{413}},
		attack{"body announced too large", "POST /api/use HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n", []int{413}},
		attack{"chunked body too large", "POST /api/use HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n{\"name\":\"%s", maxBody+10, strings.Repeat("k", maxBody+1)) + "\r\n0\r\n\r\n", []int{413}},
		attack{"two lengths", post("/api/use", `{"name":"kimi"}`, asJSON, "Content-Length: 1"), []int{400}},
		attack{"length and chunks", post("/api/use", "0\r\n\r\n", asJSON, "Transfer-Encoding: chunked"), []int{400}},
		attack{"header that folds", get("/api/state", "X-A: b", " c: d", "Origin: http://evil.example"), []int{400, 403}},
		attack{"space before the colon", get("/api/state", "X-A : b"), []int{400}},
		attack{"header line without end", "GET /api/state HTTP/1.1\r\nHost: HOST\r\nX: " + strings.Repeat("y", 2<<20) + "\r\n\r\n", []int{431}},
	)
}

func bodies() []attack {
	var out []attack
	for _, body := range []string{
		"", "null", "[]", `"kimi"`, "{", `{"name":"kimi"`, `{"name":"kimi"}{"name":"kimi"}`, `{"name":"kimi"} x`, `{"name":["kimi"]}`, `{"name":{}}`, `{"name":1}`, `{"nombre":"kimi"}`, `{"name":"kimi","trigger":"x"}`,
		`{}`, `{"name":""}`, "\xff\xfe", strings.Repeat("[", 20000), `{"name":` + strings.Repeat("[", 20000), "<xml/>", "name=kimi",
	} {
		name := body
		if len(name) > 20 {
			name = name[:20] + "…"
		}
		out = append(out, attack{"body " + name, post("/api/use", body, asJSON), []int{400}})
	}
	return out
}

func sessions() []attack {
	var out []attack
	for _, path := range []string{"/api/state", "/api/events", "/api/profiles", "/api/presets", "/api/requests/1", "/api/sql.json?q=select+1", "/api/nothing"} {
		for name, cookie := range map[string]string{"no cookie": "", "an empty one": "NAME=", "a wrong one": "NAME=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "another name": "session=VALUE", "the name of another port": "prism_session_1=VALUE", "quotes": `NAME="'or'1'='1"`} {
			out = append(out, attack{path + " with " + name, strings.Replace(get(path), "COOKIE", cookie, 1), []int{401}})
		}
	}
	for _, path := range []string{"/api/use", "/api/test", "/api/open", "/api/logout", "/api/snippet"} {
		out = append(out, attack{"POST " + path + " without a session", strings.Replace(post(path, `{"name":"kimi"}`, asJSON), "COOKIE", "", 1), []int{401}},
			attack{"POST " + path + " with a header in place of the cookie", strings.Replace(post(path, `{"name":"kimi"}`, asJSON, "Authorization: Bearer VALUE"), "COOKIE", "", 1), []int{401}})
	}
	many := strings.Repeat("NAME=x; ", 50) + "COOKIE"
	return append(out, attack{"a session behind fifty others", strings.Replace(get("/api/state"), "COOKIE", many, 1), []int{401}},
		attack{"session in the address", strings.Replace(get("/api/state?NAME=VALUE"), "COOKIE", "", 1), []int{401}})
}

// Refusal is silent in the gateway: no profile changes, nothing is opened, nothing is asked.
func TestHostileRequestsAreRefusedAndDoNothing(t *testing.T) {
	r := newRig(t, nil)
	req, _ := http.NewRequest(http.MethodGet, "http://"+r.host, nil)
	r.signIn()(req)
	cookie := req.Header.Get("Cookie")
	_, value, _ := strings.Cut(cookie, "=")
	before := r.gateway.looked()
	all := append(append(append(append(hostNames(), sources()...), shapes()...), bodies()...), sessions()...)
	for _, a := range all {
		text := strings.NewReplacer("HOST", r.host, "PORT", port(r.host), "COOKIE", cookie, "NAME", r.pages.cookie, "VALUE", value).Replace(a.text)
		status, answer := r.raw(text)
		ok := false
		for _, want := range a.want {
			ok = ok || status == want
		}
		if !ok {
			t.Errorf("%s: %d, want %v", a.name, status, a.want)
		}
		if strings.Contains(strings.ToLower(answer), "access-control-") || strings.Contains(answer, "canary") {
			t.Errorf("%s: %s", a.name, answer)
		}
	}
	if len(all) < 150 {
		t.Errorf("only %d attacks", len(all))
	}
	t.Logf("%d attacks", len(all))
	if len(r.gateway.used) != 0 || len(r.opened) != 0 || r.gateway.looked() != before {
		t.Errorf("used %v, opened %v, looked %d times", r.gateway.used, r.opened, r.gateway.looked()-before)
	}
	if resp, body := r.ask(http.MethodGet, "/api/state", "", func(q *http.Request) { q.Header.Set("Cookie", cookie) }); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d %s", resp.StatusCode, body)
	}
}

// raw sends bytes and returns the status of the answer; 0 = there was none.
func (r *rig) raw(text string) (int, string) {
	r.Helper()
	c, err := net.Dial("tcp", r.host)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }() // the server may close before it has read all
	b := bufio.NewReader(c)
	resp, err := http.ReadResponse(b, nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var out strings.Builder
	_ = resp.Header.Write(&out)
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, out.String() + string(body)
}

func TestOurOwnPagesAndToolsAreAnswered(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, c := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
	}{
		{"a page of ours", http.MethodGet, "/api/state", "", func(q *http.Request) {
			q.Header.Set("Sec-Fetch-Site", "same-origin")
			q.Header.Set("Origin", "http://"+r.host)
		}},
		{"a switch of ours", http.MethodPost, "/api/use", `{"name":"kimi"}`, func(q *http.Request) {
			q.Header.Set("Sec-Fetch-Site", "same-origin")
			q.Header.Set("Origin", "http://"+r.host)
			q.Header.Set("Content-Type", "application/json; charset=utf-8")
		}},
		{"a tool", http.MethodGet, "/api/state", "", nil},
		{"the other name", http.MethodGet, "/api/state", "", func(q *http.Request) { q.Host = "LOCALHOST:" + port(r.host) }},
		{"the address bar", http.MethodGet, "/sql?q=select+1", "", func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "none") }},
		{"a link elsewhere", http.MethodGet, "/requests?profile=work", "", func(q *http.Request) {
			q.Header.Set("Sec-Fetch-Site", "cross-site")
			q.Header.Set("Sec-Fetch-Mode", "navigate")
			q.Header.Set("Sec-Fetch-Dest", "document")
		}},
		{"what data registers", http.MethodGet, "/api/requests/0192f3", "", nil},
		{"metrics", http.MethodGet, "/metrics", "", nil},
		{"a look without a body", http.MethodHead, "/healthz", "", nil},
	} {
		resp, body := r.ask(c.method, c.path, c.body, func(q *http.Request) {
			session(q)
			if c.change != nil {
				c.change(q)
			}
		})
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if resp.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", c.name, name, resp.Header.Get(name))
			}
		}
	}
}

func TestNoGETChangesAnything(t *testing.T) {
	r := newRig(t, nil)
	session := r.signIn()
	for _, path := range append(pages(), "/healthz", "/readyz", "/metrics", "/api/state", "/api/profiles", "/api/presets", "/api/use", "/api/open", "/api/test", "/api/snippet", "/api/login", "/api/logout") {
		r.ask(http.MethodGet, path+"?name=kimi&profile=work&code=x", "", session)
	}
	if len(r.gateway.used) != 0 || len(r.opened) != 0 {
		t.Errorf("used %v, opened %v", r.gateway.used, r.opened)
	}
	if resp, _ := r.ask(http.MethodGet, "/api/state", "", session); resp.StatusCode != http.StatusOK {
		t.Errorf("the session ended: %d", resp.StatusCode)
	}
}

// A body that is refused is not waited for.
func TestABodyThatNeverComesIsNotWaitedFor(t *testing.T) {
	r := newRig(t, nil)
	began := time.Now()
	if status, _ := r.raw("POST /api/use HTTP/1.1\r\nHost: " + r.host + "\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"); status != http.StatusUnauthorized {
		t.Errorf("%d", status)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("answered after %s", took)
	}
}

// Whatever the bytes of a request are: without a session nothing is told and nothing is done.
func FuzzWithoutASessionNothingIsTold(f *testing.F) {
	for _, all := range [][]attack{hostNames(), sources(), shapes(), bodies(), sessions()} {
		for _, a := range all {
			if len(a.text) < 4<<10 {
				f.Add(strings.NewReplacer("HOST", "127.0.0.1:3001", "PORT", "3001", "COOKIE", "", "NAME", "prism_session_3001").Replace(a.text))
			}
		}
	}
	f.Add("GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n\r\n")
	g := newGateway()
	pages, err := New(Options{Gateway: g, Feed: admin.NewFeed(), Hosts: []string{"127.0.0.1:3001"}, Logger: zerolog.Nop(), Profiles: func() *config.Profiles { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(pages.Close)
	f.Fuzz(func(t *testing.T, text string) {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, req)
		asks := req.Method == http.MethodGet && req.URL.Path == "/api/session" // which everybody may
		if strings.HasPrefix(req.URL.Path, "/api/") && !asks && w.Code < http.StatusBadRequest || strings.Contains(w.Body.String(), `"signed_in":true`) {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if len(g.used) != 0 || g.looked() != 0 || w.Header().Get("Set-Cookie") != "" {
			t.Error("it did something")
		}
		if w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%d without the policy", w.Code)
		}
	})
}
