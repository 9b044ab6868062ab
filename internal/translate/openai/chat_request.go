package openai

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// chatRequest is a request that is being translated.
type chatRequest struct {
	call      *translate.Call
	conv      *translate.Conversation
	fields    members
	offer     offer
	names     *namer
	notes     translate.Notes
	refusal   *translate.Refusal
	state     []string // that goes back
	begun     string   // beginning of the answer, which may be said again
	maxTokens int64
	marks     bool // marks of the prompt cache are kept
	inPrompt  bool // the schema of the answer is told in the system prompt
}

// Request implements [translate.Codec]. The same call gives the same bytes, and a conversation
// that has grown begins with the bytes it had: the prompt caches of providers depend on it.
func (Chat) Request(call *translate.Call) (*translate.Request, error) {
	c, err := translate.Parse(call.Body)
	if err != nil {
		return nil, err
	}
	r := &chatRequest{call: call, conv: c, names: newNamer(&call.Quirks)}
	r.marks = call.Quirks.CacheControl && !call.Quirks.TextOnly
	r.notes = append(r.notes, c.Dropped...)
	path := ""
	if c.MaxTokens > 0 {
		path = "/chat/completions"
		if refusal := r.translate(); refusal != nil {
			return nil, refusal
		}
	}
	return r.request(path), nil
}

// request is what came of it. A request for no tokens has no path: it warms a cache that others
// do not have, and is answered without asking anybody.
func (r *chatRequest) request(path string) *translate.Request {
	c, q := r.conv, &r.call.Quirks
	out := &translate.Request{
		Path: path,
		Reply: translate.Reply{
			Model: c.Model, Provider: r.call.Provider, Stream: c.Stream, Asked: r.asked(), Stops: r.ownStops(), Sequences: r.toldStops(), Begun: r.begun,
			Names: r.names.back, ToolIDs: c.ToolIDs(), Prompt: r.call.Prompt, MaxTokens: r.maxTokens, Window: q.ContextWindow, Quirks: *q,
		},
	}
	if path != "" {
		out.Body = r.fields.render()
	}
	out.Notes, out.State = r.notes, r.state
	return out
}

// translate fills in the fields.
func (r *chatRequest) translate() *translate.Refusal {
	var refusal *translate.Refusal
	search := r.call.Quirks.WebSearch
	if search == searchOpenAI {
		search = "" // its models do not search in this dialect
	}
	if r.offer, refusal = offered(r.conv, search); refusal != nil {
		return refusal
	}
	r.fewerTools()
	r.set("model", quoted(strings.TrimSuffix(r.call.Model, "[1m]")))
	r.limits()
	r.sampling()
	r.stream()
	r.reasoning()
	r.format()
	r.leftOut()
	if refusal = r.toolChoice(); refusal != nil {
		return refusal
	}
	r.searchTheWeb()
	r.listTools()
	m := newChatMessages(r)
	if refusal = m.write(); refusal != nil {
		return refusal
	}
	if r.refusal != nil {
		return r.refusal
	}
	r.fields.set("messages", m.w.b)
	r.fields.lay(r.call.Quirks.Extra)
	return nil
}

// back looks at state that is to go back to its provider, and empties what would be refused: another
// account of the same provider may have made it.
func (r *chatRequest) back(e *translate.Envelope) {
	switch {
	case e.Payload == "":
	case r.call.Refused != nil && r.call.Refused(e.Payload):
		r.notes.Add(translate.NoteThinking)
		e.Payload = ""
	default:
		r.state = append(r.state, e.Payload)
	}
}

// set sets a field, unless the provider is never to see it.
func (r *chatRequest) set(name string, value []byte) {
	if slices.Contains(r.call.Quirks.Strip, name) {
		r.notes.Dropped(name)
		return
	}
	r.fields.set(name, value)
}

// minRoom is how much of the window must be left, in tokens, for the answer to be fitted into it.
// With less, the estimate of the prompt may be what is wrong: the provider is to say so.
const minRoom = 1024

// limits asks for as many tokens as the client wants, the model can, and the window holds.
func (r *chatRequest) limits() {
	q := &r.call.Quirks
	n := r.conv.MaxTokens
	if q.MaxOutput > 0 {
		n = min(n, q.MaxOutput)
	}
	if room := q.ContextWindow - r.call.Prompt; q.ContextWindow > 0 && room >= minRoom {
		n = min(n, room)
	}
	if n < r.conv.MaxTokens {
		r.notes.Add(translate.NoteMaxTokens)
	}
	r.maxTokens = n
	switch q.MaxTokensField {
	case "":
		r.set("max_tokens", integer(n))
	case "none":
		r.notes.Dropped("max_tokens")
	default:
		r.set(q.MaxTokensField, integer(n))
	}
}

