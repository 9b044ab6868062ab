//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
	"github.com/godbus/dbus/v5/prop"
)

// Names of the protocol of trays.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = dbus.ObjectPath("/StatusNotifierWatcher")
	itemsName   = "RegisteredStatusNotifierItems"
	itemName    = "org.kde.StatusNotifierItem"
	itemPath    = dbus.ObjectPath("/StatusNotifierItem")
	menuName    = "com.canonical.dbusmenu"
	menuPath    = dbus.ObjectPath("/StatusNotifierItem/menu")
	notifyName  = "org.freedesktop.Notifications"
	notifyPath  = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// panel is the part of a desktop that a tray sees: a session bus, a screen, and a host of status
// notifiers and notices on it.
type panel struct {
	bus     string // address
	display string
	frame   string // file with what the screen shows
	conn    *dbus.Conn

	mu      sync.Mutex
	items   []string // bus names that registered; guarded by mu
	listing *prop.Properties
	deaf    int      // registrations that are not heard; guarded by mu
	notices []string // guarded by mu
}

// newPanel starts a session bus and, where there is Xvfb, a screen. The watcher comes with watch.
func newPanel(t *testing.T) *panel {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("there is no dbus-daemon here: the tray is not looked at")
	}
	p := &panel{}
	cmd := exec.Command(daemon, "--session", "--nofork", "--print-address=1", "--address=unix:dir="+shortDir(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.bus = strings.TrimSpace(line)
	p.screen(t)
	if p.conn, err = dbus.Connect(p.bus); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.conn.Close() })
	return p
}

// screen starts an X server that shows nothing.
func (p *panel) screen(t *testing.T) {
	t.Helper()
	xvfb, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Log("there is no Xvfb here: the tray runs without a screen")
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dir := shortDir(t)
	p.frame = filepath.Join(dir, "Xvfb_screen0")
	cmd := exec.Command(xvfb, "-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp", "-fbdir", dir)
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.display = ":" + strings.TrimSpace(line)
}

// RegisterStatusNotifierItem is called by an item: with its bus name, or with its path.
func (p *panel) RegisterStatusNotifierItem(service string, sender dbus.Sender) *dbus.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf > 0 {
		p.deaf--
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	if strings.HasPrefix(service, "/") {
		service = string(sender)
	}
	p.items = append(p.items, service)
	if p.listing != nil {
		p.listing.SetMust(watcherName, itemsName, slices.Clone(p.items))
	}
	return nil
}

// list has the panel say which items it has, as every real one does.
func (p *panel) list(t *testing.T) {
	t.Helper()
	listing, err := prop.Export(p.conn, watcherPath, prop.Map{watcherName: {itemsName: {Value: []string{}}}})
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listing = listing
}

// Notify is called by notify-send.
func (p *panel) Notify(_ string, _ uint32, _, summary, body string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notices = append(p.notices, summary+": "+body)
	return uint32(len(p.notices)), nil
}

// GetCapabilities is called by notify-send.
func (p *panel) GetCapabilities() ([]string, *dbus.Error) { return []string{"body"}, nil }

// GetServerInformation is called by notify-send.
func (p *panel) GetServerInformation() (string, string, string, string, *dbus.Error) {
	return "test", "test", "1", "1.2", nil
}

// watch takes the names of a host.
func (p *panel) watch(t *testing.T) {
	t.Helper()
	for name, path := range map[string]dbus.ObjectPath{watcherName: watcherPath, notifyName: notifyPath} {
		if err := p.conn.Export(p, path, name); err != nil {
			t.Fatal(err)
		}
		if err := p.conn.Export(introspect.NewIntrospectable(&introspect.Node{Name: string(path)}), path, "org.freedesktop.DBus.Introspectable"); err != nil {
			t.Fatal(err)
		}
		if reply, err := p.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
			t.Fatal(reply, err)
		}
	}
}

// unwatch gives them back, as a panel does that is restarted.
func (p *panel) unwatch(t *testing.T) {
	t.Helper()
	if _, err := p.conn.ReleaseName(watcherName); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items = nil
}

func (p *panel) registered() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.items)
}

func (p *panel) shown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.notices)
}

// entry is a line of the menu.
type entry struct {
	ID    int32
	Label string
	Tick  bool
	Off   bool
	Kids  []entry
}

// layout is what com.canonical.dbusmenu sends.
type layout struct {
	ID    int32
	Props map[string]dbus.Variant
	Kids  []dbus.Variant
}

// menu reads the visible lines below a line of an item's menu.
func (p *panel) menu(t *testing.T, item string) []entry {
	t.Helper()
	var revision uint32
	var root layout
	if err := p.conn.Object(item, menuPath).Call(menuName+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		t.Fatal(err)
	}
	return entries(t, root)
}

