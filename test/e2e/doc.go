// Package e2e runs the real Claude Code client through a real prism against the simulator, and
// compares three books: what the simulator billed, what the ledger holds, and what the client
// itself says it used and paid.
//
// The tests have the build tag e2e and need two programs, named by PRISM_BIN and CLAUDE_BIN;
// `make e2e` builds the first and installs the second. Nothing leaves loopback: the client's
// telemetry, updates and other traffic are off, and its home is a fresh folder per test.
package e2e
