//go:build e2e

package browser

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

// TestEveryGroupingOfSpendingAddsUp compares what stands in the table with the sum above it and with the ledger.
func TestEveryGroupingOfSpendingAddsUp(t *testing.T) {
	now := time.Now().UTC()
	h := open(t, past{rows: 1500, span: 20 * day})
	b := h.enter(t, newChrome(t))
	b.visit("/spend?range=30d&by=day")
	if days := js[[]string](b, `[...document.querySelectorAll("table:has(tfoot) tbody th")].map((d) => d.textContent)`); len(days) != 21 || days[1] != now.AddDate(0, 0, -19).Format("Jan 2") {
		t.Errorf("the days are %q", days)
	}
	want := h.number(t, "select count(*) as n from requests")
	for _, by := range []string{"day", "week", "month", "model", "profile", "provider", "project", "branch", "host", "source"} {
		for _, split := range []string{"none", "model"} {
			b.visit("/spend?range=30d&by=" + url.QueryEscape(by) + "&split=" + split)
			total := js[int](b, `Number(document.querySelector("table tfoot").rows[0].querySelector("[data-title=Requests]").textContent.replaceAll(",", ""))`)
			rows := js[[]int](b, `[...document.querySelectorAll("table:has(tfoot) tbody tr")].map((r) => Number(r.querySelector("[data-title=Requests]").textContent.replaceAll(",", "")))`)
			sum := 0
			for _, n := range rows {
				sum += n
			}
			if mustJSON(total) != want || sum != total || slices.Contains(rows, 0) {
				t.Errorf("by %s, split by %s: %d groups with %d requests, in all %d, in the ledger %s\n%s", by, split, len(rows), sum, total, want, b.state())
			}
		}
	}
}
