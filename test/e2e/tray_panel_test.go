//go:build e2e

package e2e

import (
	"encoding/binary"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inkOK is the colour of the icon while all is well: red, green, blue.
const inkOK = 0x2e9e8f

// TestTheTrayUnderARealPanel has xfce4-panel show the icon, finds it on the screen, and switches
// with mouse and keyboard alone, as a person does.
func TestTheTrayUnderARealPanel(t *testing.T) {
	for _, tool := range []string{"Xvfb", "xfce4-panel", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here: the tray is not looked at in a real panel", tool)
		}
	}
	p := newPanel(t)
	h := open(t)
	p.xfce(t, h)
	h.wait(t, "the panel has a tray", func() bool {
		var owned bool
		err := p.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&owned)
		return err == nil && owned
	})
	tray := h.tray(t, p)
	var x, y int
	h.wait(t, "the icon is on the screen", func() bool {
		var ok bool
		x, y, ok = p.find(t, inkOK)
		return ok
	})
	saved := func(name string) func() bool {
		return func() bool {
			src, err := os.ReadFile(h.path("config", "profiles.yaml"))
			return err == nil && strings.Contains(string(src), "active: "+name)
		}
	}
	// The menu comes when the panel has drawn it: a key that is too early is lost, and then the
	// menu is opened anew.
	h.wait(t, "a click and two keys make spare active", func() bool {
		if saved("spare")() {
			return true
		}
		p.input(t, "key", "Escape")
		p.input(t, "mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "1", "sleep", "1")
		p.input(t, "key", "Down", "key", "Down", "key", "Return", "sleep", "0.5")
		return saved("spare")()
	})
	if err := tray.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended(t, tray)
	h.wait(t, "the icon has gone", func() bool { _, _, ok := p.find(t, inkOK); return !ok })
}

// xfce starts the panel of Xfce with a configuration of its own.
func (p *panel) xfce(t *testing.T, h *house) {
	t.Helper()
	cmd := exec.Command("xfce4-panel", "--disable-wm-check")
	cmd.Env = append(slices.Clone(h.env), "DBUS_SESSION_BUS_ADDRESS="+p.bus, "DISPLAY="+p.display, "XFCE_PANEL_MIGRATE_DEFAULT=1", "NO_AT_BRIDGE=1", "LANG=C")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// input moves the mouse and presses keys.
func (p *panel) input(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("xdotool", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DISPLAY=" + p.display}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("xdotool %q: %v %s", args, err, out)
	}
}

// find looks for a colour on the screen: the middle of the pixels that have it, where there are at
// least twenty. Xvfb keeps the screen in a file of the format of xwd.
func (p *panel) find(t *testing.T, colour uint32) (x, y int, ok bool) {
	t.Helper()
	b, err := os.ReadFile(p.frame)
	if err != nil {
		t.Fatal(err)
	}
	head := func(i int) int { return int(binary.BigEndian.Uint32(b[4*i:])) }
	size, width, height, stride, colours := head(0), head(4), head(5), head(12), head(19)
	pixels := b[size+12*colours:]
	n := 0
	for j := range height {
		for i := range width {
			if binary.LittleEndian.Uint32(pixels[j*stride+4*i:])&0xffffff == colour {
				x, y, n = x+i, y+j, n+1
			}
		}
	}
	if n < 20 {
		return 0, 0, false
	}
	return x / n, y / n, true
}
