// Package browser looks at the dashboard the way a person does: a real prism with simulated providers
// behind it, a real Chromium in front, a mouse and a keyboard between them.
//
// Whatever a test does, a witness watches its tabs: an error on the console, a breach of the page's
// own policy, a dialog, or a request to any other host fails the test.
//
// The tests have the build tag e2e and need PRISM_BIN, a Chromium (CHROME_BIN, else the first one in
// PATH) and, for accessibility, AXE_JS; `make browser` provides for all of them.
package browser
