package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"prism/internal/admin"
	"prism/internal/lang"
)

// Times of top.
const (
	topEvery   = 500 * time.Millisecond // between two looks at the gateway
	pastEvery  = 30 * time.Second       // between two looks at the ledger
	askTimeout = 3 * time.Second
)

// topOptions is what top shows from. past may be nil.
type topOptions struct {
	ask    func(ctx context.Context, after int64) (admin.Live, error)
	past   func(ctx context.Context) (past, error)
	now    func() time.Time
	colour bool
	lang   lang.Printer
}

// topModel is the state of the screen. It outlives the gateway that it looks at.
type topModel struct {
	opt     topOptions
	live    admin.Live
	gone    error // why the gateway did not answer the last time; nil = it did
	windows []planWindow
	work    *work

	sort          topSort
	paused        bool
	scroll        int
	width, height int
}

// topSort is the order of what is in flight.
type topSort int

const (
	sortAge topSort = iota
	sortRate
	sortProfile
	sortCount
)

func (s topSort) String() string { return [...]string{"age", "rate", "profile"}[s] }

func newTopModel(opt topOptions) *topModel {
	return &topModel{opt: opt, work: newWork(), width: 80, height: 24}
}

// What is told to the model.
type (
	liveMsg struct {
		live admin.Live
		err  error
	}
	pastMsg struct {
		past past
		err  error
		once bool // nobody waits for the next one
	}
	askMsg  struct{} // it is time to ask the gateway
	readMsg struct{} // it is time to read the ledger
)

// Init implements [tea.Model].
func (m *topModel) Init() tea.Cmd { return tea.Batch(m.after(topEvery, askMsg{}), m.read(false)) }

func (m *topModel) after(d time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(d, func(time.Time) tea.Msg { return msg })
}

func (m *topModel) askNow() tea.Cmd {
	seq := m.live.Seq
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		l, err := m.opt.ask(ctx, seq)
		return liveMsg{l, err}
	}
}

func (m *topModel) read(once bool) tea.Cmd {
	if m.opt.past == nil {
		return nil
	}
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		p, err := m.opt.past(ctx)
		return pastMsg{p, err, once}
	}
}

// Update implements [tea.Model].
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	case askMsg:
		return m, m.askNow()
	case readMsg:
		return m, m.read(false)
	case liveMsg:
		back := m.gone != nil && msg.err == nil
		m.hear(msg)
		if back { // what finished last before it went is in the ledger
			return m, tea.Batch(m.after(topEvery, askMsg{}), m.read(true))
		}
		return m, m.after(topEvery, askMsg{})
	case pastMsg:
		if msg.err == nil { // a ledger that does not answer says nothing; the gateway still does
			m.windows = msg.past.windows
			m.work.add(msg.past.finished...)
		}
		if !msg.once {
			return m, m.after(pastEvery, readMsg{})
		}
	}
	return m, nil
}

func (m *topModel) key(name string) tea.Cmd {
	switch name {
	case "q", "esc", "ctrl+c":
		return tea.Quit
	case "p", "space":
		m.paused = !m.paused
	case "s":
		m.sort = (m.sort + 1) % sortCount
	case "down", "j":
		m.scroll++
	case "up", "k":
		m.scroll = max(m.scroll-1, 0)
	case "home", "g":
		m.scroll = 0
	}
	return nil
}

// hear takes what the gateway answered, or that it did not.
func (m *topModel) hear(msg liveMsg) {
	m.gone = msg.err
	if msg.err != nil {
		m.live.InFlight = nil // whatever it was, it is not known any more
		m.work.landed()
		if errors.Is(msg.err, admin.ErrNotRunning) {
			m.live.Seq = 0
		}
		return
	}
	m.take(msg.live)
}

// take takes an answer. Another gateway than the last time counts anew: what it has finished
// before the number that it was asked for is asked for again.
func (m *topModel) take(l admin.Live) {
	if !m.live.StartedAt.IsZero() && !l.StartedAt.Equal(m.live.StartedAt) && m.live.Seq > 0 {
		l.Seq = 0
	}
	m.work.add(l.Recent...)
	m.work.fly(l.InFlight, l.At)
	if m.paused {
		l.InFlight = m.live.InFlight
	}
	m.live = l
}

// flying returns what is in flight in the order that was chosen.
func (m *topModel) flying() []admin.Flight {
	out := slices.Clone(m.live.InFlight)
	slices.SortStableFunc(out, func(a, b admin.Flight) int {
		by := 0
		switch m.sort {
		case sortRate:
			by = cmp.Compare(m.work.rate(b.RequestID), m.work.rate(a.RequestID))
		case sortProfile:
			by = cmp.Compare(a.Profile, b.Profile)
		default:
		}
		return cmp.Or(by, a.StartedAt.Compare(b.StartedAt))
	})
	return out
}
