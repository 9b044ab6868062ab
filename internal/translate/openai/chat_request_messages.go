package openai

import (
	"strings"

	"prism/internal/translate"
)

// chatMessages writes the messages. Between two messages of the assistant stands a stretch: the
// results of its tool calls, in their order, then what the user said, and what the system did.
type chatMessages struct {
	r     *chatRequest
	w     writer
	last  string     // role of the last message; "" = none but system prompts
	calls []chatCall // of the last message, whose results come next
	line  []passage  // of the user's message that is being collected
}

// chatCall is a tool call that waits for its result.
type chatCall struct{ id, sent string }

// filler is said where a message must stand and nobody has said anything.
const filler = "."

func (m *chatMessages) write() *translate.Refusal {
	size := len(m.r.call.Body)
	m.w.b = make([]byte, 0, size+size/8)
	m.w.begin('[')
	m.system()
	turns := m.kept()
	for len(turns) > 0 {
		n := 1
		for n < len(turns) && (turns[n].Role == translate.Assistant) == (turns[0].Role == translate.Assistant) {
			n++
		}
		if turns[0].Role == translate.Assistant {
			m.assistant(turns[:n])
		} else {
			m.stretch(turns[:n])
		}
		turns = turns[n:]
	}
	if m.last == "assistant" && len(m.calls) == 0 {
		m.r.notes.Add(translate.NotePrefill)
	}
	m.stretch(nil)
	m.w.end(']')
	if m.last == "" {
		return &translate.Refusal{Field: "messages", Message: "messages: at least one message is required"}
	}
	return nil
}

// kept returns the turns without those of the assistant that say nothing to this provider: their
// neighbours become one.
func (m *chatMessages) kept() []translate.Turn {
	out := make([]translate.Turn, 0, len(m.r.conv.Turns))
	for _, t := range m.r.conv.Turns {
		if t.Role != translate.Assistant || says(t.Parts) {
			out = append(out, t)
		}
	}
	return out
}

func says(parts []translate.Part) bool {
	for i := range parts {
		switch parts[i].Kind {
		case translate.KindText, translate.KindOther, translate.KindToolUse, translate.KindReference:
			return true
		default:
		}
	}
	return false
}

// system writes the system prompt. What changes with each conversation stands in the turns, not
// here.
func (m *chatMessages) system() {
	r := m.r
	passages := r.passages(r.conv.System)
	if r.inPrompt {
		passages = append(passages, passage{text: "Answer with JSON only, and with nothing around it. It must match this JSON Schema:\n" +
			string(translate.Compact(nil, r.conv.Schema))})
	}
	if len(passages) == 0 {
		return
	}
	role := "system"
	if r.call.Quirks.Developer {
		role = "developer"
	}
	if !r.marks {
		texts := make([]string, len(passages))
		for i := range passages {
			texts[i] = passages[i].text
		}
		passages = []passage{{text: strings.Join(texts, "\n\n")}}
	}
	m.message(role, passages)
	m.last = ""
}

// message writes one message.
func (m *chatMessages) message(role string, passages []passage) {
	m.w.begin('{')
	m.w.field("role", role)
	m.w.key("content")
	m.r.content(&m.w, passages)
	m.w.end('}')
	m.last = role
}

// stretch writes what stands between two messages of the assistant.
func (m *chatMessages) stretch(turns []translate.Turn) {
	results := make(map[string][]*translate.Part)
	for i := range turns {
		for j := range turns[i].Parts {
			if p := &turns[i].Parts[j]; p.Kind == translate.KindToolResult {
				results[p.ID] = append(results[p.ID], p)
			}
		}
	}
	var aside attachments
	used := make(map[*translate.Part]bool, len(m.calls))
	for _, call := range m.calls {
		var p *translate.Part
		if waiting := results[call.id]; len(waiting) > 0 {
			p, results[call.id] = waiting[0], waiting[1:]
			used[p] = true
		}
		m.tool(call, p, &aside)
	}
	m.calls = nil
	m.line = append(m.line, aside.passages...)
	for i := range turns {
		m.said(&turns[i], used)
	}
	m.flush()
}

// tool writes the result of a call. A call that was interrupted gets one that says so: strict
// providers refuse a call without.
func (m *chatMessages) tool(call chatCall, p *translate.Part, aside *attachments) {
	passages := []passage{{text: "[no result: interrupted]"}}
	if p != nil {
		passages = m.r.result(p, aside)
	} else {
		m.r.notes.Add(translate.NoteInterrupted)
	}
	m.w.begin('{')
	m.w.field("role", "tool")
	m.w.field("tool_call_id", call.sent)
	m.w.key("content")
	m.r.content(&m.w, passages)
	m.w.end('}')
	m.last = "tool"
}

// said collects what the user said, and writes what the system did.
func (m *chatMessages) said(t *translate.Turn, used map[*translate.Part]bool) {
	if t.Role == translate.System {
		m.reminder(m.r.passages(t.Parts))
		return
	}
	for i := range t.Parts {
		p := &t.Parts[i]
		if p.Kind != translate.KindToolResult {
			m.line = append(m.line, m.r.passages(t.Parts[i:i+1])...)
			continue
		}
		if !used[p] {
			m.orphan(p)
		}
	}
}

// orphan tells of a result whose call is not there any more.
func (m *chatMessages) orphan(p *translate.Part) {
	m.r.notes.Add(translate.NoteOrphan)
	var aside attachments
	m.line = append(m.line, passage{text: "[result of an earlier tool call]"})
	m.line = append(m.line, m.r.result(p, &aside)...)
	m.line = append(m.line, aside.passages...)
}

// reminder says what the system says in the middle of a conversation. It stays where it stands:
// to hoist it would change the beginning of every later request.
func (m *chatMessages) reminder(passages []passage) {
	if len(passages) == 0 {
		return
	}
	text := joinPassages(passages)
	if m.r.call.Quirks.SystemMiddle == "inplace" {
		m.flush()
		m.message("system", []passage{{text: text}})
		return
	}
	m.line = append(m.line, passage{text: translate.Reminder(text), cache: passages[len(passages)-1].cache})
}

// flush writes the user's message.
func (m *chatMessages) flush() {
	if len(m.line) == 0 {
		return
	}
	if m.last == "tool" && m.r.call.Quirks.AfterTool == "filler" {
		m.message("assistant", []passage{{text: filler}})
	}
	m.message("user", m.line)
	m.line = nil
}
