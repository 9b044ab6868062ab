package upstream

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"prism/config"
)

// FuzzRequestHead: whatever headers a client sends, the head that goes to the provider reads as one
// request to its host, with the profile's key as the only credential, the length of the body that
// follows, and nothing that the client did not say or that has to stay.
func FuzzRequestHead(f *testing.F) {
	for _, s := range []string{
		"Anthropic-Version: 2023-06-01\r\nAnthropic-Beta: a, b\r\nX-Stainless-Retry-Count: 1\r\n",
		"Authorization: Bearer client\r\nX-Api-Key: client\r\nApi-Key: client\r\nCookie: a=b\r\nProxy-Authorization: c\r\n",
		"Connection: x-api-key, anthropic-version, host\r\nAnthropic-Version: 1\r\n",
		"anthropic-organization-id: x\r\nX-Prism-Profile: a\r\nX-Forwarded-For: 1\r\nIdempotency-Key: a\r\n",
		"X-Claude-Code-A: \x01\r\nx-claude-code-b: \u00e4\r\nAnthropic-: x\r\nAnthropic-\u00e4: y\r\n",
		"Anthropic-Beta: a\r\n b\r\nAnthropic-Beta: c\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 7\r\nTe: x\r\nExpect: 100-continue\r\n",
	} {
		f.Add(s, "/v1/messages", "beta=true")
	}
	const key, address, size = "canary-upstream-key-0123456789", "provider.example:8443", 5
	base, err := url.Parse("https://" + address + "/base")
	if err != nil {
		f.Fatal(err)
	}
	u := &Upstream{base: base, prefix: "/base", address: address, auth: config.AuthXAPIKey, key: config.NewSecret(key), loop: true}
	f.Fuzz(func(t *testing.T, head, path, query string) {
		in, err := http.ReadRequest(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: h\r\n" + head + "\r\n")))
		if err != nil {
			return
		}
		// The path was found canonical, and the query was encoded anew, before they come here.
		in.URL = &url.URL{Path: "/" + strings.TrimLeft(path, "/"), RawQuery: url.QueryEscape(query)}
		out := append(u.appendHead(nil, in, &Body{Size: size}), "hello"...)
		r := bufio.NewReader(bytes.NewReader(out))
		got, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("%q cannot be read: %v", out, err)
		}
		if b, err := io.ReadAll(got.Body); err != nil || string(b) != "hello" || r.Buffered() != 0 {
			t.Fatalf("%q has body %q and %d bytes behind it: %v", out, b, r.Buffered(), err)
		}
		if got.Host != address || got.Method != http.MethodPost || got.ContentLength != size || got.TransferEncoding != nil || !strings.HasPrefix(got.URL.Path, "/base/") {
			t.Fatalf("%q reads as %s %s to %s, %d bytes", out, got.Method, got.URL, got.Host, got.ContentLength)
		}
		for name, values := range got.Header {
			switch name {
			case "X-Api-Key":
				if len(values) != 1 || values[0] != key {
					t.Fatalf("credentials %q", values)
				}
			case "Accept-Encoding", "Via", "Content-Length":
				if len(values) != 1 {
					t.Fatalf("%s: %q", name, values)
				}
			default:
				checkTravels(t, in.Header, name, values)
			}
		}
	})
}

// checkTravels checks a header that went out against what the client sent.
func checkTravels(t *testing.T, client http.Header, name string, values []string) {
	t.Helper()
	lower := strings.ToLower(name)
	may := slices.Contains([]string{"content-type", "accept", "user-agent", "x-app"}, lower) ||
		strings.HasPrefix(lower, "anthropic-") && !strings.HasPrefix(lower, "anthropic-organization") ||
		strings.HasPrefix(lower, "x-claude-code-") || strings.HasPrefix(lower, "x-stainless-")
	if !may {
		t.Fatalf("%s went out", name)
	}
	for _, v := range values {
		if !slices.ContainsFunc(client[name], func(c string) bool { return strings.Trim(c, " \t") == v }) {
			t.Fatalf("%s went out as %q, the client said %q", name, values, client[name])
		}
	}
}
