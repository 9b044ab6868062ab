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
// and no marks of the prompt cache, who takes files fetches them as well, and its limit of an answer
// has another name.
func responsesQuirks(q config.Quirks) config.Quirks {
	if q.MaxTokensField != "none" {
		q.MaxTokensField = "max_output_tokens"
	}
	if q.ToolID == "" {
		q.ToolID = maxCallID
	}
	if q.Documents == "file" {
		q.Documents = "url"
	}
	q.Stops, q.CacheControl = -1, false
	return q
}

// minOutput is how many tokens must be asked for.
const minOutput = 16

// translate fills in the fields.
func (r responsesRequest) translate() *translate.Refusal {
	var refusal *translate.Refusal
	if r.offer, refusal = offered(r.conv, r.call.Quirks.WebSearch); refusal != nil {
		return refusal
	}
	r.fewerTools()
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
	r.include()
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
	m := newChatMessages(r.chatRequest)
	m.system()
	if system := translate.Field(m.w.b, "content"); system != nil {
		r.set("instructions", system)
	}
	in := newResponsesInput(r.chatRequest)
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

// reasoning asks for as much reasoning as the client wants, and for a summary of it to be shown.
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
}

// include asks for what the provider tells on demand only: its reasoning in a form that only it can
// read, since it wants that back, and the pages that a search has found.
func (r responsesRequest) include() {
	var list []string
	q := &r.call.Quirks
	if q.Effort != config.EffortNone && (r.conv.Effort == "" || clampEffort(r.conv.Effort, q.Efforts) != "none") {
		list = append(list, "reasoning.encrypted_content")
	}
	if r.offer.search == searchOpenAI {
		list = append(list, "web_search_call.action.sources")
	}
	if len(list) > 0 {
		r.set("include", listOf(list))
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
		schema := cleanSchema(t.Schema, r.call.Quirks.Schema)
		w.rawField("parameters", schema)
		w.rawField("strict", boolean(t.Strict && r.enforces(t.Schema, schema)))
		w.end('}')
	}
	if r.searches() {
		w.raw(r.webSearch())
	}
	w.end(']')
	r.set("tools", w.b)
}

// searches tells whether the provider searches the web with a tool of its own.
func (r responsesRequest) searches() bool {
	return r.offer.search == searchOpenAI || r.offer.search == searchZai
}

// webSearch is the provider's own tool. How often it may be used is said of the whole answer.
func (r responsesRequest) webSearch() []byte {
	m := members{{"type", quoted("web_search")}}
	if r.offer.search != searchOpenAI {
		return m.render()
	}
	asked := &r.offer.asked
	if asked.Allowed != nil {
		m.set("filters", members{{"allowed_domains", translate.Compact(nil, asked.Allowed)}}.render())
	}
	if asked.Location != nil {
		m.set("user_location", translate.Compact(nil, asked.Location))
	}
	if asked.Uses > 0 {
		r.set("max_tool_calls", integer(asked.Uses))
	}
	return m.render()
}
