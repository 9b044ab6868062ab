package tray

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
)

const patience = 10 * time.Second

// fake is a gateway, a surface, a desktop and a login at once.
type fake struct {
	mu      sync.Mutex
	status  admin.Status
	err     error
	used    []string
	verdict admin.Verdict
	useErr  error
	events  chan admin.Event
	shown   []Menu
	notices []string
	done    []string
	login   []string

	clicks chan string
}

func newFake() *fake {
	return &fake{status: working(), events: make(chan admin.Event), clicks: make(chan string), verdict: admin.Verdict{OK: true}}
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) Status(context.Context) (admin.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status, f.err
}

func (f *fake) Live(context.Context, int64) (admin.Live, error) { return admin.Live{}, nil }

func (f *fake) Use(_ context.Context, name string) (admin.Verdict, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used = append(f.used, name)
	if f.useErr == nil && f.verdict.OK {
		f.status.Active = name
	}
	return f.verdict, f.useErr
}

func (f *fake) EventsOnDesktop(ctx context.Context, fn func(admin.Event) error) error {
	f.mu.Lock()
	gone := f.err
	f.mu.Unlock()
	if gone != nil {
		return gone
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev, ok := <-f.events:
			if !ok {
				return admin.ErrNotRunning
			}
			if err := fn(ev); err != nil {
				return err
			}
		}
	}
}

func (f *fake) Show(m Menu)            { f.set(func() { f.shown = append(f.shown, m) }) }
func (f *fake) Clicks() <-chan string  { return f.clicks }
func (f *fake) IsOn() bool             { f.mu.Lock(); defer f.mu.Unlock(); return f.login != nil }
func (f *fake) On(argv []string) error { f.set(func() { f.login = argv }); return nil }
func (f *fake) Off() error             { f.set(func() { f.login = nil }); return nil }

func (f *fake) note(what string) func(context.Context) error {
	return func(context.Context) error {
		f.set(func() { f.done = append(f.done, what) })
		return nil
	}
}

func (f *fake) last() Menu {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.shown) == 0 {
		return Menu{}
	}
	return f.shown[len(f.shown)-1]
}

// ticked are the profiles of the menu that have a tick.
func (f *fake) ticked() []string { return ticks(f.last()) }

func (f *fake) item(id string) Item {
	for _, it := range f.last().Items {
		if it.ID == id {
			return it
		}
	}
	return Item{}
}

// launch runs a tray on f until the test ends.
func launch(t *testing.T, f *fake) {
	t.Helper()
	words := func(language string) Words {
		w := plain(language)
		if language == "zh" {
			english := w.Text
			w.Text = func(format string, args ...any) string { return "中:" + english(format, args...) }
			w.Said = func(s string) string { return "说:" + s }
		}
		return w
	}
	tray := New(Options{
		Gateway: f, Words: words, File: filepath.Join(t.TempDir(), "tray.json"), Login: f, Command: []string{"/bin/prism", "tray"}, Now: at, Retry: time.Millisecond,
		Desktop: Desktop{
			Dashboard: f.note("dashboard"), File: f.note("file"), Copy: f.note("copy"),
			Notify: func(_ context.Context, title, text string) error {
				f.set(func() { f.notices = append(f.notices, title+": "+text) })
				return nil
			},
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tray.Run(ctx, f) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	eventually(t, f, "it shows the gateway", func() bool { return f.last().State == OK })
}

func eventually(t *testing.T, f *fake, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s; shown %+v, notices %q", what, f.last(), f.notices)
		}
	}
}

func TestAClickOnAProfileMakesItActive(t *testing.T) {
	f := newFake()
	launch(t, f)
	if got := f.ticked(); !slices.Equal(got, []string{"work"}) {
		t.Fatalf("ticked: %q", got)
	}
	f.clicks <- idUse + "1"
	eventually(t, f, "kimi has the tick", func() bool { return slices.Equal(f.ticked(), []string{"kimi (cooling)"}) })
	if !slices.Equal(f.used, []string{"kimi"}) {
		t.Errorf("asked for %q", f.used)
	}
	for _, id := range []string{idUse + "7", idUse + "-1", idUse + "x", "nonsense"} {
		f.clicks <- id
	}
	if !slices.Equal(f.used, []string{"kimi"}) {
		t.Errorf("asked for %q", f.used)
	}
}

func TestWhyASwitchWasRefusedIsSaidEvenWhilePaused(t *testing.T) {
	f := newFake()
	launch(t, f)
	f.clicks <- idPause
	f.set(func() { f.useErr = &admin.Error{Code: "pin_mismatch", Message: "kimi waits", Fix: "prism trust kimi"} })
	f.clicks <- idUse + "1"
	eventually(t, f, "the refusal is shown", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.notices, "prism: kimi waits\nfix: prism trust kimi")
	})
	f.set(func() {
		f.useErr, f.verdict = nil, admin.Verdict{Problems: []config.Problem{{File: "p.yaml", Line: 3, Message: "no such dialect"}}}
	})
	f.clicks <- idUse + "1"
	eventually(t, f, "the problem is shown", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.ContainsFunc(f.notices, func(s string) bool { return strings.Contains(s, "no such dialect") })
	})
}

