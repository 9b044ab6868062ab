// Package upstream is the running form of a profile: an [http.RoundTripper] that speaks the
// Messages API on both sides, sets exactly one credential and follows no redirect.
//
// The leg to the provider is HTTP/1.1 by design, one connection per stream: a reset, a dead
// peer or a slow reader then touches one exchange only, and a cancelled exchange stops the
// provider at once. It is not an [http.Transport], for three reasons. The Transport may send
// a request a second time by itself, which prism must never do unrecorded; it hides whether
// a failed connection was a fresh one, on which the rules for another attempt depend; and it
// keeps two goroutines and three buffers per stream that a pull-based relay does not need.
// Only behind an outbound HTTP proxy (HTTPS_PROXY) is the Transport used.
package upstream
