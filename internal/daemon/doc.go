// Package daemon builds the gateway, starts it, reloads it and stops it. All reloads, whoever
// asks for one, go through one goroutine; whatever fails in a reload fails before the live
// table is touched.
package daemon
