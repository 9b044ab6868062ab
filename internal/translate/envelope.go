package translate

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"prism/internal/stream"
)

// EnvelopePrefix is what the signature of every thinking block begins with that a translated
// answer has made.
const EnvelopePrefix = stream.MintedPrefix

// Envelope is a provider's state on its way through the client. It travels as the signature of a
// thinking block, which the client sends back unchanged. It must not reach a Claude upstream,
// which refuses signatures that it has not made.
type Envelope struct {
	Provider string   `json:"-"`
	Kind     string   `json:"kind,omitempty"`    // "" = the text of the block is all there is
	Payload  string   `json:"payload,omitempty"` // what the provider wants back, as it came
	Tools    []string `json:"tools,omitempty"`   // ids of the tool calls that it belongs to
	Phase    string   `json:"phase,omitempty"`   // of the text behind the block: OpenAI's commentary or final_answer
}

// Kinds of state.
const (
	KindEncrypted = "encrypted" // encrypted_content of OpenAI's reasoning items
	KindThought   = "thought"   // Google's thought_signature
	KindDetails   = "details"   // reasoning_details of OpenRouter, a JSON array
)

// String renders prism1.PROVIDER.BASE64URL.
func (e Envelope) String() string {
	return EnvelopePrefix + strings.ReplaceAll(e.Provider, ".", "_") + "." + base64.RawURLEncoding.EncodeToString(appendJSON(nil, e))
}

// ParseEnvelope reads what String has rendered. ok is false for every other signature.
func ParseEnvelope(signature string) (e Envelope, ok bool) {
	rest, ok := strings.CutPrefix(signature, EnvelopePrefix)
	if !ok {
		return e, false
	}
	provider, payload, ok := strings.Cut(rest, ".")
	if !ok {
		return e, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &e) != nil {
		return Envelope{}, false
	}
	e.Provider = provider
	return e, true
}

// From tells whether the state was made by this provider.
func (e Envelope) From(provider string) bool {
	return e.Provider == strings.ReplaceAll(provider, ".", "_")
}
