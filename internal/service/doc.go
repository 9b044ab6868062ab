// Package service makes prism start by itself: the gateway as a service, the tray at login.
//
// It writes the files of the service manager, systemd or launchd, and runs the manager's own
// commands; it keeps no state. What a file is to hold is worked out from a [Spec] alone, so that
// it can be compared with what lies on the disk: a file that differs is out of date.
//
// The files are told from those of somebody else by their first lines ([Mark]). One without that
// mark is never overwritten and never removed.
package service
