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

// TestAFirstUseIsToldAsAWhole: the log has it in English, and prism reload says it again.
func TestAFirstUseIsToldAsAWhole(t *testing.T) {
	p := For(language.Chinese)
	for note, want := range map[string]string{
		"profile a: its key may now be sent to https://a.example (first use)":       "配置档 a：它的密钥现在可以发往 https://a.example（首次使用）",
		"profile a: its key spare may now be sent to https://a.example (first use)": "配置档 a：它的密钥 spare 现在可以发往 https://a.example（首次使用）",
		"profile a: requests may now be sent to http://127.0.0.1:9 (first use)":     "配置档 a：请求现在可以发往 http://127.0.0.1:9（首次使用）",
	} {
		if got := p.Translate(note); got != want {
			t.Errorf("%q became %q, want %q", note, got, want)
		}
	}
}
