//go:build linux || freebsd || openbsd || netbsd

package tray

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fyne.io/systray"
)

// TestAnIconAfterTheEndOfTheSessionIsNoPanic: a user who logs out may do so at any moment.
func TestAnIconAfterTheEndOfTheSessionIsNoPanic(t *testing.T) {
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("there is no dbus-daemon here, and so no session that ends")
	}
	dir, err := os.MkdirTemp("/tmp", "bus") //nolint:usetesting // its name leaves room for that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := "unix:path=" + filepath.Join(dir, "b")
	session := exec.CommandContext(t.Context(), daemon, "--session", "--nofork", "--nopidfile", "--print-address=1", "--address="+address)
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it listens
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)

	first := States()[0]
	s := &surface{icons: map[State][2][]byte{first: {Icon(first, false), Icon(first, true)}}}
	start, _ := systray.RunWithExternalLoop(func() {}, nil)
	start()
	s.keep(Menu{State: first})
	s.iconAgain()
	if err := session.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = session.Wait()
	s.iconAgain()
	s.face(Menu{State: first, Title: "prism", Tooltip: "nobody looks"})
}
