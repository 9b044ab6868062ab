//go:build e2e

package browser

import "testing"

// draft is what stands in the editor of queries.
const draft = `(document.querySelector(".editor")?.shadowRoot?.querySelector(".cm-content")?.innerText ?? "")`

// TestAGatewayThatComesBackIsFoundByThePage restarts prism under a page in which a query is being written.
func TestAGatewayThatComesBackIsFoundByThePage(t *testing.T) {
	h := open(t, past{rows: 60, span: 5 * hour})
	b := h.enter(t, newChrome(t))
	b.excuse("ERR_CONNECTION_REFUSED")
	b.excuse("ERR_INCOMPLETE_CHUNKED_ENCODING")
	b.excuse("status of 503") // of who comes back while it is about to stop, or begins
	b.visit("/spend")         // whose script is there, then
	b.click("link", "SQL")
	b.settled()
	b.point(`document.querySelector(".editor")`)
	b.press("-- half a thought ")
	h.stop(t)
	b.shows("the gateway does not answer")
	if js[bool](b, `document.querySelector(".banner a") !== null`) {
		t.Error("the banner leads to a page, which has nothing to do with it")
	}
	b.click("link", "Spend") // and what is asked meanwhile is asked again
	b.until("a block says so too", `document.querySelector("main .failure") !== null`)
	h.serve(t)
	b.until("the page is live again", `document.querySelector(".link.live") !== null && !document.body.innerText.includes("does not answer")`)
	b.settled()
	b.shows("Run rate")
	b.click("link", "SQL")
	b.settled()
	b.until("the query is still there", draft+`.includes("half a thought")`)
}

// TestWhoSignsInByAnotherTabIsInEverywhere signs out under a page in which a query is being written.
func TestWhoSignsInByAnotherTabIsInEverywhere(t *testing.T) {
	h := open(t, past{})
	c := newChrome(t)
	b := h.enter(t, c)
	b.excuse("status of 401")
	b.visit("/sql")
	b.point(`document.querySelector(".editor")`)
	b.press("-- half a thought ")
	js[bool](b, `fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then((r) => r.ok)`)
	b.shows("This dashboard opens with a one-time code")
	h.enter(t, c)
	js[bool](b, `dispatchEvent(new Event("focus"))`) // as a window gets it that a person turns to
	b.until("the query is there again", draft+`.includes("half a thought")`)
}

// TestANameThatNothingHasIsAnError does not show the query of somebody else in its place.
func TestANameThatNothingHasIsAnError(t *testing.T) {
	h := open(t, past{})
	b := h.enter(t, newChrome(t))
	b.visit("/sql?name=no-such-thing")
	b.shows("no query, table or view is called no-such-thing")
}
