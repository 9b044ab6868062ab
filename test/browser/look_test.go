//go:build e2e

package browser

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestEveryPageSpeaksBothLanguages goes over to Chinese by the button, and comes back by the address.
func TestEveryPageSpeaksBothLanguages(t *testing.T) {
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	b.click("button", "中文")
	b.until("the page is in Chinese", `document.documentElement.lang === "zh-CN"`)
	b.find("link", "请求")
	for _, path := range paths() {
		b.visit(path)
		if lang := js[string](b, "document.documentElement.lang"); lang != "zh-CN" {
			t.Errorf("%s is in %s", path, lang)
		}
		for _, text := range js[[]string](b, spoken) {
			if !chinese().MatchString(text) {
				t.Errorf("%s says %q", path, text)
			}
		}
	}
	b.click("button", "English")
	b.until("the page is in English", `document.documentElement.lang === "en"`)
	b.find("link", "Requests")
	b.visit("/now?lang=zh")
	b.find("link", "请求")
	b.click("button", "English")
	b.find("link", "Requests")
	b.do(chromedp.Reload())
	b.settled()
	b.find("link", "Requests") // and the address did not win over the button
}

// spoken are the texts of headings, buttons and labels, and what is only read out; names, figures and
// what is code are not spoken.
const spoken = `[...new Set([
	...[...document.querySelectorAll("h1, h2, h3, th, button, summary, dt, legend, label > span, nav a, p, a.button")].filter((e) =>
		!e.matches(".name, [lang], .number, code") && !e.querySelector(".name, code, time, kbd, .number") && e.checkVisibility()).map((e) => e.innerText.trim()),
	...[...document.querySelectorAll("[aria-label]:not([lang]), [placeholder]")].flatMap((e) => [e.ariaLabel, e.placeholder]),
])].filter((s) => s && /\p{L}{2}/u.test(s))`

// chinese matches what a text in Chinese has in it, or what is called the same everywhere.
func chinese() *regexp.Regexp {
	return regexp.MustCompile(`\p{Han}|^(SQL|CSV|JSON|Parquet|TTFT|prism|work|spare|[xy]|profiles\.yaml.*|https?://.*|\p{Lu}{2,4}|[\d.,$%– ]+|\dxx \d+|[a-z0-9.-]+)$`)
}

