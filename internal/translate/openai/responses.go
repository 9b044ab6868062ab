package openai

// Responses is the dialect of OpenAI's Responses API. It implements [translate.Codec].
//
// Facts: OpenAI's API reference of November 2026, by the types of its Go SDK.
type Responses struct{}
