package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/jedib0t/go-pretty/v6/text"

	"prism/internal/admin"
	"prism/internal/stream"
	"prism/internal/tray"
)

// topNoon is the moment of the tests' screens.
func topNoon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.Local) }

func flightAt(n int, age time.Duration) admin.Flight {
	return admin.Flight{
		RequestID: fmt.Sprintf("01M8B9JVN0000000000000%04d", n), StartedAt: topNoon().Add(-age), Stage: admin.StageStreaming, Profile: "work", Operation: "messages",
		RequestModel: "claude-sonnet-5-5", UpstreamModel: "claude-sonnet-5-5", Project: "shop", TTFTMS: 812, ResponseBytes: 9650, OutputTokens: 667, Attempts: 1,
	}
}

func finishedAt(n int, ago time.Duration, cost *string) admin.Exchange {
	return admin.Exchange{
		RequestID: fmt.Sprintf("01M8B9AAA0000000000000%04d", n), StartedAt: topNoon().Add(-ago - 2*time.Second), Profile: "kimi", Operation: "messages",
		RequestModel: "claude-sonnet-5-5", UpstreamModel: "kimi-k3", HTTPStatus: 200, Outcome: "ok", TTFTMS: 500, DurationMS: 2000,
		PromptTokens: 53_000, CacheRead: 50_000, OutputTokens: 150, CostUSD: cost, Attempts: 1,
	}
}

func liveNow(flights ...admin.Flight) admin.Live {
	return admin.Live{
		At: topNoon(), StartedAt: topNoon().Add(-76 * time.Hour), Version: "0.9.0", Active: "work", Generation: 17, InFlight: flights,
		Today: admin.Totals{Requests: 53, Unpriced: 1, PromptTokens: 4_200_000, CacheReadTokens: 3_948_000, OutputTokens: 61_000, CostUSD: new("7.0049999999"), SavedUSD: new("9.8")},
	}
}

