package proxy

import (
	"bufio"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
)

// FuzzPath: whatever target passes the guard and names a route is read alike by net/url, by
// path.Clean and by prism, and stays below /v1/.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/v1/messages", "/p/work/v1/messages", "/v1/models/claude-opus-5-5", "/v1/../admin", "/v1/./x", "//v1/messages", "/v1/%2e%2e/x", "/v1/a%2Fb", "/v1/messages;x",
		"/v1/messages/", "http://evil.example/v1/messages", "/p/../v1/x", "/p/a/v1/..", "*", "/v1/a?b=/../c", "/v1/a#b", "/v1/\u00e4", "/v1/...", "/v1/:@~_-.",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")))
		if err != nil || !canonical(r) {
			return
		}
		if r.Host != "h" {
			t.Fatalf("%q names a host of its own: %q", target, r.Host)
		}
		got, ok := parseTarget(r.URL.Path)
		if !ok {
			return
		}
		u, err := url.Parse("http://h" + got.path)
		if err != nil || u.Host != "h" || u.Path != got.path || u.EscapedPath() != got.path || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q: net/url reads %q as %+v, %v", target, got.path, u, err)
		}
		if path.Clean(got.path) != got.path || !strings.HasPrefix(got.path, "/v1/") {
			t.Fatalf("%q: path.Clean(%q) = %q", target, got.path, path.Clean(got.path))
		}
		if strings.ContainsAny(got.prefix, "/%?#") || got.prefix != "" && !strings.HasPrefix(target, "/p/"+got.prefix+"/v1/") {
			t.Fatalf("%q: prefix %q", target, got.prefix)
		}
	})
}

// FuzzHeaderFilter: whatever an upstream sends, no header that stays gets through, what gets
// through is unchanged, and what is written for the client parses to the same headers again.
func FuzzHeaderFilter(f *testing.F) {
	f.Add("Request-Id: req_1\r\nSet-Cookie: a=b\r\n")
	f.Add("Connection: X-Hop, request-id\r\nX-Hop: 1\r\nRequest-Id: 1\r\n")
	f.Add("ACCESS-control-ALLOW-origin: *\r\nlocation: http://x/\r\nx-prism-error: forged\r\n")
	f.Add("a: b\r\n c\r\nx: \x01\r\nLink : y\r\n")
	f.Add("ACCESS-control-ALLOW-x :i*nrig\r\n")
	f.Fuzz(func(t *testing.T, head string) {
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\n"+head+"\r\n")), nil)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		dst := http.Header{}
		copyHeader(dst, resp.Header)
		for name, values := range dst {
			lower := strings.ToLower(name)
			for _, bad := range []string{"set-cookie", "location", "link", "refresh", "connection", "transfer-encoding", "upgrade", "alt-svc", "x-prism-error", "strict-transport-security", "content-security-policy"} {
				if lower == bad {
					t.Fatalf("%s: %q got through", name, values)
				}
			}
			if strings.HasPrefix(lower, "access-control-") {
				t.Fatalf("%s: %q got through", name, values)
			}
			if strings.Join(values, "\n") != strings.Join(resp.Header[name], "\n") {
				t.Fatalf("%s: %q became %q", name, resp.Header[name], values)
			}
		}
		var wire strings.Builder
		if err := dst.Write(&wire); err != nil {
			t.Fatal(err)
		}
		again, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\n"+wire.String()+"\r\n")), nil)
		if err != nil {
			return // a length that lies fails the reading, not the filter
		}
		defer again.Body.Close()
		for name := range again.Header {
			if _, ok := dst[name]; !ok {
				t.Fatalf("header %q appeared out of %q", name, wire.String())
			}
		}
	})
}
