// Package translate turns requests of the Anthropic Messages API into those of other dialects, and
// the answers back. It is pure: it knows no clock, no network and no logger, so every case of it
// is a text in and a text out.
//
// The packages below it each know one family of dialects. What they share stands here: the
// request as it was understood ([Conversation]), the answer as it is written ([Writer]), what a
// provider's state travels in ([Envelope]), and the errors ([Refusal], [Failure]).
//
// Facts: the Messages API by the OpenAPI document that Anthropic's SDKs ship.
package translate
