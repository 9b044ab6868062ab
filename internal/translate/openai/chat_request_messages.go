package openai

import "prism/internal/translate"

// chatMessages writes the conversation as messages.
type chatMessages struct {
	turns
	w      writer
	answer []passage // the last message of the assistant
}

func newChatMessages(r *chatRequest) *chatMessages {
	m := &chatMessages{turns: turns{r: r, middle: "system"}}
	m.out = m
	return m
}

func (m *chatMessages) write() *translate.Refusal {
	size := len(m.r.call.Body)
	m.w.b = make([]byte, 0, size+size/8)
	m.w.begin('[')
	m.system()
	refusal := m.walk()
	m.w.end(']')
	return refusal
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
		passages = []passage{{text: joinTexts(passages)}}
	}
	m.message(role, passages)
}

// message writes one message. Strict providers take none of the user's right behind a result.
func (m *chatMessages) message(role string, passages []passage) {
	if role == "user" && m.last == "tool" && m.r.call.Quirks.AfterTool == "filler" {
		m.message("assistant", []passage{{text: filler}})
	}
	m.w.begin('{')
	m.w.field("role", role)
	m.w.key("content")
	m.r.content(&m.w, passages)
	m.w.end('}')
}

func (m *chatMessages) result(call chatCall, passages []passage) {
	m.w.begin('{')
	m.w.field("role", "tool")
	m.w.field("tool_call_id", call.sent)
	m.w.key("content")
	m.r.content(&m.w, passages)
	m.w.end('}')
}

// begun has the provider go on with the answer that the client has begun, where it can. Elsewhere it
// is sent as it is, which few refuse and few understand.
func (m *chatMessages) begun() {
	switch m.r.call.Quirks.Prefill {
	case "prefix":
		m.w.b = m.w.b[:len(m.w.b)-len("}")]
		m.w.rawField("prefix", boolean(true))
		m.w.end('}')
		m.r.begun = joinTexts(m.answer)
	case "continue":
		m.r.set("continue_final_message", boolean(true))
		m.r.set("add_generation_prompt", boolean(false))
	default:
		m.r.notes.Add(translate.NotePrefill)
	}
}
