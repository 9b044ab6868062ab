package proxy

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"

	"prism/internal/ledger"
	"prism/internal/router"
)

// nowhere is a journal that must not be asked.
type nowhere struct{}

func (nowhere) Open(*ledger.Entry) error  { panic("a refused request was journaled") }
func (nowhere) Usage(*ledger.Entry) error { panic("a refused request was journaled") }
func (nowhere) Close(*ledger.Entry) error { panic("a refused request was journaled") }

// FuzzGuard: whatever request net/http can read, what passes the guard names this gateway as its
// host, in lines that say nothing of a web page, of another protocol or of another prism. The lines
// are read here as they stand, not as net/http has understood them.
func FuzzGuard(f *testing.F) {
	hosts := []string{"127.0.0.1:3000", "localhost:3000", "[::1]:3000"}
	const host = "Host: 127.0.0.1:3000\r\n"
	for _, s := range []string{
		"POST /v1/messages HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n\r\n",
		"GET / HTTP/1.1\r\nhost: LOCALHOST:3000\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET http://evil.example/v1/messages HTTP/1.1\r\n" + host + "\r\n",
		"GET //127.0.0.1:3000/v1/messages HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"POST /v1/messages HTTP/1.1\r\n" + host + "ORIGIN: null\r\n\r\n",
		"POST /v1/messages HTTP/1.1\r\n" + host + "Origin:\r\n\r\n",
		"POST /v1/messages HTTP/1.1\r\n" + host + "X: a\r\n Origin: b\r\n\r\n",
		"POST /v1/messages HTTP/1.1\r\n" + host + "sec-fetch-site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
		"CONNECT 127.0.0.1:3000 HTTP/1.1\r\n" + host + "\r\n",
		"GET /v1/%6dessages?a;b HTTP/1.1\r\n" + host + "Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a/admin?x=\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Via: 1.1 prism\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		f.Add(s)
	}
	p, err := New(Options{Router: router.New(router.Options{}), Journal: nowhere{}, Hosts: hosts})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || p.guard(r) != nil {
			return
		}
		head, _, _ := strings.Cut(strings.ReplaceAll(raw, "\r\n", "\n"), "\n\n")
		lines := strings.Split(head, "\n")
		named := 0
		for _, line := range lines[1:] {
			name, value, _ := strings.Cut(line, ":")
			value = strings.ToLower(strings.Trim(value, " \t"))
			switch strings.ToLower(name) {
			case "host":
				if named++; !slices.Contains(hosts, value) {
					t.Fatalf("host %q passed", value)
				}
			case "origin", "upgrade", "http2-settings":
				if value != "" || strings.EqualFold(name, "origin") {
					t.Fatalf("%q passed", line)
				}
			case "sec-fetch-site":
				if value != "none" {
					t.Fatalf("%q passed", line)
				}
			case "via":
				if strings.Contains(value, " prism") {
					t.Fatalf("%q passed", line)
				}
			}
		}
		if named != 1 {
			t.Fatalf("a request with %d hosts passed", named)
		}
		method, target, _ := strings.Cut(lines[0], " ")
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || method == http.MethodOptions || method == http.MethodConnect || method == http.MethodTrace {
			t.Fatalf("%q passed", lines[0])
		}
	})
}
