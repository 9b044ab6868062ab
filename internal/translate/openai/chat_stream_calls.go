package openai

import (
	"cmp"
	"slices"
	"strings"

	"prism/internal/translate"
)

// toolCalls puts the pieces of tool calls together. An index should say which call a piece belongs
// to; it may be missing, or the same for all.
type toolCalls struct {
	byIndex map[int64]*toolCall
	byID    map[string]*toolCall
	last    *toolCall
	all     []*toolCall
	open    []*toolCall // begun, and not known to be whole; in order
}

// toolCall is one call.
type toolCall struct {
	key       int
	id        string // as the provider gave it
	name      string
	signature string
	input     toolInput // so far
	begun     bool
}

func newToolCalls() toolCalls {
	return toolCalls{byIndex: make(map[int64]*toolCall), byID: make(map[string]*toolCall)}
}

// piece is one entry of tool_calls.
type piece struct {
	index     int64
	indexed   bool
	id, name  string
	args      []byte // JSON; nil = none
	at        int    // where args begin
	signature string
}

// bare tells that a piece is nothing but more input of a call.
func (p *piece) bare(c *toolCall) bool {
	return (p.id == "" || p.id == c.id) && p.name == "" && p.signature == "" && len(p.args) > 2 && p.args[0] == '"'
}

// noIndex is the place of a function_call, which has no index.
const noIndex = -1

// toolPieces takes the tool calls of a delta.
func (d *chatAnswer) toolPieces(v *delta) {
	if v.call != nil {
		r := reader{b: v.call}
		p := piece{index: noIndex, indexed: true}
		p.function(&r)
		d.piece(&p)
	}
	r := reader{b: v.calls}
	if v.calls == nil || !r.enter('[') {
		return
	}
	for n := 0; r.item(); n++ {
		if r.peek() != '{' {
			r.skip()
			continue
		}
		p := parsePiece(&r)
		d.piece(&p)
		if n == 0 && p.bare(d.calls.last) {
			v.at += p.at
			d.repeat.call = d.calls.last
		} else {
			d.repeat.call = nil
		}
	}
}

func parsePiece(r *reader) piece {
	var p piece
	r.enter('{')
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "index":
			p.index, p.indexed = r.int()
		case "id":
			p.id = said(r.value())
		case "function":
			p.function(r)
		case "extra_content":
			p.signature = words(google(r.value(), "thought_signature"))
		default:
			r.skip()
		}
	}
	return p
}

func (p *piece) function(r *reader) {
	if !r.enter('{') {
		return
	}
	for key := r.key(); key != nil; key = r.key() {
		switch string(key) {
		case "name":
			p.name = r.string()
		case "arguments":
			p.args = r.value()
			p.at = r.from
		default:
			r.skip()
		}
	}
}

// piece takes a piece of a tool call.
func (d *chatAnswer) piece(p *piece) {
	t := &d.calls
	c := t.find(p)
	if c != t.last && t.last != nil {
		d.release(t.last)
		d.settle()
	}
	if c == nil {
		c = t.create(p)
	}
	t.last = c
	if p.signature != "" {
		c.signature = p.signature
		if c.begun {
			d.signCall(c)
		}
	}
	if p.name != c.name && !c.begun { // it may come in pieces
		c.name += p.name
	}
	if p.id != "" && t.byID[p.id] == nil {
		c.id = cmp.Or(c.id, p.id)
		t.byID[p.id] = c
	}
	d.input(c, said(p.args))
}

// input adds to the input of a call.
func (d *chatAnswer) input(c *toolCall, args string) {
	raw := []byte(args)
	if args == "" || c.input.whole() && c.input.is(raw) { // some say all of it again at the end
		return
	}
	if c.input.sent {
		c.input.add(raw)
		d.w.Args(c.key, args)
		return
	}
	if c.input.nothing() { // in front of the true input, that is a placeholder
		c.input = toolInput{}
	}
	d.held += len(raw)
	c.input.add(raw)
	d.release(c)
}

