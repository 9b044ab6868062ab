// Package connect points Claude Code at the gateway in its settings file, and takes that back.
//
// The file is the user's: comments, order and white space stay, and only the variables that lead to the
// gateway, or past it, are touched.
package connect
