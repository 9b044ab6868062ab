//go:build linux || freebsd || openbsd || netbsd

package tray

import (
	"context"
	"errors"
	"fmt"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"
)

// ErrNoDesktop means that there is no desktop session to show a tray in.
var ErrNoDesktop = errors.New("there is no desktop session")

// underscores tells that labels are read as those of GTK menus.
const underscores = true

// titled tells that the title stands beside the icon. Here it is the name of the item, by which
// panels remember where it stood.
const titled = false

// prepare gives the item its name and its icon before it is registered.
func prepare(icon []byte) {
	systray.SetTitle(title)
	systray.SetIcon(icon)
}

// serve shows the item until over. The library's own end is not asked for: it fails where the
// session has gone already, and the end of the process closes the same connection.
func serve(ready func(), over <-chan struct{}) {
	start, _ := systray.RunWithExternalLoop(ready, nil)
	start()
	<-over
}

// untilLogout ends the tray with the session that it is shown in; the library would wait for ever.
func untilLogout(ctx context.Context, end func()) error {
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	context.AfterFunc(conn.Context(), end) //nolint:contextcheck // it is the connection whose end is waited for
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

// watcher is who knows the items of a tray.
const watcher = "org.kde.StatusNotifierWatcher"

// Watched tells whether the desktop has a tray. Where it has none now, one that starts later takes
// the item.
func Watched() (bool, error) {
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	defer conn.Close()
	var owned bool
	err = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&owned)
	if err != nil {
		return false, fmt.Errorf("ask the session bus: %w", err)
	}
	return owned, nil
}