func entries(t *testing.T, l layout) []entry {
	t.Helper()
	var out []entry
	for _, kid := range l.Kids {
		var k layout
		if err := dbus.Store([]any{kid.Value()}, &k); err != nil {
			t.Fatal(err)
		}
		e := entry{ID: k.ID, Kids: entries(t, k)}
		visible := true
		for name, to := range map[string]any{"label": &e.Label, "visible": &visible} {
			if v, ok := k.Props[name]; ok {
				if err := v.Store(to); err != nil {
					t.Fatal(err)
				}
			}
		}
		if v, ok := k.Props["toggle-state"]; ok {
			e.Tick = fmt.Sprint(v.Value()) == "1"
		}
		if v, ok := k.Props["enabled"]; ok {
			e.Off = v.Value() == false
		}
		if visible && e.Label != "" {
			out = append(out, e)
		}
	}
	return out
}

// find returns the line with that label, also in submenus.
func find(menu []entry, label string) (entry, bool) {
	for _, e := range menu {
		if e.Label == label {
			return e, true
		}
		if k, ok := find(e.Kids, label); ok {
			return k, true
		}
	}
	return entry{}, false
}

// click does what a panel does for a click.
func (p *panel) click(t *testing.T, item, label string) {
	t.Helper()
	e, ok := find(p.menu(t, item), label)
	if !ok {
		t.Fatalf("the menu has no %q: %+v", label, p.menu(t, item))
	}
	if err := p.conn.Object(item, menuPath).Call(menuName+".Event", 0, e.ID, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
}

func (p *panel) property(t *testing.T, item, name string) string {
	t.Helper()
	v, err := p.conn.Object(item, itemPath).GetProperty(itemName + "." + name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v.Value())
}

// tray starts prism tray on the panel's desktop.
func (h *house) tray(t *testing.T, p *panel) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Getenv("PRISM_BIN"), "tray")
	cmd.Env = append(slices.Clone(h.env), "DBUS_SESSION_BUS_ADDRESS="+p.bus, "DISPLAY="+p.display, "LANG=C")
	cmd.Dir = h.dir
	cmd.Stdout, cmd.Stderr = h.log, h.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // of a test that failed half-way
	return cmd
}

// TestTheTraySwitchesWithOneClick drives prism tray through the protocol that panels speak:
// registration, icon, menu, a click, a file saved elsewhere, a panel and a gateway that are
// restarted, notices and their pause.
func TestTheTraySwitchesWithOneClick(t *testing.T) {
	p := newPanel(t)
	h := prepare(t)
	gateway, _ := h.launch(t)
	p.watch(t)
	tray := h.tray(t, p)
	h.wait(t, "the item is registered", func() bool { return len(p.registered()) == 1 })
	item := p.registered()[0]
	ticked := func(label string) func() bool {
		return func() bool { e, ok := find(p.menu(t, item), label); return ok && e.Tick }
	}
	h.wait(t, "the menu ticks work", ticked("work"))
	if id := p.property(t, item, "Id"); id != "prism" {
		t.Errorf("the item is named %q: panels would forget where it stood", id)
	}
	if icon := p.property(t, item, "IconPixmap"); len(icon) < 1000 {
		t.Errorf("the icon is %s", icon)
	}
	p.click(t, item, "spare")
	h.wait(t, "the menu ticks spare", ticked("spare"))
	if src, err := os.ReadFile(h.path("config", "profiles.yaml")); err != nil || !strings.Contains(string(src), "active: spare") {
		t.Errorf("the file does not say so: %v\n%s", err, src)
	}
	h.wait(t, "the tooltip says who answers", func() bool { return strings.Contains(p.property(t, item, "ToolTip"), "spare") })
	h.activate(t, "work")
	h.wait(t, "the menu ticks work again", ticked("work"))
	h.trayNotices(t, p, item)

	p.unwatch(t)
	p.watch2(t)
	h.wait(t, "the item is registered with the new panel", func() bool { return len(p.registered()) == 1 })

	h.close(t, gateway)
	h.wait(t, "the menu says that the gateway is gone", func() bool { _, ok := find(p.menu(t, item), "prism is stopped"); return ok })
	again, _ := h.launch(t)
	t.Cleanup(func() { h.close(t, again) })
	h.wait(t, "the menu ticks work once more", ticked("work"))

	p.click(t, item, "中文")
	h.wait(t, "the menu speaks Chinese", func() bool { _, ok := find(p.menu(t, item), "退出"); return ok })
	p.click(t, item, "退出")
	ended(t, tray)
}

