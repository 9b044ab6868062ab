package stream

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// eventKind is what the meter distinguishes events by.
type eventKind uint8

const (
	eventOther eventKind = iota
	eventPing
	eventMessageStart
	eventMessageDelta
	eventMessageStop
	eventBlockStart
	eventBlockDelta
	eventBlockStop
	eventError
)

// kindOf finds the kind by the type.
func kindOf(typ []byte) eventKind {
	switch string(typ) {
	case "content_block_delta":
		return eventBlockDelta
	case "content_block_start":
		return eventBlockStart
	case "content_block_stop":
		return eventBlockStop
	case "ping":
		return eventPing
	case "message_start":
		return eventMessageStart
	case "message_delta":
		return eventMessageDelta
	case "message_stop":
		return eventMessageStop
	case "error":
		return eventError
	default:
		return eventOther
	}
}

// leadingType returns the type in the data of an event, of which head is the beginning, if it is
// the first member, as it is with the provider itself; else nil.
func leadingType(head []byte) []byte {
	const usual = `{"type":"`
	if hasPrefix(head, usual) {
		rest := head[len(usual):]
		if typ, _, ok := bytes.Cut(rest, []byte{'"'}); ok {
			return typ
		}
		return nil
	}
	w := walk(head)
	key, start, end, ok := w.next()
	if !ok || string(key) != "type" || head[start] != '"' {
		return nil
	}
	return head[start+1 : end-1]
}

// typeOf returns the type in the whole data of an event, wherever it stands, or nil. Data without
// one that holds an error is of type error: providers that are only compatible send such.
func typeOf(data []byte) []byte {
	if typ := leadingType(data); typ != nil {
		return typ
	}
	if raw := member(data, "type"); len(raw) > 1 && raw[0] == '"' {
		return raw[1 : len(raw)-1]
	}
	if raw := member(data, "error"); len(raw) > 1 && (raw[0] == '{' || raw[0] == '"') {
		return []byte("error")
	}
	return nil
}

// identify settles the kind of the event. What the JSON says wins over the event line, which
// stands in where the JSON has no type, and for errors that carry only the error's own type.
func (m *Meter) identify(typ []byte) {
	e := &m.event
	e.identified = true
	e.kind = kindOf(typ)
	name := e.name[:e.nameLen]
	if named := kindOf(name); e.kind == eventOther && (typ == nil || named == eventError) {
		e.kind = named
	}
	switch e.kind {
	case eventPing, eventMessageStart, eventError:
	default:
		m.opened = m.opened || m.result.ErrorType == ""
	}
}

// account draws the conclusions from an event that has ended.
func (m *Meter) account() {
	e := &m.event
	whole := e.plan <= planKeep
	switch e.kind {
	case eventMessageStart:
		if whole {
			m.messageStart(m.data())
		}
	case eventMessageDelta:
		if whole {
			m.messageDelta(m.data())
		}
	case eventError:
		if whole {
			m.failure(m.data())
		}
	case eventMessageStop:
		m.result.Stopped = true
	case eventBlockStart:
		m.blockStart(whole && !e.signed)
		if whole {
			m.signatures.take(e.kind, m.data())
		}
	case eventBlockDelta:
		m.content = true
		if whole {
			m.countText(m.data())
			m.signatures.take(e.kind, m.data())
		}
	case eventOther, eventPing, eventBlockStop:
	}
}

func (m *Meter) messageStart(data []byte) {
	if !gjson.ValidBytes(data) {
		return
	}
	message := gjson.GetBytes(data, "message")
	setText(&m.result.ID, message.Get("id"))
	setText(&m.result.Model, message.Get("model"))
	m.tally.merge(message.Get("usage"), false)
	m.started = m.tally.seen
}

func (m *Meter) messageDelta(data []byte) {
	if !gjson.ValidBytes(data) {
		return
	}
	m.stopReason(gjson.GetBytes(data, "delta.stop_reason"))
	m.tally.merge(gjson.GetBytes(data, "usage"), true)
}

func (m *Meter) stopReason(v gjson.Result) {
	if v.Type == gjson.String && v.Str != "" {
		setText(&m.result.StopReason, v)
		m.result.Complete = true
	}
}

// blockStart notes content, unless the block starts empty as text and thinking do, and after a
// fallback the model that answers from there on. A block that is long is not empty.
func (m *Meter) blockStart(whole bool) {
	if !whole {
		m.content = true
		return
	}
	if m.content && !bytes.Contains(m.data(), []byte(`"fallback"`)) {
		return
	}
	switch block := gjson.GetBytes(m.data(), "content_block"); block.Get("type").Str {
	case "fallback":
		setText(&m.result.Model, block.Get("to.model"))
	case "text":
		m.content = m.content || block.Get("text").Str != ""
	case "thinking":
		m.content = m.content || block.Get("thinking").Str != ""
	default:
		m.content = true
	}
}

// failure reads an error event. Providers that are only compatible put the error's members
// where the error should be, or send plain text.
func (m *Meter) failure(data []byte) {
	var e gjson.Result
	if gjson.ValidBytes(data) {
		v := gjson.ParseBytes(data)
		if e = v.Get("error"); !e.IsObject() && e.Type != gjson.String {
			e = v
		}
	} else {
		e = gjson.Result{Type: gjson.String, Str: string(data[:min(len(data), 4*maxText)])}
	}
	m.failed(e)
}

// failed takes over an error. One that names no type is called errorUnnamed.
func (m *Meter) failed(e gjson.Result) {
	m.result.ErrorType = errorUnnamed
	if e.Type == gjson.String {
		setText(&m.result.ErrorMessage, e)
		return
	}
	setText(&m.result.ErrorType, e.Get("type"))
	setText(&m.result.ErrorMessage, e.Get("message"))
}

const errorUnnamed = "error"

// ErrorData returns the data of the first error event in b, the beginning of a stream, or nil.
func ErrorData(b []byte) []byte {
	var (
		s     scanner
		data  []byte
		named bool
	)
	for c := s.cut(b); ; {
		switch p := c.next(); p.kind {
		case pieceData:
			if p.first && data != nil {
				data = append(data, '\n')
			}
			data = append(data, p.bytes...)
		case pieceEvent:
			named = kindOf(p.bytes) == eventError
		case pieceEnd, pieceNone:
			if kindOf(typeOf(data)) == eventError || named && len(data) > 0 {
				return data
			}
			if p.kind == pieceNone {
				return nil
			}
			data, named = nil, false
		}
	}
}
