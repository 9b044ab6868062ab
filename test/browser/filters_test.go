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
}

// choose takes a value of a filter that offers several.
func (b *tab) choose(filter, value string) {
	b.t.Helper()
	b.until("the filter "+filter+" is offered", `[...document.querySelectorAll(".filters button")].some((o) => o.textContent.trim().startsWith(`+mustJSON(filter)+`))`)
	b.point(`[...document.querySelectorAll(".filters button")].find((o) => o.textContent.trim().startsWith(` + mustJSON(filter) + `))`)
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
