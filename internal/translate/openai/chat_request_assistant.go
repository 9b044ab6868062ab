package openai

import (
	"encoding/json"
	"strings"

	"prism/internal/translate"
)

// assistant writes a message of the assistant: text first, then the tool calls. Its reasoning goes
// back to the provider that made it, and to nobody else.
func (m *chatMessages) assistant(turns []translate.Turn) {
	if m.last == "" {
		m.message("user", []passage{{text: filler}})
	}
	a := chatAssistant{m: m, signatures: make(map[string]string), ids: newCallIDs(&m.r.call.Quirks)}
	for i := range turns {
		for j := range turns[i].Parts {
			a.part(&turns[i].Parts[j])
		}
	}
	a.write()
	m.answer = a.passages
}

// chatAssistant is a message of the assistant that is being collected.
type chatAssistant struct {
	m          *chatMessages
	passages   []passage
	thoughts   []string
	details    []json.RawMessage
	uses       []*translate.Part
	signatures map[string]string // id of a call -> thought signature
	pending    string            // signature that belongs to the next call
	ids        callIDs           // that differ within one message
}

func (a *chatAssistant) part(p *translate.Part) {
	switch p.Kind {
	case translate.KindThinking:
		a.thinking(p)
	case translate.KindToolUse:
		if a.pending != "" {
			a.signatures[p.ID], a.pending = a.pending, ""
		}
		a.uses = append(a.uses, p)
	case translate.KindImage, translate.KindDocument:
		a.m.r.notes.Add(translate.NoteImage)
	case translate.KindToolResult:
	default:
		parts := []translate.Part{*p}
		a.passages = append(a.passages, a.m.r.passages(parts)...)
	}
}

// thinking keeps what this provider has made itself.
func (a *chatAssistant) thinking(p *translate.Part) {
	e, ok := translate.ParseEnvelope(p.Signature)
	if !ok || !e.From(a.m.r.call.Provider) {
		return
	}
	if p.Text != "" {
		a.thoughts = append(a.thoughts, p.Text)
	}
	a.m.r.back(&e)
	switch {
	case e.Payload == "":
	case e.Kind == translate.KindDetails && json.Valid([]byte(e.Payload)):
		for one := range translate.Items([]byte(e.Payload)) {
			a.details = append(a.details, one)
		}
	case e.Kind == translate.KindThought && len(e.Tools) == 0:
		a.pending = e.Payload
	case e.Kind == translate.KindThought:
		for _, id := range e.Tools {
			a.signatures[id] = e.Payload
		}
	}
}

func (a *chatAssistant) write() {
	w := &a.m.w
	w.begin('{')
	w.field("role", "assistant")
	switch {
	case len(a.passages) > 0:
		w.key("content")
		a.m.r.content(w, a.texts())
	case a.m.r.call.Quirks.TextOnly:
		w.field("content", "")
	default:
		w.rawField("content", []byte("null"))
	}
	a.reasoning(w)
	if len(a.uses) > 0 {
		w.key("tool_calls")
		w.begin('[')
		for i := range a.uses {
			a.call(w, i)
		}
		w.end(']')
	}
	w.end('}')
}

// texts are the passages with a blank line between them, which are paragraphs of one text.
func (a *chatAssistant) texts() []passage {
	if a.m.r.marks || len(a.passages) == 1 {
		return a.passages
	}
	return []passage{{text: joinTexts(a.passages)}}
}

// noThoughts stands for reasoning that is not known, where the field may neither be missing nor
// be empty.
const noThoughts = " "

// reasoning gives the provider back what it has thought.
func (a *chatAssistant) reasoning(w *writer) {
	q := &a.m.r.call.Quirks
	thoughts := strings.Join(a.thoughts, "\n")
	if thoughts == "" && q.ReasoningMust && len(a.uses) > 0 {
		thoughts = noThoughts
	}
	switch {
	case q.ReasoningIn == "" || q.ReasoningIn == "none":
	case q.ReasoningIn == "reasoning_details" && len(a.details) > 0:
		w.key("reasoning_details")
		w.begin('[')
		for _, one := range a.details {
			w.raw(translate.Compact(nil, one))
		}
		w.end(']')
	case thoughts == "":
	case q.ReasoningIn == "reasoning_details":
		w.field("reasoning", thoughts)
	default:
		w.field(q.ReasoningIn, thoughts)
	}
}

// noSignature is what Google takes for a call whose signature is lost, or that another model has
// made.
const noSignature = "skip_thought_signature_validator"

// call writes a tool call, and has its result expected.
func (a *chatAssistant) call(w *writer, i int) {
	p, r := a.uses[i], a.m.r
	id := a.ids.of(p.ID)
	a.m.calls = append(a.m.calls, chatCall{p.ID, id})
	w.begin('{')
	w.field("id", id)
	w.field("type", "function")
	w.key("function")
	w.begin('{')
	w.field("name", r.names.sent(p.Name))
	w.field("arguments", string(translate.Compact(nil, p.Input)))
	w.end('}')
	if signature := a.signature(i); signature != "" {
		w.rawField("extra_content", members{{"google", members{{"thought_signature", quoted(signature)}}.render()}}.render())
	}
	w.end('}')
}

// signature is Google's for a call. Of calls that were made together, only the first must have
// one.
func (a *chatAssistant) signature(i int) string {
	if !a.m.r.call.Quirks.Signatures {
		return ""
	}
	if s := a.signatures[a.uses[i].ID]; s != "" {
		return s
	}
	if i > 0 {
		return ""
	}
	return noSignature
}
