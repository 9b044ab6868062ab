package translate

import (
	"encoding/json"
	"strconv"
	"strings"
)

func (p *parser) messages(v json.RawMessage) {
	p.turn = -1
	for one := range Items(v) {
		p.turn++
		if !Is(one, '{') {
			p.refuse("messages."+strconv.Itoa(p.turn), "Input should be an object")
		}
		if p.refusal != nil {
			return
		}
		p.message(one)
	}
	if p.turn < 0 {
		p.refuse("messages", "at least one message is required")
	}
}

func (p *parser) message(v json.RawMessage) {
	var t Turn
	var content json.RawMessage
	for key, one := range walk(v) {
		switch string(key) {
		case "role":
			role, _ := Text(one)
			t.Role = Role(role)
		case "content":
			content = one
		case "output_config": // the last one counts
			if s := effort(Field(one, "effort")); s != "" {
				p.effort = s
			}
		}
	}
	switch t.Role {
	case User, Assistant, System:
	default:
		p.refuseTurn("role", "Input should be 'user' or 'assistant'")
		return
	}
	switch {
	case Is(content, '"'):
		s, _ := Text(content)
		t.Parts = appendText(nil, s, nil)
	case Is(content, '['):
		p.content(&t, content)
	default:
		p.refuseTurn("content", "Input should be a string or a list of content blocks")
	}
	p.c.Turns = append(p.c.Turns, t)
}

func (p *parser) content(t *Turn, v json.RawMessage) {
	p.block, p.within = -1, -1
	for one := range Items(v) {
		p.block++
		if !Is(one, '{') {
			p.refuseTurn("content."+strconv.Itoa(p.block), "Input should be an object")
			return
		}
		t.Parts = p.part(t.Parts, one)
	}
}

// part adds what a content block holds.
func (p *parser) part(parts []Part, v json.RawMessage) []Part {
	var buf [12]member
	o := open(buf[:0], v)
	switch kind := word(o.get("type")); string(kind) {
	case "text":
		return p.text(parts, o)
	case "thinking":
		return append(parts, Part{Kind: KindThinking, Text: o.text("thinking"), Signature: o.text("signature")})
	case "redacted_thinking": // its maker's only
		return parts
	case "tool_use":
		return append(parts, p.toolUse(o))
	case "tool_result":
		return append(parts, p.toolResult(o))
	case "tool_reference":
		return p.reference(parts, v)
	case "tool_addition":
		if name := p.added(o.get("tool")); name != "" {
			parts = append(parts, Part{Kind: KindReference, Name: name})
		}
		return parts
	case "tool_removal":
		if name := p.removed(o.get("tool")); name != "" {
			parts = append(parts, Part{Kind: KindRemoved, Name: name})
		}
		return parts
	default:
		return p.media(parts, string(kind), o)
	}
}

// reference adds a tool that was found.
func (p *parser) reference(parts []Part, v json.RawMessage) []Part {
	name := toolName(v)
	if name == "" {
		return parts
	}
	p.found(name)
	return append(parts, Part{Kind: KindReference, Name: name})
}

func (p *parser) text(parts []Part, o object) []Part {
	for range Items(o.get("citations")) {
		p.c.Dropped.Dropped("citations")
		break
	}
	s, ok := Text(o.get("text"))
	if !ok {
		p.refuseTurn("content."+strconv.Itoa(p.block)+".text", "Field required")
	}
	return appendText(parts, s, mark(o.get("cache_control")))
}

func (p *parser) toolUse(o object) Part {
	part := Part{Kind: KindToolUse, ID: o.text("id"), Name: o.text("name"), Input: o.get("input")}
	if part.ID == "" || part.Name == "" {
		p.refuseTurn("content."+strconv.Itoa(p.block)+".tool_use", "id and name are required")
	}
	switch {
	case part.Input == nil, string(part.Input) == "null":
		part.Input = json.RawMessage("{}")
	case !Is(part.Input, '{'):
		part.Input = Object(string(part.Input))
	}
	p.found(part.Name) // who has used a tool knows it, also where what had told of it was compacted
	return part
}

func (p *parser) toolResult(o object) Part {
	part := Part{
		Kind: KindToolResult, ID: o.text("tool_use_id"), Failed: string(o.get("is_error")) == "true",
		Cache: mark(o.get("cache_control")),
	}
	if part.ID == "" {
		p.refuseTurn("content."+strconv.Itoa(p.block)+".tool_use_id", "Field required")
	}
	content := o.get("content")
	if s, ok := Text(content); ok {
		part.Parts = appendText(nil, s, nil)
	}
	for one := range Items(content) {
		p.within++
		switch kind, _ := Text(Field(one, "type")); kind {
		case "tool_result", "tool_use", "thinking", "compaction":
			p.c.Dropped.Add(NoteUnknownBlock)
		default:
			part.Parts = p.part(part.Parts, one)
		}
	}
	p.within = -1
	return part
}

// Reminder marks a text as coming from the client, not from its user, the way the client itself
// does where a provider has no role for it.
func Reminder(s string) string {
	const begin, end = "<system-reminder>", "</system-reminder>"
	if t := strings.TrimSpace(s); strings.HasPrefix(t, begin) && strings.HasSuffix(t, end) {
		return s
	}
	return begin + "\n" + s + "\n" + end
}
