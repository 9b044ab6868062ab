package stream

import "github.com/tidwall/gjson"

// object is the state of the meter in a JSON body: a machine that follows strings and brackets
// and copies the values of the few top-level members that matter.
type object struct {
	depth  int
	place  place
	in     textState // in a string, of whatever use
	member bodyMember
	keyLen uint8
	key    [16]byte
}

// place is where in the top-level object the next byte stands.
type place uint8

const (
	placeBefore place = iota // before the opening bracket
	placeKey                 // where a key may begin
	placeInKey
	placeColon // after a key
	placeValue
	placeAfter // after the closing bracket, or in something that is no object
)

// bodyMember is a top-level member that the meter reads.
type bodyMember uint8

const (
	memberNone bodyMember = iota
	memberID
	memberModel
	memberStopReason
	memberUsage
	memberError
	memberContent // only where signatures are collected
)

// writeObject follows the next bytes of a JSON body.
func (m *Meter) writeObject(p []byte) {
	o := &m.body
	for i := 0; i < len(p) && o.place != placeAfter; {
		if o.in != textOut {
			i += m.stringBytes(p[i:])
			continue
		}
		if o.depth > 1 && o.member == memberNone {
			if i += o.skim(p[i:]); i == len(p) {
				return
			}
		}
		m.structural(p[i : i+1])
		i++
	}
}

// skim returns how many bytes can be passed over inside a value that does not matter: up to the
// next quote, or the bracket that leads back to the top level.
func (o *object) skim(p []byte) int {
	for i, c := range p {
		switch c {
		case '"':
			return i
		case '{', '[':
			o.depth++
		case '}', ']':
			if o.depth == 2 {
				return i
			}
			o.depth--
		}
	}
	return len(p)
}

// stringBytes passes to the end of a string, or of p, and returns how far it went.
func (m *Meter) stringBytes(p []byte) int {
	o := &m.body
	n, closed, escaped := restOfString(p, o.in == textEscaped)
	switch {
	case closed:
		o.in = textOut
	case escaped:
		o.in = textEscaped
	default:
		o.in = textIn
	}
	if o.place == placeInKey {
		o.addKey(p[:n])
		if closed {
			o.place = placeColon
		}
	}
	if closed {
		n++
	}
	m.capture(p[:n])
	return n
}

// addKey takes the next bytes of a key. One that is too long for any that matters is none.
func (o *object) addKey(b []byte) {
	if n := copy(o.key[o.keyLen:], b); n == len(b) {
		o.keyLen += uint8(n)
		return
	}
	o.key = [16]byte{}
	o.keyLen = uint8(len(o.key))
}

// structural takes one byte outside of strings.
func (m *Meter) structural(b []byte) {
	o := &m.body
	top := o.depth == 1
	switch c := b[0]; {
	case o.place == placeBefore:
		o.open(c)
		return
	case c == '"':
		o.in = textIn
		if o.place == placeKey {
			o.place, o.keyLen = placeInKey, 0
			return
		}
	case c == ':' && o.place == placeColon:
		if o.place, o.member = placeValue, o.named(); o.member == memberContent && !m.signatures.on {
			o.member = memberNone
		}
		return
	case c == ',' && top:
		m.endMember()
		o.place = placeKey
		return
	case c == '}' && top:
		m.endMember()
		m.endObject()
		return
	case c == '{' || c == '[':
		o.depth++
	case (c == '}' || c == ']') && !top:
		o.depth--
		m.capture(b)
		if o.depth == 1 { // as good as ended, should the body be cut here
			m.endMember()
		}
		return
	}
	m.capture(b)
}

// open looks for the bracket that opens the body, after white space and perhaps a BOM.
func (o *object) open(c byte) {
	switch c {
	case ' ', '\t', '\r', '\n', bom[0], bom[1], bom[2]:
	case '{':
		o.depth, o.place = 1, placeKey
	default:
		o.place = placeAfter
	}
}

func (o *object) named() bodyMember {
	switch string(o.key[:o.keyLen]) {
	case "id":
		return memberID
	case "model":
		return memberModel
	case "stop_reason":
		return memberStopReason
	case "usage":
		return memberUsage
	case "error":
		return memberError
	case "content":
		return memberContent
	default:
		return memberNone
	}
}

// capture copies bytes of a value that matters.
func (m *Meter) capture(b []byte) {
	if m.body.member == memberNone {
		return
	}
	if len(m.buf)+len(b) > maxEvent {
		if m.body.member != memberContent {
			m.tally.notes |= noteGaveUp
		}
		m.body.member = memberNone
		m.drop()
		return
	}
	m.buf = append(m.buf, b...)
}

// endMember reads the value that has ended.
func (m *Meter) endMember() {
	which := m.body.member
	if which == memberNone {
		return
	}
	m.body.member = memberNone
	if gjson.ValidBytes(m.buf) {
		v := gjson.ParseBytes(m.buf)
		switch which {
		case memberID:
			setText(&m.result.ID, v)
		case memberModel:
			setText(&m.result.Model, v)
		case memberStopReason:
			setText(&m.result.StopReason, v)
		case memberUsage:
			m.tally.merge(v, true)
			m.started = m.tally.seen
		case memberError:
			if v.Type != gjson.Null {
				m.failed(v)
			}
		case memberContent:
			m.signatures.content(v)
		case memberNone:
		}
	}
	m.drop()
}

// endObject ends the body. It is a complete message if it says why the message stopped.
func (m *Meter) endObject() {
	m.body.place = placeAfter
	m.result.Complete = m.result.StopReason != ""
}
