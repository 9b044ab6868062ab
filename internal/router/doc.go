// Package router decides which upstreams answer a request. A [Table] is the immutable,
// compiled form of one generation of profiles.yaml; the [Router] holds the live one behind a
// single atomic pointer, and with it what has a life of its own: connection pools and health.
// Those outlive tables, so that a swap neither drops a warm connection nor forgets that a
// provider has just failed.
package router
