package translate

import "strings"

type blockKind int

const (
	blockText blockKind = iota
	blockThinking
	blockTool
	blockSearch // by the provider
	blockFound  // by a search
)

// block is a content block: written, being written, or waiting.
type block struct {
	kind      blockKind
	index     int
	begun     bool // content_block_start was written
	over      bool // nothing comes any more
	id, name  string
	signature string
	text      strings.Builder // what was not written yet; in a body, all of it
	any       bool            // something was written or waits
	delta     []byte          // what stands in front of everything it has more; nil = nothing was written
	whole     any             // of a block that has no deltas
}

// text adds to the text. White space alone makes no block: a Claude upstream refuses one when the
// conversation goes on there.
func (w *Writer) text(s string) {
	b := w.current(blockText)
	if b == nil {
		if strings.TrimSpace(s) == "" {
			if len(w.lead) < maxLead {
				w.lead += s
			}
			return
		}
		s = w.lead + s
		b = w.last(blockText)
	}
	if s != "" {
		w.add(b, s)
	}
}

// maxLead is how much white space in front of a text is kept.
const maxLead = 4 << 10

// current is the last block if it is of that kind and open; else nil.
func (w *Writer) current(kind blockKind) *block {
	if n := len(w.queue); n > 0 {
		if b := w.queue[n-1]; b.kind == kind && !b.over {
			return b
		}
	}
	return nil
}

// last returns the block that what comes now belongs to: the current one, or a new one.
func (w *Writer) last(kind blockKind) *block {
	if b := w.current(kind); b != nil {
		w.lead = ""
		return b
	}
	w.endLast()
	b := &block{kind: kind}
	w.push(b)
	return b
}

// endLast ends the last block, but not a tool call: its input may go on behind others.
func (w *Writer) endLast() {
	w.lead = ""
	if n := len(w.queue); n > 0 && w.queue[n-1].kind != blockTool {
		w.finish(w.queue[n-1])
	}
}

func (w *Writer) push(b *block) {
	w.Start()
	w.queue = append(w.queue, b)
	w.drain()
}

func (w *Writer) add(b *block, s string) {
	b.any = true
	w.written += int64(len(s))
	if w.stream && w.queue[0] == b {
		w.begin(b)
		w.delta(b, s)
		return
	}
	if w.held += len(s); w.held > maxHeld {
		w.Fail("api_error", "the provider's answer is longer than it may be")
		return
	}
	b.text.WriteString(s)
}

// maxHeld is how much content may wait: for the end of the body, or of the tool call in front.
const maxHeld = 64 << 20

func (w *Writer) finish(b *block) {
	b.over = true
	w.drain()
}

// drain writes what need not wait any more.
func (w *Writer) drain() {
	for len(w.queue) > 0 && !w.ended {
		b := w.queue[0]
		if w.stream {
			w.begin(b)
			if n := b.text.Len(); n > 0 {
				w.delta(b, b.text.String())
				b.text.Reset()
				w.held -= n
			}
		}
		if !b.over {
			return
		}
		w.close(b)
		w.queue = w.queue[1:]
	}
}
