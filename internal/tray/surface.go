//go:build linux || freebsd || openbsd || netbsd || (darwin && cgo)

package tray

import (
	"context"
	"strings"
	"sync"

	"fyne.io/systray"
)

// clickBuffer is how many clicks may wait.
const clickBuffer = 16

// surface is the tray of the desktop.
type surface struct {
	mu     sync.Mutex
	shown  Menu // guarded by mu where it is written, and for who is not run
	lines  []*line
	icons  map[State][2][]byte // plain and template
	clicks chan string
}

// line is an item of the desktop's menu; nil stands for a separator.
type line struct {
	item  *systray.MenuItem
	lines []*line
}

// Show shows the menu first in the tray of the desktop and runs run with it, until run ends, ctx
// ends or the session does. It must be called by the first goroutine of the program, and once.
func (d *Session) Show(ctx context.Context, first Menu, run func(context.Context, Surface) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &surface{icons: map[State][2][]byte{}, clicks: make(chan string, clickBuffer)}
	for _, st := range States() {
		s.icons[st] = [2][]byte{Icon(st, false), Icon(st, true)}
	}
	d.untilLogout(ctx, cancel, s.iconAgain)
	prepare(s.icons[first.State][0])
	done, over := make(chan error, 1), make(chan struct{})
	serve(func() {
		s.build(first)
		go func() { // ends before Show does, which waits for done
			done <- run(ctx, s)
			close(over)
		}()
	}, over)
	cancel()
	return <-done
}

// Clicks implements [Surface].
func (s *surface) Clicks() <-chan string { return s.clicks }

// build makes the lines. None is ever taken away: the library closes the channel of one that is,
// while a click may still be on its way to it.
func (s *surface) build(m Menu) {
	s.face(m)
	s.keep(m)
	s.lines = s.add(nil, m.Items)
}

func (s *surface) keep(m Menu) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = m
}

// iconAgain shows the icon once more, as it is.
func (s *surface) iconAgain() {
	s.mu.Lock()
	icon, known := s.icons[s.shown.State]
	s.mu.Unlock()
	if known {
		setIcon(icon)
	}
}

// setIcon shows an icon. The library panics where it cannot tell the desktop, as when the session ends at
// that moment: then the tray ends too, in its own time.
func setIcon(icon [2][]byte) {
	defer func() { _ = recover() }()
	systray.SetTemplateIcon(icon[1], icon[0])
}

func (s *surface) add(parent *systray.MenuItem, items []Item) []*line {
	lines := make([]*line, len(items))
	for i, it := range items {
		if it.Line {
			if parent == nil {
				systray.AddSeparator()
			} else {
				parent.AddSeparator()
			}
			continue
		}
		l := &line{item: newItem(parent, it)}
		if it.Disabled {
			l.item.Disable()
		}
		if it.Hidden {
			l.item.Hide()
		}
		if len(it.Items) > 0 {
			l.lines = s.add(l.item, it.Items)
		} else if it.ID != "" {
			go s.listen(it.ID, l.item.ClickedCh) // for as long as the process lives
		}
		lines[i] = l
	}
	return lines
}

func newItem(parent *systray.MenuItem, it Item) *systray.MenuItem {
	text := label(it.Text)
	switch {
	case parent == nil && it.Tick:
		return systray.AddMenuItemCheckbox(text, "", it.Ticked)
	case parent == nil:
		return systray.AddMenuItem(text, "")
	case it.Tick:
		return parent.AddSubMenuItemCheckbox(text, "", it.Ticked)
	}
	return parent.AddSubMenuItem(text, "")
}

// listen passes clicks on. The library drops one that nobody waits for, so somebody always does.
func (s *surface) listen(id string, clicked <-chan struct{}) {
	for range clicked {
		select {
		case s.clicks <- id:
		default: // the user clicks faster than anything can be done
		}
	}
}

// Show implements [Surface]. It tells the desktop only of what has changed: each word to it makes
// a panel draw.
func (s *surface) Show(m Menu) {
	if m.State != s.shown.State || m.Title != s.shown.Title || m.Tooltip != s.shown.Tooltip {
		s.face(m)
	}
	update(s.lines, s.shown.Items, m.Items)
	s.keep(m)
}

func (s *surface) face(m Menu) {
	setIcon(s.icons[m.State])
	if titled {
		systray.SetTitle(m.Title)
	}
	systray.SetTooltip(m.Tooltip)
}

func update(lines []*line, old, items []Item) {
	for i, l := range lines {
		if l == nil || i >= len(items) {
			continue
		}
		was, is := old[i], items[i]
		if is.Text != was.Text {
			l.item.SetTitle(label(is.Text))
		}
		choose(is.Ticked != was.Ticked, is.Ticked, l.item.Check, l.item.Uncheck)
		choose(is.Disabled != was.Disabled, is.Disabled, l.item.Disable, l.item.Enable)
		choose(is.Hidden != was.Hidden, is.Hidden, l.item.Hide, l.item.Show)
		update(l.lines, was.Items, is.Items)
	}
}

// choose calls one of two functions where something has changed.
func choose(changed, to bool, yes, no func()) {
	switch {
	case changed && to:
		yes()
	case changed:
		no()
	}
}

// label writes a text so that a menu shows it as it is: an underscore would mark the key of the
// line.
func label(text string) string {
	if underscores {
		return strings.ReplaceAll(text, "_", "__")
	}
	return text
}
