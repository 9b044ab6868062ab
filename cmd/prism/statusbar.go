package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"prism/internal/admin"
	"prism/internal/tray"
)

// Formats of status for the bars of desktops and terminals.
const (
	formatWaybar   = "waybar"
	formatSwiftbar = "swiftbar"
	formatTmux     = "tmux"
	formatPolybar  = "polybar"
)

func barFormats() []string {
	return []string{formatWaybar, formatSwiftbar, formatTmux, formatPolybar}
}

// Limits of a look for a bar: it runs every few seconds, and what is late is not shown.
const (
	barLimit = 20 * time.Millisecond
	barWatch = 2 * time.Second
)

// statusBar prints a look at the gateway for a bar. It does not fail: a bar would be empty, and
// nobody would know why.
func (a *app) statusBar(ctx context.Context, watch bool) {
	r := a.quickRoom()
	last := ""
	for {
		text := a.bar(a.glance(ctx, r, barLimit))
		if text != last {
			fmt.Fprintln(a.out, text)
			last = text
		}
		if !watch {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(barWatch):
		}
	}
}

// glance asks for all at once: what does not come in time is left out.
func (a *app) glance(ctx context.Context, r room, limit time.Duration) tray.Glance {
	// On a machine that is busy even a call that nobody could answer takes longer than the limit.
	if _, err := os.Stat(socketOf(r.paths, r.settings)); errors.Is(err, fs.ErrNotExist) {
		return tray.Glance{State: tray.Stopped}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var live admin.Live
	var wg sync.WaitGroup
	wg.Go(func() { live, _ = r.client.Live(ctx, 0) }) // without it there is no window
	st, err := r.client.Status(ctx)
	wg.Wait()
	switch {
	case errors.Is(err, admin.ErrNotRunning):
		return tray.Glance{State: tray.Stopped}
	case err != nil:
		return tray.Glance{State: tray.Down}
	}
	return tray.Look(st, live.Windows, a.now())
}

func (a *app) bar(g tray.Glance) string {
	w := a.wordsIn("")
	switch a.format {
	case formatWaybar:
		return a.waybar(g, w)
	case formatSwiftbar:
		return a.swiftbar(g, w)
	}
	text := g.Short(w)
	if n, ok := g.Percent(); ok {
		text += fmt.Sprintf(" %d%%", n)
	}
	if g.Active != "" && g.State != tray.OK {
		text += " " + w.Text(string(g.State))
	}
	if a.format == formatTmux {
		return strings.ReplaceAll(text, "#", "##") // # begins a style there
	}
	return strings.ReplaceAll(text, "%{", "% {") // %{ begins an action there
}

// waybar takes JSON whose texts are markup.
func (a *app) waybar(g tray.Glance, w tray.Words) string {
	markup := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	out := struct {
		Text       string `json:"text"`
		Alt        string `json:"alt"`
		Class      string `json:"class"`
		Percentage *int   `json:"percentage,omitempty"`
		Tooltip    string `json:"tooltip"`
	}{
		Text: markup.Replace(g.Short(w)), Alt: string(g.State), Class: string(g.State),
		Tooltip: markup.Replace(strings.Join(g.Lines(w, a.now()), "\n")),
	}
	if n, ok := g.Percent(); ok {
		out.Percentage = &n
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return "{}" // strings and numbers can be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// swiftbar takes a title and, below a line, a menu with commands: the plugin of SwiftBar and xbar.
func (a *app) swiftbar(g tray.Glance, w tray.Words) string {
	mark := "◆ "
	if g.State == tray.Stopped || g.State == tray.Down {
		mark = "◇ "
	}
	do := a.barAction()
	lines := []string{mark + barText(g.Short(w)), "---"}
	if g.State == tray.Stopped {
		return strings.Join(append(lines, do(w.Text("Start prism"), "start")), "\n")
	}
	for _, l := range g.Lines(w, a.now()) {
		lines = append(lines, barText(l))
	}
	lines = append(lines, "---")
	for _, p := range g.Profiles {
		if p.Name == g.Active {
			lines = append(lines, barText(p.Name)+" | checked=true")
			continue
		}
		lines = append(lines, do(p.Name, "use", "--", p.Name))
	}
	return strings.Join(append(lines, "---", do(w.Text("Open the dashboard"), "ui")), "\n")
}

// barAction returns what writes a line that runs this program for this gateway: the bar starts it
// without the configuration and the variables that this run has. A line whose words could not be
// passed on as they are is a text, and runs nothing.
func (a *app) barAction() func(text string, words ...string) string {
	self, err := os.Executable()
	if err != nil {
		self = "prism"
	}
	command, err := a.forThisGateway(self)
	return func(text string, words ...string) string {
		words = append(slices.Clone(command), words...)
		if err != nil || slices.ContainsFunc(words, notForBars) {
			return barText(text)
		}
		params := []string{barText(text), "|", "bash=" + barWord(words[0])}
		for i, word := range words[1:] {
			params = append(params, fmt.Sprintf("param%d=%s", i+1, barWord(word)))
		}
		return strings.Join(append(params, "terminal=false", "refresh=true"), " ")
	}
}

// notForBars tells whether a word would be read as something else, or cut short.
func notForBars(word string) bool {
	return strings.ContainsAny(word, `"|`) || strings.ContainsFunc(word, tray.Hostile) || !utf8.ValidString(word)
}

// barText keeps a text from being read as a parameter, a line or a submenu.
func barText(s string) string {
	s = strings.ReplaceAll(tray.Plain(s), "|", "¦")
	if strings.HasPrefix(s, "-") {
		s = "–" + s[1:]
	}
	return s
}

// plainWord needs no quotes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9._/:-]+$`)

// barWord writes a word that is for bars.
func barWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return `"` + s + `"`
}