// TestDarkIsDarkFromTheFirstPaint asks what was painted when there was nothing on the page yet.
func TestDarkIsDarkFromTheFirstPaint(t *testing.T) {
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		new PerformanceObserver((list) => list.getEntries().forEach(() => (window.painted ??= getComputedStyle(document.documentElement).backgroundColor + " " + getComputedStyle(document.documentElement).colorScheme))).observe({ type: "paint", buffered: true });`})
	dark := func() bool {
		t.Helper()
		return js[float64](b, lightness) < 0.3
	}
	b.prefer("prefers-color-scheme", "dark")
	b.visit("/spend")
	if !dark() {
		t.Error("a person who prefers dark pages is shown light ones")
	}
	b.prefer("prefers-color-scheme", "light")
	b.until("the page follows the system", lightness+" > 0.7")
	b.click("button", "Colours: as the system is")
	b.click("button", "Colours: light")
	b.until("dark was chosen", lightness+" < 0.3")
	for range 3 {
		b.do(chromedp.Reload())
		b.settled()
		b.until("what was painted is told", "window.painted !== undefined")
		if painted := js[string](b, "window.painted"); !dark() || !strings.HasSuffix(painted, "dark") {
			t.Errorf("the first paint had %s", painted)
		}
	}
	if js[float64](b, chartInk) < 0.4 {
		t.Error("the letters of the chart are as dark as the page")
	}
}

// lightness is that of the page, from 0 to 1.
const lightness = `(() => {
	const c = document.createElement("canvas").getContext("2d");
	c.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
	c.fillRect(0, 0, 1, 1);
	const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
	return (r + g + b) / 765;
})()`

// chartInk is the lightness of the lightest grey that is drawn beside a chart.
const chartInk = `(() => {
	const c = document.querySelector(".plot canvas");
	const d = c.getContext("2d").getImageData(0, 0, Math.min(60, c.width), c.height).data;
	let most = 0;
	for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) most = Math.max(most, (d[i] + d[i + 1] + d[i + 2]) / 765);
	return most;
})()`

// TestASmallScreenShowsEveryPageWithoutScrollingSideways is a telephone.
func TestASmallScreenShowsEveryPageWithoutScrollingSideways(t *testing.T) {
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	b.size(narrow())
	for _, lang := range []string{"en", "zh"} {
		for _, path := range paths() {
			b.visit(path + "?lang=" + lang)
			if over := js[int](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("%s in %s is %d pixels too wide: %s", path, lang, over, js[string](b, widest))
			}
		}
	}
}

// TestASmallScreenShowsWhatOpensAsAWhole opens every menu and every list of each page on a telephone.
func TestASmallScreenShowsWhatOpensAsAWhole(t *testing.T) {
	h := open(t, past{rows: 200, span: 20 * hour})
	b := h.enter(t, newChrome(t))
	b.size(narrow())
	for _, path := range paths() {
		b.visit(path)
		for i := range js[int](b, `document.querySelectorAll(".popover > button").length`) {
			button := fmt.Sprintf(`document.querySelectorAll(".popover > button")[%d]`, i)
			b.point(button)
			b.until("it is open", `document.querySelector(".pop") !== null`)
			box := js[struct{ Left, Right, Over float64 }](b, `(() => {
				const r = document.querySelector(".pop").getBoundingClientRect();
				return { Left: r.left, Right: innerWidth - r.right, Over: document.documentElement.scrollWidth - innerWidth };
			})()`)
			if box.Left < 0 || box.Right < 0 || box.Over > 0 {
				t.Errorf("%s, %s: what opens is %.0f from the left and %.0f from the right, the page %.0f too wide", path, js[string](b, button+".innerText"), box.Left, box.Right, box.Over)
			}
			b.press(kb.Escape)
			b.until("it is closed", `document.querySelector(".pop") === null`)
		}
	}
}

// TestASmallScreenSortsAndNamesItsFigures has no headings to press: the order is chosen from a list.
func TestASmallScreenSortsAndNamesItsFigures(t *testing.T) {
	h := open(t, past{rows: 200, span: 20 * hour})
	b := h.enter(t, newChrome(t))
	b.size(narrow())
	b.visit("/requests")
	if n := js[int](b, `[...document.querySelectorAll(".stack thead button")].filter((s) => s.checkVisibility()).length`); n > 0 {
		t.Errorf("%d headings that nobody sees can be reached by Tab", n)
	}
	js[bool](b, `(() => {
		const list = document.querySelector(".order select");
		list.value = "-duration_ms";
		return list.checkVisibility() && list.dispatchEvent(new Event("change", { bubbles: true }));
	})()`)
	want := h.rows(t, "select duration_ms from requests order by duration_ms desc limit 1")[0]["duration_ms"]
	ms, err := strconv.ParseFloat(mustJSON(want), 64)
	if err != nil {
		t.Fatal(err)
	}
	b.until(fmt.Sprintf("the first row is that of %v ms", want), fmt.Sprintf(`document.querySelector("main tbody tr [data-title=Total]")?.textContent.startsWith("%d")`, int(ms/1000+0.5)))
	b.visit("/spend?range=7d&by=profile")
	for _, title := range js[[]string](b, `[...document.querySelectorAll("tfoot td")].filter((c) => c.checkVisibility()).map((c) => getComputedStyle(c, "::before").content)`) {
		if title == "none" || title == `""` {
			t.Errorf("a figure of the total has no name: %s", title)
		}
	}
}

// widest are the elements that stand out of the window.
const widest = `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".tablebox, pre")).slice(0, 4).map((e) => e.outerHTML.slice(0, 90)).join("; ")`

// TestWhoWantsLessMotionGetsNone looks for anything that moves.
func TestWhoWantsLessMotionGetsNone(t *testing.T) {
	h := open(t, past{rows: 20, span: 3 * hour})
	b := h.enter(t, newChrome(t))
	b.prefer("prefers-reduced-motion", "reduce")
	for _, path := range paths() {
		b.visit(path)
		if n := js[int](b, `document.getAnimations().filter((a) => a.playState === "running" && a.effect.getComputedTiming().duration > 50).length`); n > 0 {
			t.Errorf("%s: %d things move", path, n)
		}
	}
}
