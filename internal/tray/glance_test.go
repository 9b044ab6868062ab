package tray

import (
	"fmt"
	"slices"
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

// sceneOf is what a tray shows at the first look.
func sceneOf(st admin.Status) scene {
	s := scene{glance: Look(st, nil, at()), words: plain(""), now: at()}
	s.lines.settle(s.glance.Profiles, s.glance.Active, at())
	return s
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
	evil := "a\x1b]0;x\a<b>\u202e\u200b\u061c\u2060\U000e0041\u00ad\n\r\tc\x9b31m\xff"
	st := working()
	st.Active, st.Profiles[0].Name, st.Profiles[0].Origin = evil, evil, "https://"+evil
	st.Profiles[0].State, st.Profiles[1].Name = ledger.HealthDenied, strings.Repeat("ж", 5000)
	m := sceneOf(st).menu()
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
	full := sceneOf(working())
	empty := scene{glance: Glance{State: Stopped}, words: plain(""), now: at()}
	many := sceneOf(crowded())
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

// crowded is a gateway with more profiles than the menu has room for.
func crowded() admin.Status {
	st := working()
	for i := range 2 * maxProfiles {
		st.Profiles = append(st.Profiles, admin.ProfileStatus{Name: fmt.Sprint("p", i)})
	}
	return st
}

// TestTheActiveProfileHasATick: also where the file has it beyond what the menu has room for.
func TestTheActiveProfileHasATick(t *testing.T) {
	st := crowded()
	for _, active := range []string{"work", "p40", "p41", "p3", "p40"} {
		st.Active = active
		if got := ticks(sceneOf(st).menu()); !slices.Equal(got, []string{active}) {
			t.Errorf("%s is active, and the tick is at %q", active, got)
		}
	}
	s := sceneOf(crowded())
	first := s.menu()
	st.Active = "p40"
	s.glance = Look(st, nil, at())
	s.lines.settle(s.glance.Profiles, s.glance.Active, at())
	for i, it := range s.menu().Items {
		if was := first.Items[i]; strings.HasPrefix(it.ID, idUse) && it.Text != was.Text && it.Text != "p40" {
			t.Errorf("the line of %s is now that of %s", was.Text, it.Text)
		}
	}
}

func ticks(m Menu) (names []string) {
	for _, it := range m.Items {
		if strings.HasPrefix(it.ID, idUse) && it.Ticked && !it.Hidden {
			names = append(names, it.Text)
		}
	}
	return names
}

// TestALineKeepsItsProfile: what one reads in an open menu is what a click does, whatever becomes
// of the file meanwhile.
func TestALineKeepsItsProfile(t *testing.T) {
	named := func(names ...string) (all []admin.ProfileStatus) {
		for _, n := range names {
			all = append(all, admin.ProfileStatus{Name: n})
		}
		return all
	}
	now := at()
	var l lines
	want := func(what string, names ...string) {
		t.Helper()
		for i, line := range l {
			if i < len(names) && line.name != names[i] || i >= len(names) && line.name != "" {
				t.Fatalf("%s: line %d is that of %q, want %q", what, i, line.name, names)
			}
		}
	}
	l.settle(named("a", "b", "c"), "c", now)
	want("the order of the file", "a", "b", "c")
	l.settle(named("c", "new", "a", "b"), "c", now)
	want("another order, and one more", "a", "b", "c", "new")
	l.settle(nil, "", now)
	l.settle(named("new", "other"), "new", now.Add(lineRests-1))
	want("two that have just gone", "a", "b", "c", "new", "other")
	l.settle(named("new", "d", "e"), "new", now.Add(2*lineRests))
	want("their lines, when nobody has them before the eyes any more", "d", "e", "c", "new", "other")
}

func TestOnlyWhatDoesSomethingIsHostile(t *testing.T) {
	for _, r := range "\x00\x1b\n\r\x7f\u0085\u009b\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2064\u2066\u2069\u206f\ufeff\ufff9\U000e0001\U000e0041\U000e007f" {
		if !Hostile(r) {
			t.Errorf("%U is let through", r)
		}
	}
	for _, r := range "aé日本 \u00a0\u0600\u200c\u200d\ufe0f👩💻\ufffd" {
		if Hostile(r) {
			t.Errorf("%U is part of writing", r)
		}
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