// TestAClickDoesWhatTheLineSaid: a menu that stands open was drawn before the file was saved.
func TestAClickDoesWhatTheLineSaid(t *testing.T) {
	f := newFake()
	launch(t, f)
	var read string // the line of kimi as somebody reads it
	for _, it := range f.last().Items {
		if strings.HasPrefix(it.Text, "kimi") {
			read = it.ID
		}
	}
	f.set(func() {
		p := f.status.Profiles
		f.status.Profiles = []admin.ProfileStatus{{Name: "first"}, p[0], p[1]}
	})
	f.events <- admin.Event{}
	eventually(t, f, "the new profile is shown", func() bool {
		return slices.ContainsFunc(f.last().Items, func(it Item) bool { return it.Text == "first" && !it.Hidden })
	})
	f.clicks <- read
	eventually(t, f, "kimi has the tick", func() bool { return slices.Equal(f.ticked(), []string{"kimi (cooling)"}) })
	if !slices.Equal(f.used, []string{"kimi"}) {
		t.Errorf("asked for %q", f.used)
	}
}

// TestAFixIsSaidInTheLanguageAndHarmless: it is a sentence as often as a command, and may quote the
// file.
func TestAFixIsSaidInTheLanguageAndHarmless(t *testing.T) {
	f := newFake()
	launch(t, f)
	f.clicks <- idLanguage + "zh"
	eventually(t, f, "it speaks Chinese", func() bool { return f.item(idQuit).Text == "中:Quit" })
	f.events <- admin.Event{Notice: &admin.Notice{Text: "%s", Args: []string{"refused"}, Fix: "write <b>\u202ework"}}
	eventually(t, f, "the notice is shown", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.notices, []string{"prism: 中:说:refused\n中:fix: 说:write ‹b›work"})
	})
	f.set(func() { f.useErr = &admin.Error{Message: "no", Fix: "see \u2060there"} })
	f.clicks <- idUse + "1"
	eventually(t, f, "the refusal is shown", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.notices, "prism: 说:no\n中:fix: 说:see there")
	})
}

// TestPausingStopsNoticesAndNothingElse: the events still come, and bring a look.
func TestPausingStopsNoticesAndNothingElse(t *testing.T) {
	f := newFake()
	launch(t, f)
	tell := admin.Event{Notice: &admin.Notice{Kind: admin.NoticeFallback, Text: "%s answers in place of %s", Args: []string{"kimi", "work"}, Fix: "prism status"}}
	f.events <- tell
	want := "prism: kimi answers in place of work\nfix: prism status"
	eventually(t, f, "the notice is shown", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Equal(f.notices, []string{want})
	})
	f.clicks <- idPause
	eventually(t, f, "it says that it is paused", func() bool { return f.item(idPause).Ticked })
	f.set(func() { f.status.Active = "kimi" })
	f.events <- tell
	eventually(t, f, "the swap is seen", func() bool { return slices.Equal(f.ticked(), []string{"kimi (cooling)"}) })
	if len(f.notices) != 1 {
		t.Errorf("shown while paused: %q", f.notices)
	}
}

func TestAGatewayThatGoesAndComesIsFoundAgain(t *testing.T) {
	f := newFake()
	launch(t, f)
	f.set(func() { f.err = admin.ErrNotRunning })
	close(f.events)
	eventually(t, f, "it says that the gateway is gone", func() bool { return f.last().State == Stopped && f.item(idDashboard).Disabled })
	f.set(func() { f.err, f.events = nil, make(chan admin.Event) })
	eventually(t, f, "it shows the new one", func() bool { return f.last().State == OK && !f.item(idDashboard).Disabled })
	f.set(func() { f.err = errors.New("no answer") })
	f.events <- admin.Event{}
	eventually(t, f, "one that does not answer is not taken for one that is gone", func() bool { return f.last().State == Down })
}

func TestTheOtherItemsDoWhatTheySay(t *testing.T) {
	f := newFake()
	launch(t, f)
	for _, id := range []string{idDashboard, idFile, idCopy} {
		f.clicks <- id
		eventually(t, f, id, func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return slices.Contains(f.done, id)
		})
	}
	f.clicks <- idLogin
	eventually(t, f, "it starts at login", func() bool { return f.item(idLogin).Ticked })
	if !slices.Equal(f.login, []string{"/bin/prism", "tray"}) {
		t.Errorf("the login starts %q", f.login)
	}
	f.clicks <- idLogin
	eventually(t, f, "it does not any more", func() bool { return !f.item(idLogin).Ticked })
	f.clicks <- idLanguage + "zh"
	eventually(t, f, "it speaks Chinese", func() bool { return f.item(idQuit).Text == "中:Quit" })
}

func TestWhatTheUserChoseOutlivesTheTray(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tray.json")
	for _, s := range []Settings{{Language: "zh", Paused: true}, {Language: "en"}, {}} {
		if err := s.save(file); err != nil {
			t.Fatal(err)
		}
		if got := load(file); got != s {
			t.Errorf("%+v became %+v", s, got)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file without a choice in it is left: %v", err)
	}
	for _, text := range []string{"", "{", `{"paused":"x"}`, "[]", strings.Repeat(" ", maxSettings+1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := load(file); got != (Settings{}) {
			t.Errorf("%.20q was read as %+v", text, got)
		}
	}
}
