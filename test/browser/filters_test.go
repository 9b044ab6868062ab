//go:build e2e

package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// rowsShown are the rows of the table of requests.
const rowsShown = `[...document.querySelectorAll("main table tbody tr")]`

// cells returns a column of the table of requests by its title.
func (b *tab) cells(title string) []string {
	b.t.Helper()
	return js[[]string](b, `(() => {
		const at = [...document.querySelectorAll("main table thead th")].findIndex((h) => h.textContent.includes(`+mustJSON(title)+`));
		return `+rowsShown+`.map((r) => r.children[at].textContent.trim());
	})()`)
}

// TestFiltersOfferWhatIsThereAndStandInTheAddress filters by the mouse, and compares with the ledger.
func TestFiltersOfferWhatIsThereAndStandInTheAddress(t *testing.T) {
	h := open(t, past{rows: 900, span: 20 * hour})
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	b.shows(h.number(t, "select count(*) as n from requests") + " requests")

	b.choose("profile", "spare")
	b.shows(h.number(t, "select count(*) as n from requests where profile = 'spare'") + " requests")
	for _, name := range b.cells("Profile") {
		if name != "spare" {
			t.Fatalf("a row of %s under the filter spare", name)
		}
	}
	b.choose("project", "papers")
	both := h.number(t, "select count(*) as n from requests where profile = 'spare' and project = 'papers'")
	b.shows(both + " requests")
	if at := js[string](b, "location.search"); !strings.Contains(at, "profile=spare") || !strings.Contains(at, "project=papers") {
		t.Errorf("the address is %s", at)
	}
	b.visit("/requests" + js[string](b, "location.search")) // in a new document
	b.shows(both + " requests")
	b.click("link", "Clear the filters")
	b.click("searchbox", "Search")
	b.press("overloaded")
	b.shows(h.number(t, "select count(*) as n from requests where error_type = 'overloaded_error'") + " requests")
	b.do(chromedp.NavigateBack())
	b.settled()
	b.shows(both + " requests")
	if at := js[string](b, "location.search"); !strings.Contains(at, "profile=spare") || strings.Contains(at, "q=") {
		t.Errorf("Back led to %s", at)
	}
	if text := js[string](b, `document.querySelector(".search").value`); text != "" {
		t.Errorf("the search says %q, and the address does not", text)
	}
}

// TestOutcomesAreCountedByTheirNames compares the list of outcomes with the ledger.
func TestOutcomesAreCountedByTheirNames(t *testing.T) {
	h := open(t, past{rows: 900, span: 20 * hour})
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	b.unfold("outcome")
	for name, outcome := range map[string]string{"ok": "ok", "error": "error", "client left": "client_abort"} {
		want := h.number(t, "select count(*) as n from requests where outcome = '"+outcome+"'")
		if got := js[[]string](b, `[...document.querySelectorAll(".options label")].filter((o) => o.querySelector(".name").textContent === `+mustJSON(name)+`).map((o) => o.querySelector(".number").textContent)`); len(got) != 1 || got[0] != want {
			t.Errorf("%s is there %q, in the ledger %s", name, got, want)
		}
	}
	b.press(kb.Escape)
	b.point(`[...document.querySelectorAll(".choice label")].find((o) => o.textContent.startsWith("error"))`)
	b.settled()
	b.shows(h.number(t, "select count(*) as n from requests where outcome not in ('ok', 'client_abort')") + " requests")
	if left := js[string](b, `document.querySelector(".choice").innerText`); !strings.Contains(left, "ok") || strings.ContainsAny(left, "0123456789") && strings.Contains(left, "ok ") {
		t.Errorf("under the choice of errors the others are %q: they are not to be hidden, and not to be counted under it", left)
	}
}

// TestMoreThanAListHoldsIsFoundByItsName looks for a branch that is not among the most frequent ones.
func TestMoreThanAListHoldsIsFoundByItsName(t *testing.T) {
	h := open(t, past{rows: 700, span: 20 * hour, branches: 340})
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	b.unfold("branch")
	const option = `[...document.querySelectorAll(".options .name")].map((o) => o.textContent)`
	if js[bool](b, option+`.includes("topic-339")`) {
		t.Fatal("the branch is among the most frequent ones")
	}
	b.point(`document.querySelector(".pop input[type=search]")`)
	b.press("c-339")
	b.until("the branch is found", option+`.includes("topic-339")`)
	b.point(`[...document.querySelectorAll(".options label")].find((o) => o.textContent.includes("topic-339"))`)
	b.press(kb.Escape)
	b.settled()
	b.shows(h.number(t, "select count(*) as n from requests where git_branch = 'topic-339'") + " request")
}

// unfold opens the filter of a name.
func (b *tab) unfold(filter string) {
	b.t.Helper()
	button := `[...document.querySelectorAll(".filters button")].find((o) => o.textContent.trim().startsWith(` + mustJSON(filter) + `))`
	b.until("the filter "+filter+" is offered", button)
	b.point(button)
	b.until("its values are there", `document.querySelector(".options label") !== null`)
}

// choose takes a value of a filter that offers several.
func (b *tab) choose(filter, value string) {
	b.t.Helper()
	b.unfold(filter)
	b.point(`[...document.querySelectorAll(".filters .options label")].find((o) => o.querySelector(".name").textContent === ` + mustJSON(value) + `)`)
	b.press(kb.Escape)
	b.settled()
}

// TestPagesOfTheTableGoOnWhereTheyEnded goes through all rows by keyset, and back.
func TestPagesOfTheTableGoOnWhereTheyEnded(t *testing.T) {
	h := open(t, past{rows: 350, span: 20 * hour})
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	seen := map[string]bool{}
	pages := 0
	for more := true; more; pages++ {
		for _, id := range js[[]string](b, rowsShown+`.map((r) => r.textContent)`) {
			seen[id] = true
		}
		if more = js[bool](b, `document.querySelector(".pager a:last-child")?.textContent.includes("›") ?? false`); more {
			first := js[string](b, rowsShown+`[0].textContent`)
			b.click("link", "Next page ›")
			b.until("the next page is there", rowsShown+`[0].textContent !== `+mustJSON(first))
			b.settled()
		}
	}
	if pages < 3 || len(seen) < 345 { // two rows may read alike
		t.Errorf("%d rows on %d pages", len(seen), pages)
	}
	b.click("link", "« First page")
	b.settled()
}

// TestARowOpensWithItsAttemptsAndItsQuery opens the details, and asks the ledger for the same.
func TestARowOpensWithItsAttemptsAndItsQuery(t *testing.T) {
	h := open(t, past{rows: 60, span: 5 * hour})
	b := h.enter(t, newChrome(t))
	b.visit("/requests")
	b.point(rowsShown + "[3].children[2]")
	b.until("the details are there", `document.querySelector(".drawer table, .drawer .timeline") !== null`)
	if at := js[string](b, "location.search"); !strings.Contains(at, "id=") {
		t.Errorf("the address is %s", at)
	}
	for _, words := range []string{"claude-cli", "Every column", "work"} {
		b.shows(words)
	}
	b.press(kb.Escape)
	b.until("they are closed", `document.querySelector(".drawer") === null`)
	b.click("link", "View as SQL")
	b.settled()
	b.until("the query ran by itself", `document.querySelectorAll("main table tbody tr").length > 10`)
}
