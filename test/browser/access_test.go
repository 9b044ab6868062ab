//go:build e2e

package browser

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// finding is a rule of axe-core that a page breaks.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML, FailureSummary string
	}
}

// axe looks at the page with axe-core and returns what is serious.
func (b *tab) axe(source string) (serious []finding) {
	b.t.Helper()
	if !js[bool](b, `typeof axe === "object"`) {
		call(b, runtime.Evaluate, runtime.EvaluateParams{Expression: source})
	}
	for _, f := range js[[]finding](b, `axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) => ({
		ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map((n) => ({ HTML: n.html.slice(0, 200), FailureSummary: n.failureSummary })) })))`) {
		if slices.Contains([]string{"serious", "critical"}, f.Impact) {
			serious = append(serious, f)
		} else {
			b.t.Logf("axe-core, %s: %s: %s, %d times, such as %s", f.Impact, f.ID, f.Help, len(f.Nodes), f.Nodes[0].HTML)
		}
	}
	return serious
}

// TestAxeFindsNothingSerious looks at every page and at what opens on it, light and dark, on both
// screens; in Chinese light on the wide and dark on the narrow one, since words change no colour.
func TestAxeFindsNothingSerious(t *testing.T) {
	if os.Getenv("AXE_JS") == "" {
		t.Fatal("AXE_JS is not set: run make browser")
	}
	source, err := os.ReadFile(os.Getenv("AXE_JS"))
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, past{rows: 200, span: 3 * day})
	b := h.enter(t, newChrome(t))
	look := func(what string) {
		t.Helper()
		b.settled()
		for _, f := range b.axe(string(source)) {
			t.Errorf("%s: %s, %s: %s, %d times, such as\n%s\n%s", what, f.Impact, f.ID, f.Help, len(f.Nodes), f.Nodes[0].HTML, f.Nodes[0].FailureSummary)
		}
	}
	for _, s := range []screen{wide(), narrow()} {
		b.size(s)
		for _, colours := range []string{"light", "dark"} {
			b.prefer("prefers-color-scheme", colours, "prefers-reduced-motion", "reduce")
			for _, lang := range []string{"en", "zh"} {
				if lang == "zh" && (colours == "light") != (s.width == wide().width) {
					continue
				}
				for _, path := range paths() {
					b.visit(path + "?lang=" + lang)
					look(fmt.Sprintf("%s, %s, %s, %d px", path, lang, colours, s.width))
				}
				b.visit("/requests?lang=" + lang)
				b.point(rowsShown + "[2].querySelector('th, td')")
				b.until("the details are there", `document.querySelector(".drawer .timeline, .drawer table") !== null`)
				look(fmt.Sprintf("the details, %s, %s, %d px", lang, colours, s.width))
				for keys, what := range map[string]string{"?": "the help", "u": "the menu of profiles"} {
					b.visit("/now?lang=" + lang)
					b.press(keys)
					b.until(what+" is open", `document.querySelector("dialog[open], [role=menu]") !== null`)
					look(fmt.Sprintf("%s, %s, %s, %d px", what, lang, colours, s.width))
				}
			}
		}
	}
	b.visit("/now?lang=en")
	b.press("k", chromedp.ModifierCtrl)
	b.until("the list of commands waits for words", `document.activeElement.getAttribute("role") === "combobox"`)
	b.press("sign out" + kb.Enter)
	b.shows("prism ui")
	look("signing in")
	js[bool](b, `document.querySelector("main").append(document.createElement("img")) ?? true`)
	if found := b.axe(string(source)); len(found) != 1 || found[0].ID != "image-alt" {
		t.Errorf("of a picture without words axe-core says %v", found)
	}
}
