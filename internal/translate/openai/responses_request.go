package openai

import (
	"slices"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// responsesRequest is a request that is being translated. What the two dialects of OpenAI have in
// common is that of Chat Completions.
type responsesRequest struct {
	*chatRequest
}

// Request implements [translate.Codec]. The provider keeps nothing: all of the conversation is sent
// each time, its reasoning included, and a conversation that has grown begins with the bytes it
// had.
func (Responses) Request(call *translate.Call) (*translate.Request, error) {
	c, err := translate.Parse(call.Body)
	if err != nil {
		return nil, err
	}
	own := *call
	own.Quirks = responsesQuirks(call.Quirks)
	r := responsesRequest{&chatRequest{call: &own, conv: c, names: newNamer(&own.Quirks)}}
	r.notes = append(r.notes, c.Dropped...)
	path := ""
	if c.MaxTokens > 0 {
		path = "/responses"
		if refusal := r.translate(); refusal != nil {
			return nil, refusal
		}
	}
	return r.request(path), nil
}

// maxCallID is how long the id of a call may be.
const maxCallID = "max64"

// responsesQuirks lays the dialect's own habits over those of a provider: it knows no stop sequences
// and no marks of the prompt cache, and its limit of an answer has another name.
func responsesQuirks(q config.Quirks) config.Quirks {
	if q.MaxTokensField != "none" {
		q.MaxTokensField = "max_output_tokens"
	}
	if q.ToolID == "" {
		q.ToolID = maxCallID
	}
	q.Stops, q.CacheControl = -1, false
	return q
}

// minOutput is how many tokens must be asked for.
const minOutput = 16

// translate fills in the fields.
func (r responsesRequest) translate() *translate.Refusal {
	var refusal *translate.Refusal
	if r.offer, refusal = offered(r.conv, &r.call.Quirks); refusal != nil {
		return refusal
	}
	r.set("model", quoted(strings.TrimSuffix(r.call.Model, "[1m]")))
	r.set("store", boolean(false))
	if r.asked() {
		r.set("stream", boolean(true))
	}
	if r.limits(); r.maxTokens < minOutput && r.fields.get("max_output_tokens") != nil {
		r.set("max_output_tokens", integer(minOutput))
	}
	r.sampling()
	r.reasoning()
	r.format()
	r.leftOut()
	if refusal = r.choose(); refusal != nil {
		return refusal
	}
	r.searchTheWeb()
	r.listTools()
	return r.write()
}

// write writes the conversation.
func (r responsesRequest) write() *translate.Refusal {
	m := &chatMessages{r: r.chatRequest}
	m.system()
	if system := translate.Field(m.w.b, "content"); system != nil {
		r.set("instructions", system)
	}
	in := &responsesInput{r: r.chatRequest, taken: make(map[string]int)}
	if refusal := in.write(); refusal != nil {
		return refusal
	}
	if r.refusal != nil {
		return r.refusal
	}
	r.fields.set("input", in.w.b)
	r.fields.lay(r.call.Quirks.Extra)
	return nil
}

// reasoning asks for as much reasoning as the client wants, for a summary of it to be shown, and
// for all of it in a form that only the provider can read: it wants it back.
func (r responsesRequest) reasoning() {
	q := &r.call.Quirks
	if q.Effort == config.EffortNone {
		r.chatRequest.reasoning()
		return
	}
	level := ""
	if r.conv.Effort != "" {
		level = r.level()
	}
	var m members
	if level != "" {
		m.set("effort", quoted(level))
	}
	if r.conv.Effort != "" && r.conv.Effort != "none" && !slices.Contains(q.Strip, "reasoning.summary") {
		m.set("summary", quoted("auto"))
	}
	if len(m) > 0 {
		r.set("reasoning", m.render())
	}
	if level != "none" {
		r.set("include", []byte(`["reasoning.encrypted_content"]`))
	}
}

// format asks for an answer of a given shape, as strictly as the provider can.
func (r responsesRequest) format() {
	r.chatRequest.format()
	v := r.fields.get("response_format")
	if v == nil {
		return
	}
	r.fields = r.fields.without("response_format")
	if schema := translate.Field(v, "json_schema"); schema != nil {
		m := append(members{{"type", quoted("json_schema")}}, fieldsOf(schema)...)
		v = m.render()
	}
	r.set("text", members{{"format", v}}.render())
}

// choose writes whether tools are to be used.
func (r responsesRequest) choose() *translate.Refusal {
	if refusal := r.toolChoice(); refusal != nil {
		return refusal
	}
	if v := r.fields.get("tool_choice"); translate.Is(v, '{') {
		name := translate.Field(translate.Field(v, "function"), "name")
		r.set("tool_choice", members{{"type", quoted("function")}, {"name", name}}.render())
	}
	return nil
}

// listTools writes the tools. strict is always said: left out, it means true here.
func (r responsesRequest) listTools() {
	if len(r.offer.tools) == 0 && !r.searches() {
		return
	}
	var w writer
	w.begin('[')
	for i := range r.offer.tools {
		t := &r.offer.tools[i]
		w.begin('{')
		w.field("type", "function")
		w.field("name", r.names.sent(t.Name))
		if t.Description != "" {
			w.field("description", t.Description)
		}
		w.rawField("parameters", cleanSchema(t.Schema, r.call.Quirks.Schema))
		strict := t.Strict && enforceable(t.Schema)
		if t.Strict && !strict {
			r.notes.Add(translate.NoteStrict)
		}
		w.rawField("strict", boolean(strict))
		w.end('}')
	}
	if r.searches() {
		w.raw([]byte(`{"type":"web_search"}`))
	}
	w.end(']')
	r.set("tools", w.b)
}

// searches tells whether the provider searches the web with a tool of its own.
func (r responsesRequest) searches() bool {
	return r.offer.search && r.call.Quirks.WebSearch != "openrouter" && r.call.Quirks.WebSearch != "qwen"
}
