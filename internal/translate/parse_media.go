package translate

import (
	"encoding/json"
	"strings"
)

// media adds the blocks that are no plain conversation: pictures, documents, and what Anthropic's
// own servers have made.
func (p *parser) media(parts []Part, kind string, o object) []Part {
	switch kind {
	case "image":
		return append(parts, Part{Kind: KindImage, Media: p.source(o.get("source")), Cache: mark(o.get("cache_control"))})
	case "document":
		return p.document(parts, o)
	case "search_result":
		return appendOther(parts, kind, searchResult(o))
	case "server_tool_use", "mcp_tool_use":
		return appendOther(parts, kind, call(o))
	case "compaction":
		return p.compaction(parts, o)
	case "fallback", "container_upload", "browser_state", "mcp_tool_listing":
		p.c.Dropped.Dropped(kind)
		return parts
	}
	if name, ok := strings.CutSuffix(kind, "_tool_result"); ok {
		return p.served(parts, name, o)
	}
	p.c.Dropped.Add(NoteUnknownBlock)
	return parts
}

// compaction begins the conversation anew: of what stands before it, the API reads the summary only.
func (p *parser) compaction(parts []Part, o object) []Part {
	summary := readable(o.get("content"), maxReadable)
	if summary == "" {
		return parts
	}
	p.c.Dropped.Add(NoteCompaction)
	p.c.Turns = append(p.c.Turns[:0], Turn{Role: User, Parts: []Part{{Kind: KindText, Text: Reminder(summary)}}})
	return parts[:0]
}

// source reads what an image or a document is made of.
func (p *parser) source(v json.RawMessage) Media {
	m := Media{At: p.place()}
	for key, one := range walk(v) {
		switch string(key) {
		case "media_type":
			m.Type, _ = Text(one)
		case "data":
			m.Data, _ = Text(one)
		case "url":
			m.URL, _ = Text(one)
		case "file_id":
			m.FileID, _ = Text(one)
		}
	}
	return m
}

// document reads a document. One that consists of blocks becomes a text, with its pictures behind
// it.
func (p *parser) document(parts []Part, o object) []Part {
	from := o.get("source")
	doc := Part{
		Kind: KindDocument, Media: p.source(from), Title: o.text("title"), Text: o.text("context"),
		Cache: mark(o.get("cache_control")),
	}
	if string(Field(o.get("citations"), "enabled")) == "true" {
		p.c.Dropped.Dropped("citations")
	}
	var pictures []Part
	switch kind, _ := Text(Field(from, "type")); kind {
	case "text":
		doc.Media.Type = "text/plain"
	case "url":
		doc.Media.Type = "application/pdf"
	case "content":
		body := Field(from, "content")
		doc.Media.Type, doc.Media.Data = "text/plain", readable(body, maxReadable)
		for one := range Items(body) {
			if kind, _ := Text(Field(one, "type")); kind == "image" {
				pictures = append(pictures, Part{Kind: KindImage, Media: p.source(Field(one, "source"))})
			}
		}
	}
	return append(append(parts, doc), pictures...)
}

func appendOther(parts []Part, kind, text string) []Part {
	if strings.TrimSpace(text) == "" {
		return parts
	}
	return append(parts, Part{Kind: KindOther, Name: kind, Text: text})
}

// searchResult tells a search result that the client brings itself.
func searchResult(o object) string {
	head := strings.TrimSpace(o.text("title") + " " + o.text("source"))
	return "[search result: " + head + "]\n" + readable(o.get("content"), maxReadable)
}

// call tells which tool of a server was called, and with what.
func call(o object) string {
	name, input := o.text("name"), o.get("input")
	for _, key := range []string{"query", "url"} {
		if s, ok := Text(Field(input, key)); ok {
			return "[" + name + ": " + s + "]"
		}
	}
	if len(input) <= len("{}") {
		return "[" + name + "]"
	}
	return "[" + name + ": " + string(Compact(nil, input)) + "]"
}

// served reads the result of a tool that a server has run. The evidence must stay, as far as it
// can be read; encrypted parts are nobody else's.
func (p *parser) served(parts []Part, tool string, o object) []Part {
	content := o.get("content")
	if refs := Field(content, "tool_references"); tool == "tool_search" && refs != nil {
		if someOf(refs) == nil {
			return appendOther(parts, tool, "["+tool+" result: nothing]")
		}
		for one := range Items(refs) {
			parts = p.reference(parts, one)
		}
		return parts
	}
	if code, ok := Text(Field(content, "error_code")); ok {
		return appendOther(parts, tool, "["+tool+" error: "+code+"]")
	}
	text, failed := readable(content, maxReadable), string(o.get("is_error")) == "true"
	switch {
	case text == "" && failed:
		return appendOther(parts, tool, "["+tool+" error]")
	case failed:
		return appendOther(parts, tool, "["+tool+" error]\n"+text)
	case text == "" && !Is(content, '{') && someOf(content) == nil:
		return appendOther(parts, tool, "["+tool+" result: nothing]")
	case text == "":
		return appendOther(parts, tool, "["+tool+" result: nothing that can be read]")
	}
	return appendOther(parts, tool, "["+tool+" result]\n"+text)
}

// maxReadable is how deep results are read.
const maxReadable = 8

// readable collects what a person could read of a result, a line each.
func readable(v json.RawMessage, depth int) string {
	if s, ok := Text(v); ok {
		return s
	}
	if depth == 0 {
		return ""
	}
	var lines []string
	for one := range Items(v) {
		lines = appendLine(lines, readable(one, depth-1))
	}
	if !Is(v, '{') {
		return strings.Join(lines, "\n")
	}
	if kind, _ := Text(Field(v, "type")); kind == "web_search_result" {
		title, _ := Text(Field(v, "title"))
		url, _ := Text(Field(v, "url"))
		return "- " + title + ": " + url
	}
	for key, one := range Fields(v) {
		switch key {
		case "title", "url", "text", "stdout", "stderr", "error_code", "summary", "content", "lines":
			lines = appendLine(lines, readable(one, depth-1))
		case "source":
			if kind, _ := Text(Field(one, "type")); kind == "text" {
				lines = appendLine(lines, readable(Field(one, "data"), depth-1))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func appendLine(lines []string, s string) []string {
	if s == "" {
		return lines
	}
	return append(lines, s)
}
