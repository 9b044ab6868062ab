// Package proxy is the data plane: one request in, one entry out.
//
// A request passes the guard, its body is read once and whole, the live table is loaded once,
// a route is chosen, the open record is journaled, and only then is an upstream called. The
// answer is relayed byte for byte, flushed with every read, while the meter looks on. Whatever
// ends the exchange, a deferred close record says how it ended.
package proxy