// watch2 takes the watcher's name again.
func (p *panel) watch2(t *testing.T) {
	t.Helper()
	if reply, err := p.conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
}

// trayNotices breaks the file twice: the first refusal comes while notices are paused and is not
// shown, though the menu has it; the second one is.
func (h *house) trayNotices(t *testing.T, p *panel, item string) {
	t.Helper()
	if _, err := exec.LookPath("notify-send"); err != nil {
		t.Log("there is no notify-send here: notices are not looked at")
		return
	}
	file := h.path("config", "profiles.yaml")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	warns := func() bool {
		return slices.ContainsFunc(p.menu(t, item), func(e entry) bool { return strings.HasPrefix(e.Label, "⚠ ") })
	}
	spoil := func(old, by string) {
		t.Helper()
		text := strings.Replace(string(src), old, by, 1)
		if text == string(src) {
			t.Fatalf("the file has no %q", old)
		}
		write(t, file, text)
		h.wait(t, "the menu has the refusal", warns)
	}
	mend := func() {
		t.Helper()
		write(t, file, string(src))
		h.wait(t, "all is well again", func() bool { return !warns() })
	}
	pause := func(want bool) {
		t.Helper()
		p.click(t, item, "Pause notices")
		h.wait(t, "the tick of the pause changes", func() bool { e, ok := find(p.menu(t, item), "Pause notices"); return ok && e.Tick == want })
	}
	before := len(p.shown())
	pause(true)
	spoil("active: work", "active: paused")
	mend()
	pause(false)
	spoil("active: work", "active: <b>nobody</b>")
	h.wait(t, "the refusal is shown", func() bool {
		return slices.ContainsFunc(p.shown()[before:], func(s string) bool { return strings.Contains(s, "nobody") })
	})
	for _, s := range p.shown()[before:] {
		if strings.Contains(s, "<b>") {
			t.Errorf("markup of a file reached the desktop: %q", s)
		}
		if strings.Contains(s, "paused") {
			t.Errorf("shown while notices were paused: %q", s)
		}
	}
	mend()
}

// TestAPanelThatDoesNotListenYetIsToldAgain: at a login both begin at once. A panel that has the item is
// not told twice.
func TestAPanelThatDoesNotListenYetIsToldAgain(t *testing.T) {
	p := newPanel(t)
	h := open(t)
	p.deaf = 2
	p.list(t)
	p.watch(t)
	tray := h.tray(t, p)
	h.wait(t, "the item is registered", func() bool { return len(p.registered()) == 1 })
	if id := p.property(t, p.registered()[0], "Id"); id != "prism" {
		t.Errorf("the item is named %q", id)
	}
	if err := tray.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended(t, tray)
	if got := p.registered(); len(got) != 1 {
		t.Errorf("registered as %q", got)
	}
}

// TestATrayWithoutAPanelSaysSoAndGoesOn: the icon comes when a panel does; the end of the session
// ends the tray.
func TestATrayWithoutAPanelSaysSoAndGoesOn(t *testing.T) {
	p := newPanel(t)
	h := open(t)
	h.tray(t, p)
	h.wait(t, "it says that there is no panel", func() bool { return strings.Contains(h.said(t), "this desktop has no tray right now") })
	second := h.tray(t, p)
	if err := second.Wait(); err == nil || second.ProcessState.ExitCode() != 78 {
		t.Errorf("a second tray ended with %v", err)
	}
	p.watch(t)
	h.wait(t, "the item is registered", func() bool { return len(p.registered()) == 1 })
}

// TestATrayEndsWithTheSession: nothing has gone wrong when a user logs out, however early. How far the
// tray has come by then is another moment each time.
func TestATrayEndsWithTheSession(t *testing.T) {
	p := newPanel(t)
	h := open(t)
	const logins = 20
	for i := range logins {
		ctx, logout := context.WithCancel(t.Context())
		session := exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path="+filepath.Join(shortDir(t), "b"))
		if err := session.Start(); err != nil {
			t.Fatal(err)
		}
		address := session.Args[len(session.Args)-1]
		other := &panel{bus: strings.TrimPrefix(address, "--address="), display: p.display}
		h.wait(t, "there is a session", func() bool {
			conn, err := dbus.Connect(other.bus)
			return err == nil && conn.Close() == nil
		})
		tray := h.tray(t, other)
		h.wait(t, "the tray is there", func() bool { return strings.Count(h.said(t), "this desktop has no tray right now") > i })
		time.Sleep(2 * time.Duration(i) * time.Millisecond) // until another moment each time
		logout()
		_ = session.Wait()
		ended(t, tray)
	}
}
