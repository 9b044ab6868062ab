package openai

import (
	"errors"
	"io"

	"prism/internal/translate"
)

// responsesAnswer is what is known of an answer while it comes. Its items may interleave; they are
// written one after the other, in the order in which they began, so that reasoning stays in front
// of what came of it: the provider wants it back there. What comes early is held.
type responsesAnswer struct {
	r *translate.Reply
	w *translate.Writer

	items []*responsesItem // all, in order
	queue []*responsesItem // those that are not written to their end
	at    map[int64]*responsesItem
	ids   map[string]*responsesItem
	last  *responsesItem // that something was said of
	held  int            // bytes that had to wait
	cites []citation     // by the texts that have come
	named bool
	cut   bool // the answer has ended before it was complete
	final bool // no item follows

	searched bool // there is a search
}

// maxItems is how many items an answer may have.
const maxItems = 4096

func newResponsesAnswer(r *translate.Reply, w *translate.Writer) responsesAnswer {
	return responsesAnswer{r: r, w: w, at: make(map[int64]*responsesItem), ids: make(map[string]*responsesItem)}
}

// begin takes what an answer says of itself before it has any content.
func (d *responsesAnswer) begin(response []byte) {
	if !d.named {
		b := parseResponse(response)
		d.name(b.id, b.model)
	}
	d.w.Start()
}

func (d *responsesAnswer) name(id, model string) {
	if d.named || id == "" && model == "" {
		return
	}
	d.named = true
	d.w.Name(id, -1)
	d.w.Aside(func(a *translate.Aside) { a.ID, a.Model = id, model })
}

// added takes the beginning of an item.
func (d *responsesAnswer) added(e *responsesEvent) {
	b := parseItem(e.item)
	if b.kind == 0 {
		return
	}
	it := d.open(e, &b, true)
	it.learn(&b)
	d.last = it
	d.advance()
}

// open returns the item that an event tells of as a whole, and makes one if there is none. Where its
// place is another's, that one is over. begins tells that the event is the first of an item.
func (d *responsesAnswer) open(e *responsesEvent, b *itemBody, begins bool) *responsesItem {
	if it := d.ids[b.id]; it != nil && it.kind == b.kind && !it.over {
		return it
	}
	if old := d.at[e.index]; e.indexed && old != nil && (old.kind != b.kind || (begins || old.over) && old.another(b.id)) {
		old.over = true
		return d.create(e, b.kind, b.id)
	}
	if it := d.known(e, b.kind, b.id); it != nil {
		return it
	}
	return d.create(e, b.kind, b.id)
}

// known returns the item that an event is of, if there is one. Its place in the output tells: there
// are providers whose ids change from event to event.
func (d *responsesAnswer) known(e *responsesEvent, kind itemKind, id string) *responsesItem {
	if it := d.at[e.index]; e.indexed && it != nil && it.kind == kind {
		return it
	}
	if it := d.ids[id]; it != nil && it.kind == kind {
		return it
	}
	if it := d.last; !e.indexed && id == "" && it != nil && it.kind == kind && !it.over {
		return it
	}
	return nil
}

// of returns the item that an event adds to, and makes one where its beginning was not told. nil
// stands for one that is over.
func (d *responsesAnswer) of(e *responsesEvent, kind itemKind) *responsesItem {
	if it := d.last; it != nil && !it.over && it.kind == kind && e.indexed && it == d.at[e.index] {
		return it
	}
	id := words(e.id)
	it := d.known(e, kind, id)
	switch {
	case it == nil || it.over && it.another(id):
		it = d.create(e, kind, id)
		d.advance()
	case it.over:
		return nil
	}
	d.last = it
	return it
}

func (d *responsesAnswer) create(e *responsesEvent, kind itemKind, id string) *responsesItem {
	it := &responsesItem{kind: kind, key: len(d.items), id: id}
	d.items = append(d.items, it)
	d.searched = d.searched || kind == itemSearch
	d.queue = append(d.queue, it)
	if e.indexed {
		d.at[e.index] = it
	}
	if id != "" {
		d.ids[id] = it
	}
	if d.wait(len(id)); len(d.items) > maxItems {
		d.tooLong()
	}
	return it
}

// wait counts bytes that are kept.
func (d *responsesAnswer) wait(n int) {
	if d.held += n; d.held > maxFrame {
		d.tooLong()
	}
}

// delta takes what is added to an item.
func (d *responsesAnswer) delta(e *responsesEvent, kind itemKind, what pieceKind) {
	if e.it, e.what = d.of(e, kind), what; e.it != nil {
		d.put(e.it, what, e.part, saidOf(e.text))
	}
}

// late takes the whole of a part of an item, where it did not come in pieces.
func (d *responsesAnswer) late(e *responsesEvent, kind itemKind, what pieceKind) {
	it := d.of(e, kind)
	if it == nil {
		return
	}
	if kind == itemCall && !it.begun && e.name != nil {
		it.name = words(e.name)
	}
	if e.part >= it.parts {
		d.put(it, what, e.part, saidOf(e.text))
	}
}

// latePart does the same for a part that says what it is.
func (d *responsesAnswer) latePart(e *responsesEvent) {
	kind, text := parsePart(e.piece)
	e.text = text
	switch kind {
	case pieceThought:
		d.late(e, itemReasoning, kind)
	case pieceText, pieceRefusal:
		d.late(e, itemMessage, kind)
	default:
	}
}

// itemDone takes the end of an item, and what of it has not come.
func (d *responsesAnswer) itemDone(e *responsesEvent) {
	b := parseItem(e.item)
	if b.kind == 0 {
		return
	}
	if it := d.open(e, &b, false); !it.over {
		d.complete(it, &b)
	}
}

// complete ends an item.
func (d *responsesAnswer) complete(it *responsesItem, b *itemBody) {
	it.learn(b)
	it.state = b.state
	d.wait(len(b.state))
	d.advance()
	if it.kind != itemCall {
		d.rest(it, b.summary)
		d.rest(it, b.content)
		d.cite(b.content)
	} else if it.parts == 0 {
		d.put(it, pieceArgs, 0, said(b.args))
	}
	it.over, it.done = true, !d.cut
	d.advance()
}

// rest takes the parts of an item that have not come.
func (d *responsesAnswer) rest(it *responsesItem, list []byte) {
	r := reader{b: list}
	if list == nil || !r.enter('[') {
		return
	}
	for part := int64(0); r.item(); part++ {
		kind, text := parsePart(r.value())
		if kind != 0 && part >= it.parts && (kind == pieceSummary || kind == pieceThought) == (it.kind == itemReasoning) {
			d.put(it, kind, part, said(text))
		}
	}
}

// over ends the answer where the connection did.
func (d *responsesAnswer) over(err error) error {
	switch {
	case d.w.Ended():
		return nil
	case d.w.Stopped():
		d.w.End()
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return translate.ErrCut
	}
	return err
}

func (d *responsesAnswer) tooLong() {
	d.w.Fail("api_error", "the provider's answer is longer than it may be")
}
