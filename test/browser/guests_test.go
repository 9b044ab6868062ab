//go:build e2e

package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestACodeIsGoodOnceAndLeavesTheAddress signs in, and tries the same code again.
func TestACodeIsGoodOnceAndLeavesTheAddress(t *testing.T) {
	h := open(t, past{})
	c := newChrome(t)
	b := c.open(t, h.pages)
	address := h.prism(t, "ui", "--print-url")
	_, code, _ := strings.Cut(address, "#code=")
	if code == "" {
		t.Fatalf("the address is %q", address)
	}
	b.do(chromedp.Navigate(address))
	b.find("link", "Requests")
	if at := js[string](b, "location.href + JSON.stringify(history.state) + document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"); strings.Contains(at, code) || strings.Contains(at, "prism_session") {
		t.Errorf("the page keeps %s", at)
	}
	if strings.Contains(h.said(t), code) {
		t.Error("the code is in the log")
	}
	js[bool](b, `fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then((r) => r.ok)`)
	b.excuse("status of 4") // the code is refused
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.shows("was used already")
}

// stranger is a site on another port of this machine: a browser takes it for the same site, and sends
// it the cookies of the dashboard's host.
func stranger(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>a stranger</title>" + body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestAPageOfAStrangerReachesNothing tries what pages try, in a browser that is signed in.
func TestAPageOfAStrangerReachesNothing(t *testing.T) {
	h := open(t, past{rows: 20, span: 2 * hour})
	c := newChrome(t)
	h.enter(t, c)
	site := stranger(t, "<main></main>")
	b := c.open(t, site)
	b.do(chromedp.Navigate(site))
	js[bool](b, `(window.dash = `+mustJSON(h.pages)+`, true)`)
	for name, attempt := range map[string]string{
		"fetch":            `fetch(dash + "/api/state", { credentials: "include" }).then((r) => r.text(), () => "")`,
		"fetch blind":      `fetch(dash + "/api/state", { credentials: "include", mode: "no-cors" }).then((r) => r.text(), () => "")`,
		"switch":           `fetch(dash + "/api/use", { method: "POST", credentials: "include", mode: "no-cors", body: '{"name":"spare"}' }).then((r) => r.text(), () => "")`,
		"switch with JSON": `fetch(dash + "/api/use", { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: '{"name":"spare"}' }).then((r) => r.text(), () => "")`,
		"beacon":           `(navigator.sendBeacon(dash + "/api/use", new Blob(['{"name":"spare"}'], { type: "text/plain" })), "")`,
		"events":           `new Promise((done) => { const s = new EventSource(dash + "/api/events", { withCredentials: true }); s.onerror = () => (s.close(), done("")); s.onopen = s.onmessage = () => done("it listens"); })`,
		"script":           `new Promise((done) => { const s = document.createElement("script"); s.type = "module"; s.src = dash + "/assets/js/format.js"; s.onload = () => done("it runs"); s.onerror = () => done(""); document.body.append(s); })`,
		"picture":          `new Promise((done) => { const s = new Image(); s.onload = () => done("it is shown"); s.onerror = () => done(""); s.src = dash + "/assets/icon.svg"; })`,
		"form":             `(() => { const f = document.createElement("form"); f.method = "post"; f.action = dash + "/api/use"; f.enctype = "text/plain"; f.target = "elsewhere"; f.innerHTML = '<input name=\'{"name":"spare","x":"\' value=\'"}\'>'; document.body.append(f); f.submit(); return ""; })()`,
		"window":           `new Promise((done) => { const w = open(dash + "/now"); setTimeout(() => { try { done(w.document.title + w.length); } catch { done(""); } }, 1500); })`,
	} {
		if got := js[string](b, "Promise.resolve("+attempt+")"); got != "" {
			t.Errorf("%s: %.200s", name, got)
		}
	}
	js[bool](b, `new Promise((done) => { const f = document.createElement("iframe"); f.onload = () => done(true); f.src = dash + "/now"; document.body.append(f); })`)
	b.hears("frame-ancestors")
	if st, err := h.admin.Status(t.Context()); err != nil || st.Active != "work" {
		t.Errorf("%s is active, %v", st.Active, err)
	}
	b.excuse("")
}

// TestAQueryThatAStrangerLinksToIsShownAndNotRun follows the link as a person does.
func TestAQueryThatAStrangerLinksToIsShownAndNotRun(t *testing.T) {
	h := open(t, past{rows: 20, span: 2 * hour})
	c := newChrome(t)
	h.enter(t, c)
	site := stranger(t, `<main><a href="`+h.pages+`/sql?q=select+4711+as+answer">look at this</a></main>`)
	b := c.open(t, site)
	b.do(chromedp.Navigate(site))
	b.click("link", "look at this")
	b.until("the page is there", `location.pathname === "/sql"`)
	b.settled()
	b.shows("came by a link on another site")
	if js[bool](b, `document.querySelector(".work table") !== null`) {
		t.Error("the query ran by itself")
	}
	b.click("button", "Run")
	b.shows("4711")
	b.excuse("") // it began with another host
}

// TestAPageGoesOnWhenTheGatewayComesBack stops prism under an open page and starts it again.
func TestAPageGoesOnWhenTheGatewayComesBack(t *testing.T) {
	h := open(t, past{rows: 20, span: 2 * hour})
	b := h.enter(t, newChrome(t))
	const link = `document.querySelector(".link").textContent`
	b.until("it listens", link+` === "live"`)
	b.excuse("ERR_CONNECTION_REFUSED") // the browser complains of every attempt
	b.excuse("ERR_INCOMPLETE_CHUNKED_ENCODING")
	b.excuse("status of 503") // of who is about to stop, or begins
	h.stop(t)
	b.until("it says that nobody answers", link+` !== "live"`)
	h.serve(t)
	b.until("it listens again", link+` === "live"`)
	h.ask(t, "claude-sonnet-5", "X-Prism-Project", "after-the-restart")
	b.shows("after-the-restart")
}
