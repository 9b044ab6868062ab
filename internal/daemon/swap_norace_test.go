//go:build !race

package daemon

// raced tells that the race detector runs, whose own memory grows with all that it has seen.
const raced = false
