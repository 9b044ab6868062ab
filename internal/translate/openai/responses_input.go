package openai

import (
	"slices"

	"prism/internal/translate"
)

// responsesInput writes the conversation as a list of items: messages, calls of tools, their
// results, and reasoning.
type responsesInput struct {
	turns
	w   writer
	ids callIDs // that differ within the list: it has nothing else to tell calls apart
}

func newResponsesInput(r *chatRequest) *responsesInput {
	in := &responsesInput{turns: turns{r: r, middle: "system"}, ids: newCallIDs(&r.call.Quirks)}
	if r.call.Quirks.Developer {
		in.middle = "developer"
	}
	in.out = in
	return in
}

func (in *responsesInput) write() *translate.Refusal {
	size := len(in.r.call.Body)
	in.w.b = make([]byte, 0, size+size/8)
	in.w.begin('[')
	refusal := in.walk()
	in.w.end(']')
	return refusal
}

func (in *responsesInput) result(call chatCall, passages []passage) {
	in.w.begin('{')
	in.w.field("type", "function_call_output")
	in.w.field("call_id", call.sent)
	in.w.key("output")
	in.content(passages)
	in.w.end('}')
}

func (in *responsesInput) message(role string, passages []passage) { in.item(role, "", passages) }

// begun notes that nobody goes on with an answer in this dialect.
func (in *responsesInput) begun() { in.r.notes.Add(translate.NotePrefill) }

// item writes a message. phase is what part one of the assistant's has in its turn.
func (in *responsesInput) item(role, phase string, passages []passage) {
	in.w.begin('{')
	in.w.field("type", "message")
	in.w.field("role", role)
	in.w.key("content")
	in.content(passages)
	if phase != "" && !slices.Contains(in.r.call.Quirks.Strip, phaseField) {
		in.w.field("phase", phase)
	}
	in.w.end('}')
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
	case p.media.Media.Data == "": // beside an address, a name is refused
		w.field("type", "input_file")
		w.field("file_url", p.media.Media.URL)
	default:
		w.field("type", "input_file")
		w.field("filename", fileName(p.media))
		w.key("file_data")
		address(w, &p.media.Media)
	}
	w.end('}')
}
