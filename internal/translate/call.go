package translate

import (
	"io"
	"net/http"

	"prism/config"
)

// Call is a request to be translated.
type Call struct {
	Body     []byte        // of the client: JSON of the Messages API; it is not kept and not changed
	Model    string        // that the provider is asked for
	Quirks   config.Quirks // of the provider, what was learned included
	Provider string        // whose state may come back to it; see [Envelope]
	Session  string        // of the client, for the provider's prompt cache; "" = not known
	Prompt   int64         // tokens that the prompt is estimated to have

	// Refused tells of state that the provider does not take back, although it has made it: for
	// another account, for example. nil = none is known.
	Refused func(state string) bool
}

// Request is what a provider is sent.
type Request struct {
	Path  string   // below the base URL, such as /chat/completions
	Body  []byte   // JSON
	Notes []string // what could not be carried over, for translation_notes; short, fixed words
	State []string // of the provider, that goes back to it; see [Envelope]
	Reply Reply    // how the answer is to be read
}

// Reply is what reading an answer needs to know of its request.
type Reply struct {
	Model     string            // as the client named it
	Provider  string            // minted state belongs to it
	Stream    bool              // the client wants a stream
	Asked     bool              // the provider was asked for one
	Stops     []string          // that the provider does not know of, or does not tell
	Sequences []string          // stop sequences that the provider was told
	Begun     string            // what the client has begun the answer with, where the provider may say it again
	Names     map[string]string // of tools: as sent, as the client knows them; only those that differ
	ToolIDs   []string          // of the calls that the conversation has so far
	Prompt    int64             // tokens of the prompt, estimated
	MaxTokens int64
	Window    int64 // tokens; 0 = not known
	Quirks    config.Quirks
}

// Decoder reads an answer of a provider and writes it to a [Writer].
type Decoder interface {
	// Feed takes the next bytes, split anywhere. p is not kept.
	Feed(p []byte)

	// End says that nothing comes any more: [io.EOF] where the answer came to its end, else what
	// broke it off. It returns nil where the message is complete, and what is to be told to who
	// reads it where it is not.
	End(err error) error
}

// Codec is a dialect.
type Codec interface {
	// Request translates a request of /v1/messages. The error is a [*Refusal].
	Request(c *Call) (*Request, error)

	// Stream reads server-sent events; Message reads one JSON body.
	Stream(r *Reply, w *Writer) Decoder
	Message(r *Reply, w *Writer) Decoder

	// Failure reads an answer whose status is an error. prompt is how many tokens the request was
	// estimated to have; 0 = that is not known.
	Failure(status int, h http.Header, body []byte, prompt int64) *Failure
}

// Refusal is a request that cannot be carried over: the answer to it would be wrong.
type Refusal struct { //nolint:errname // a word of this house: what it says is the client's answer
	Field   string // of the request, such as messages.3.content.0
	Message string // for the user of the client
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Failure is an error of a provider in the words of the Messages API.
type Failure struct {
	Status  int
	Type    string // Anthropic's error type
	Message string
	Retry   string // value of x-should-retry; "" = the header is left out
	After   string // value of retry-after; ""
	State   bool   // it is about state that went back to the provider: without, the request may do
	Lesson  Lesson // what it says of the provider
}

// Lesson is what a refusal teaches about a provider. The zero value is nothing.
type Lesson struct {
	// Apply changes what is known; nil = there is nothing to learn. A request that is translated
	// anew with it is worth sending.
	Apply func(*config.Quirks)
	Name  string // a short, fixed word for translation_notes
}

// ErrCut is an answer that ended before it was complete, although nothing broke it off.
var ErrCut = io.ErrUnexpectedEOF
