package tray

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"prism/internal/admin"
)

// Gateway is the running gateway as the tray sees it.
type Gateway interface {
	Status(ctx context.Context) (admin.Status, error)
	Live(ctx context.Context, after int64) (admin.Live, error)
	Use(ctx context.Context, name string) (admin.Verdict, error)
	EventsOnDesktop(ctx context.Context, fn func(admin.Event) error) error
}

// Surface shows a menu and tells of clicks.
type Surface interface {
	Show(m Menu)
	Clicks() <-chan string // IDs of items
}

// Login makes the tray start with the login.
type Login interface {
	IsOn() bool
	On(argv []string) error
	Off() error
}

// Desktop is what the tray does on the desktop besides its menu.
type Desktop struct {
	Dashboard func(ctx context.Context) error // opens the pages
	File      func(ctx context.Context) error // opens profiles.yaml
	Copy      func(ctx context.Context) error // copies the client's environment
	Notify    func(ctx context.Context, title, text string) error
}

// Options says what a Tray shows. Gateway, Words and all of Desktop are needed.
type Options struct {
	Gateway Gateway
	Desktop Desktop
	Words   func(language string) Words // "" = the language of the system
	File    string                      // where the settings are kept
	Login   Login                       // nil = that cannot be had
	Command []string                    // what the login is to start
	Now     func() time.Time            // nil = time.Now
	Retry   time.Duration               // pause before a gateway that is gone is looked for again; 0 = two seconds
}

// Times of looking. Events bring a look at once; the slow one is for what nobody tells of: a
// cooldown that is over, a day that begins.
const (
	lookEvery  = 15 * time.Second
	settle     = 150 * time.Millisecond // events come in bursts, and a swap is told of before the status has it
	lookLimit  = 5 * time.Second
	doLimit    = 90 * time.Second
	retryAfter = 2 * time.Second
	maxDoing   = 8 // things at once; what comes on top is dropped
)

// Tray keeps a surface up to date and does what is clicked.
type Tray struct {
	opt      Options
	settings Settings
	words    Words
	glance   Glance
	lines    lines
	seq      int64 // of the last exchange that the gateway told of

	events chan admin.Event
	looks  chan look
	done   chan error // what an action came to
	slots  chan struct{}
	wg     sync.WaitGroup
}

// look is what one look at the gateway came to.
type look struct {
	glance Glance
	seq    int64
}

// New returns a Tray that [Tray.Run] drives.
func New(opt Options) *Tray {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Retry == 0 {
		opt.Retry = retryAfter
	}
	t := &Tray{
		opt: opt, settings: load(opt.File), glance: Glance{State: Stopped},
		events: make(chan admin.Event), looks: make(chan look, 1), done: make(chan error), slots: make(chan struct{}, maxDoing),
	}
	t.words = opt.Words(t.settings.Language)
	return t
}

// Menu is what there is to show now.
func (t *Tray) Menu() Menu {
	s := scene{glance: t.glance, lines: t.lines, settings: t.settings, words: t.words, now: t.opt.Now(), canLogin: t.opt.Login != nil}
	s.login = s.canLogin && t.opt.Login.IsOn()
	return s.menu()
}

// Run shows the menu and does what is clicked until ctx ends or the user quits.
func (t *Tray) Run(ctx context.Context, surface Surface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer t.wg.Wait()
	defer cancel()
	t.wg.Go(func() { t.follow(ctx) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	soon := time.After(0)
	looking, again := false, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-surface.Clicks():
			if id == idQuit {
				return nil
			}
			t.click(ctx, id)
			surface.Show(t.Menu())
			continue
		case ev := <-t.events:
			if ev.Notice != nil {
				t.notify(ctx, *ev.Notice)
			}
			if soon == nil {
				soon = time.After(settle)
			}
			continue
		case err := <-t.done:
			t.complain(ctx, err)
		case <-tick.C:
		case <-soon:
			soon = nil
		case l := <-t.looks:
			t.glance, t.seq = l.glance, l.seq
			t.lines.settle(t.glance.Profiles, t.glance.Active, t.opt.Now())
			surface.Show(t.Menu())
			if looking = false; !again {
				continue
			}
		}
		if again = looking; !looking {
			looking = true
			t.look(ctx)
		}
	}
}

// follow passes on what the gateway tells, whenever there is one.
func (t *Tray) follow(ctx context.Context) {
	tell := func(ev admin.Event) error {
		select {
		case t.events <- ev:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	for {
		_ = t.opt.Gateway.EventsOnDesktop(ctx, func(ev admin.Event) error { return tell(ev) })
		if tell(admin.Event{}) != nil { // it may have gone: look
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(t.opt.Retry):
		}
		if tell(admin.Event{}) != nil { // it may be back
			return
		}
	}
}

// look looks at the gateway; the outcome comes from t.looks.
func (t *Tray) look(ctx context.Context) {
	seq := t.seq
	t.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, lookLimit)
		defer cancel()
		t.looks <- t.glanceAt(ctx, seq) // never waits: there is one look at a time
	})
}

