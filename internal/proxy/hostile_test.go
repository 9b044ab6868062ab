package proxy_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
)

// hostile is a request as raw bytes. HOST stands for the address of the proxy, PORT for its port.
type hostile struct {
	name   string
	raw    string
	status []int // any of these; 0 = the connection ends without an answer
}

const goodHead = "Host: HOST\r\nContent-Type: application/json\r\nX-Api-Key: " + testToken + "\r\n"

// messages is a POST of a good body with these header lines and target.
func messages(target, head string) string {
	return "POST " + target + " HTTP/1.1\r\n" + head + withLength(plainBody)
}

// withLength ends a head and appends a body.
func withLength(body string) string {
	return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func with(line string) string { return messages("/v1/messages", goodHead+line+"\r\n") }

func hostAs(host string) string {
	return messages("/v1/messages", strings.Replace(goodHead, "Host: HOST\r\n", host, 1))
}

func typed(line string) string {
	return messages("/v1/messages", strings.Replace(goodHead, "Content-Type: application/json\r\n", line, 1))
}

func get(target, lines string) string {
	return "GET " + target + " HTTP/1.1\r\n" + goodHead + lines + "\r\n"
}

func method(m string) string { return m + " /v1/messages HTTP/1.1\r\n" + goodHead + "\r\n" }

// eachOf makes a request of every text of a list, all with the same verdict.
func eachOf(what string, status []int, texts []string, request func(text string) string) []hostile {
	list := make([]hostile, len(texts))
	for i, text := range texts {
		name := strings.ToValidUTF8(text, "?")
		list[i] = hostile{what + " " + name[:min(len(name), 40)], request(text), status}
	}
	return list
}

func hostileTargets() []hostile {
	post := func(target string) string { return messages(target, goodHead) }
	return slices.Concat(
		eachOf("target", []int{400}, []string{
			"http://HOST/v1/messages", "https://HOST/v1/messages", "http://user@HOST/v1/messages", "/v1//messages", "//v1/messages", "///", "/v1/messages//",
			"/v1/./messages", "/v1/../admin", "/x/../v1/messages", "/v1/messages/..", "/v1/messages/.", "/..", "/v1/messages/../../../etc/passwd",
			"/v1%2Fmessages", "/v1%2fmessages", "/v1/%6dessages", "/v1/%2e%2e/admin", "/v1/messages%00", "/v1/messages%0d%0aX:y", "/v1/messages%20", "/v1/messages%3Fbeta",
			"/v1/..%5cadmin", "/v1/%252e%252e/admin", "/v1/mes%EF%BC%8Fsages", "/%2e%2e/%2e%2e/etc/passwd", "/v1/messages;x=1", "/v1;x/messages", "/v1/..;/admin",
			"/v1/messages/", "/v1/", `/v1\messages`, "/v1/mess\xc3\xa4ges", "/v1/mess ages", "/v1/mess\tages", "/v1/messages\x7f", "/v1/messages#fragment", "/v1/messages|x",
			`/v1/messages"`, "/v1/<script>", "/v1/{messages}", "/v1/messages'", "/v1/mess+ages", "v1/messages", "*",
			"/p//v1/messages", "/p/../v1/messages", "/p/work/../spare/v1/messages", "/p/work%2F..%2Fspare/v1/messages", "/p/w%6frk/v1/messages",
		}, post),
		eachOf("target", []int{404}, []string{
			"/admin", "/v1", "/v1x/status", "/V1/messages", "/P/work/v1/messages", "/debug/pprof", "/debug/vars", "/metrics", "/healthz", "/readyz", "/status", "/reload", "/swap",
			"/v2/messages", "/messages", "/api/hello", "/.env", "/.git/config", "/prism/v1/messages", "/index.html", "/favicon.ico",
			"/p/nobody/v1/messages", "/p/work/messages", "/p/work", "/p/WORK/v1/messages", "/p/work/p/work/v1/messages", "/p/work/v1", "/p/work./v1/messages",
		}, post),
		eachOf("GET", []int{400, 404}, []string{
			"/debug/pprof", "/debug/pprof/", "/debug/pprof/heap", "/metrics", "/readyz", "/v1/../", "/socket", "/robots.txt", "/api/hello",
		}, func(target string) string { return get(target, "") }),
		[]hostile{
			{"absolute form of another host", post("http://evil.example/v1/messages"), []int{400, 421}},
			{"authority form", "CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n", []int{400, 403}},
			{"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n", []int{200, 400, 403}},
			{"no target", "POST  HTTP/1.1\r\n" + goodHead + withLength(plainBody), []int{400}},
			{"a target of 300 KiB", post("/v1/" + strings.Repeat("a/", 150<<10)), []int{0, 400, 414, 431}},
		},
		eachOf("profile in the header", []int{404}, []string{"nobody", "WORK", "../work", "work,spare", "work/v1", "*", "w*", "work\xff"}, func(name string) string {
			return with("X-Prism-Profile: " + name)
		}),
	)
}

func hostileHosts() []hostile {
	return slices.Concat(
		eachOf("host", []int{400, 421}, []string{
			"evil.example:PORT", "evil.example", "127.0.0.1.evil.example", "127.0.0.1.evil.example:PORT", "localhost.evil.example:PORT", "0.0.0.0:PORT", "[::]:PORT", "0:PORT",
			"localhost.:PORT", "127.0.0.1.:PORT", "127.0.0.1", "localhost", "127.0.0.1:", "127.0.0.1:1", "127.0.0.1:0PORT", "127.0.0.1:+PORT", "127.0.0.1:PORT:PORT", "127.0.0.2:PORT", "127.1:PORT",
			"0x7f000001:PORT", "2130706433:PORT", "0177.0.0.1:PORT", "[::ffff:127.0.0.1]:PORT", "[::1%25lo]:PORT", "::1:PORT", "[0:0:0:0:0:0:0:1]:PORT", "localhost.localdomain:PORT",
			"host.docker.internal:PORT", "my-machine.local:PORT", "a/admin?x=", "HOST/", "HOST?x", "HOST#x", "HOST,evil.example", "HOST evil.example", "user@HOST", "evil.example@HOST", "http://HOST", "*", "",
			"lоcalhost:PORT", "xn--lcalhost-zbf:PORT", "127。0。0。1:PORT",
		}, func(host string) string { return hostAs("Host: " + host + "\r\n") }),
		[]hostile{
			{"no host", hostAs(""), []int{400}},
			{"two hosts", hostAs("Host: HOST\r\nHost: HOST\r\n"), []int{400}},
			{"two hosts, the second a stranger", hostAs("Host: HOST\r\nHost: evil.example\r\n"), []int{400}},
			{"a forwarded host", hostAs("Host: evil.example\r\nX-Forwarded-Host: HOST\r\n"), []int{421}},
			{"a host with a tab", hostAs("Host:\tHOST\tx\r\n"), []int{400, 421}},
			{"HTTP/1.0 without host", strings.Replace(hostAs(""), "HTTP/1.1", "HTTP/1.0", 1), []int{421}},
			{"HTTP/1.0 with a stranger", strings.Replace(hostAs("Host: evil.example\r\n"), "HTTP/1.1", "HTTP/1.0", 1), []int{421}},
		},
	)
}

func hostilePages() []hostile {
	return slices.Concat(
		eachOf("origin", []int{403}, []string{
			"https://evil.example", "http://HOST", "http://localhost:PORT", "http://localhost", "null", "", "file://", "chrome-extension://abc", "app://x", "https://api.anthropic.com",
		}, func(origin string) string { return with("Origin: " + origin) }),
		eachOf("sec-fetch-site", []int{403}, []string{"cross-site", "same-site", "same-origin", "None", "NONE", "", "none, cross-site", "none\r\nSec-Fetch-Site: cross-site", "cross-site\r\nSec-Fetch-Site: none"},
			func(site string) string { return with("Sec-Fetch-Site: " + site) }),
		[]hostile{
			{"two origins", with("Origin: null\r\nOrigin: http://HOST"), []int{403}},
			{"GET by an image", get("/v1/models", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"), []int{403}},
			{"navigation from a link", get("/v1/models", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"), []int{403}},
			{"the warm-up call from a page", get("/", "Origin: https://evil.example\r\n"), []int{403}},
			{"EventSource from a page", get("/v1/models", "Accept: text/event-stream\r\nOrigin: https://evil.example\r\n"), []int{403}},
			{"a form", strings.Replace(with("Origin: https://evil.example"), "application/json", "text/plain", 1), []int{403}},
			{"preflight", "OPTIONS /v1/messages HTTP/1.1\r\n" + goodHead + "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", []int{403}},
			{"preflight of a private network", "OPTIONS /v1/messages HTTP/1.1\r\n" + goodHead + "Origin: https://evil.example\r\nAccess-Control-Request-Private-Network: true\r\n\r\n", []int{403}},
		},
		eachOf("method", []int{400, 403}, []string{"OPTIONS", "TRACE", "TRACK", "CONNECT", "PROPFIND", "PURGE", "BREW", "post", "Post", "GET,POST", "M-SEARCH", "SUBSCRIBE"}, method),
	)
}

func hostileUpgrades() []hostile {
	return []hostile{
		{"websocket", with("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"), []int{400}},
		{"websocket by GET", get("/v1/messages", "Connection: Upgrade\r\nUpgrade: websocket\r\n"), []int{400}},
		{"h2c upgrade", with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"), []int{400}},
		{"h2c settings alone", with("HTTP2-Settings: AAMAAABkAAQAAP__"), []int{400}},
		{"upgrade without connection", with("Upgrade: h2c"), []int{400}},
		{"upgrade to TLS", with("Connection: Upgrade\r\nUpgrade: TLS/1.2"), []int{400}},
		{"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{0, 400, 403, 505}},
		{"HTTP/2.0", strings.Replace(with("X: y"), "HTTP/1.1", "HTTP/2.0", 1), []int{0, 400, 505}},
		{"HTTP/3", strings.Replace(with("X: y"), "HTTP/1.1", "HTTP/3", 1), []int{0, 400, 505}},
		{"HTTP/9.9", strings.Replace(with("X: y"), "HTTP/1.1", "HTTP/9.9", 1), []int{0, 400, 505}},
		{"HTTP/0.9", "GET /v1/models\r\n\r\n", []int{0, 400}},
		{"no protocol", strings.Replace(with("X: y"), " HTTP/1.1", " FTP/1.1", 1), []int{0, 400}},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []int{0, 400}},
		{"SSH", "SSH-2.0-OpenSSH_9.9\r\n\r\n", []int{0, 400}},
		{"SMTP", "EHLO evil.example\r\nMAIL FROM:<x>\r\n\r\n", []int{0, 400}},
		{"loop", with("Via: 1.1 prism"), []int{508}},
		{"loop behind another proxy", with("Via: 1.1 squid, 1.0 PRISM"), []int{508}},
	}
}

func hostileTypes() []hostile {
	return slices.Concat(
		eachOf("type", []int{415}, []string{
			"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: multipart/form-data; boundary=x\r\n", "Content-Type:\r\n",
			"Content-Type: text/plain; application/json\r\n", "Content-Type: application/json, text/plain\r\n", "Content-Type: text/json\r\n", "Content-Type: application/json5\r\n",
			"Content-Type: application/jsonl\r\n", "Content-Type: */*\r\n", "Content-Type: application/json;;;=\r\n", "Content-Type: text/plain; charset=application/json\r\n",
			"Content-Type: application/json\r\nContent-Type: text/plain\r\n", "Content-Type: text/plain\r\nContent-Type: application/json\r\n",
		}, typed),
		eachOf("encoding", []int{400, 415}, []string{"br", "deflate", "compress", "x-gzip", "gzip, gzip", "gzip, br", "identity, gzip", "gzip", "GZIP", "zstd", "zip", "chunked", "gzip\r\nContent-Encoding: br"},
			func(enc string) string { return with("Content-Encoding: " + enc) }),
		eachOf("body", []int{400}, []string{
			"", " ", "null", "true", "1", "[]", `"x"`, "{", "}", "nonsense", "{}}", `{"model":"a"} trailing`, `{"model":"a"}{"model":"b"}`, `{"model":"a",}`, `{'model':'a'}`, `{model:"a"}`,
			`{"model":"a" /* x */}`, "\ufeff" + plainBody, `{"model":"a","model":"b"}`, `{"model":"a","mod\u0065l":"b"}`, `{"stream":true,"stream":false}`,
			`{"stream":true,"\u0073tream":false}`, `{"model":"a","x":NaN}`, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
			`[` + plainBody + `]`, "a=b&model=x", "--x\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--x--",
		}, func(body string) string { return "POST /v1/messages HTTP/1.1\r\n" + goodHead + withLength(body) }),
		eachOf("query", []int{400}, []string{
			"beta=" + strings.Repeat("x", 9000), strings.Repeat("a&", 10_001), "a=1;b=2", ";", "a=%zz", "%", "a=%0", "beta=true;x",
		}, func(q string) string { return messages("/v1/messages?"+q, goodHead) }),
	)
}

func hostileFraming() []hostile {
	framed := func(lines, body string) string {
		return "POST /v1/messages HTTP/1.1\r\n" + goodHead + lines + "\r\n\r\n" + body
	}
	list := slices.Concat(
		eachOf("length", []int{400}, []string{"-1", "+105", "0x69", "1e2", "105,106", "a", "18446744073709551616", "9223372036854775808", "105 106", "١٠٥"}, func(n string) string {
			return framed("Content-Length: "+n, plainBody)
		}),
		eachOf("transfer encoding", []int{400, 501}, []string{
			"xchunked", "chunked, identity", "identity, chunked", "gzip, chunked", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: identity",
			"\x0bchunked", "chunked\x00", "chun ked", "\"chunked\"", "chunked;q=1", "cow",
		}, func(te string) string {
			return framed("Transfer-Encoding: "+te, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(plainBody), plainBody))
		}),
		eachOf("chunk", []int{400}, []string{"ZZ\r\n{}\r\n0\r\n\r\n", "FFFFFFFFFFFFFFFF1\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "0x2\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx0\r\n\r\n", "\r\n2\r\n{}\r\n0\r\n\r\n", "2;" + strings.Repeat("x", 8192) + "\r\n{}\r\n0\r\n\r\n"},
			func(body string) string { return framed("Transfer-Encoding: chunked", body) }),
		eachOf("line", []int{400, 431}, []string{
			"X-Bad : v", "nonsense", ": v", "X-Bad\x00: v", "X-Bad: a\x00b", "X-B\xc3\xa4d: v", "X Bad: v", "X-Bad: a\rb", "X(Bad): v", "X-Bad: \x01", "X-Bad: \x7f",
		}, with),
		[]hostile{
			{"two lengths that differ", with("Content-Length: 3"), []int{400}},
			{"a length and an unknown encoding", framed("Content-Length: 3\r\nTransfer-Encoding: xchunked", "{}\n"), []int{400, 501}},
			{"a length that lies", framed("Content-Length: 33554433", "{"), []int{413}},
			{"a length beyond all disks", framed("Content-Length: 9223372036854775807", "{"), []int{413}},
			{"a length that waits to be asked", framed("Content-Length: 33554433\r\nExpect: 100-continue", ""), []int{413}},
			{"an expectation that nobody knows", with("Expect: 200-ok"), []int{417}},
			{"a header of 2 MiB", with("X-Big: " + strings.Repeat("x", 2<<20)), []int{0, 431}},
			{"a header in front of all", " X: y\r\n" + with("X: y"), []int{400}},
			{"only line feeds in front of a method that nobody knows", "\n\n" + method("BREW"), []int{400, 403}},
		},
	)
	return list
}

func hostileTokens() []hostile {
	half := len(testToken) / 2
	return eachOf("token", []int{401}, []string{
		"", "X-Api-Key: \r\n", "X-Api-Key: wrong\r\n", "X-Api-Key: " + testToken + "x\r\n", "X-Api-Key: x" + testToken + "\r\n", "X-Api-Key: " + testToken[:len(testToken)-1] + "\r\n",
		"X-Api-Key: " + testToken + ", " + testToken + "\r\n", "X-Api-Key: wrong\r\nX-Api-Key: " + testToken + "\r\n", "X-Api-Key: " + testToken[:half] + "\r\nX-Api-Key: " + testToken[half:] + "\r\n",
		"Authorization: Basic " + testToken + "\r\n", "Authorization: " + testToken + "\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", "Authorization: Bearer " + testToken + " x\r\n",
		"Authorization: Bearer" + testToken + "\r\n", "Authorization: Token " + testToken + "\r\n", "Authorization: Bearer " + strings.ToUpper(testToken) + "\r\n",
		"Authorization: Bearer " + base64.StdEncoding.EncodeToString([]byte(testToken)) + "\r\n", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("prism:"+testToken)) + "\r\n",
		"Cookie: token=" + testToken + "\r\n", "Proxy-Authorization: Bearer " + testToken + "\r\n", "X-Goog-Api-Key: " + testToken + "\r\n", "Referer: http://HOST/?token=" + testToken + "\r\n",
		"X-Api-Key: " + testKey + "\r\n", "Authorization: Bearer " + testKey + "\r\n", "X-Prism-Token: wrong\r\n", "X-Prism-Token:\r\n", "X_Api_Key: " + testToken + "\r\n", "Sec-Fetch-Site: none\r\n",
	}, func(lines string) string {
		return messages("/v1/messages", strings.Replace(goodHead, "X-Api-Key: "+testToken+"\r\n", lines, 1))
	})
}

func hostileRequests() []hostile {
	list := slices.Concat(hostileTargets(), hostileHosts(), hostilePages(), hostileUpgrades(), hostileTypes(), hostileFraming(), hostileTokens())
	for _, place := range []string{"?token=" + testToken, "?api_key=" + testToken, "?beta=true&x-api-key=" + testToken} {
		list = append(list, hostile{"token in the query " + place, messages("/v1/messages"+place, strings.Replace(goodHead, "X-Api-Key: "+testToken+"\r\n", "", 1)), []int{401}})
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
	_, port, _ := net.SplitHostPort(addr)
	// A server that has refused early resets the connection; its answer may be there all the same.
	_, _ = io.WriteString(c, strings.NewReplacer("HOST", addr, "PORT", port).Replace(raw))
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
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL), profile("spare", up.URL)}, token: testToken})
	list := hostileRequests()
	if len(list) < 150 {
		t.Fatalf("%d hostile requests, want at least 150", len(list))
	}
	for _, h := range list {
		t.Run(h.name, func(t *testing.T) {
			status, header, body := sendRaw(t, r.Addr, h.raw)
			if !slices.Contains(h.status, status) {
				t.Errorf("status %d, want one of %v: %s", status, h.status, body)
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Location" {
					t.Errorf("header %s was sent", name)
				}
			}
			if all := fmt.Sprint(header) + body; strings.Contains(all, testToken) || strings.Contains(all, testKey) {
				t.Errorf("a secret was sent: %s", all)
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
	t.Logf("%d hostile requests, 0 accepted, 0 upstream contacts", len(list))
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

// TestOnlyOneRequestComesOutOfASmuggledOne sends what net/http reads in its own way: whatever that
// is, the upstream gets each request that was read, framed anew, and nothing beside it.
func TestOnlyOneRequestComesOutOfASmuggledOne(t *testing.T) {
	inner := "POST /v1/messages HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n" + withLength(strings.Replace(plainBody, "hi", "SMUGGLED", 1))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(plainBody), plainBody)
	head := "Host: HOST\r\nContent-Type: application/json\r\n"
	for _, c := range []struct {
		name, raw string
		within    bool // the inner request is a request of its own, not a part of the first one
	}{
		{"CL and TE", "POST /v1/messages HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked + inner, true},
		{"TE and CL", "POST /v1/messages HTTP/1.1\r\n" + head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + inner, true},
		{"CL of nothing and TE", "POST /v1/messages HTTP/1.1\r\n" + head + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + inner, true},
		{"TE in HTTP/1.0", "POST /v1/messages HTTP/1.0\r\n" + head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + inner, false},
		{"TE in capitals", "POST /v1/messages HTTP/1.1\r\n" + head + "Transfer-Encoding: CHUNKED\r\n\r\n" + chunked + inner, true},
		{"a folded header", "POST /v1/messages HTTP/1.1\r\n" + head + "X-Folded: a\r\n Transfer-Encoding: chunked\r\n" + withLength(plainBody) + inner, true},
		{"bare line feeds", "POST /v1/messages HTTP/1.1\n" + strings.ReplaceAll(head+withLength(plainBody), "\r\n", "\n") + inner, true},
		{"a bare line feed in a chunk", "POST /v1/messages HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(chunked, "\r\n", "\n") + inner, true},
		{"a chunk with an extension", "POST /v1/messages HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(chunked, "\r\n", ";x=y\r\n", 1) + inner, true},
		{"trailers", "POST /v1/messages HTTP/1.1\r\n" + head + "Trailer: X-Api-Key\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.TrimSuffix(chunked, "\r\n") + "X-Api-Key: evil\r\nTransfer-Encoding: chunked\r\n\r\n" + inner, true},
		{"a request in the body", "POST /v1/messages HTTP/1.1\r\n" + head + withLength(strings.Replace(plainBody, "hi", `x\r\n\r\nPOST /v1/messages HTTP/1.1\r\n`, 1)), true},
		{"a body of GET", "GET /v1/models HTTP/1.1\r\nHost: HOST\r\n" + withLength("x=1") + inner, true},
		{"the same length twice", "POST /v1/messages HTTP/1.1\r\n" + head + fmt.Sprintf("Content-Length: %d\r\n", len(plainBody)) + withLength(plainBody) + inner, true},
		{"two requests in a pipeline", "POST /v1/messages HTTP/1.1\r\n" + head + withLength(plainBody) + inner, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			defer up.Close()
			r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
			status, _, body := sendRaw(t, r.Addr, c.raw)
			if status != 200 && status != 400 && status != 501 {
				t.Fatalf("status %d: %s", status, body)
			}
			r.Journal.wait(t, min(1, len(s.Bill())))
			for _, b := range s.Bill() {
				text := string(b.RequestBody)
				if strings.Contains(text, "HTTP/1.1") && !json.Valid(b.RequestBody) || strings.Contains(text, "SMUGGLED") && !c.within {
					t.Errorf("the upstream read a body of %q", text)
				}
				if b.Header.Get("X-Folded") != "" || len(b.Credentials) != 1 || b.Key != testKey || b.Header.Get("Trailer") != "" {
					t.Errorf("headers %v, credentials %v", b.Header, b.Credentials)
				}
			}
			seen, _ := s.Requests()
			if n := len(r.Journal.entries()); seen > n+1 || seen > 2 {
				t.Errorf("the upstream saw %d requests, %d were accepted", seen, n)
			}
		})
	}
}
