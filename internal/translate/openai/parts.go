package openai

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"prism/internal/translate"
)

// passage is a part of a message as the provider gets it: a text, or a picture or a document.
type passage struct {
	text  string
	media *translate.Part
	cache []byte
}

// passages turns parts into passages. What a provider cannot read is replaced by a word about it: a
// conversation must not end because there is a picture in it.
func (r *chatRequest) passages(parts []translate.Part) []passage {
	out := make([]passage, 0, len(parts))
	for i := range parts {
		p := &parts[i]
		one := passage{cache: p.Cache}
		switch p.Kind {
		case translate.KindText, translate.KindOther:
			one.text = p.Text
		case translate.KindReference:
			one.text = r.reference(p.Name)
		case translate.KindRemoved:
			one.text = "Tool " + r.names.sent(p.Name) + " is no longer available."
		case translate.KindImage:
			one.text, one.media = r.image(p)
		case translate.KindDocument:
			one.text, one.media = r.document(p)
			if one.media != nil && p.Text != "" { // a file has no place for what the client says of it
				out = append(out, passage{text: join("\n", "["+label(p)+"]", p.Text)})
			}
		default:
			continue
		}
		if one.text != "" || one.media != nil {
			out = append(out, one)
		}
	}
	return out
}

// reference tells of a tool that was found.
func (r *chatRequest) reference(name string) string {
	return "Tool " + r.names.sent(name) + " is now available."
}

// image returns a picture, or the words in its place.
func (r *chatRequest) image(p *translate.Part) (string, *translate.Part) {
	switch images := r.call.Quirks.Images; {
	case images == "none":
		r.notes.Add(translate.NoteImage)
		return "[image omitted: the model cannot see]", nil
	case p.Media.Data == "" && p.Media.URL == "":
		r.refuse(&p.Media, "image")
	case images == "base64" && p.Media.Data == "":
		r.notes.Add(translate.NoteImage)
		return "[image omitted: " + p.Media.URL + "]", nil
	}
	return "", p
}

// document returns a document, or its text, or the words in its place.
func (r *chatRequest) document(p *translate.Part) (string, *translate.Part) {
	m := &p.Media
	switch documents := r.call.Quirks.Documents; {
	case strings.HasPrefix(m.Type, "text/"):
		return join("\n", "["+label(p)+"]", p.Text, m.Data), nil
	case m.Data == "" && m.URL == "":
		r.refuse(m, "document")
	case documents == "url", documents == "file" && m.Data != "":
		return "", p
	}
	r.notes.Add(translate.NoteDocument)
	return join("\n", "["+label(p)+" omitted: the model cannot read it]", p.Text), nil
}

// label names a document.
func label(p *translate.Part) string {
	return strings.TrimSpace("document " + cmp.Or(p.Title, p.Media.URL))
}

// refuse refuses a request that names a file of Anthropic's: nobody else has it, and an answer
// without it would be about something else.
func (r *chatRequest) refuse(m *translate.Media, kind string) {
	why := "it has no content"
	if m.FileID != "" {
		why = "it is a file kept at Anthropic, which is not available through this route"
	}
	if r.refusal == nil {
		field := m.At + "." + kind + ".source"
		r.refusal = &translate.Refusal{Field: field, Message: field + ": " + why}
	}
}

// join joins what is not empty.
func join(between string, texts ...string) string {
	kept := texts[:0]
	for _, s := range texts {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, between)
}

// content writes passages as the content of a message: a string where there is only text, which
// every server takes; parts where there is more, or where marks of the prompt cache are kept.
func (r *chatRequest) content(w *writer, passages []passage) {
	plain := !r.marks
	for i := range passages {
		plain = plain && passages[i].media == nil
	}
	if plain || len(passages) == 0 {
		w.text(joinPassages(passages))
		return
	}
	w.begin('[')
	for i := range passages {
		r.passage(w, &passages[i])
	}
	w.end(']')
}

func joinPassages(passages []passage) string {
	if len(passages) == 1 {
		return passages[0].text
	}
	var b strings.Builder
	for i := range passages {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(passages[i].text)
	}
	return b.String()
}

// joinTexts joins passages as paragraphs of one text.
func joinTexts(passages []passage) string {
	texts := make([]string, len(passages))
	for i := range passages {
		texts[i] = passages[i].text
	}
	return strings.Join(texts, "\n\n")
}

func (r *chatRequest) passage(w *writer, p *passage) {
	w.begin('{')
	switch {
	case p.media == nil:
		w.field("type", "text")
		w.field("text", p.text)
		if r.marks && p.cache != nil {
			w.rawField("cache_control", translate.Compact(nil, p.cache))
		}
	case p.media.Kind == translate.KindImage:
		w.field("type", "image_url")
		w.key("image_url")
		w.begin('{')
		w.key("url")
		address(w, &p.media.Media)
		w.end('}')
	default:
		w.field("type", "file")
		w.key("file")
		w.begin('{')
		w.field("filename", fileName(p.media))
		w.key("file_data")
		address(w, &p.media.Media)
		w.end('}')
	}
	w.end('}')
}

// address writes where media is: with the content itself, where it is there.
func address(w *writer, m *translate.Media) {
	if m.Data == "" {
		w.text(m.URL)
		return
	}
	w.text("data:" + m.Type + ";base64," + m.Data)
}

// fileName is what a document is called. Its ending tells providers what it is.
func fileName(p *translate.Part) string {
	switch {
	case p.Title == "":
		return "document.pdf"
	case strings.HasSuffix(strings.ToLower(p.Title), ".pdf"):
		return p.Title
	}
	return p.Title + ".pdf"
}

// attachments are what the results of one turn hold that a tool's message cannot: they follow
// behind all of them.
type attachments struct {
	passages          []passage
	images, documents int
}

// result returns the text of a tool's result, and puts what else is in it aside. inline leaves
// pictures where they are.
func (r *chatRequest) result(p *translate.Part, aside *attachments) []passage {
	inline := r.call.Quirks.Images == "in_tool"
	all := r.passages(p.Parts)
	out := all[:0]
	for _, one := range all {
		switch {
		case one.media == nil, inline && one.media.Kind == translate.KindImage:
			out = append(out, one)
		default:
			out = append(out, passage{text: aside.add(one)})
		}
	}
	if len(out) == 0 {
		out = append(out, passage{text: "(no output)"})
	}
	switch {
	case !p.Failed:
	case out[0].media != nil:
		out = slices.Insert(out, 0, passage{text: "Error:"})
	case !saysError(out[0].text):
		out[0].text = "Error: " + out[0].text
	}
	if p.Cache != nil {
		out[len(out)-1].cache = p.Cache
	}
	return out
}

// add puts something aside and returns the words in its place.
func (a *attachments) add(one passage) string {
	a.passages = append(a.passages, one)
	if one.media.Kind == translate.KindImage {
		a.images++
		return "[image " + strconv.Itoa(a.images) + " attached below]"
	}
	a.documents++
	return "[document " + strconv.Itoa(a.documents) + " attached below]"
}

// saysError tells whether a text says by itself that it is an error.
func saysError(s string) bool {
	s = strings.ToLower(s[:min(len(s), 32)])
	return strings.HasPrefix(s, "error") || strings.HasPrefix(s, "<") && strings.Contains(s, "error>")
}
