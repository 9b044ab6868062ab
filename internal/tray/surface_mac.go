//go:build darwin && cgo

package tray

import (
	"context"

	"fyne.io/systray"
)

// underscores are letters like any other.
const underscores = false

// titled tells that the title stands beside the icon.
const titled = true

func prepare([]byte) {}

// serve shows the item until over. The menu bar wants the loop of events of the first thread.
func serve(ready func(), over <-chan struct{}) {
	systray.Run(func() {
		ready()
		go func() { // ends with the process at the latest
			<-over
			systray.Quit()
		}()
	}, nil)
}

// Session is the desktop session that a tray is shown in.
type Session struct{}

// Open finds the session, which is always there.
func Open() (*Session, error) { return &Session{}, nil }

// Close has nothing to end.
func (d *Session) Close() {}

// Watched tells whether the desktop has a tray: the menu bar is always there.
func (d *Session) Watched() (bool, error) { return true, nil }

// untilLogout has nothing to do: macOS ends the programs of a session itself.
func (d *Session) untilLogout(context.Context, func(), func()) {}
