package openai

import "prism/internal/translate"

// responsesInput writes the conversation as a list of items: messages, calls of tools, their
// results, and reasoning.
type responsesInput struct {
	r     *chatRequest
	w     writer
	last  translate.Role
	calls []chatCall     // of the last turn of the assistant, whose results come next
	line  []passage      // of the user's message that is being collected
	taken map[string]int // ids of calls
}

func (in *responsesInput) write() *translate.Refusal {
	size := len(in.r.call.Body)
	in.w.b = make([]byte, 0, size+size/8)
	in.w.begin('[')
	turns := (&chatMessages{r: in.r}).kept()
	for len(turns) > 0 {
		n := 1
		for n < len(turns) && (turns[n].Role == translate.Assistant) == (turns[0].Role == translate.Assistant) {
			n++
		}
		if turns[0].Role == translate.Assistant {
			in.assistant(turns[:n])
		} else {
			in.stretch(turns[:n])
		}
		turns = turns[n:]
	}
	if in.last == translate.Assistant && len(in.calls) == 0 {
		in.r.notes.Add(translate.NotePrefill)
	}
	in.stretch(nil)
	in.w.end(']')
	if in.last == "" {
		return &translate.Refusal{Field: "messages", Message: "messages: at least one message is required"}
	}
	return nil
}

// stretch writes what stands between two turns of the assistant: the results of its calls, in their
// order, then what the user said.
func (in *responsesInput) stretch(turns []translate.Turn) {
	results := make(map[string][]*translate.Part)
	for i := range turns {
		for j := range turns[i].Parts {
			if p := &turns[i].Parts[j]; p.Kind == translate.KindToolResult {
				results[p.ID] = append(results[p.ID], p)
			}
		}
	}
	var aside attachments
	used := make(map[*translate.Part]bool, len(in.calls))
	for _, call := range in.calls {
		var p *translate.Part
		if waiting := results[call.id]; len(waiting) > 0 {
			p, results[call.id] = waiting[0], waiting[1:]
			used[p] = true
		}
		in.result(call, p, &aside)
	}
	in.calls = nil
	in.line = append(in.line, aside.passages...)
	for i := range turns {
		in.said(&turns[i], used)
	}
	in.flush()
}

// result writes the result of a call. A call that was interrupted gets one that says so: one
// without is refused.
func (in *responsesInput) result(call chatCall, p *translate.Part, aside *attachments) {
	passages := []passage{{text: "[no result: interrupted]"}}
	if p != nil {
		passages = in.r.result(p, aside)
	} else {
		in.r.notes.Add(translate.NoteInterrupted)
	}
	in.w.begin('{')
	in.w.field("type", "function_call_output")
	in.w.field("call_id", call.sent)
	in.w.key("output")
	in.content(passages)
	in.w.end('}')
	in.last = translate.User
}

// said collects what the user said, and what the system did, where it stands.
func (in *responsesInput) said(t *translate.Turn, used map[*translate.Part]bool) {
	if t.Role == translate.System {
		in.reminder(in.r.passages(t.Parts))
		return
	}
	for i := range t.Parts {
		p := &t.Parts[i]
		switch {
		case p.Kind != translate.KindToolResult:
			in.line = append(in.line, in.r.passages(t.Parts[i:i+1])...)
		case !used[p]:
			in.orphan(p)
		}
	}
}

// orphan tells of a result whose call is not there any more.
func (in *responsesInput) orphan(p *translate.Part) {
	in.r.notes.Add(translate.NoteOrphan)
	var aside attachments
	in.line = append(in.line, passage{text: "[result of an earlier tool call]"})
	in.line = append(in.line, in.r.result(p, &aside)...)
	in.line = append(in.line, aside.passages...)
}

func (in *responsesInput) reminder(passages []passage) {
	if len(passages) == 0 {
		return
	}
	text := joinPassages(passages)
	if in.r.call.Quirks.SystemMiddle != "inplace" {
		in.line = append(in.line, passage{text: translate.Reminder(text)})
		return
	}
	in.flush()
	role := "system"
	if in.r.call.Quirks.Developer {
		role = "developer"
	}
	in.message(role, "", []passage{{text: text}})
}

// flush writes the user's message.
func (in *responsesInput) flush() {
	if len(in.line) > 0 {
		in.message("user", "", in.line)
	}
	in.line = nil
}

// message writes a message.
func (in *responsesInput) message(role, phase string, passages []passage) {
	in.w.begin('{')
	in.w.field("type", "message")
	in.w.field("role", role)
	in.w.key("content")
	in.content(passages)
	if phase != "" {
		in.w.field("phase", phase)
	}
	in.w.end('}')
	in.last = translate.Role(role)
}

// content writes passages: a string where there is only text, which every server takes.
func (in *responsesInput) content(passages []passage) {
	plain := true
	for i := range passages {
		plain = plain && passages[i].media == nil
	}
	if plain {
		in.w.text(joinPassages(passages))
		return
	}
	in.w.begin('[')
	for i := range passages {
		in.passage(&passages[i])
	}
	in.w.end(']')
}

func (in *responsesInput) passage(p *passage) {
	w := &in.w
	w.begin('{')
	switch {
	case p.media == nil:
		w.field("type", "input_text")
		w.field("text", p.text)
	case p.media.Kind == translate.KindImage:
		w.field("type", "input_image")
		w.field("detail", "auto")
		w.key("image_url")
		address(w, &p.media.Media)
	default:
		w.field("type", "input_file")
		w.field("filename", fileName(p.media))
		w.key("file_data")
		address(w, &p.media.Media)
	}
	w.end('}')
}
