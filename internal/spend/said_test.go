package spend

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"prism/internal/lang"
	"prism/internal/ledger"
)

// TestWhatBudgetsTellIsSaidWholeInChinese: the messages are English sentences until somebody shows
// them, and each of their parts has to be recognised then.
func TestWhatBudgetsTellIsSaidWholeInChinese(t *testing.T) {
	zh := lang.For(language.Chinese)
	english := regexp.MustCompile(`[A-Za-z]+`)
	names := strings.NewReplacer("kimi", "", "UTC", "")
	resets := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	for per, want := range map[Period]string{Day: "今日 $20.00 / $5.00", Week: "本周 $20.00 / $5.00", Month: "本月 $20.00 / $5.00"} {
		for _, scope := range []Scope{{Kind: ScopeAll}, {Kind: ScopeProfile, Name: "kimi"}} {
			b := Budget{Name: "kimi", Scope: scope, Per: per, Limit: 5e10}
			l := &level{Budget: b}
			l.now.Store(&reading{sum: Sum{Cost: 20e10}})
			messages := []string{(&Stop{Budget: b, Spent: 20e10, Resets: resets}).Message()}
			for _, state := range []string{ledger.AlertWarned, ledger.AlertReached, ledger.AlertBlocked, ledger.AlertFallback, ledger.AlertCleared} {
				messages = append(messages, l.event(resets, state).Message)
			}
			for _, m := range messages {
				got := zh.Translate(m)
				if !strings.Contains(got, want) || english.MatchString(names.Replace(got)) {
					t.Errorf("%s\nis said %s", m, got)
				}
			}
		}
	}
}