// sampling sets what steers the choice of tokens.
func (r *chatRequest) sampling() {
	c, q := r.conv, &r.call.Quirks
	switch {
	case c.Temperature == "":
	case q.Temperature != "" && !sameNumber(q.Temperature, string(c.Temperature)):
		r.notes.Add(translate.NoteTemperature)
		r.set("temperature", []byte(q.Temperature))
	default:
		r.set("temperature", []byte(c.Temperature))
	}
	if c.TopP != "" {
		r.set("top_p", []byte(c.TopP))
	}
	switch {
	case c.TopK == "":
	case q.TopK:
		r.set("top_k", []byte(c.TopK))
	default:
		r.notes.Dropped("top_k")
	}
	if told := r.toldStops(); len(told) > 0 {
		r.set("stop", listOf(told))
	}
}

func sameNumber(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err == nil && err2 == nil && x == y
}

// usualStops is how many stop sequences most providers take.
const usualStops = 4

// knownStops is how many stop sequences the provider is told of.
func (r *chatRequest) knownStops() int {
	limit := r.call.Quirks.Stops
	switch {
	case limit < 0, slices.Contains(r.call.Quirks.Strip, "stop"):
		return 0
	case limit == 0:
		limit = usualStops
	}
	return int(min(limit, int64(len(r.conv.Stops))))
}

// toldStops are those that it is told of.
func (r *chatRequest) toldStops() []string { return r.conv.Stops[:r.knownStops()] }

// ownStops are those that are looked for in the answer.
func (r *chatRequest) ownStops() []string { return r.conv.Stops[r.knownStops():] }

// asked tells whether the provider is asked for a stream.
func (r *chatRequest) asked() bool { return r.conv.Stream || r.call.Quirks.StreamOnly }

// stream asks for events, and for the usage at their end: without it the request has no price.
func (r *chatRequest) stream() {
	if !r.asked() {
		return
	}
	r.set("stream", boolean(true))
	switch r.call.Quirks.StreamOptions {
	case "none":
	case "continuous":
		r.set("stream_options", []byte(`{"include_usage":true,"continuous_usage_stats":true}`))
	default:
		r.set("stream_options", []byte(`{"include_usage":true}`))
	}
}

// format asks for an answer of a given shape, as strictly as the provider can.
func (r *chatRequest) format() {
	if r.conv.Schema == nil {
		return
	}
	q := &r.call.Quirks
	format, schema := q.Format, cleanFormat(r.conv.Schema, q.Schema)
	switch {
	case q.Effort == config.EffortEnable && thinks(r.conv, q):
		format = "none" // these providers refuse the two together
	case q.Schema == schemaOpenAI && format == "" && string(translate.Field(schema, "type")) != `"object"`:
		format = "none" // an answer is an object there
	}
	switch format {
	case "none":
		r.inPrompt = true
		r.notes.Add(translate.NoteFormat)
	case "json_object":
		r.inPrompt = true
		r.notes.Add(translate.NoteFormat)
		r.set("response_format", []byte(`{"type":"json_object"}`))
	default:
		r.set("response_format", members{
			{"type", quoted("json_schema")},
			{"json_schema", members{
				{"name", quoted("answer")},
				{"schema", schema},
				{"strict", boolean(r.enforces(r.conv.Schema, schema))},
			}.render()},
		}.render())
	}
}

// enforces tells whether the provider is told to enforce a schema, which goes out as sent. Google
// enforces its own subset, in which nothing is closed: what the client has said counts there.
func (r *chatRequest) enforces(raw, sent json.RawMessage) bool {
	if r.call.Quirks.Schema == schemaGemini {
		sent = raw
	}
	if enforceable(sent) {
		return true
	}
	r.notes.Add(translate.NoteStrict)
	return false
}

// leftOut notes the fields of the client that have no place here, and sets those that serve the
// provider's cache.
func (r *chatRequest) leftOut() {
	if r.conv.Speed == "fast" {
		r.notes.Dropped("speed")
	}
	switch {
	case r.conv.ServiceTier != "standard_only":
	case r.call.Quirks.ServiceTier:
		r.set("service_tier", quoted("default"))
	default:
		r.notes.Dropped("service_tier")
	}
	if r.call.Quirks.CacheKey && r.call.Session != "" {
		r.set("prompt_cache_key", quoted(cut(r.call.Session, 64)))
	}
}
