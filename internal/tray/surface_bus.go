//go:build linux || freebsd || openbsd || netbsd

package tray

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

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

// Session is the desktop session that a tray is shown in.
type Session struct{ conn *dbus.Conn }

// Open finds the session. Its error wraps [ErrNoDesktop].
func Open() (*Session, error) {
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	return &Session{conn}, nil
}

// Close ends what Open has begun.
func (d *Session) Close() { _ = d.conn.Close() }

// Watched tells whether the desktop has a tray. Where it has none now, one that starts later takes
// the item.
func (d *Session) Watched() (bool, error) {
	var owned bool
	err := d.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&owned)
	if err != nil {
		return false, fmt.Errorf("ask the session bus: %w", err)
	}
	return owned, nil
}

// untilLogout calls end when the session is over, or when it is already; the library would wait for ever.
// Until then it sees to it that the panel has the item, and its icon as it is.
func (d *Session) untilLogout(ctx context.Context, end, icon func()) {
	context.AfterFunc(d.conn.Context(), end) //nolint:contextcheck // it is the connection whose end is waited for
	go stayShown(ctx, d.conn, icon)
}

// How soon it is looked whether the panel has the item, and how seldom at last.
const (
	lookFirst = 2 * time.Second
	lookLast  = time.Minute
)

// stayShown registers the item again where the panel does not have it, and tells it of the icon again. The
// library tells a panel once, when its name appears, and of a new icon when it is new; a panel that is just
// starting may not listen yet, and the icon would be missing, or the first one, until the next login.
func stayShown(ctx context.Context, conn *dbus.Conn, icon func()) {
	name := fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", os.Getpid()) // as the library calls it
	for wait := lookFirst; ; wait = min(2*wait, lookLast) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		icon()
		if shown, known := listed(conn, name); known && !shown {
			_ = conn.Object(watcher, watcherPath).Call(watcher+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, name).Err // tried again
		}
	}
}

// listed tells whether the panel has an item, by its name or by that of its connection. known is false
// where no panel says.
func listed(conn *dbus.Conn, name string) (shown, known bool) {
	var owner string
	if conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, name).Store(&owner) != nil {
		return false, false // it is not there yet
	}
	var v dbus.Variant
	get := conn.Object(watcher, watcherPath).Call("org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, watcher, "RegisteredStatusNotifierItems")
	if get.Store(&v) != nil {
		return false, false
	}
	items, known := v.Value().([]string)
	return slices.ContainsFunc(items, func(item string) bool {
		at, _, _ := strings.Cut(item, "/")
		return at == name || at == owner
	}), known
}

// Who knows the items of a tray.
const (
	watcher     = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
)
