package translate

import (
	"bytes"
	"encoding/json"
	"strings"
)

// What a prompt has beside its texts, in tokens.
const (
	turnTokens  = 4     // around each turn
	callTokens  = 8     // around the call of a tool, and around its result
	toolTokens  = 8     // around the definition of a tool
	imageTokens = 1_500 // of a picture whose size is not known
	mostImage   = 1_600 // of a picture; larger ones are scaled down
	pixelsEach  = 750   // of a picture, that one token stands for

	pdfBytesEach = 40 // of a PDF in base64, that one token stands for
)

// Estimate guesses how many tokens the prompt in the body of a request has. It reads what a model
// gets to see and nothing else: no pictures by their bytes, no signatures, no tools that are not
// loaded. How far off it is for a model is learned by a [Calibration].
func Estimate(body []byte) int64 {
	var e estimate
	body = bytes.TrimSpace(body)
	for key, v := range Fields(body) {
		switch key {
		case "system":
			e.content(v)
		case "messages":
			e.messages(v)
		case "tools":
			e.toolList = v
		case "output_config", "output_format":
			e.json(Field(v, "schema"))
			e.json(Field(Field(v, "format"), "schema"))
		}
	}
	e.tools()
	if !Is(body, '{') {
		e.text.count(string(body))
	}
	n := e.tokens + e.text.tokens()
	if n == 0 && len(body) > 0 {
		return 1
	}
	return n
}

// estimate is a prompt that is being estimated.
type estimate struct {
	text     tally
	tokens   int64 // of what is no text
	toolList json.RawMessage
	found    map[string]bool // tools that were loaded on the way
}

func (e *estimate) messages(v json.RawMessage) {
	for turn := range Items(v) {
		e.tokens += turnTokens
		e.content(Field(turn, "content"))
	}
}

// content counts a text, or the blocks of a list.
func (e *estimate) content(v json.RawMessage) {
	if Is(v, '"') {
		e.string(v)
		return
	}
	for block := range Items(v) {
		e.block(block)
	}
}

// block counts one block. It looks at all of its fields once.
func (e *estimate) block(v json.RawMessage) {
	var source, input json.RawMessage
	kind := ""
	for key, one := range Fields(v) {
		switch key {
		case "type":
			kind, _ = Text(one)
		case "text", "thinking", "title", "context", "name":
			e.string(one)
		case "tool_name":
			e.found = setOf(e.found, one)
			e.string(one)
		case "content":
			e.content(one)
		case "input":
			input = one
		case "source":
			source = one
		}
	}
	switch kind {
	case "image", "document":
		e.media(source)
	case "tool_use", "server_tool_use", "mcp_tool_use":
		e.tokens += callTokens
		e.json(input)
	case "tool_result":
		e.tokens += callTokens
	case "tool_reference":
		if name := Field(v, "name"); name != nil {
			e.found = setOf(e.found, name)
		}
	case "search_result":
		e.string(source)
	case "tool_addition":
		e.found = setOf(e.found, Field(Field(v, "tool"), "name"))
		e.found = setOf(e.found, Field(Field(v, "tool"), "tool_name"))
	}
}

func setOf(set map[string]bool, name json.RawMessage) map[string]bool {
	s, ok := Text(name)
	if !ok {
		return set
	}
	if set == nil {
		set = make(map[string]bool)
	}
	set[s] = true
	return set
}

// media counts a picture or a document.
func (e *estimate) media(source json.RawMessage) {
	data, kind := Field(source, "data"), ""
	kind, _ = Text(Field(source, "type"))
	media, _ := Text(Field(source, "media_type"))
	switch {
	case kind == "content":
		e.content(Field(source, "content"))
	case kind == "text" || strings.HasPrefix(media, "text/"):
		e.string(data)
	case media == "application/pdf" && data != nil:
		e.tokens += int64(len(data)) / pdfBytesEach
	default:
		e.tokens += pictureTokens(data)
	}
}

// tools counts the definitions that the model gets to see.
func (e *estimate) tools() {
	for tool := range Items(e.toolList) {
		name, _ := Text(Field(tool, "name"))
		if string(Field(tool, "defer_loading")) == "true" && !e.found[name] {
			continue
		}
		e.tokens += toolTokens
		e.string(Field(tool, "name"))
		e.string(Field(tool, "description"))
		e.json(Field(tool, "input_schema"))
	}
}

// string counts a JSON string.
func (e *estimate) string(v json.RawMessage) {
	s, _ := Text(v)
	e.text.count(s)
}

// json counts JSON that the model sees as such.
func (e *estimate) json(v json.RawMessage) { e.text.count(string(v)) }
