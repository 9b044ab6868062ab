package lang

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// TestErrorsAreRecognised: an error reaches its reader as a finished sentence, so that its key must
// be found again, whatever stands in its places. For that it needs letters of its own.
func TestErrorsAreRecognised(t *testing.T) {
	p := For(language.Chinese)
	errors := []string{"usagef", "notFound", "Errorf", "Message", "message", "Fix", "fix"}
	for _, dir := range speakers() {
		for _, s := range sourceTexts(t, dir) {
			if _, known := p.texts[s.key]; !known || !worded(s.key) || !slices.Contains(errors, s.by) {
				continue
			}
			n := 0
			sentence := verb.ReplaceAllStringFunc(s.key, func(v string) string {
				if v == "%%" {
					return "%"
				}
				n++
				return fmt.Sprintf("<%d>", n)
			})
			got := p.Translate(sentence)
			if got == sentence && p.Text(s.key) != s.key {
				t.Errorf("%s: %q would not be recognised", s.at, s.key)
			}
			for i := 1; i <= n; i++ {
				if !strings.Contains(got, fmt.Sprintf("<%d>", i)) {
					t.Errorf("%s: %q loses its place %d: %q", s.at, s.key, i, got)
				}
			}
		}
	}
}
