package translate

// stop ends the answer at a stop sequence.
func (w *Writer) stop(sequence string) {
	w.reason, w.sequence = "stop_sequence", sequence
	w.CloseBlocks()
	w.stopped = true
}

// flushStops gives out the text that was held because a stop sequence might have begun in it.
func (w *Writer) flushStops() { w.text(w.stops.flush()) }

// stopReason is the reason that was given, as far as it fits what the answer holds.
func (w *Writer) stopReason() string {
	switch {
	case w.refused && (w.reason == "" || w.reason == "end_turn"):
		return "refusal"
	case w.used && (w.reason == "" || w.reason == "end_turn"):
		return "tool_use"
	case !w.used && w.reason == "tool_use", w.reason == "":
		return "end_turn"
	}
	return w.reason
}

// cut tells whether the answer was cut off. The input of a call may then lack more than brackets: a
// command of which only the beginning came must not run.
func (w *Writer) cut() bool {
	switch w.reason {
	case "max_tokens", "model_context_window_exceeded", "refusal":
		return true
	}
	return false
}

// final is the usage that the message ends with. What nobody reported is estimated: the client
// decides by it when to compact. No tokens for something that was written is no report.
func (w *Writer) final() Usage {
	u := w.usage
	if u.Prompt < 0 {
		u.Prompt, w.aside.Estimated = w.open.Prompt, true
	}
	if u.Output < 0 || u.Output == 0 && w.written > 0 {
		u.Output, w.aside.Estimated = (w.written+bytesPerToken-1)/bytesPerToken, true
	}
	return u
}

// bytesPerToken is what an answer is estimated by.
const bytesPerToken = 4
