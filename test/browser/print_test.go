//go:build e2e

package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// TestPaperSaysWhatItIsAboutAndFoldsNothingAway prints pages that are dark on the screen.
func TestPaperSaysWhatItIsAboutAndFoldsNothingAway(t *testing.T) {
	h := open(t, past{rows: 400, span: 5 * day})
	b := h.enter(t, newChrome(t))
	b.prefer("prefers-color-scheme", "dark")
	for path, says := range map[string]string{
		"/spend?range=7d&profile=work":             "last 7 days",
		"/requests?from=2026-01-02&to=2026-01-10":  "2026-01-02 – 2026-01-09",
		"/requests?range=7d&outcome=failed&q=over": "outcome: failed",
		"/now": "",
	} {
		b.visit(path)
		// What the page is when it has made itself ready, before the browser lays out the sheets.
		js[bool](b, `addEventListener("beforeprint", () => {
			window.sheet = { Folded: document.querySelectorAll("details:not([open])").length, Open: document.querySelectorAll("details[open]").length, Ink: document.querySelector(".plot canvas") ? `+chartInk+` : 0 };
		}) ?? true`)
		before := js[int](b, `document.querySelectorAll("details[open]").length`)
		pdf := call(b, page.PrintToPDF, page.PrintToPDFParams{})
		if dir := os.Getenv("PRISM_SCREENSHOTS"); dir != "" {
			write(t, filepath.Join(dir, "print-"+strings.Trim(strings.SplitN(path, "?", 2)[0], "/")+".pdf"), string(pdf.Data))
		}
		sheet := js[struct {
			Folded, Open int
			Ink          float64 // on white the lines behind a chart are lighter than any letter on black
		}](b, "window.sheet")
		if sheet.Folded > 0 || strings.HasPrefix(path, "/spend") && (sheet.Open == 0 || sheet.Ink < 0.8) {
			t.Errorf("%s: %d parts are folded away, %d are not; the lightest grey of the chart is %.2f", path, sheet.Folded, sheet.Open, sheet.Ink)
		}
		b.paper(t, path)
		if text := js[string](b, `document.querySelector(".printed")?.textContent ?? ""`); !strings.Contains(text, says) {
			t.Errorf("%s: the sheet says %q", path, text)
		}
		if now := js[int](b, `document.querySelectorAll("details[open]").length`); now != before || js[string](b, `document.documentElement.dataset.theme`) != "system" {
			t.Errorf("%s: after printing %d parts are open, before %d", path, now, before)
		}
		if js[bool](b, `document.querySelector(".plot canvas") !== null`) && js[float64](b, chartInk) > 0.8 {
			t.Errorf("%s: after printing the chart has the lines of a white page", path)
		}
	}
}

// paper lays the page out as on a sheet of A4, where nothing can be scrolled to.
func (b *tab) paper(t *testing.T, path string) {
	t.Helper()
	b.size(screen{718, 1000})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	if cut := js[[]string](b, `[...document.querySelectorAll(".tablebox")].filter((x) => x.checkVisibility() && x.scrollWidth > x.clientWidth + 1).map((x) => x.ariaLabel + " " + x.scrollWidth)`); len(cut) > 0 {
		t.Errorf("%s: tables stand out of the sheet: %q", path, cut)
	}
	b.prefer("prefers-color-scheme", "dark")
	b.size(wide())
}
