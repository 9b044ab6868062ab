package stream

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// plan is what is done with the data of an event.
type plan uint8

const (
	planWait  plan = iota // fewer than headMax bytes so far: not known yet
	planKeep              // kept whole and decoded at the end of the event
	planCount             // a delta: what it delivers is counted as it passes
	planSkip
)

// headMax is how much of an event's data is looked at to learn its type and, in a delta, where
// the delivered text begins. Events shorter than that are seen whole.
const headMax = 256

// event is the state of the event that is passing.
type event struct {
	held       []byte // its data, while it lies in one piece within one read; else it is in buf
	size       int    // bytes of data that were kept
	plan       plan
	kind       eventKind
	identified bool      // kind is known
	has        bool      // it has data
	signed     bool      // it is kept for the signature in it, and for nothing else
	text       textState // of a delta
	nameLen    uint8
	name       [24]byte // the value of its event line
}

// writeEvents sends the pieces of a read to the event they belong to.
func (m *Meter) writeEvents(p []byte) {
	c := m.lines.cut(p)
	for {
		switch part := c.next(); part.kind {
		case pieceData:
			if part.first && m.event.has {
				m.feed([]byte{'\n'})
			}
			m.event.has = true
			m.feed(part.bytes)
		case pieceEvent:
			m.event.addName(part)
		case pieceEnd:
			m.endEvent()
		case pieceNone:
			m.unhold()
			return
		}
	}
}

// addName takes the next bytes of the event line. A name too long for any that is known
// becomes one that is not.
func (e *event) addName(p piece) {
	if p.first {
		e.nameLen = 0
	}
	if n := copy(e.name[e.nameLen:], p.bytes); n == len(p.bytes) {
		e.nameLen += uint8(n)
		return
	}
	e.name = [24]byte{}
	e.nameLen = uint8(len(e.name))
}

// feed takes the next bytes of the event's data.
func (m *Meter) feed(b []byte) {
	e := &m.event
	if e.plan == planWait {
		if e.size+len(b) < headMax {
			m.hold(b)
			return
		}
		b = m.decide(b)
	}
	switch e.plan {
	case planKeep:
		if e.size+len(b) > maxEvent {
			m.giveUp()
			return
		}
		m.hold(b)
	case planCount:
		m.count(b)
	case planWait, planSkip:
	}
}

// decide makes the plan for an event whose first headMax bytes are complete with b, and returns
// what of b is still to be treated by that plan. An event whose type does not come first is
// kept, and identified when it ends.
func (m *Meter) decide(b []byte) []byte {
	e := &m.event
	rest := headMax - e.size
	head := b[:rest]
	if e.size > 0 {
		m.hold(head)
		head = m.data()
		b = b[rest:]
	}
	e.plan = planKeep
	if typ := leadingType(head); typ != nil {
		m.identify(typ)
		e.plan = planFor(e.kind, head)
		if e.plan != planKeep && m.signatures.signs(e.kind, head) {
			e.plan, e.signed = planKeep, true
		}
	}
	if e.plan == planKeep {
		return b
	}
	if e.plan == planCount {
		m.countText(head)
	}
	if e.size == 0 {
		b = b[rest:]
	}
	m.forget()
	return b
}

// planFor says what to do with an event of at least headMax bytes.
func planFor(k eventKind, head []byte) plan {
	switch k {
	case eventMessageStart, eventMessageDelta, eventError:
		return planKeep
	case eventBlockDelta:
		return planCount
	case eventBlockStart:
		if bytes.Contains(head, []byte(`"fallback"`)) {
			return planKeep
		}
		return planSkip
	default:
		return planSkip
	}
}

// hold keeps b as the next bytes of the event's data. As long as there is nothing else it is
// not copied.
func (m *Meter) hold(b []byte) {
	e := &m.event
	switch {
	case len(b) == 0:
	case e.size == 0:
		e.held = b
	default:
		m.unhold()
		m.buf = append(m.buf, b...)
	}
	e.size += len(b)
}

// unhold copies what is held, because the read that it lies in is over.
func (m *Meter) unhold() {
	if m.event.held != nil {
		m.buf = append(m.buf, m.event.held...)
		m.event.held = nil
	}
}

// data returns what was kept of the event's data.
func (m *Meter) data() []byte {
	if m.event.held != nil {
		return m.event.held
	}
	return m.buf
}

// forget drops what was kept of the event's data.
func (m *Meter) forget() {
	m.event.held, m.event.size = nil, 0
	m.drop()
}

// giveUp leaves an event that matters unread because it is too large.
func (m *Meter) giveUp() {
	m.event.plan = planSkip
	if !m.event.signed {
		m.tally.notes |= noteGaveUp
	}
	m.forget()
}

// endEvent takes the event into account and begins the next one.
func (m *Meter) endEvent() {
	e := &m.event
	if e.has {
		if !e.identified {
			m.identify(typeOf(m.data()))
		}
		m.result.Events++
		m.account()
	}
	m.drop()
	*e = event{}
}

// finishEvents ends the stream. The last event counts without the line ends that are missing,
// if it is whole; of a delta that is not, what was delivered counts.
func (m *Meter) finishEvents() {
	e := &m.event
	data := m.data()
	switch {
	case !e.has || e.plan > planKeep:
	case gjson.ValidBytes(data):
		m.endEvent()
	case kindOf(leadingType(data)) == eventBlockDelta:
		m.countText(data)
	}
	m.drop()
	*e = event{}
}
