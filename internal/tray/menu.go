package tray

import (
	"strconv"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/lang"
)

// Menu is all that a surface shows.
type Menu struct {
	State   State
	Title   string // beside the icon, where the desktop has room for one
	Tooltip string
	Items   []Item // always as many and of the same kinds: only texts and flags change
}

// Item is one line of the menu.
type Item struct {
	ID       string // what a click says
	Text     string
	Line     bool // a separator: nothing else counts
	Tick     bool // it can be ticked
	Ticked   bool
	Disabled bool
	Hidden   bool
	Items    []Item // of a submenu
}

// IDs of the items; those of profiles begin with idUse and end with the number of their line.
const (
	idUse       = "use:"
	idDashboard = "dashboard"
	idFile      = "file"
	idCopy      = "copy"
	idPause     = "pause"
	idLogin     = "login"
	idQuit      = "quit"
	idLanguage  = "language:"
)

// scene is what a menu is made of.
type scene struct {
	glance   Glance
	lines    lines
	settings Settings
	words    Words
	login    bool // starts with the login
	canLogin bool
	now      time.Time
}

func (s scene) menu() Menu {
	w, g := s.words, s.glance
	down := g.State == Stopped
	items := []Item{{Text: g.Headline(w), Disabled: true}, s.attention(), {Line: true}}
	items = append(items, s.profiles()...)
	items = append(items,
		Item{Line: true},
		Item{ID: idDashboard, Text: w.Text("Open the dashboard"), Disabled: down},
		Item{ID: idFile, Text: w.Text("Open profiles.yaml")},
		Item{ID: idCopy, Text: w.Text("Copy the client's environment")},
		Item{Line: true},
		Item{ID: idPause, Text: w.Text("Pause notices"), Tick: true, Ticked: s.settings.Paused},
		s.languages(),
		Item{ID: idLogin, Text: w.Text("Start at login"), Tick: true, Ticked: s.login, Disabled: !s.canLogin},
		Item{Line: true},
		Item{ID: idQuit, Text: w.Text("Quit")},
	)
	return Menu{State: g.State, Title: g.Short(w), Tooltip: strings.Join(g.Lines(w, s.now), "\n"), Items: items}
}

// attention is the gravest thing that a person should know.
func (s scene) attention() Item {
	if len(s.glance.Notices) == 0 {
		return Item{Disabled: true, Hidden: true}
	}
	return Item{Text: "⚠ " + Say(s.glance.Notices[0], s.words), Disabled: true}
}

// profiles are the lines of the profiles, and one that says how many there was no room for.
func (s scene) profiles() []Item {
	there := make(map[string]*admin.ProfileStatus, len(s.glance.Profiles))
	for i := range s.glance.Profiles {
		there[s.glance.Profiles[i].Name] = &s.glance.Profiles[i]
	}
	items := make([]Item, 0, maxProfiles+1)
	shown := 0
	for i := range s.lines {
		item := Item{ID: idUse + strconv.Itoa(i), Tick: true, Hidden: true}
		if p := there[s.lines[i].name]; p != nil {
			shown++
			item.Text, item.Ticked, item.Hidden = Plain(p.Name), p.Name == s.glance.Active, false
			if word := healthWord(p.State); word != "" {
				item.Text += " (" + s.words.Text(word) + ")"
			}
		}
		items = append(items, item)
	}
	more := Item{Disabled: true, Hidden: true}
	if n := len(s.glance.Profiles) - shown; n > 0 {
		more.Text, more.Hidden = s.words.Text("%d more in the dashboard", n), false
	}
	return append(items, more)
}

// languages is the submenu; names of languages are said in themselves.
func (s scene) languages() Item {
	m := Item{ID: "languages", Text: s.words.Text("Language")}
	add := func(tag, name string) {
		m.Items = append(m.Items, Item{ID: idLanguage + tag, Text: name, Tick: true, Ticked: s.settings.Language == tag})
	}
	add("", s.words.Text("As the system"))
	for _, tag := range lang.Languages() {
		add(tag.String(), lang.Name(tag))
	}
	return m
}