// screen is a model without a gateway behind it.
func screen(t *testing.T, width, height int) *topModel {
	t.Helper()
	m := newTopModel(topOptions{now: topNoon, ask: func(context.Context, int64) (admin.Live, error) { return admin.Live{}, nil }})
	send(m, tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

func send(m *topModel, msgs ...tea.Msg) (cmd tea.Cmd) {
	for _, msg := range msgs {
		_, cmd = m.Update(msg)
	}
	return cmd
}

func press(m *topModel, key rune) tea.Cmd {
	return send(m, tea.KeyPressMsg{Code: key, Text: string(key)})
}

func TestTheScreenOfTop(t *testing.T) {
	m := screen(t, 110, 22)
	l := liveNow(flightAt(1, 9200*time.Millisecond), flightAt(2, 300*time.Millisecond))
	l.InFlight[0].AgentID = "a1b2c3d4e5f60718a"
	l.InFlight[1].Stage, l.InFlight[1].TTFTMS, l.InFlight[1].OutputTokens, l.InFlight[1].ResponseBytes = admin.StageWaiting, stream.Unknown, 0, 0
	reset := topNoon().Add(2*time.Hour + 4*time.Minute)
	l.Windows = []admin.Window{{Profile: "work", Name: admin.Window5h, Used: 0.58, ResetsAt: &reset}, {Profile: "work", Name: admin.Window7d, Used: 0.1}}
	l.Budgets = []admin.BudgetStatus{{Name: "daily", Scope: "all", Per: "day", LimitUSD: "20", SpentUSD: "16.60", Then: "block", State: admin.BudgetWarn, ResetsAt: topNoon().Add(5 * time.Hour)}}
	broken := finishedAt(3, time.Minute, nil)
	broken.Outcome, broken.ErrorType = "truncated", "eof"
	l.Recent = []admin.Exchange{finishedAt(1, 9*time.Minute, new("0.1250000000")), finishedAt(2, 2*time.Minute, new("0.0308000000")), broken}
	earlier := l
	earlier.At = topNoon().Add(-2 * time.Second)
	earlier.InFlight = []admin.Flight{flightAt(1, 7*time.Second)}
	earlier.InFlight[0].OutputTokens = 447
	send(m, liveMsg{live: earlier}, liveMsg{live: l})
	got := strings.Join(m.lines(), "\n") + "\n"
	golden := filepath.Join("testdata", "top.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
}

func TestTheScreenFitsTheTerminal(t *testing.T) {
	var flights []admin.Flight
	var finished []admin.Exchange
	for n := range 60 {
		f := flightAt(n, time.Duration(n)*time.Second)
		f.Profile, f.RequestModel, f.Project = strings.Repeat("漢", 30), "\x1b[2J\u202e"+strings.Repeat("m", 200), "a\nb\tc"
		flights = append(flights, f)
		finished = append(finished, finishedAt(n, time.Duration(n)*time.Second, new("1")))
	}
	for _, size := range [][2]int{{200, 60}, {120, 30}, {80, 24}, {40, 10}, {20, 6}, {10, 3}, {1, 1}, {0, 0}, {300, 2}, {2, 100}} {
		for _, n := range []int{0, 1, 5, 60} {
			m := screen(t, size[0], size[1])
			l := liveNow(flights[:n]...)
			l.Recent = finished[:n]
			l.Active = "\x1b]0;evil\x07"
			l.Budgets = []admin.BudgetStatus{{Name: "x\x1b[31m", Scope: "all", LimitUSD: "0", SpentUSD: "broken"}}
			send(m, liveMsg{live: l})
			lines := m.lines()
			if len(lines) > size[1] {
				t.Errorf("%v with %d: %d lines", size, n, len(lines))
			}
			for _, line := range lines {
				if w := text.StringWidthWithoutEscSequences(line); w > size[0] {
					t.Errorf("%v with %d: %q is %d wide", size, n, line, w)
				}
				if strings.IndexFunc(line, tray.Hostile) >= 0 {
					t.Errorf("%v with %d: %q would do something to a terminal", size, n, line)
				}
			}
		}
	}
}

func TestASmallTerminalShowsWhatIsInFlight(t *testing.T) {
	m := screen(t, 60, 6)
	l := liveNow(flightAt(1, time.Second), flightAt(2, 2*time.Second))
	l.Recent = []admin.Exchange{finishedAt(1, time.Minute, new("1"))}
	send(m, liveMsg{live: l})
	if got := strings.Join(m.lines(), "\n"); strings.Count(got, "sonnet-5-5") != 2 || !strings.Contains(got, "prism top") {
		t.Errorf("the screen is\n%s", got)
	}
}

func TestTheBurnRateIsWhatTheLastTenMinutesCost(t *testing.T) {
	w := newWork()
	w.add(
		finishedAt(1, 11*time.Minute, new("100")), // too long ago
		finishedAt(2, 9*time.Minute, new("0.1000000001")),
		finishedAt(3, time.Minute, new("0.2000000002")),
		finishedAt(4, time.Second, nil), // has no price
	)
	w.add(finishedAt(3, time.Minute, new("0.2000000002"))) // seen already
	other := finishedAt(5, time.Second, nil)
	other.Operation = "count_tokens"
	w.add(other)
	// (0.1000000001 + 0.2000000002) x 6
	if got, unpriced := w.burn(topNoon()); got != "1.8000000018" || unpriced != 1 {
		t.Errorf("%s an hour and %d unpriced, want 1.8000000018 and 1", got, unpriced)
	}
	if got, unpriced := newWork().burn(topNoon()); got != "0.0000000000" || unpriced != 0 {
		t.Errorf("%s an hour and %d unpriced before anything has finished", got, unpriced)
	}
}

func TestTheRateOfTokensIsThatOfTheLastTwoSeconds(t *testing.T) {
	w := newWork()
	for n, tokens := range []int64{0, 1000, 1050, 1100, 1150, 1200} {
		f := flightAt(1, 0)
		f.OutputTokens = tokens
		w.fly([]admin.Flight{f}, topNoon().Add(time.Duration(n)*500*time.Millisecond))
	}
	if got := w.rate(flightAt(1, 0).RequestID); got != 100 {
		t.Errorf("%d tokens a second, want 100", got)
	}
	if got := w.total(); got != 100 {
		t.Errorf("%d tokens a second at all, want 100", got)
	}
	w.fly(nil, topNoon())
	if got := w.total(); got != 0 || len(w.samples) != 0 {
		t.Errorf("%d tokens a second with nothing in flight", got)
	}
}

func TestWorkIsBounded(t *testing.T) {
	w := newWork()
	for n := range keptWork + 100 {
		x := finishedAt(n, 0, nil)
		x.RequestID, x.StartedAt = fmt.Sprint(n), topNoon().Add(time.Duration(n)*time.Second)
		w.add(x)
	}
	if len(w.finished) != keptWork || len(w.known) != keptWork || w.last(1, 0)[0].RequestID != fmt.Sprint(keptWork+99) {
		t.Errorf("%d kept, %d known, the last is %s", len(w.finished), len(w.known), w.last(1, 0)[0].RequestID)
	}
}

func TestTheKeysOfTop(t *testing.T) {
	m := screen(t, 100, 30)
	slow, fast := flightAt(1, 10*time.Second), flightAt(2, time.Second)
	slow.Profile = "zeta"
	early := liveNow(slow, fast)
	early.At = topNoon().Add(-time.Second)
	fast.OutputTokens += 500
	send(m, liveMsg{live: early}, liveMsg{live: liveNow(slow, fast)})
	order := func() string {
		var names []string
		for _, f := range m.flying() {
			names = append(names, f.Profile)
		}
		return strings.Join(names, " ")
	}
	for _, want := range []string{"zeta work", "work zeta", "work zeta", "zeta work"} {
		if got := order(); got != want {
			t.Errorf("by %s: %s, want %s", m.sort, got, want)
		}
		press(m, 's')
	}
	press(m, 'p')
	send(m, liveMsg{live: liveNow()})
	if len(m.flying()) != 2 || !strings.Contains(m.lines()[0], "PAUSED") {
		t.Error("a paused screen changes")
	}
	press(m, 'p')
	send(m, liveMsg{live: liveNow()})
	if len(m.flying()) != 0 || strings.Contains(m.lines()[0], "PAUSED") {
		t.Error("a screen that goes on does not change")
	}
	for n := range 100 {
		m.work.add(finishedAt(n, time.Duration(n)*time.Second, nil))
	}
	first := m.lines()
	send(m, tea.KeyPressMsg{Code: tea.KeyDown})
	if second := m.lines(); strings.Join(first, "\n") == strings.Join(second, "\n") {
		t.Error("the arrow does not scroll")
	}
	for range 1000 {
		send(m, tea.KeyPressMsg{Code: tea.KeyDown})
		m.lines()
	}
	send(m, tea.KeyPressMsg{Code: tea.KeyUp})
	if m.scroll >= 100 {
		t.Errorf("scrolled past the end, by %d", m.scroll)
	}
	for _, quit := range []tea.Msg{tea.KeyPressMsg{Code: 'q', Text: "q"}, tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}, tea.KeyPressMsg{Code: tea.KeyEscape}} {
		if cmd := send(m, quit); cmd == nil {
			t.Errorf("%v does not quit", quit)
		} else if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Errorf("%v does not quit", quit)
		}
	}
}

func TestTopGoesOnAcrossARestartOfTheGateway(t *testing.T) {
	m := screen(t, 100, 30)
	first := liveNow(flightAt(1, time.Second))
	first.Recent, first.Seq = []admin.Exchange{finishedAt(1, time.Minute, new("1"))}, 40
	send(m, liveMsg{live: first})
	send(m, liveMsg{err: admin.ErrNotRunning})
	if got := m.lines()[0]; !strings.Contains(got, "does not answer") || len(m.flying()) != 0 || m.live.Seq != 0 {
		t.Errorf("%q, %d in flight, number %d", got, len(m.flying()), m.live.Seq)
	}
	again := liveNow(flightAt(2, time.Second))
	again.StartedAt, again.Generation = topNoon().Add(-time.Second), 18
	again.Recent, again.Seq = []admin.Exchange{finishedAt(2, 0, new("1"))}, 1
	cmd := send(m, liveMsg{live: again})
	if got := m.lines()[0]; !strings.Contains(got, "generation 18") || len(m.flying()) != 1 {
		t.Errorf("%q, %d in flight", got, len(m.flying()))
	}
	if len(m.work.finished) != 2 {
		t.Errorf("%d have finished, want the one of before and the one since", len(m.work.finished))
	}
	if cmd == nil {
		t.Error("it does not ask again")
	}
	// One that was restarted between two looks was asked for what came after a number of the other's.
	quick := again
	quick.StartedAt, quick.Seq = topNoon(), 99
	send(m, liveMsg{live: quick})
	if m.live.Seq != 0 {
		t.Errorf("the next look asks after number %d of another gateway", m.live.Seq)
	}
}

// keyboard is what is typed, one piece after the other.
type keyboard struct{ typed chan string }

func (k keyboard) Read(p []byte) (int, error) {
	s, ok := <-k.typed
	if !ok {
		return 0, io.EOF
	}
	return copy(p, s), nil
}

// paper is a terminal that keeps what was written.
type paper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

func TestTopRunsUntilItIsToldToStop(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	m := newTopModel(topOptions{
		now: topNoon,
		ask: func(context.Context, int64) (admin.Live, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			if asked == 1 {
				return admin.Live{}, admin.ErrNotRunning
			}
			return liveNow(flightAt(asked, time.Second)), nil
		},
		past: func(context.Context) (past, error) { return past{}, errors.New("the ledger is held") },
	})
	keys, out := keyboard{make(chan string)}, &paper{}
	p := tea.NewProgram(m, tea.WithContext(t.Context()), tea.WithInput(keys), tea.WithOutput(out), tea.WithWindowSize(100, 20), tea.WithoutSignalHandler(),
		tea.WithEnvironment([]string{"TERM=xterm"}))
	ended := make(chan error, 1)
	go func() {
		_, err := p.Run()
		ended <- err
	}()
	shows := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), what); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not shown after 20 s:\n%q", what, out.String())
			}
		}
	}
	shows("does not answer")
	shows("sonnet-5-5")
	keys.typed <- "s"
	shows("rate")
	keys.typed <- "q"
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	close(keys.typed)
}

