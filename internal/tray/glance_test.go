package tray

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
)

// plain are words without a catalogue.
func plain(string) Words {
	return Words{
		Text: fmt.Sprintf, Said: func(s string) string { return s },
		Money: func(d string) string { return "$" + d },
		Left:  func(now, then time.Time) string { return then.Sub(now).String() },
	}
}

func at() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// working is a gateway where all is well.
func working() admin.Status {
	cost, ok := "7.00", at().Add(-time.Minute)
	return admin.Status{
		Running: true, Active: "work", File: admin.FileStatus{OK: true}, Today: admin.Totals{Requests: 53, CostUSD: &cost},
		Profiles: []admin.ProfileStatus{
			{Name: "work", Origin: "https://api.anthropic.com:443", State: ledger.HealthOK, LastOK: &ok},
			{Name: "kimi", Origin: "https://api.moonshot.ai:443", State: ledger.HealthCooling},
		},
	}
}

func TestTheStateIsTheWorstThatConcernsTheUser(t *testing.T) {
	failed := at()
	for _, tt := range []struct {
		name  string
		spoil func(*admin.Status)
		want  State
	}{
		{"all is well, though another profile cools down", func(*admin.Status) {}, OK},
		{"the active one cools down", func(s *admin.Status) { s.Profiles[0].State = ledger.HealthCooling }, Degraded},
		{"its last answer was an error", func(s *admin.Status) { s.Profiles[0].LastErrorAt = &failed }, Degraded},
		{"it is left out, and a fallback answers", func(s *admin.Status) {
			s.Profiles[0].State, s.Profiles[0].Fallback = ledger.HealthOpen, []string{"kimi"}
		}, Degraded},
		{"it is left out, and nobody answers", func(s *admin.Status) { s.Profiles[0].State = ledger.HealthOpen }, Down},
		{"its key is refused", func(s *admin.Status) { s.Profiles[0].State = ledger.HealthDenied }, Down},
		{"the journal cannot be written", func(s *admin.Status) { s.Ledger.Degraded = "disk full" }, Degraded},
		{"a budget is used up", func(s *admin.Status) {
			s.Budgets = []admin.BudgetStatus{{State: admin.BudgetOver}}
			s.Profiles[0].State = ledger.HealthCooling
		}, Over},
		{"the file was refused", func(s *admin.Status) {
			s.File = admin.FileStatus{Problems: []config.Problem{{Severity: config.SeverityError, Message: "no"}}}
			s.Budgets = []admin.BudgetStatus{{State: admin.BudgetOver}}
		}, Rejected},
	} {
		st := working()
		tt.spoil(&st)
		if got := Look(st, nil, at()).State; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAGlanceIsSaidInOneLineAndInSome(t *testing.T) {
	over, soon := at().Add(-time.Minute), at().Add(2*time.Hour)
	windows := []admin.Window{
		{Profile: "work", Name: admin.Window7d, Used: 0.9},
		{Profile: "kimi", Name: admin.Window5h, Used: 0.1},
		{Profile: "work", Name: admin.Window5h, Used: 0.576, ResetsAt: &soon},
	}
	g := Look(working(), windows, at())
	w := plain("")
	if got := g.Headline(w); got != "work · $7.00 today · 5h 58%" {
		t.Errorf("headline %q", got)
	}
	if got := g.Short(w); got != "work $7.00" {
		t.Errorf("short %q", got)
	}
	want := "work  api.anthropic.com\n5h 58%, 2h0m0s left\nkimi cooling"
	if got := strings.Join(g.Lines(w, at()), "\n"); got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	windows[2].ResetsAt = &over
	if got := Look(working(), windows, at()).Headline(w); strings.Contains(got, "5h") {
		t.Errorf("a window that is over is shown: %q", got)
	}
	st := working()
	st.Today.CostUSD = nil // nobody knows: not $0
	if got := Look(st, nil, at()).Headline(w); got != "work" {
		t.Errorf("without a price: %q", got)
	}
}

// TestNamesOfOthersDoNothing: what a provider or a file says reaches a panel as one line of
// harmless text.
func TestNamesOfOthersDoNothing(t *testing.T) {
	evil := "a\x1b]0;x\a<b>\u202e\u200b\n\r\tc\x9b31m\xff"
	st := working()
	st.Active, st.Profiles[0].Name, st.Profiles[0].Origin = evil, evil, "https://"+evil
	st.Profiles[0].State, st.Profiles[1].Name = ledger.HealthDenied, strings.Repeat("ж", 5000)
	m := scene{glance: Look(st, nil, at()), words: plain(""), now: at()}.menu()
	texts := []string{m.Title, strings.ReplaceAll(m.Tooltip, "\n", "")}
	for _, it := range m.Items {
		texts = append(texts, it.Text)
	}
	for _, text := range texts {
		for _, r := range text {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '<' || r == '>' || r == unicode.ReplacementChar {
				t.Errorf("%q holds %q", text, r)
			}
		}
	}
	if n := len([]rune(m.Tooltip)); n > 5*longest {
		t.Errorf("a tooltip of %d characters", n)
	}
}

func TestTheMenuKeepsItsShape(t *testing.T) {
	shape := func(m Menu) (s string) {
		for _, it := range m.Items {
			s += fmt.Sprintf("%s/%t/%t/%d ", it.ID, it.Line, it.Tick, len(it.Items))
		}
		return s
	}
	full := scene{glance: Look(working(), nil, at()), words: plain(""), now: at()}
	empty := scene{glance: Glance{State: Stopped}, words: plain(""), now: at()}
	many := full
	for i := range 2 * maxProfiles {
		many.glance.Profiles = append(many.glance.Profiles, admin.ProfileStatus{Name: fmt.Sprint("p", i)})
	}
	if a, b, c := shape(full.menu()), shape(empty.menu()), shape(many.menu()); a != b || a != c {
		t.Errorf("the menu changes its shape:\n%s\n%s\n%s", a, b, c)
	}
	var said string
	for _, it := range many.menu().Items {
		if !it.Hidden && it.ID == "" {
			said += it.Text
		}
	}
	if !strings.Contains(said, "26 more in the dashboard") {
		t.Errorf("that profiles are missing is not said: %q", said)
	}
}

func TestEveryStateHasAFormOfItsOwn(t *testing.T) {
	seen := map[string]State{}
	for _, s := range States() {
		icon := string(Icon(s, true)) // black: only the form can tell
		if other, known := seen[icon]; known {
			t.Errorf("%s looks like %s", s, other)
		}
		seen[icon] = s
	}
}
