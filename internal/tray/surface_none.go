//go:build !linux && !freebsd && !openbsd && !netbsd && !(darwin && cgo)

package tray

import (
	"context"
	"errors"
)

// ErrNoDesktop means that there is no desktop session to show a tray in.
var ErrNoDesktop = errors.New("this build of prism has no tray")

// OnDesktop cannot show anything here.
func OnDesktop(context.Context, Menu, func(context.Context, Surface) error) error {
	return ErrNoDesktop
}

// Watched tells that there is nothing to show a tray in.
func Watched() (bool, error) { return false, ErrNoDesktop }
