//go:build e2e

package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// paths are the pages of the dashboard.
func paths() []string { return []string{"/now", "/requests", "/spend", "/sql", "/profiles"} }

// TestEveryPageStandsWithoutAWordOfComplaint looks at each page, before anything was recorded and after.
func TestEveryPageStandsWithoutAWordOfComplaint(t *testing.T) {
	for name, p := range map[string]past{"nothing recorded": {}, "nine days": {rows: 600, span: 9 * day}} {
		t.Run(name, func(t *testing.T) {
			h := open(t, p)
			b := h.enter(t, newChrome(t))
			for _, path := range paths() {
				b.visit(path)
				if js[bool](b, `document.querySelector(".failure") !== null`) {
					t.Errorf("%s shows a failure:\n%s", path, b.state())
				}
				if body := js[string](b, "document.documentElement.outerHTML"); strings.Contains(body, h.keys[0]) || strings.Contains(body, h.keys[1]) || strings.Contains(body, h.token) {
					t.Errorf("a whole key stands in %s", path)
				}
			}
			if n := b.requests(); n < 50 {
				t.Errorf("the witness saw %d requests only", n)
			}
		})
	}
}

// TestTheWitnessSeesWhatItLooksFor breaks every rule once, on a page with the policy of the dashboard.
func TestTheWitnessSeesWhatItLooksFor(t *testing.T) {
	h := open(t, past{})
	resp, err := http.Get(h.pages + "/now")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Security-Policy", resp.Header.Get("Content-Security-Policy"))
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(`<!doctype html><title>bad</title><main></main><script>inline()</script><p style="color:red">red</p>
				<img src="http://127.0.0.1:1/elsewhere.png" onerror="alert(1)"><script src="/bad.js"></script>`))
		case "/bad.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(`console.error("said aloud"); setTimeout(() => { throw new Error("not caught"); });
				setTimeout(() => { document.querySelector("main").innerHTML = "<b>set</b>"; });
				setTimeout(() => eval("1")); fetch("/missing").catch(() => {}); setTimeout(() => alert("a question"), 100);`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(bad.Close)
	b := newChrome(t).open(t, bad.URL)
	b.do(chromedp.Navigate(bad.URL))
	for _, words := range []string{
		`["policy","script-src-elem inline`, `["policy","style-src-attr inline`, `["policy","script-src-attr inline`, `["policy","img-src http://127.0.0.1:1/`,
		`["policy","require-trusted-types-for`, `["report","csp-violation`, "issue ContentSecurityPolicyIssue", "console.error: \"said aloud\"", "not caught",
		"status of 404", "a dialog: a question",
	} {
		b.hears(words)
	}
	b.excuse("") // of one wrong they have many words
}