// release writes what is known of a call, once its name is. What looks like no input may still be
// replaced.
func (d *chatAnswer) release(c *toolCall) {
	if c.name == "" {
		return
	}
	d.begin(c)
	if !c.input.sent && !c.input.nothing() {
		d.w.Args(c.key, c.input.take())
	}
}

// find returns the call that a piece belongs to; nil where it begins one.
func (t *toolCalls) find(p *piece) *toolCall {
	c := t.last
	if p.indexed {
		c = t.byIndex[p.index]
	}
	if c != nil && p.id != "" && p.id != c.id && (c.id != "" || !p.indexed) {
		if known := t.byID[p.id]; known != nil || !c.goesOn(p) {
			c = known
		}
	}
	if c != nil && c.another(p) {
		return nil
	}
	return c
}

// goesOn tells that a piece belongs to the call although its id is another one: it names no tool, and
// the call lacks input. Some servers have an id for each piece.
func (c *toolCall) goesOn(p *piece) bool {
	return p.name == "" && (!c.input.whole() || c.input.nothing())
}

// create adds a call.
func (t *toolCalls) create(p *piece) *toolCall {
	c := &toolCall{key: len(t.all), id: p.id}
	t.all = append(t.all, c)
	if p.indexed {
		t.byIndex[p.index] = c
	}
	if p.id != "" {
		t.byID[p.id] = c
	}
	return c
}

// another tells that a piece cannot belong to the call, which has all of its input: it names a tool and
// brings input of its own. An id says which call is meant, unless this one has none and another name.
func (c *toolCall) another(p *piece) bool {
	switch {
	case p.name == "" || !c.input.whole() || c.input.nothing() && p.name == c.name:
		return false
	case p.id != "":
		return c.id == "" && p.name != c.name
	}
	args := strings.TrimLeft(said(p.args), " \t\r\n")
	return strings.HasPrefix(args, "{") && (p.name != c.name || !c.input.is([]byte(args)))
}

// begin writes the start of a call, behind what must come back with it.
func (d *chatAnswer) begin(c *toolCall) {
	if c.begun {
		return
	}
	d.sign()
	d.settle()
	if c.signature != "" {
		d.signCall(c)
	}
	name := c.name
	if known, ok := d.r.Names[name]; ok {
		name = known
	}
	c.begun = true
	d.w.Tool(c.key, c.id, name)
	d.calls.open = append(d.calls.open, c)
}

// signCall writes the signature of a call.
func (d *chatAnswer) signCall(c *toolCall) {
	e := translate.Envelope{
		Provider: d.r.Provider, Kind: translate.KindThought, Payload: c.signature, Tools: []string{d.w.ToolID(c.key, c.id)},
	}
	c.signature = ""
	d.w.Sign(e.String())
}

// settle ends the calls in front that are whole, now that something else begins. What looks like no
// input may still be replaced.
func (d *chatAnswer) settle() {
	t := &d.calls
	for len(t.open) > 0 && t.open[0].input.whole() && !t.open[0].input.nothing() {
		d.w.ToolDone(t.open[0].key)
		t.open = t.open[1:]
	}
}

// endCalls writes the calls that had no input, or had all of it before their name. Where the answer
// was cut by its length, it was the input that was cut off, and a call without it would be another
// one.
func (d *chatAnswer) endCalls() {
	for _, c := range d.calls.all {
		if d.reason != "max_tokens" || !c.input.nothing() {
			d.release(c)
		}
	}
}

// any tells whether a call was begun that can be made.
func (t *toolCalls) any() bool {
	for _, c := range t.all {
		if c.name != "" {
			return true
		}
	}
	return false
}

// whole tells whether the input of every call has come to its end.
func (t *toolCalls) whole() bool {
	return !slices.ContainsFunc(t.all, func(c *toolCall) bool { return !c.input.whole() })
}

// halfOpen tells whether the input of a call has begun and not ended.
func (t *toolCalls) halfOpen() bool {
	for _, c := range t.all {
		if !c.input.nothing() && !c.input.whole() {
			return true
		}
	}
	return false
}
