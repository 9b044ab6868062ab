package tray

import (
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
)

// State is how everything is, in one word. The words are those that bars use as classes.
type State string

// States, from the best to the worst.
const (
	OK       State = "ok"
	Degraded State = "degraded" // the active profile fails now and then, or a fallback answers
	Down     State = "down"     // the active profile does not answer, or the gateway itself
	Over     State = "over"     // a budget is used up
	Rejected State = "rejected" // profiles.yaml was refused; what was live goes on
	Stopped  State = "stopped"  // the gateway does not run
)

// States are all of them.
func States() []State { return []State{OK, Degraded, Down, Over, Rejected, Stopped} }

// Glance is what one look at the gateway tells.
type Glance struct {
	State    State
	Active   string
	Host     string // that the active profile's requests go to
	TodayUSD string // exact decimal; "" = not known
	FiveHour *admin.Window
	Profiles []admin.ProfileStatus
	Notices  []admin.Notice // the gravest first
}

// Look takes the glance of a status. Windows are those of [admin.Live].
func Look(st admin.Status, windows []admin.Window, now time.Time) Glance {
	g := Glance{State: stateOf(st), Active: st.Active, Profiles: st.Profiles, Notices: admin.Notices(st)}
	if st.Today.CostUSD != nil {
		g.TodayUSD = *st.Today.CostUSD
	}
	for _, p := range st.Profiles {
		if p.Name == st.Active {
			g.Host = host(p.Origin)
		}
	}
	for _, w := range windows {
		if w.Name == admin.Window5h && w.Profile == st.Active && w.Current(now) {
			g.FiveHour = &w
		}
	}
	return g
}

func stateOf(st admin.Status) State {
	if !st.File.OK {
		return Rejected
	}
	for _, b := range st.Budgets {
		if b.State == admin.BudgetOver {
			return Over
		}
	}
	for _, p := range st.Profiles {
		if p.Name == st.Active {
			if s := stateOfProfile(p); s != OK {
				return s
			}
		}
	}
	if st.Ledger.Degraded != "" || st.Ledger.Dropped > 0 {
		return Degraded
	}
	return OK
}

// stateOfProfile is what the health of the active profile means to who uses it.
func stateOfProfile(p admin.ProfileStatus) State {
	switch {
	case p.State == ledger.HealthDenied, p.State == ledger.HealthOpen && len(p.Fallback) == 0:
		return Down
	case p.State == ledger.HealthOpen, p.State == ledger.HealthCooling, p.State == ledger.HealthProbing:
		return Degraded
	case p.LastErrorAt != nil && (p.LastOK == nil || p.LastErrorAt.After(*p.LastOK)):
		return Degraded
	}
	return OK
}

// host drops what goes without saying.
func host(origin string) string {
	if rest, ok := strings.CutPrefix(origin, "https://"); ok {
		return strings.TrimSuffix(rest, ":443")
	}
	return strings.TrimPrefix(origin, "http://")
}

// Words are how a glance is said.
type Words struct {
	Text  func(format string, args ...any) string // says a text of the catalogue
	Said  func(english string) string             // says a finished English sentence
	Money func(decimal string) string             // $7.00
	Left  func(now, then time.Time) string        // 2h04m; "" = it is over
}

// Percent is how much of the five-hour window is used, from 0 to 100; false where nobody knows.
func (g Glance) Percent() (int, bool) {
	if g.FiveHour == nil {
		return 0, false
	}
	return int(max(0, min(100, g.FiveHour.Used*100+0.5))), true
}

// Short is the glance in a few words: work $7.00.
func (g Glance) Short(w Words) string {
	switch {
	case g.State == Stopped:
		return w.Text("prism is stopped")
	case g.Active == "": // it did not answer in time, or has no table yet
		return "prism …"
	case g.TodayUSD == "":
		return Plain(g.Active)
	}
	return Plain(g.Active) + " " + w.Money(g.TodayUSD)
}

// Headline is the glance in one line: work · $7.00 today · 5h 58%.
func (g Glance) Headline(w Words) string {
	if g.State == Stopped {
		return w.Text("prism is stopped")
	}
	if g.Active == "" {
		return g.Short(w)
	}
	parts := []string{Plain(g.Active)}
	if g.TodayUSD != "" {
		parts = append(parts, w.Text("%s today", w.Money(g.TodayUSD)))
	}
	if n, ok := g.Percent(); ok {
		parts = append(parts, w.Text("5h %d%%", n))
	}
	return strings.Join(parts, " · ")
}

// Lines are the glance at some length: who answers, the window, who is not well, what a person
// should know.
func (g Glance) Lines(w Words, now time.Time) []string {
	if g.State == Stopped {
		return []string{w.Text("prism is stopped")}
	}
	if g.Active == "" {
		return []string{w.Text("the gateway does not answer")}
	}
	lines := []string{Plain(g.Active + "  " + g.Host)}
	if n, ok := g.Percent(); ok {
		line := w.Text("5h %d%%", n)
		if g.FiveHour.ResetsAt != nil {
			if left := w.Left(now, *g.FiveHour.ResetsAt); left != "" {
				line = w.Text("5h %d%%, %s left", n, left)
			}
		}
		lines = append(lines, line)
	}
	for _, p := range g.Profiles {
		if word := healthWord(p.State); word != "" {
			lines = append(lines, Plain(p.Name)+" "+w.Text(word))
		}
	}
	for _, n := range g.Notices {
		lines = append(lines, Say(n, w))
	}
	return lines
}

// healthWord names a state that is not a good one.
func healthWord(state string) string {
	switch state {
	case ledger.HealthCooling:
		return "cooling"
	case ledger.HealthOpen:
		return "left out"
	case ledger.HealthProbing:
		return "probing"
	case ledger.HealthDenied:
		return "denied"
	}
	return ""
}

// Say says a notice.
func Say(n admin.Notice, w Words) string {
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		args[i] = w.Said(a)
	}
	return Plain(w.Text(n.Text, args...))
}
