package openai

import (
	"prism/config"
	"prism/internal/translate"
)

// assistant writes the items of a turn of the assistant, in their order.
func (in *responsesInput) assistant(turns []translate.Turn) {
	var t responsesTurn
	for i := range turns {
		for j := range turns[i].Parts {
			in.part(&t, &turns[i].Parts[j])
		}
	}
}

// responsesTurn is what of a turn waits for the item it belongs to.
type responsesTurn struct {
	thoughts []responsesThought
	phase    string
}

// responsesThought is reasoning that goes back to who made it: sealed, or in the open.
type responsesThought struct{ sealed, open string }

func (in *responsesInput) part(t *responsesTurn, p *translate.Part) {
	switch p.Kind {
	case translate.KindThinking:
		in.thinking(t, p)
	case translate.KindToolUse:
		in.think(t)
		in.call(p)
		t.phase = ""
	case translate.KindImage, translate.KindDocument:
		in.r.notes.Add(translate.NoteImage)
	default:
		if passages := in.r.passages([]translate.Part{*p}); len(passages) > 0 {
			in.think(t)
			in.item("assistant", t.phase, passages)
			t.phase = ""
		}
	}
}

// thinking keeps what this provider has made itself.
func (in *responsesInput) thinking(t *responsesTurn, p *translate.Part) {
	e, ok := translate.ParseEnvelope(p.Signature)
	q := &in.r.call.Quirks
	if !ok || !e.From(in.r.call.Provider) {
		return
	}
	t.phase = e.Phase
	if q.Effort == config.EffortNone {
		return
	}
	in.r.back(&e)
	switch {
	case e.Kind == translate.KindEncrypted && e.Payload != "":
		t.thoughts = append(t.thoughts, responsesThought{sealed: e.Payload})
	case e.Kind == "" && p.Text != "" && q.ReasoningIn != "" && q.ReasoningIn != "none":
		t.thoughts = append(t.thoughts, responsesThought{open: p.Text})
	}
}

// think writes the reasoning that led to the item that comes next. Without that item it would be
// refused; and so would its id, which the provider has not kept.
func (in *responsesInput) think(t *responsesTurn) {
	for _, one := range t.thoughts {
		in.w.begin('{')
		in.w.field("type", "reasoning")
		in.w.rawField("summary", []byte("[]"))
		if one.sealed != "" {
			in.w.field("encrypted_content", one.sealed)
		} else {
			in.w.rawField("content", listOfText("reasoning_text", one.open))
		}
		in.w.end('}')
	}
	t.thoughts = nil
}

func listOfText(typ, text string) []byte {
	var w writer
	w.begin('[')
	w.raw(members{{"type", quoted(typ)}, {"text", quoted(text)}}.render())
	w.end(']')
	return w.b
}

// call writes a call, and has its result expected.
func (in *responsesInput) call(p *translate.Part) {
	id := in.ids.of(p.ID)
	in.calls = append(in.calls, chatCall{p.ID, id})
	in.w.begin('{')
	in.w.field("type", "function_call")
	in.w.field("call_id", id)
	in.w.field("name", in.r.names.sent(p.Name))
	in.w.field("arguments", string(translate.Compact(nil, p.Input)))
	in.w.end('}')
}
