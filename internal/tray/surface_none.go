//go:build !linux && !freebsd && !openbsd && !netbsd && !(darwin && cgo)

package tray

import (
	"context"
	"errors"
)

// ErrNoDesktop means that there is no desktop session to show a tray in.
var ErrNoDesktop = errors.New("this build of prism has no tray")

// Session is the desktop session that a tray is shown in.
type Session struct{}

// Open finds none.
func Open() (*Session, error) { return nil, ErrNoDesktop }

// Close has nothing to end.
func (d *Session) Close() {}

// Watched tells that there is nothing to show a tray in.
func (d *Session) Watched() (bool, error) { return false, ErrNoDesktop }

// Show cannot show anything here.
func (d *Session) Show(context.Context, Menu, func(context.Context, Surface) error) error {
	return ErrNoDesktop
}
