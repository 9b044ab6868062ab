//go:build e2e

package browser

import (
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// saysInChinese waits for an element and returns what it says, in which no English sentence is left.
func (b *tab) saysInChinese(what, selector string) string {
	b.t.Helper()
	words := `(document.querySelector(` + mustJSON(selector) + `)?.innerText ?? "")`
	b.until(what+" is there", words+` !== ""`)
	text := js[string](b, words)
	if !strings.ContainsFunc(text, isHan) {
		b.t.Errorf("%s says %q", what, text)
	}
	if english := regexp.MustCompile(`[A-Za-z]+ [A-Za-z]+ [A-Za-z]+`).FindString(text); english != "" {
		b.t.Errorf("%s says %q in English: %q", what, english, text)
	}
	return text
}

func isHan(r rune) bool { return regexp.MustCompile(`\p{Han}`).MatchString(string(r)) }

// TestWhatGoesWrongIsSaidInChinese spoils the file, tries to switch all the same, and comes back with a
// code that was used: what a banner, a corner and the door say was made by the gateway in English.
func TestWhatGoesWrongIsSaidInChinese(t *testing.T) {
	h := open(t, past{})
	b := newChrome(t).open(t, h.pages)
	address := strings.Replace(h.prism(t, "ui", "--print-url"), "/#", "/?lang=zh#", 1)
	b.do(chromedp.Navigate(address))
	b.find("link", "请求")
	h.save(t, strings.Replace(h.file(t), "auth: bearer", "auth: burglar", 1))
	if text := b.saysInChinese("the banner", ".banner"); !strings.Contains(text, `"burglar"`) || !strings.Contains(text, "修复：") {
		t.Errorf("the banner says %q", text)
	}
	b.excuse("status of 4") // the switch is refused, and so is the code
	b.click("button", "使用 spare")
	if text := b.saysInChinese("the corner", ".toast"); !strings.Contains(text, `"burglar"`) {
		t.Errorf("the corner says %q", text)
	}
	js[bool](b, `fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then((r) => r.ok)`)
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.saysInChinese("the door", ".failure")
}
