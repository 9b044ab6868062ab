// Package trial finds out whether a provider answers: it is asked for one word with each key of a
// profile, past the gateway but the way a client's request goes, and what comes back is told with
// the step where it ended and with what to do about it.
//
// A trial leaves no row in the ledger and has no fallback. It says nothing about the health of a
// profile, which requests alone decide.
package trial