func TestAWindowSaysWhatAnHourOfItCosts(t *testing.T) {
	now := topNoon()
	reset := now.Add(2*time.Hour + 4*time.Minute)
	ledger := planWindow{profile: "work", used: -1, begin: now.Add(-3 * time.Hour), end: now.Add(2 * time.Hour), last: now.Add(-time.Hour), cost: "3.6800000000"}
	for _, c := range []struct {
		name string
		have []planWindow
		live []admin.Window
		want string
	}{
		{"derived", []planWindow{ledger}, nil, "work   $3.68   2h00m left   $1.84/h   (from the ledger)"},
		{"reported", nil, []admin.Window{{Profile: "work", Name: admin.Window5h, Used: 0.58, ResetsAt: &reset}}, "work ▓▓▓▓▓▓░░░░ 58%   2h04m left   (from headers)"},
		{"what is reported counts more", []planWindow{ledger}, []admin.Window{{Profile: "work", Name: admin.Window5h, Used: 2, ResetsAt: &reset}}, "work ▓▓▓▓▓▓▓▓▓▓ 200%   2h04m left   (from headers)"},
		{
			"both say the same",
			[]planWindow{{profile: "work", used: 0.5, reported: true, begin: reset.Add(-5 * time.Hour), end: reset, last: reset.Add(-3 * time.Hour), cost: "4"}},
			[]admin.Window{{Profile: "work", Name: admin.Window5h, Used: 0.58, ResetsAt: &reset}},
			"work ▓▓▓▓▓▓░░░░ 58%   2h04m left   $2.00/h   (from headers)",
		},
		{"another window", nil, []admin.Window{{Profile: "work", Name: admin.Window7d, Used: 0.58, ResetsAt: &reset}}, ""},
		{"one that is over", nil, []admin.Window{{Profile: "work", Name: admin.Window5h, Used: 0.58, ResetsAt: &now}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, w := range withReported(c.have, c.live, now) {
				got += (&app{now: func() time.Time { return now }}).windowText(w)
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}
