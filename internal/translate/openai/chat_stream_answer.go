package openai

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"

	"prism/internal/translate"
)

// chatAnswer is what is known of an answer while it comes.
type chatAnswer struct {
	r *translate.Reply
	w *translate.Writer

	reason  string // stop_reason; "" = the provider has not said that it is done
	stop    string // the stop sequence that ended it, where the provider tells
	named   bool   // the answer has begun: its id and its model are known
	chosen  bool   // there was a choice
	deltas  bool   // there was a delta with something in it
	thinks  bool   // what was written last is reasoning
	held    int    // bytes that are held for the length of the answer
	echo    echo
	tags    thinkTags
	calls   toolCalls
	details details
	repeat  repeated
	choices []choice // of the chunk that is read
}

func newChatAnswer(r *translate.Reply, w *translate.Writer) chatAnswer {
	d := chatAnswer{r: r, w: w}
	d.tags.on, d.tags.fresh = r.Quirks.ThinkTags, true
	d.details.on = r.Quirks.ReasoningIn == "reasoning_details"
	d.calls = newToolCalls()
	d.echo.left = r.Begun
	return d
}

// list reads an array of chunks.
func (d *chatAnswer) list(r *reader) {
	if !r.enter('[') {
		return
	}
	for r.item() && !d.w.Ended() {
		if r.peek() == '{' {
			d.chunk(r)
		} else {
			r.skip()
		}
	}
}

// chunk reads one object of an answer: all of it, or the next part.
func (d *chatAnswer) chunk(r *reader) {
	d.count()
	r.peek()
	start := r.i
	c := d.parse(r)
	if r.bad {
		return
	}
	raw := r.b[start:r.i]
	if c.fault {
		d.failure(raw)
		return
	}
	late := d.reason != ""
	if c.usage != nil {
		d.use(c.usage)
	}
	if !d.named {
		d.name(&c)
	}
	for i := range d.choices {
		if d.apply(&d.choices[i]); d.w.Ended() {
			return
		}
	}
	d.learn(r, start, &c)
	if late && c.usage != nil {
		d.complete()
	}
}

// name takes what the first chunks say of the answer, and begins it with its first choice: Azure
// sends a chunk in front that has neither choice nor name.
func (d *chatAnswer) name(c *chunk) {
	d.w.Name(c.id, d.w.Usage().Prompt)
	d.w.Aside(func(a *translate.Aside) {
		a.ID, a.Model = cmp.Or(c.id, a.ID), cmp.Or(c.model, a.Model)
	})
	if d.named = len(d.choices) > 0; d.named {
		d.w.Start()
	}
}

// apply takes a choice: first what it adds, then that it is done.
func (d *chatAnswer) apply(c *choice) {
	d.chosen = true
	if c.usage != nil {
		d.use(c.usage)
	}
	d.repeat.call = nil
	if c.whole && d.deltas { // a summary at the end of what came in parts
		c.delta = delta{}
	}
	d.add(&c.delta)
	if !c.whole && !c.delta.empty() {
		d.deltas = true
	}
	if d.held > maxFrame {
		d.tooLong()
	}
	if c.finish == "" || d.reason != "" || d.w.Ended() {
		return
	}
	d.finish(c)
}

// finish notes why the provider is done. The message is held open: the usage may follow, and at some
// providers the rest of a tool call.
func (d *chatAnswer) finish(c *choice) {
	reason, fault := stopReason(c.finish)
	switch {
	case fault != "" && c.fault != nil:
		d.failure(slices.Concat([]byte(`{"error":`), c.fault, []byte("}")))
		return
	case fault != "":
		d.w.Fail(fault, "the provider ended its answer with "+quotedWord(c.finish))
		return
	}
	d.reason = reason
	if slices.Contains(d.r.Sequences, c.sequence) {
		d.stop = c.sequence
	}
	if d.reason == "max_tokens" || d.calls.whole() {
		d.close()
	}
	d.tell()
}

// tell says why the provider is done. A stop sequence counts that was asked for: some servers name a
// token of their own so. Where a call was made, that is the reason.
func (d *chatAnswer) tell() {
	if d.reason == "end_turn" && d.stop != "" && !d.w.Used() {
		d.w.Reason("stop_sequence", d.stop)
		return
	}
	d.w.Reason(d.reason, "")
}

// close ends what is open.
func (d *chatAnswer) close() {
	d.leave()
	d.endCalls()
	d.sign()
	d.w.CloseBlocks()
}

// complete ends the message.
func (d *chatAnswer) complete() {
	d.count()
	d.close()
	u := d.w.Usage()
	if d.reason == "max_tokens" && d.r.Window > 0 && u.Prompt > 0 && u.Prompt+max(u.Output, 0) >= d.r.Window {
		d.reason = "model_context_window_exceeded"
	}
	if d.reason != "" && !d.w.Stopped() {
		d.tell()
	}
	d.w.End()
}

// done takes the provider's own mark of the end. Where it did not say why, what it has written
// tells; a tool call that is not whole is no answer.
func (d *chatAnswer) done() {
	switch {
	case d.reason != "" || d.w.Stopped():
		d.complete()
	case d.calls.halfOpen():
		d.w.Fail("api_error", "the provider ended its answer in the middle of a tool call")
	case d.w.Begun() || d.calls.any():
		d.complete()
	default:
		d.w.Fail("overloaded_error", "the provider ended its answer before it had begun")
	}
}

// over ends the answer where the connection did.
func (d *chatAnswer) over(err error) error {
	switch {
	case d.w.Ended():
		return nil
	case d.reason != "" || d.w.Stopped():
		d.complete()
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return translate.ErrCut
	}
	return err
}

func (d *chatAnswer) tooLong() {
	d.w.Fail("api_error", "the provider's answer is longer than it may be")
}

// leave writes out what was held because a tag, or an echo, might have begun in it.
func (d *chatAnswer) leave() {
	if s := d.echo.flush(); s != "" {
		d.content(s)
	}
	if s := d.tags.flush(); s != "" {
		d.write(s, d.tags.in)
	}
}

// content adds to the text; with [config.Quirks.ThinkTags], to the reasoning where the text says so.
func (d *chatAnswer) content(s string) {
	s = d.echo.cut(s)
	if !d.tags.on {
		d.write(s, false)
		return
	}
	d.tags.feed(s, d.write)
}

// write adds to the text, or to the reasoning.
func (d *chatAnswer) write(s string, thinking bool) {
	switch {
	case s == "":
	case thinking:
		d.settle()
		d.w.Thinking(s)
		d.thinks = true
	default:
		if d.thinks {
			d.sign()
		}
		d.settle()
		d.w.Text(s)
		d.thinks = false
	}
}

// sign ends the reasoning with what the provider wants back of it.
func (d *chatAnswer) sign() {
	if payload := d.details.take(); payload != "" {
		d.w.Sign(translate.Envelope{Provider: d.r.Provider, Kind: translate.KindDetails, Payload: payload}.String())
	}
	d.thinks = false
}

// quotedWord shows a word of a provider's, if it is one.
func quotedWord(s string) string {
	if len(s) > 64 || bytes.ContainsFunc([]byte(s), func(c rune) bool { return c < ' ' || c > '~' }) {
		return "an unknown reason"
	}
	return `"` + s + `"`
}
