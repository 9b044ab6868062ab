//go:build e2e

package browser

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestEveryGroupingOfSpendingAddsUp compares what stands in the table with the sum above it and with the ledger.
func TestEveryGroupingOfSpendingAddsUp(t *testing.T) {
	sameDay()
	h := open(t, past{rows: 1500, span: 20 * day})
	b := h.enter(t, newChrome(t))
	var want []string
	for _, r := range h.rows(t, "select distinct strftime(started_at at time zone 'UTC', '%Y-%m-%d') as day from requests order by day") {
		of, err := time.Parse(time.DateOnly, r["day"].(string))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, named(of, time.Now().UTC()))
	}
	b.visit("/spend?range=30d&by=day")
	if days := js[[]string](b, `[...document.querySelectorAll("table:has(tfoot) tbody th")].map((d) => d.textContent)`); !slices.Equal(days, want) || len(days) < 20 {
		t.Errorf("the days are %q, in the ledger %q", days, want)
	}
	all := h.number(t, "select count(*) as n from requests")
	for _, by := range []string{"day", "week", "month", "model", "profile", "provider", "project", "branch", "host", "source"} {
		for _, split := range []string{"none", "model"} {
			b.visit("/spend?range=30d&by=" + url.QueryEscape(by) + "&split=" + split)
			total := js[int](b, `Number(document.querySelector("table tfoot").rows[0].querySelector("[data-title=Requests]").textContent.replaceAll(",", ""))`)
			rows := js[[]int](b, `[...document.querySelectorAll("table:has(tfoot) tbody tr")].map((r) => Number(r.querySelector("[data-title=Requests]").textContent.replaceAll(",", "")))`)
			sum := 0
			for _, n := range rows {
				sum += n
			}
			if mustJSON(total) != all || sum != total || slices.Contains(rows, 0) {
				t.Errorf("by %s, split by %s: %d groups with %d requests, in all %d, in the ledger %s\n%s", by, split, len(rows), sum, total, all, b.state())
			}
		}
	}
}

// named is how a page names a day: with its year if that is not the one of now.
func named(day, now time.Time) string {
	if day.Year() != now.Year() {
		return day.Format("Jan 2, 2006")
	}
	return day.Format("Jan 2")
}

// TestGroupsByATagWaitForItsName chooses the last entry of the list, and then writes the name.
func TestGroupsByATagWaitForItsName(t *testing.T) {
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	b.visit("/spend?by=model")
	const groups = `document.querySelector("table:has(tfoot) tbody").innerText`
	before := js[string](b, groups)
	js[bool](b, `(() => {
		const list = [...document.querySelectorAll(".filters select")].find((s) => [...s.options].some((o) => o.value === "tag"));
		list.value = "tag";
		return list.dispatchEvent(new Event("change", { bubbles: true }));
	})()`)
	b.until("the name is asked for", `document.activeElement.matches(".tagkey input")`)
	b.settled()
	if now := js[string](b, groups); now != before || js[bool](b, `document.querySelector("[role=alert]") !== null`) {
		t.Errorf("before there is a name the groups are\n%s", now)
	}
	b.press("team" + kb.Enter)
	b.until("the groups are those of the tag", `new URLSearchParams(location.search).get("by") === "tag:team"`)
	b.settled()
	if now := js[string](b, groups); !strings.Contains(now, "(none)") {
		t.Errorf("by the tag the groups are\n%s", now)
	}
}
