//go:build e2e

package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestTheKeyboardAloneReachesEverything has no mouse.
func TestTheKeyboardAloneReachesEverything(t *testing.T) {
	h := open(t, past{rows: 60, span: 5 * hour})
	b := h.enter(t, newChrome(t))
	at := func(path string) {
		t.Helper()
		b.until("the address is "+path, "location.pathname === "+mustJSON(path))
		b.settled()
	}
	for keys, path := range map[string]string{"gs": "/spend", "gq": "/sql", "gp": "/profiles", "gn": "/now", "gr": "/requests"} {
		b.press(kb.Escape) // leaves the editor of the page before
		js[bool](b, "document.activeElement.blur() ?? true")
		b.press(keys)
		at(path)
	}
	b.visit("/requests")
	b.press("/")
	b.until("the search has the focus", `document.activeElement.type === "search"`)
	b.press("firmware" + kb.Enter)
	b.until("it searched", `location.search.includes("q=firmware")`)
	b.settled()
	js[bool](b, "document.activeElement.blur() ?? true")
	b.press("jjj")
	b.until("a row has the focus", `document.querySelector("tr.at")?.contains(document.activeElement)`)
	b.press(kb.Enter)
	b.until("the details are open", `document.querySelector(".drawer") !== null`)
	id := js[string](b, `new URLSearchParams(location.search).get("id")`)
	b.press("j")
	b.until("they are those of the next row", `new URLSearchParams(location.search).get("id") !== `+mustJSON(id))
	b.settled()
	b.press(kb.Escape)
	b.until("the details are closed", `document.querySelector(".drawer") === null`)

	b.press("u")
	b.until("the menu has the focus", `document.activeElement.getAttribute("role") === "menuitemradio"`)
	b.press("2")
	b.find("button", "Active profile: spare")
	b.until("the focus is where the menu was opened", `document.activeElement.matches(".chip button")`)
	b.press("?")
	b.until("the help is open", `document.querySelector("dialog[open]") !== null`)
	b.shows("light, dark or system")
	b.press(kb.Escape)
	b.until("the help is closed", `document.querySelector("dialog[open]") === null`)
	b.press("k", chromedp.ModifierCtrl)
	b.until("the list of commands waits for words", `document.activeElement.getAttribute("role") === "combobox"`)
	b.press("use work" + kb.Enter)
	b.find("button", "Active profile: work")
	b.press("k", chromedp.ModifierCtrl)
	b.until("the list of commands waits for words again", `document.activeElement.getAttribute("role") === "combobox"`)
	b.press("requests with errors" + kb.Enter)
	b.until("they are asked for, and the choice says so", `document.querySelector(".choice input:checked")?.value === "outcome=failed"`)
	b.settled()
	b.until("the page listens", `document.querySelector(".link").textContent === "live"`)
	b.press(".")
	if text := js[string](b, `document.querySelector(".link").textContent`); text != "live" {
		t.Errorf("where nothing pauses the link says %q", text)
	}
	b.press("gn")
	at("/now")
	b.press(".")
	b.until("the live list pauses", `document.querySelector(".link").textContent === "paused"`)
	before := js[string](b, "getComputedStyle(document.documentElement).backgroundColor")
	b.press("tt") // light, then dark
	b.until("it is dark", "getComputedStyle(document.documentElement).backgroundColor !== "+mustJSON(before))
}

// TestTabGoesThroughEveryPageAndTheFocusIsSeen presses Tab until it comes around.
func TestTabGoesThroughEveryPageAndTheFocusIsSeen(t *testing.T) {
	h := open(t, past{rows: 30, span: 5 * hour})
	b := h.enter(t, newChrome(t))
	for _, path := range paths() {
		b.visit(path)
		b.press(kb.Tab)
		if first := js[string](b, "document.activeElement.className"); first != "skip" && path == "/now" {
			t.Errorf("%s: the first stop is %q, not the way past the links", path, first)
		}
		reached := map[string]bool{}
		for range 400 {
			stop := js[struct {
				Mark, What    string
				Seen, Outside bool
			}](b, focusSeen)
			if stop.Outside && len(reached) > 0 || reached[stop.Mark] {
				break
			}
			reached[stop.Mark] = true
			if !stop.Seen && !stop.Outside {
				t.Errorf("%s: the focus cannot be seen on %s", path, stop.What)
			}
			b.press(kb.Tab)
		}
		left := js[[]string](b, neverReached)
		if len(left) > 0 {
			t.Errorf("%s: %d of %d controls cannot be reached by Tab, such as %s", path, len(left), len(reached), strings.Join(left[:min(3, len(left))], "; "))
		}
		t.Logf("%s: %d stops", path, len(reached))
	}
}

// focusSeen describes the element that has the focus, and marks it as reached.
const focusSeen = `(async () => {
	await new Promise((done) => setTimeout(done, 20));
	const e = document.activeElement;
	const inner = e.shadowRoot?.activeElement ?? e;
	window.stops ??= 0;
	if (e === document.body) return { Mark: "", What: "", Seen: true, Outside: true };
	e.dataset.reached ??= ++window.stops;
	const of = [inner, e, ...(e.labels ?? []), ...[...(e.labels ?? [])].flatMap((l) => [...l.children]), inner.closest(".cm-editor")].filter(Boolean);
	const seen = () => of.some((n) => { const s = getComputedStyle(n); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none"; }) || e.classList.contains("skip");
	for (let n = 0; n < 100 && !seen(); n++) await new Promise((done) => setTimeout(done, 20)); // editors of text draw theirs a little later
	const Seen = seen();
	return { Mark: e.dataset.reached, What: e.outerHTML.slice(0, 120), Seen, Outside: false };
})()`

// neverReached lists the controls that can be pressed and were not reached. One of a group of radio
// buttons stands for all, and arrows go through menus.
const neverReached = `[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter((e) =>
	!e.dataset.reached && !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) && e.type !== "radio").map((e) => e.outerHTML.slice(0, 120))`
