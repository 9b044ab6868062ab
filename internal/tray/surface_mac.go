//go:build darwin && cgo

package tray

import (
	"context"
	"errors"

	"fyne.io/systray"
)

// ErrNoDesktop means that there is no desktop session to show a tray in.
var ErrNoDesktop = errors.New("there is no desktop session")

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

// untilLogout has nothing to do: macOS ends the programs of a session itself.
func untilLogout(context.Context, func(), func()) error { return nil }

// Watched tells whether the desktop has a tray: the menu bar is always there.
func Watched() (bool, error) { return true, nil }
