package openai

import "prism/internal/translate"

// put adds a piece to an item: at once if it is its turn, else when it is.
func (d *responsesAnswer) put(it *responsesItem, kind pieceKind, part int64, s string) {
	if s == "" || it.over || !it.accept(kind) {
		return
	}
	if it.kind == itemReasoning && it.some && part >= it.parts {
		s = "\n\n" + s
	}
	it.parts, it.some = max(it.parts, part+1), true
	if len(d.queue) > 0 && d.queue[0] == it && d.ready(it) {
		d.write(it, kind, s)
		return
	}
	d.wait(it.hold(kind, s))
}

// ready tells whether what an item says can be written, and begins it.
func (d *responsesAnswer) ready(it *responsesItem) bool {
	switch {
	case it.begun:
	case it.kind == itemCall:
		if it.name == "" {
			return false
		}
		name := it.name
		if known, ok := d.r.Names[name]; ok {
			name = known
		}
		id := it.call
		if id == "" {
			id = it.id
		}
		d.w.Tool(it.key, id, name)
	case it.kind == itemMessage && it.phase != "":
		d.w.Sign(translate.Envelope{Provider: d.r.Provider, Phase: it.phase}.String())
	}
	it.begun = true
	return true
}

func (d *responsesAnswer) write(it *responsesItem, kind pieceKind, s string) {
	switch kind {
	case pieceText:
		d.w.Text(s)
	case pieceRefusal:
		d.w.Refusal(s)
	case pieceSummary, pieceThought:
		d.w.Thinking(s)
	case pieceArgs:
		d.w.Args(it.key, s)
	}
}

// advance writes what need not wait any more.
func (d *responsesAnswer) advance() {
	for len(d.queue) > 0 {
		it := d.queue[0]
		if (len(it.held) > 0 || d.bare(it)) && d.ready(it) {
			for _, p := range it.held {
				d.write(it, p.kind, p.text.String())
			}
			it.held = nil
		}
		if d.searching(it) || !it.over || it.kind == itemReasoning && len(d.queue) == 1 && !d.final {
			return // reasoning also tells of what follows it
		}
		d.queue = d.queue[1:]
		d.close(it)
	}
}

// bare tells that an item is a call which has no input. Where the answer was cut, it was the input
// that was cut off, and a call without it would be another one.
func (d *responsesAnswer) bare(it *responsesItem) bool {
	return it.kind == itemCall && it.over && (it.done || !d.cut)
}

// close ends an item.
func (d *responsesAnswer) close(it *responsesItem) {
	switch it.kind {
	case itemMessage:
		d.w.CloseBlocks()
	case itemCall:
		d.w.ToolDone(it.key)
	case itemReasoning:
		d.sign(it)
	case itemSearch:
		d.found(it)
	}
}

// sign ends reasoning with what the provider wants back.
func (d *responsesAnswer) sign(it *responsesItem) {
	e := translate.Envelope{Provider: d.r.Provider, Payload: it.state}
	if it.state != "" {
		e.Kind = translate.KindEncrypted
	}
	if len(d.queue) > 0 && d.queue[0].kind == itemMessage && !d.queue[0].begun {
		next := d.queue[0]
		e.Phase, next.begun = next.phase, true
	}
	it.state = ""
	if it.some || e.Kind != "" || e.Phase != "" {
		d.w.Sign(e.String())
	}
}
