// Package tray is prism in the tray of a desktop, and the one look at the gateway that the tray
// and the status lines of other bars share.
//
// The tray is a client of the control socket in a process of its own: a service has no desktop.
// It decides nothing and keeps nothing but its own two settings. What the menu is to show is
// worked out from a [Glance] alone; a [Surface] shows it. So all but the surface is the same, and
// tested, everywhere.
package tray
