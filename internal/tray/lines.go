package tray

import (
	"time"

	"prism/internal/admin"
)

// maxProfiles is how many profiles the menu has room for. Surfaces cannot insert a line, so the
// lines are there from the beginning; the dashboard has the others.
const maxProfiles = 24

// lineRests is how long a line stays that of a profile which has gone: longer than a menu stands
// open.
const lineRests = time.Minute

// lines says which profile each line of the menu stands for. A line keeps its profile, however the
// file is ordered and whatever is added to it: a click does what the line said when it was read.
// The zero value is a menu in which no line is taken.
type lines [maxProfiles]struct {
	name string    // "" = nobody's
	seen time.Time // when the profile was last there
}

// settle gives lines to profiles that have none, in the order of the file, as far as there is room.
// The active one always has a line: where there is no room, the last line becomes its. Nothing
// happens to who clicks there at that moment: it is active already.
func (l *lines) settle(profiles []admin.ProfileStatus, active string, now time.Time) {
	there := make(map[string]bool, len(profiles))
	for _, p := range profiles {
		there[p.Name] = true
	}
	placed := make(map[string]bool, maxProfiles)
	for i := range l {
		if there[l[i].name] {
			l[i].seen = now
			placed[l[i].name] = true
		}
	}
	i := 0
	for _, p := range profiles {
		if placed[p.Name] {
			continue
		}
		for i < maxProfiles && l[i].name != "" && (placed[l[i].name] || now.Sub(l[i].seen) < lineRests) {
			i++
		}
		if i == maxProfiles {
			break
		}
		l[i].name, l[i].seen = p.Name, now
		placed[p.Name] = true
	}
	if there[active] && !placed[active] {
		l[maxProfiles-1].name, l[maxProfiles-1].seen = active, now
	}
}
