// Package chaos breaks the upstream of a real proxy in every way that is known, one at a time, and
// checks the promise of each against four witnesses: the bytes that the client got, the journal,
// the simulator's own bill, and the clock.
//
// A fault is written down once, with what it must come to. It is then played streamed and whole,
// with a fallback and without one. What is expected comes from the design and from the catalogue
// of faults, whose numbers the tests carry; it is never copied from what the proxy did.
package chaos
