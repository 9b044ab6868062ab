// Package conformance runs suites that others wrote through a real prism: the test suite of
// Anthropic's Go SDK against the mock that it is tested with, and the stream accumulators of the
// Go and the TypeScript SDK on translated answers. docs/conformance.md tells what they said.
//
// The tests have the build tag e2e and need two things, named by PRISM_BIN and CONFORMANCE_TOOLS;
// `make conformance` builds the first and installs the second.
package conformance
