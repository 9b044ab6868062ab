package openai

import (
	"strings"

	"prism/internal/translate"
)

// itemKind is what an item of the output is. Items of other kinds are not asked for.
type itemKind int

const (
	itemMessage itemKind = iota + 1
	itemReasoning
	itemCall
	itemSearch // of the web
)

func itemKindOf(typ []byte) itemKind {
	switch string(typ) {
	case `"message"`:
		return itemMessage
	case `"reasoning"`:
		return itemReasoning
	case `"function_call"`:
		return itemCall
	case `"web_search_call"`:
		return itemSearch
	}
	return 0
}

// pieceKind is what a piece adds to.
type pieceKind int

const (
	pieceText pieceKind = iota + 1
	pieceRefusal
	pieceSummary // of reasoning
	pieceThought // reasoning itself, which some providers show
	pieceArgs
)

// responsesItem is one item of the output.
type responsesItem struct {
	kind  itemKind
	key   int    // tells it from the others
	id    string // of the item, as the provider gave it
	call  string // id of the call
	name  string // of the tool
	phase string // of a message: what part it has in the turn
	state string // encrypted reasoning

	search translate.Search
	silent bool // a search that is none

	parts  int64     // so many of its parts have come, or begun to
	source pieceKind // of reasoning: the first to come counts, the other one says the same again
	some   bool      // something has come
	begun  bool      // a call was written
	done   bool      // the provider has said so, before the answer ended
	over   bool      // nothing comes any more
	held   []heldPiece
}

// heldPiece waits for the items before its own to end.
type heldPiece struct {
	kind pieceKind
	text *strings.Builder
}

// accept tells whether the item takes such a piece.
func (it *responsesItem) accept(kind pieceKind) bool {
	if it.kind != itemReasoning {
		return true
	}
	if it.source == 0 {
		it.source = kind
	}
	return it.source == kind
}

// pieceCost is about what a piece takes beside its text.
const pieceCost = 64

// hold keeps a piece, and returns what that costs in bytes.
func (it *responsesItem) hold(kind pieceKind, s string) int {
	cost := len(s)
	if n := len(it.held); n == 0 || it.held[n-1].kind != kind {
		it.held = append(it.held, heldPiece{kind, &strings.Builder{}})
		cost += pieceCost
	}
	it.held[len(it.held)-1].text.WriteString(s)
	return cost
}

// itemBody is an item as JSON.
type itemBody struct {
	kind             itemKind
	id, call, name   string
	phase, state     string
	args             []byte
	summary, content []byte
	action           []byte // of a search
	failed           bool
}

func parseItem(raw []byte) itemBody {
	var b itemBody
	r := reader{b: raw}
	if !r.enter('{') {
		return b
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			b.kind = itemKindOf(r.value())
		case "id":
			b.id = r.string()
		case "call_id":
			b.call = r.string()
		case "name":
			b.name = r.string()
		case "phase":
			b.phase = r.string()
		case "encrypted_content":
			b.state = r.string()
		case "arguments":
			b.args = r.value()
		case "action":
			b.action = r.value()
		case "status":
			b.failed = r.string() == "failed"
		case "summary":
			b.summary = r.value()
		case "content":
			b.content = r.value()
		default:
			r.skip()
		}
	}
	return b
}

// learn takes what an item says of itself.
func (it *responsesItem) learn(b *itemBody) {
	for _, one := range []struct {
		to  *string
		now string
	}{{&it.id, b.id}, {&it.call, b.call}, {&it.phase, b.phase}} {
		if *one.to == "" {
			*one.to = one.now
		}
	}
	if !it.begun && b.name != "" {
		it.name = b.name
	}
	if it.kind == itemSearch {
		it.learnSearch(b)
	}
}

// another tells that an id is that of another item.
func (it *responsesItem) another(id string) bool { return id != "" && it.id != "" && id != it.id }

// parsePart reads a part of content.
func parsePart(raw []byte) (pieceKind, []byte) {
	r := reader{b: raw}
	var kind pieceKind
	var text []byte
	if !r.enter('{') {
		return 0, nil
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "type":
			switch string(r.value()) {
			case `"output_text"`, `"text"`:
				kind = pieceText
			case `"refusal"`:
				kind = pieceRefusal
			case `"reasoning_text"`:
				kind = pieceThought
			case `"summary_text"`:
				kind = pieceSummary
			}
		case "text", "refusal":
			text = r.value()
		default:
			r.skip()
		}
	}
	return kind, text
}

// saidOf is the text of a delta: a string, or an object that has one.
func saidOf(v []byte) string {
	if len(v) > 0 && v[0] == '{' {
		r := reader{b: v}
		if text := r.field("text"); text != nil {
			return words(text)
		}
	}
	return said(v)
}
