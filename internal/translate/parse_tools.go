package translate

import (
	"encoding/json"
	"strconv"
	"strings"
)

func (p *parser) tools(v json.RawMessage) {
	i := 0
	for one := range Items(v) {
		if t, ok := p.tool(one, "tools."+strconv.Itoa(i)); ok {
			p.c.Tools = append(p.c.Tools, t)
		}
		i++
	}
}

// tool reads a definition. It tells no tool from what has no name; a toolset has a type at least.
func (p *parser) tool(v json.RawMessage, at string) (t Tool, ok bool) {
	var examples []string
	for key, one := range Fields(v) {
		switch key {
		case "name":
			t.Name, _ = Text(one)
		case "type":
			t.Type, _ = Text(one)
		case "description":
			t.Description, _ = Text(one)
		case "input_schema":
			if Is(one, '{') {
				t.Schema = one
			}
		case "defer_loading":
			t.Deferred = string(one) == "true"
		case "strict":
			t.Strict = string(one) == "true"
		case "input_examples":
			for e := range Items(one) {
				examples = append(examples, string(Compact(nil, e)))
			}
		default:
			t.Search.read(key, one)
		}
	}
	if t.Type == "custom" {
		t.Type = ""
	}
	if t.Name == "" && t.Type == "" {
		p.refuse(at+".name", "Field required")
		return t, false
	}
	if len(examples) > 0 {
		t.Description = strings.TrimSpace(t.Description + "\n\nExamples of its input:\n" + strings.Join(examples, "\n"))
		p.c.Dropped.Add(NoteExamples)
	}
	return t, true
}

// read reads a field of a web search. A list of no domains restricts nothing.
func (s *SearchOptions) read(key string, v json.RawMessage) {
	switch key {
	case "allowed_domains":
		s.Allowed = someOf(v)
	case "blocked_domains":
		s.Blocked = someOf(v)
	case "user_location":
		if Is(v, '{') {
			s.Location = v
		}
	case "max_uses":
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n > 0 {
			s.Uses = n
		}
	}
}

// someOf returns a list that has elements, or nil.
func someOf(v json.RawMessage) json.RawMessage {
	for range Items(v) {
		return v
	}
	return nil
}

// found notes that a tool is there from here on.
func (p *parser) found(name string) {
	if name != "" {
		p.c.changes = append(p.c.changes, change{name: name})
	}
}

// added reads a tool_addition: the name of a tool, or all of its definition.
func (p *parser) added(tool json.RawMessage) string {
	if Is(Field(tool, "input_schema"), '{') {
		t, ok := p.tool(tool, "tool")
		if !ok {
			return ""
		}
		t.Deferred = true
		p.c.Tools = append(p.c.Tools, t)
		p.found(t.Name)
		return t.Name
	}
	name := toolName(tool)
	p.found(name)
	return name
}

// removed reads a tool_removal.
func (p *parser) removed(tool json.RawMessage) string {
	name := toolName(tool)
	if name != "" {
		p.c.changes = append(p.c.changes, change{name, true})
	}
	return name
}

// toolName reads a tool_reference, in the spelling of either API version.
func toolName(v json.RawMessage) string {
	if name, _ := Text(Field(v, "name")); name != "" {
		return name
	}
	name, _ := Text(Field(v, "tool_name"))
	return name
}
