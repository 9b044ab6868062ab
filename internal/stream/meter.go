package stream

// Kind is the form of an answer's body.
type Kind int

// Kinds of bodies.
const (
	KindSSE    Kind = iota // server-sent events
	KindJSON               // one JSON object
	KindOpaque             // anything else, which is not looked at
)

const (
	maxEvent = 8 << 20  // bytes of an event, or of a value of a JSON body, that are read
	keepBuf  = 64 << 10 // a larger buffer is not kept for the next event or answer
)

// Meter reads usage from a passing body. It is an [io.Writer] that never fails and never keeps
// what it is given. A Meter is meant to live by value in whatever is kept for an exchange, and
// to be used again; [Meter.Reset] comes first. It is not safe for concurrent use.
type Meter struct {
	kind      Kind
	ttl       string
	lines     scanner
	event     event
	body      object
	buf       []byte // the event or value in the middle of which a read ended
	tally     tally
	delivered delivered
	result    Result

	signatures signatures

	started  bool
	opened   bool
	content  bool
	estimate bool
}

// Reset makes the meter ready for a body of the given kind.
func (m *Meter) Reset(kind Kind) {
	buf := m.buf
	if cap(buf) > keepBuf {
		buf = nil
	}
	signed := m.signatures
	signed.list = signed.list[:0]
	*m = Meter{kind: kind, buf: buf[:0], tally: tally{usage: NoUsage()}, signatures: signed}
}

// SetTTL says what the request's cache marks asked for, in the words of [Request.CacheTTL]. It
// decides where cache writes belong whose split the provider does not report. Reset forgets it.
func (m *Meter) SetTTL(ttl string) { m.ttl = ttl }

// Write looks at the next bytes of the body.
func (m *Meter) Write(p []byte) (int, error) {
	switch m.kind {
	case KindSSE:
		m.writeEvents(p)
	case KindJSON:
		m.writeObject(p)
	case KindOpaque:
	}
	return len(p), nil
}

// Finish tells that the body has ended, for whatever reason. The last event counts even if the
// blank line after it is missing, as long as its JSON is whole.
func (m *Meter) Finish() {
	if m.kind == KindSSE {
		m.finishEvents()
	}
}

// Started tells whether the usage in message_start (or in a JSON body) was seen.
func (m *Meter) Started() bool { return m.started }

// Opened tells whether an event has begun that is neither a ping nor message_start, before any
// error: what came is the beginning of an answer, or a kind of event that nobody knows.
func (m *Meter) Opened() bool { return m.opened }

// Content tells whether the first content was seen: a content_block_delta, or the start of a
// block that is not empty.
func (m *Meter) Content() bool { return m.content }

// Complete tells whether a message_delta with a stop_reason was seen; for a JSON body, whether
// it ended and had one.
func (m *Meter) Complete() bool { return m.result.Complete }

// AtBoundary tells whether the stream stands between two events, or at its start. It is right
// also where metering gave up.
func (m *Meter) AtBoundary() bool { return m.kind != KindSSE || m.lines.atBoundary() }

// Tail returns what must be appended to the bytes seen so far to end the line and the event
// they are in the middle of: nothing at a boundary.
func (m *Meter) Tail() []byte {
	if m.kind != KindSSE {
		return nil
	}
	return []byte(m.lines.tail())
}

// Estimate fills in the output of a message that was cut short: what was delivered of text,
// thinking and tool input, at 3.6 bytes for a token. A reported output is never replaced, and
// where nothing was delivered it stays unknown. It returns the usage; the result says from then
// on that it is estimated.
func (m *Meter) Estimate() Usage {
	m.estimate = true
	return m.Result().Usage
}

// Result returns what is known so far. It is overwritten by the next call and by [Meter.Reset];
// the texts and slices in it are not.
func (m *Meter) Result() *Result {
	r := &m.result
	if m.tally.fallen {
		r.Model = m.tally.serving(r.Model)
	}
	usage, parts, n := m.tally.settle(r.Model, m.ttl)
	switch {
	case usage.Output.Known() && r.Complete:
		r.Source = SourceFinal
	case usage != NoUsage() || len(parts) > 0:
		r.Source = SourcePartial
	default:
		r.Source = SourceNone
	}
	if m.estimate && !usage.Output.Known() && m.delivered.bytes > 0 {
		usage.Output = m.delivered.tokens()
		r.Source = SourceEstimated
		n |= noteOutputEstimate
	}
	r.Usage, r.Iterations, r.Notes, r.Raw = usage, parts, n.list(), m.tally.raw
	r.Counting = m.tally.totals.counting(&usage)
	r.ServiceTier, r.Speed, r.InferenceGeo = m.tally.tier, m.tally.speed, m.tally.geo
	r.GaveUp = n&noteGaveUp != 0
	return r
}

// drop empties the buffer, and gives it up if a large event made it large.
func (m *Meter) drop() {
	if cap(m.buf) > keepBuf {
		m.buf = nil
	}
	m.buf = m.buf[:0]
}
