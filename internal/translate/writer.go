package translate

// Writer writes one answer of the Messages API: as server-sent events while it comes, or as one
// JSON body once it is whole. It keeps the grammar whatever it is called with: blocks are numbered
// without gaps, one is open at a time, nothing comes before message_start nor after the end. It is
// not safe for concurrent use.
type Writer struct {
	open    Opening
	seed    string // what ids are made of where the provider gives none
	stream  bool
	out     []byte
	started bool
	ended   bool
	stopped bool // by a stop sequence

	queue []*block        // the first is the one that is being written; what follows waits for its end
	next  int             // index of the next block
	done  []*block        // of a body that is written at the end
	tools map[int]*block  // searches included
	ids   map[string]bool // of tool calls, those of the conversation included
	stops scanner
	lead  string // white space that no text has followed yet
	held  int    // bytes of content that wait

	reason   string // stop_reason; ""
	sequence string
	usage    Usage
	aside    Aside
	written  int64 // bytes of output, for an estimate
	searches int64 // of the web, by the provider
	used     bool  // a tool call was begun
	refused  bool
	failure  *Failure
}

// Opening is what message_start says.
type Opening struct {
	ID       string // msg_...
	Model    string // as the client named it
	Provider string // for the signatures of thinking that the provider has not signed itself
	Prompt   int64  // tokens, estimated
	Stops    []string
	Exchange string   // what tells this answer from every other; "" = the provider's id does
	ToolIDs  []string // of the calls that the conversation has so far
}

// NewWriter returns a writer of events, or of one body.
func NewWriter(open Opening, stream bool) *Writer {
	w := &Writer{open: open, seed: open.ID, stream: stream, usage: NoUsage(), tools: make(map[int]*block), ids: make(map[string]bool)}
	w.stops.set(open.Stops)
	for _, id := range open.ToolIDs {
		w.ids[id] = true
	}
	return w
}

// Name sets what is known only from the answer: its id, and what the prompt holds. It has no
// effect once the answer has begun.
func (w *Writer) Name(id string, prompt int64) {
	if w.started {
		return
	}
	if id != "" {
		w.open.ID = w.open.messageID(id)
	}
	if prompt >= 0 {
		w.open.Prompt = prompt
	}
}

// Start writes message_start, unless it was written.
func (w *Writer) Start() {
	if w.started || w.ended {
		return
	}
	w.started = true
	if w.stream {
		w.event("message_start", messageStart(&w.open))
	}
}

// Text adds to the text of the answer.
func (w *Writer) Text(s string) {
	if s == "" || w.closed() {
		return
	}
	keep, hit := w.stops.feed(s)
	w.text(keep)
	if hit != "" {
		w.stop(hit)
	}
}

// Refusal adds to the text in which the model declines.
func (w *Writer) Refusal(s string) {
	if s == "" || w.closed() {
		return
	}
	w.refused = true
	w.flushStops()
	w.text(s)
}

// Thinking adds to the reasoning. After anything else it begins a new block.
func (w *Writer) Thinking(s string) {
	if s == "" || w.closed() {
		return
	}
	w.flushStops()
	w.add(w.last(blockThinking), s)
}

// Sign ends the block of reasoning with what the provider wants back. Where none stands last, an
// empty one carries it.
func (w *Writer) Sign(signature string) {
	if w.closed() {
		return
	}
	w.flushStops()
	b := w.last(blockThinking)
	b.signature = signature
	w.finish(b)
}

// Tool begins a tool call. key tells it from the others; of one that was begun already, nothing
// changes. The id is what [Writer.ToolID] makes of id.
func (w *Writer) Tool(key int, id, name string) {
	if w.closed() || w.tools[key] != nil {
		return
	}
	w.flushStops()
	w.endLast()
	b := &block{kind: blockTool, id: w.ToolID(key, id), name: name}
	w.tools[key], w.ids[b.id], w.used = b, true, true
	w.push(b)
}

// ToolID is the id that a tool call has, or will have if it is begun next: one that the Messages
// API accepts and no other call of the conversation has. Where id is "", it is made up. Some servers
// number the calls of each answer anew, and the client forgets a call whose id it has had before.
func (w *Writer) ToolID(key int, id string) string {
	if b := w.tools[key]; b != nil {
		return b.id
	}
	switch {
	case id == "":
		id = madeID(w.seed, key)
	case !plain(id):
		id = ToolID(id)
	}
	for n, base := 2, id; w.ids[id]; n++ {
		id = numberedID(base, n)
	}
	return id
}

