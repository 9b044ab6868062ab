package openai

import (
	"strings"

	"prism/internal/translate"
)

// offer is what becomes of the tools of a request.
type offer struct {
	tools  []translate.Tool // that the client runs
	search string           // how the provider is to search the web by itself; "" = it is not to
	asked  translate.SearchOptions
	served []string // kinds of tools that only Anthropic runs, left out
}

// Ways in which a provider searches the web by itself.
const (
	searchOpenRouter = "openrouter" // a plugin
	searchQwen       = "qwen"       // a switch
	searchZai        = "zai"        // a tool of Chat Completions
	searchOpenAI     = "openai"     // a tool of the Responses API
)

// offered sorts the tools. search is how the provider searches the web. It refuses a request that
// has none but such as only Anthropic runs: the client takes the answer to it for their result. A
// tool like that is never sent as a function, which a model would call and nobody run.
func offered(c *translate.Conversation, search string) (offer, *translate.Refusal) {
	var o offer
	searches := false
	for _, t := range c.Offered() {
		switch kind := kindOf(t.Type); kind {
		case "":
			o.tools = append(o.tools, t)
		case "bash", "text_editor", "memory":
			o.tools = append(o.tools, known(kind, t))
		case "web_search":
			searches, o.asked = true, t.Search
		case "computer", "browser": // the client would wait for calls that nobody but Claude knows to make
			return o, unavailable(kind + " tools are")
		default:
			o.served = append(o.served, kind)
		}
	}
	if searches {
		o.search = search
	}
	switch {
	case len(o.tools) > 0 || o.search != "":
	case searches:
		return o, unavailable("web search is")
	case len(o.served) > 0:
		return o, unavailable("tools that run at Anthropic are")
	}
	if searches && o.search == "" {
		o.served = append(o.served, "web_search")
	}
	return o, nil
}

func unavailable(what string) *translate.Refusal {
	return &translate.Refusal{Field: "tools", Message: "tools: " + what + " not available through this route"}
}

// kindOf returns the family of one of Anthropic's own tools, whose types carry a date; "" for a
// tool of the client's.
func kindOf(typ string) string {
	if typ == "" {
		return ""
	}
	families := []string{
		"bash", "text_editor", "memory", "web_search", "web_fetch", "code_execution", "tool_search_tool",
		"computer", "browser", "advisor", "mcp_toolset",
	}
	for _, f := range families {
		if strings.HasPrefix(typ, f) {
			return f
		}
	}
	return "other"
}

// known gives one of Anthropic's tools that the client runs the definition that a Claude model has
// learned by heart.
func known(kind string, t translate.Tool) translate.Tool {
	if t.Name == "" {
		t.Name = kind
	}
	if t.Schema != nil {
		return t
	}
	switch kind {
	case "bash":
		t.Description = "Run a command in a shell that keeps its state, or restart that shell."
		t.Schema = []byte(`{"type":"object","properties":{"command":{"type":"string"},"restart":{"type":"boolean"}}}`)
	case "text_editor":
		t.Description = "View, create and edit files."
		t.Schema = []byte(`{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},` +
			`"path":{"type":"string"},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},` +
			`"insert_line":{"type":"integer"},"insert_text":{"type":"string"},` +
			`"view_range":{"type":"array","items":{"type":"integer"}}},"required":["command","path"]}`)
	case "memory":
		t.Description = "View, create and edit the files of a memory that outlives the conversation."
		t.Schema = []byte(`{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},` +
			`"path":{"type":"string"},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},` +
			`"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"},` +
			`"view_range":{"type":"array","items":{"type":"integer"}}},"required":["command"]}`)
	}
	return t
}

// hasToolHistory tells whether tools were used before: a provider may refuse a conversation that
// has used tools and offers none.
func hasToolHistory(c *translate.Conversation) bool {
	for _, t := range c.Turns {
		for i := range t.Parts {
			if t.Parts[i].Kind == translate.KindToolUse {
				return true
			}
		}
	}
	return false
}

// listTools writes the tools. It comes after the choice among them.
func (r *chatRequest) listTools() {
	if len(r.offer.tools) == 0 && r.offer.search != searchZai {
		return
	}
	var w writer
	w.begin('[')
	for i := range r.offer.tools {
		t := &r.offer.tools[i]
		w.begin('{')
		w.field("type", "function")
		w.key("function")
		w.begin('{')
		w.field("name", r.names.sent(t.Name))
		if t.Description != "" {
			w.field("description", t.Description)
		}
		schema := cleanSchema(t.Schema, r.call.Quirks.Schema)
		w.rawField("parameters", schema)
		if t.Strict && r.enforces(t.Schema, schema) {
			w.rawField("strict", boolean(true))
		}
		w.end('}')
		w.end('}')
	}
	if r.offer.search == searchZai {
		w.raw([]byte(`{"type":"web_search","web_search":{"enable":true,"search_result":true}}`))
	}
	w.end(']')
	r.set("tools", w.b)
}

// searchTheWeb asks the provider to search by itself, where that is no tool. What the client wants
// of the search is OpenAI's to know: elsewhere it is left out.
func (r *chatRequest) searchTheWeb() {
	for _, kind := range r.offer.served {
		r.notes.Add(translate.NoteServerTool + ":" + kind)
	}
	asked := &r.offer.asked
	if r.offer.search != "" && (asked.Blocked != nil || r.offer.search != searchOpenAI && (asked.Allowed != nil || asked.Location != nil)) {
		r.notes.Add(translate.NoteSearch)
	}
	switch r.offer.search {
	case searchOpenRouter:
		r.set("plugins", []byte(`[{"id":"web"}]`))
	case searchQwen:
		r.set("enable_search", boolean(true))
	}
}
