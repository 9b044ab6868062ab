// Package stream reads what passes between a client and a provider of the Messages API, as
// bytes and without changing them: server-sent events, the answers they carry, the tokens
// they report, and the few fields of a request that decide where it goes.
//
// A [Meter] looks at an answer while it is relayed. It depends only on the bytes, never on how
// they were cut into reads; it keeps no more of them than the event it is in the middle of; and
// of the many events of a stream it decodes only those that report usage or an error. Of all
// others it looks at the first 256 bytes, which tell the type, and counts the rest.
//
// [Peek] does the same for a request body, and tells where the one value stands that prism may
// change in it. Nothing here logs, blocks, starts goroutines or knows the network.
package stream
