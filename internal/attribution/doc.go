// Package attribution tells where a client's session works: its directory, its project and its
// git branch.
//
// A place is found without running git, from the files that git keeps, so that a status line can
// ask for it several times a second. The registry remembers the place of each session, in memory
// and in one file, for clients whose requests do not say it themselves.
package attribution