func (t *Tray) glanceAt(ctx context.Context, seq int64) look {
	st, err := t.opt.Gateway.Status(ctx)
	switch {
	case errors.Is(err, admin.ErrNotRunning):
		return look{Glance{State: Stopped}, 0}
	case err != nil:
		return look{Glance{State: Down}, 0}
	}
	// Without it only the window is missing.
	live, err := t.opt.Gateway.Live(ctx, seq)
	if err != nil {
		live.Seq = seq
	}
	return look{Look(st, live.Windows, t.opt.Now()), live.Seq}
}

// click does what the item is for.
func (t *Tray) click(ctx context.Context, id string) {
	switch id {
	case idDashboard:
		t.do(ctx, t.opt.Desktop.Dashboard)
	case idFile:
		t.do(ctx, t.opt.Desktop.File)
	case idCopy:
		t.do(ctx, t.opt.Desktop.Copy)
	case idPause:
		t.settings.Paused = !t.settings.Paused
		t.keep(ctx)
	case idLogin:
		t.do(ctx, func(context.Context) error { return t.toggleLogin() })
	}
	if tag, ok := strings.CutPrefix(id, idLanguage); ok {
		t.settings.Language = tag
		t.words = t.opt.Words(tag)
		t.keep(ctx)
	}
	if number, ok := strings.CutPrefix(id, idUse); ok {
		i, err := strconv.Atoi(number)
		if err == nil && i >= 0 && i < len(t.lines) && t.lines[i].name != "" {
			name := t.lines[i].name
			t.do(ctx, func(ctx context.Context) error { return t.use(ctx, name) })
		}
	}
}

func (t *Tray) keep(ctx context.Context) {
	settings := t.settings
	t.do(ctx, func(context.Context) error { return settings.save(t.opt.File) })
}

func (t *Tray) toggleLogin() error {
	switch {
	case t.opt.Login == nil:
		return nil
	case t.opt.Login.IsOn():
		return t.opt.Login.Off()
	}
	return t.opt.Login.On(t.opt.Command)
}

// use makes a profile active, as prism use does.
func (t *Tray) use(ctx context.Context, name string) error {
	v, err := t.opt.Gateway.Use(ctx, name)
	if err != nil {
		return err
	}
	if !v.OK && len(v.Problems) > 0 {
		p := v.Problems[0]
		return &admin.Error{Code: p.Code, Message: p.OneLine(), Fix: p.Fix}
	}
	return nil
}

// do does something that may take a while. Its end brings a look, its error a notice.
func (t *Tray) do(ctx context.Context, what func(ctx context.Context) error) {
	select {
	case t.slots <- struct{}{}:
	default:
		return // the desktop hangs; more of the same would not help
	}
	t.wg.Go(func() {
		defer func() { <-t.slots }()
		limited, cancel := context.WithTimeout(ctx, doLimit)
		defer cancel()
		err := what(limited)
		select {
		case t.done <- err:
		case <-ctx.Done():
		}
	})
}

// title stands above every notice.
const title = "prism"

// notify shows a notice, unless the user wants none.
func (t *Tray) notify(ctx context.Context, n admin.Notice) {
	if t.settings.Paused {
		return
	}
	t.show(ctx, Say(n, t.words), n.Fix)
}

// complain says why what was clicked did not work. That is shown even where notices are paused:
// somebody waits for it.
func (t *Tray) complain(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	if e, known := errors.AsType[*admin.Error](err); known {
		t.show(ctx, t.words.Said(e.Message), e.Fix)
		return
	}
	if errors.Is(err, admin.ErrNotRunning) {
		t.show(ctx, t.words.Text("prism is stopped"), "prism start")
		return
	}
	t.show(ctx, t.words.Said(err.Error()), "")
}

// show shows a text, and an English fix below it; "" = there is none.
func (t *Tray) show(ctx context.Context, text, fix string) {
	text = Plain(text)
	if fix != "" {
		text += "\n" + Plain(t.words.Text("fix: %s", t.words.Said(fix)))
	}
	notify := t.opt.Desktop.Notify
	t.do(ctx, func(ctx context.Context) error {
		// Where notices cannot be shown there is nobody to tell of it but the menu, which has the
		// gravest one.
		_ = notify(ctx, title, text)
		return nil
	})
}
