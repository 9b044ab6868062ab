package openai

import "prism/internal/translate"

// turns walks through a conversation, the same way for both dialects. Between two messages of the
// assistant stands a stretch: the results of its tool calls, in their order, then what the user
// said, and what the system did.
type turns struct {
	r      *chatRequest
	out    teller
	middle string     // role of what the system says in the middle, where it may stand there
	last   string     // role of the last message; "" = none but system prompts
	calls  []chatCall // of the last message, whose results come next
	line   []passage  // of the user's message that is being collected
}

// teller writes what the walk comes upon.
type teller interface {
	assistant(list []translate.Turn)
	result(call chatCall, passages []passage)
	message(role string, passages []passage)
	begun() // what was told last is the beginning of the answer
}

// chatCall is a tool call that waits for its result.
type chatCall struct{ id, sent string }

// filler is said where a message must stand and nobody has said anything.
const filler = "."

// walk tells all of the conversation.
func (t *turns) walk() *translate.Refusal {
	list := t.kept()
	for len(list) > 0 {
		n := 1
		for n < len(list) && (list[n].Role == translate.Assistant) == (list[0].Role == translate.Assistant) {
			n++
		}
		if list[0].Role == translate.Assistant {
			t.out.assistant(list[:n])
			t.last = "assistant"
		} else {
			t.stretch(list[:n])
		}
		list = list[n:]
	}
	if t.last == "assistant" && len(t.calls) == 0 {
		t.out.begun()
	}
	t.stretch(nil)
	if t.last == "" {
		return &translate.Refusal{Field: "messages", Message: "messages: at least one message is required"}
	}
	return nil
}

// kept returns the turns without those that say nothing to this provider: their neighbours become
// one.
func (t *turns) kept() []translate.Turn {
	out := make([]translate.Turn, 0, len(t.r.conv.Turns))
	for _, one := range t.r.conv.Turns {
		if says(&one) {
			out = append(out, one)
		}
	}
	return out
}

func says(t *translate.Turn) bool {
	for i := range t.Parts {
		switch t.Parts[i].Kind {
		case translate.KindText, translate.KindOther, translate.KindReference, translate.KindRemoved:
			return true
		case translate.KindToolUse:
			if t.Role == translate.Assistant {
				return true
			}
		case translate.KindToolResult, translate.KindImage, translate.KindDocument:
			if t.Role == translate.User {
				return true
			}
		default:
		}
	}
	return false
}

// stretch tells what stands between two messages of the assistant.
func (t *turns) stretch(list []translate.Turn) {
	results := make(map[string][]*translate.Part)
	for i := range list {
		for j := range list[i].Parts {
			if p := &list[i].Parts[j]; p.Kind == translate.KindToolResult {
				results[p.ID] = append(results[p.ID], p)
			}
		}
	}
	var aside attachments
	used := make(map[*translate.Part]bool, len(t.calls))
	for _, call := range t.calls {
		var p *translate.Part
		if waiting := results[call.id]; len(waiting) > 0 {
			p, results[call.id] = waiting[0], waiting[1:]
			used[p] = true
		}
		t.result(call, p, &aside)
	}
	t.calls = nil
	t.line = append(t.line, aside.passages...)
	for i := range list {
		t.said(&list[i], used)
	}
	t.flush()
}

// result tells the result of a call. A call that was interrupted gets one that says so: strict
// providers refuse a call without.
func (t *turns) result(call chatCall, p *translate.Part, aside *attachments) {
	passages := []passage{{text: "[no result: interrupted]"}}
	if p != nil {
		passages = t.r.result(p, aside)
	} else {
		t.r.notes.Add(translate.NoteInterrupted)
	}
	t.out.result(call, passages)
	t.last = "tool"
}

// said collects what the user said, and tells what the system did.
func (t *turns) said(one *translate.Turn, used map[*translate.Part]bool) {
	if one.Role == translate.System {
		t.reminder(t.r.passages(one.Parts))
		return
	}
	for i := range one.Parts {
		p := &one.Parts[i]
		switch {
		case p.Kind != translate.KindToolResult:
			t.line = append(t.line, t.r.passages(one.Parts[i:i+1])...)
		case !used[p]:
			t.orphan(p)
		}
	}
}

// orphan tells of a result whose call is not there any more.
func (t *turns) orphan(p *translate.Part) {
	t.r.notes.Add(translate.NoteOrphan)
	var aside attachments
	t.line = append(t.line, passage{text: "[result of an earlier tool call]"})
	t.line = append(t.line, t.r.result(p, &aside)...)
	t.line = append(t.line, aside.passages...)
}

// reminder says what the system says in the middle of a conversation. It stays where it stands:
// to hoist it would change the beginning of every later request.
func (t *turns) reminder(passages []passage) {
	if len(passages) == 0 {
		return
	}
	text := joinPassages(passages)
	if t.r.call.Quirks.SystemMiddle == "inplace" {
		t.flush()
		t.say(t.middle, []passage{{text: text}})
		return
	}
	t.line = append(t.line, passage{text: translate.Reminder(text), cache: passages[len(passages)-1].cache})
}

// flush tells the user's message.
func (t *turns) flush() {
	if len(t.line) > 0 {
		t.say("user", t.line)
	}
	t.line = nil
}

func (t *turns) say(role string, passages []passage) {
	t.out.message(role, passages)
	t.last = role
}
