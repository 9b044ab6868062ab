//go:build e2e

package browser

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"prism/internal/simulator"
)

// overloadBoth lets one request fail at both profiles: the answer is that of the one it was meant for.
func (h *house) overloadBoth(t *testing.T) {
	t.Helper()
	h.work.Script(simulator.Error(529, "overloaded_error", "Overloaded", nil))
	h.spare.Script(simulator.Error(529, "overloaded_error", "Overloaded", nil))
	if status, body, err := h.send(t.Context(), "claude-sonnet-5"); err != nil || status != 529 {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
}

// TestAWindowOfAnyWidthScrollsNothingSideways is half of a screen, and less and less of it.
func TestAWindowOfAnyWidthScrollsNothingSideways(t *testing.T) {
	h := open(t, past{rows: 200, span: 20 * hour})
	const limit = "anthropic-ratelimit-unified-5h-"
	h.work.Script(simulator.Reply(simulator.Header(limit+"utilization", "0.58"), simulator.Header(limit+"reset", strconv.FormatInt(time.Now().Add(4*hour).Unix(), 10))))
	h.ask(t, "claude-sonnet-5")
	h.overloadBoth(t)
	b := h.enter(t, newChrome(t))
	b.shows("(from headers)")
	for _, width := range []int{1100, 1024, 900, 768, 700} {
		b.size(screen{width, 800})
		for _, path := range []string{"/now", "/requests", "/spend"} {
			b.visit(path)
			if over := js[int](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("%s of %d pixels is %d too wide: %s", path, width, over, js[string](b, widest))
			}
		}
	}
	b.size(screen{768, 800})
	b.visit("/requests")
	if lines := js[int](b, `Math.max(...[...document.querySelectorAll("td.model .name")].filter((n) => n.innerText === "claude-sonnet-5").map((n) => n.getClientRects().length))`); lines > 2 {
		t.Errorf("the name of a model takes %d lines", lines)
	}
}

// TestTheProfileWhoseAnswerTheClientGotIsNotCrossedOut looks at a request that failed everywhere.
func TestTheProfileWhoseAnswerTheClientGotIsNotCrossedOut(t *testing.T) {
	h := open(t, past{})
	h.overloadBoth(t)
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	if got := js[[]string](b, `[...document.querySelectorAll("tbody .way .name:not(.quiet)")].map((n) => n.innerText)`); !slices.Equal(got, []string{"work"}) {
		t.Errorf("the answer is shown as that of %q", got)
	}
	if got := js[[]string](b, `[...document.querySelectorAll("tbody .way .name.quiet")].map((n) => n.innerText)`); !slices.Equal(got, []string{"spare"}) {
		t.Errorf("crossed out are %q", got)
	}
}

// TestAPauseThatIsOverIsNotCountedOn tells the page of a profile that may be asked again by now, and was not yet.
func TestAPauseThatIsOverIsNotCountedOn(t *testing.T) {
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	const told = `import("/assets/js/store.js").then(({ status, take }) => {
		const news = structuredClone(status.value);
		Object.assign(news.profiles[0], { state: "open", why: "timeout", until: new Date(Date.now() - 60_000).toISOString() });
		take("status", news);
		return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector(".health tbody").innerText))));
	})`
	if text := js[string](b, told); !strings.Contains(text, "does not answer, the next request may try again") || strings.Contains(text, "next try in") {
		t.Errorf("the page says %q", text)
	}
}

// TestAnAxisHasRoomForItsFigures draws amounts that are long.
func TestAnAxisHasRoomForItsFigures(t *testing.T) {
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	b.visit("/sql?q=" + url.QueryEscape("-- chart: bar x=x y=y\nselect * from (values ('a', 17250000), ('b', 3)) v(x, y)"))
	b.click("button", "Run")
	b.until("the chart is there", `document.querySelectorAll(".u-axis").length === 2`)
	const room = `(() => {
		const pen = document.createElement("canvas").getContext("2d");
		pen.font = "12px " + getComputedStyle(document.querySelector(".plot")).fontFamily;
		return Math.round(Math.min(...[...document.querySelectorAll(".u-axis")].map((a) => a.offsetWidth)) - pen.measureText("15,000,000").width);
	})()`
	if left := js[int](b, room); left < 10 {
		t.Errorf("%d pixels are left beside a figure of the axis", left)
	}
}

// TestWhatIsChosenIsSeenInTheColoursOfTheSystem is a person with a theme of high contrast, which takes backgrounds away.
func TestWhatIsChosenIsSeenInTheColoursOfTheSystem(t *testing.T) {
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	b.prefer("forced-colors", "active", "prefers-color-scheme", "dark")
	const background = `(s) => getComputedStyle(document.querySelector(s)).backgroundColor`
	for path, pairs := range map[string][][2]string{
		"/spend?range=7d&split=model": {{".choice input:checked + span", ".choice input:not(:checked) + span"}, {".swatch.series-1", ".swatch.series-2"}, {".barcell .bar > span", ".barcell"}},
		"/now":                        {{".meter > span", ".meter"}, {".link .dot", ".link"}},
	} {
		b.visit(path)
		for _, pair := range pairs {
			if js[bool](b, "("+background+")("+mustJSON(pair[0])+") === ("+background+")("+mustJSON(pair[1])+")") {
				t.Errorf("%s: %s looks like %s", path, pair[0], pair[1])
			}
		}
	}
}

// TestACodeThatWasNotNeededIsForgotten opens the address again in a browser that is signed in.
func TestACodeThatWasNotNeededIsForgotten(t *testing.T) {
	h := open(t, past{})
	b := newChrome(t).open(t, h.pages)
	address := h.prism(t, "ui", "--print-url")
	b.do(chromedp.Navigate(address))
	b.find("link", "Requests")
	b.excuse("status of 4") // the code is refused, and later the session is over
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.find("link", "Requests")
	js[bool](b, `fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then((r) => r.ok)`)
	b.shows("opens with a one-time code")
	if text := js[string](b, "document.body.innerText"); strings.Contains(text, "was used already") {
		t.Errorf("the page says %q", text)
	}
}
