package main

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/jedib0t/go-pretty/v6/text"

	"prism/internal/admin"
	"prism/internal/stream"
)

// View implements [tea.Model].
func (m *topModel) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "prism top"
	return v
}

// smallRoom is how many lines are too few for two tables.
const smallRoom = 8

// lines is the screen: never more lines than it has, none wider than it is.
func (m *topModel) lines() []string {
	now := m.opt.now()
	out := m.head(now)
	foot := m.foot()
	room := m.height - len(out) - len(foot)
	if room < smallRoom/2 { // a small screen shows what is in flight
		foot = nil
		out = out[:min(len(out), 2, max(m.height-4, 1))]
		room = m.height - len(out)
	}
	flights := m.flights(now)
	most := max(room/2, room-len(m.work.finished)-2)
	if room < smallRoom {
		most = room
	}
	if shown := max(most-1, 0); len(flights) > most {
		flights = append(flights[:shown], m.opt.lang.Text("… and %d more", len(flights)-shown))
	}
	out = append(out, flights...)
	room -= len(flights)
	if room >= 3 {
		out = append(out, "")
		out = append(out, m.finished(room-1)...)
	}
	for len(out)+len(foot) < m.height {
		out = append(out, "")
	}
	out = append(out, foot...)
	out = out[:min(len(out), m.height)]
	for i := range out {
		out[i] = clip(out[i], m.width)
	}
	return out
}

// at is the run as of now, for the texts that other commands show as well.
func (m *topModel) at(now time.Time) *app {
	return &app{lang: m.opt.lang, now: func() time.Time { return now }}
}

// head is what holds for the whole: who answers, how fast, what it costs.
func (m *topModel) head(now time.Time) []string {
	l, a := m.live, m.at(now)
	title := a.text("prism top  %s   %s   up %s   generation %d   %s", now.Format(time.TimeOnly), l.Active, span(now.Sub(l.StartedAt)), l.Generation, l.Version)
	if m.gone != nil {
		title = a.text("prism top  %s   the gateway does not answer; asking again", now.Format(time.TimeOnly))
	}
	if m.paused {
		title += "   " + a.text("PAUSED")
	}
	out := []string{m.bold(escape(title, false))}
	perHour, unpriced := m.work.burn(now)
	line := a.text("now      %d in flight   %s tok/s   burn %s/h", len(l.InFlight), grouped(m.work.total()), dollars(perHour, 2))
	if unpriced > 0 {
		line += a.text(" and %d unpriced", unpriced)
	}
	out = append(out, line)
	add := func(word, text string) {
		if text != "" {
			out = append(out, escape(pad(a.said(word), labelWidth, false)+" "+text, false))
		}
	}
	add("today", a.todayText(l.Today))
	for _, w := range withReported(m.windows, l.Windows, now) {
		if w.end.After(now) {
			add("5h", a.windowText(w))
		}
	}
	for _, b := range l.Budgets {
		add("budget", a.budgetText(b))
	}
	if l.Attention != "" {
		add("look", a.said(l.Attention)+"   prism status")
	}
	return append(out, "")
}

func (m *topModel) foot() []string {
	return []string{m.faint(m.opt.lang.Text("q quit   p pause   s sort: %s   ↑↓ scroll", m.opt.lang.Translate(m.sort.String())))}
}

// flights is the table of what is in flight.
func (m *topModel) flights(now time.Time) []string {
	at := m.live.At
	if m.gone == nil && !m.paused && now.After(at) {
		at = now
	}
	v := view{columns: flightColumns()}
	for _, f := range m.flying() {
		rate := m.work.rate(f.RequestID)
		v.rows = append(v.rows, m.at(now).flightRow(f, at, &rate))
	}
	if len(v.rows) == 0 {
		return []string{m.faint(m.opt.lang.Text("nothing is in flight"))}
	}
	return m.table(v)
}

// finished is the table of what has finished, in that many lines.
func (m *topModel) finished(lines int) []string {
	m.scroll = min(m.scroll, max(len(m.work.finished)-(lines-1), 0))
	v := view{columns: finishedColumns()}
	for _, x := range m.work.last(lines-1, m.scroll) {
		v.rows = append(v.rows, m.at(m.live.At).finishedRow(x))
	}
	if len(v.rows) == 0 {
		return nil
	}
	return m.table(v)
}

func (m *topModel) table(v view) []string {
	out := m.at(m.live.At).tableLines(v, m.width)
	out[0] = m.bold(out[0])
	return out
}

func (m *topModel) bold(s string) string {
	if !m.opt.colour {
		return s
	}
	return text.Bold.Sprint(clip(s, m.width))
}

func (m *topModel) faint(s string) string {
	if !m.opt.colour {
		return s
	}
	return text.Faint.Sprint(clip(s, m.width))
}

// clip cuts a line at the edge of the screen.
func clip(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return s
	}
	return text.Trim(s, max(width, 0))
}

func finishedColumns() []column {
	return []column{
		{name: "time"},
		{name: "profile"},
		{name: "model", whole: true},
		{name: "status", whole: true},
		{name: "ttft", head: "TTFT", right: true, spare: true},
		{name: "took", right: true},
		{name: "prompt", right: true},
		{name: "cached", right: true, spare: true},
		{name: "output", right: true},
		{name: "per_second", head: "TOK/S", right: true, spare: true},
		{name: "cost", right: true},
		{name: "project", spare: true},
		{name: "error", spare: true},
	}
}

func (a *app) finishedRow(x admin.Exchange) []cell {
	cost := ""
	if x.CostUSD != nil {
		cost = *x.CostUSD
	}
	return []cell{
		timeCell(endOfExchange(x), time.TimeOnly), textCell(x.Profile), whatCell(x),
		a.wordCell(statusOf(x)), msCell(countOf(x.TTFTMS)), msCell(countOf(x.DurationMS)), tokenCell(countOf(x.PromptTokens)),
		percentCell(countOf(x.CacheRead), countOf(x.PromptTokens)), tokenCell(countOf(x.OutputTokens)), countCell(speedOf(x)), moneyCell(cost),
		textCell(x.Project), textCell(x.ErrorType),
	}
}

// whatCell names the model, or the operation of a request without one.
func whatCell(x admin.Exchange) cell {
	if x.RequestModel == "" {
		return textCell(x.Operation)
	}
	return modelCell(x.RequestModel, x.UpstreamModel)
}

// speedOf is how many tokens a second the answer brought once it had begun.
func speedOf(x admin.Exchange) *int64 {
	if !x.OutputTokens.Known() || !x.DurationMS.Known() || !x.TTFTMS.Known() || x.DurationMS <= x.TTFTMS {
		return nil
	}
	n := int64(x.OutputTokens) * 1000 / int64(x.DurationMS-x.TTFTMS)
	return &n
}

func countOf(c stream.Count) *int64 {
	if !c.Known() {
		return nil
	}
	n := int64(c)
	return &n
}