// Args adds to the input of a tool call that was begun.
func (w *Writer) Args(key int, s string) {
	if b := w.tools[key]; b != nil && !b.over && s != "" && !w.closed() {
		w.add(b, s)
	}
}

// ToolDone says that the input of a tool call is whole.
func (w *Writer) ToolDone(key int) {
	if b := w.tools[key]; b != nil && !w.closed() {
		w.finish(b)
	}
}

// Reason sets the stop_reason, and the stop sequence where that is the reason. The last one counts.
func (w *Writer) Reason(reason, sequence string) {
	if !w.closed() {
		w.reason, w.sequence = reason, sequence
	}
}

// Use replaces what is known of the usage: of each count that the provider reported, the last.
func (w *Writer) Use(u Usage) {
	set := func(to *int64, v int64) {
		if v >= 0 {
			*to = v
		}
	}
	set(&w.usage.Prompt, u.Prompt)
	set(&w.usage.CacheRead, u.CacheRead)
	set(&w.usage.CacheWrite, u.CacheWrite)
	set(&w.usage.Output, u.Output)
	set(&w.usage.Reasoning, u.Reasoning)
}

// Aside notes what the Messages API has no field for.
func (w *Writer) Aside(set func(*Aside)) { set(&w.aside) }

// Told returns what was noted.
func (w *Writer) Told() Aside { return w.aside }

// Prompt is the size of the prompt that the provider reported, in tokens; -1 = it did not.
func (w *Writer) Prompt() int64 { return w.usage.Prompt }

// Usage returns what was reported.
func (w *Writer) Usage() Usage { return w.usage }

// Used tells whether a tool call was begun.
func (w *Writer) Used() bool { return w.used }

// Begun tells whether there is any content.
func (w *Writer) Begun() bool { return w.next > 0 || len(w.queue) > 0 || len(w.done) > 0 }

// Reasoned tells that the provider has said why its answer is done, and that the message is held open
// for what may follow: what was used.
func (w *Writer) Reasoned() bool { return w.reason != "" && !w.closed() }

// Stopped tells that the answer has ended at a stop sequence that the provider does not know of:
// nothing of what follows is wanted.
func (w *Writer) Stopped() bool { return w.stopped }

// Ended tells whether the message is complete, or has failed.
func (w *Writer) Ended() bool { return w.ended }

// CloseBlocks ends all blocks. Usage and reason may still come.
func (w *Writer) CloseBlocks() {
	if w.closed() {
		return
	}
	w.flushStops()
	for _, b := range w.queue {
		b.over = true
	}
	w.drain()
}

// End completes the message.
func (w *Writer) End() {
	if w.ended {
		return
	}
	w.Start()
	if w.CloseBlocks(); w.ended {
		return
	}
	w.ended = true
	u := w.final()
	if w.stream {
		w.event("message_delta", messageDelta(w.stopReason(), w.sequence, u, w.served()))
		w.out = append(w.out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
		return
	}
	w.out = appendJSON(w.out, w.message(u))
}

// Fail ends the answer with an error: as an event, or as the body.
func (w *Writer) Fail(typ, message string) {
	if w.ended {
		return
	}
	w.ended = true
	v := errorBody(typ, message)
	if w.stream {
		w.event("error", v)
		return
	}
	w.out = appendJSON(w.out[:0], v)
}

// Refuse ends the answer with an error of the provider's. Of one that came in the place of an answer
// nothing is lost: [Writer.Failure] returns what the body has no place for.
func (w *Writer) Refuse(f *Failure) {
	if !w.ended && !w.Begun() {
		w.failure = f
	}
	w.Fail(f.Type, f.Message)
}

// Failure is the error that the provider gave in the place of an answer; nil = it gave none.
func (w *Writer) Failure() *Failure { return w.failure }

// Take returns what was written since the last call. It is valid until the next call of any
// method.
func (w *Writer) Take() []byte {
	b := w.out
	w.out = w.out[:0]
	return b
}

// Waiting tells whether there is something to take.
func (w *Writer) Waiting() bool { return len(w.out) > 0 }

func (w *Writer) closed() bool { return w.ended || w.stopped }
