package stream

import (
	"bytes"
	"encoding/binary"
)

// delivered counts what a stream delivered of text, thinking and tool input, so that the
// output of a message that was cut short can be estimated.
type delivered struct {
	bytes   int64 // of the JSON strings, as sent
	escapes int64 // backslashes in them
	cjk     int64 // characters of Chinese, Japanese and Korean, three bytes each
}

func (d *delivered) add(b []byte) {
	d.bytes += int64(len(b))
	d.escapes += int64(bytes.Count(b, []byte{'\\'}))
	d.cjk += countCJK(b)
}

// tokens is one for each 3.6 bytes, and for each 1.6 characters of Chinese, Japanese or Korean.
func (d *delivered) tokens() Count {
	other := max(0, d.bytes-d.escapes-3*d.cjk)
	return Count((20*other + 45*d.cjk + 71) / 72)
}

// Delivered estimates the output tokens that were delivered so far, as [Meter.Estimate] does for
// a message that was cut short. It is cheap enough for every read.
func (m *Meter) Delivered() Count { return m.delivered.tokens() }

// countCJK counts the bytes that begin a UTF-8 sequence from U+3000 to U+DFFF, which is where
// the bulk of Chinese, Japanese and Korean is. Counting single bytes makes it the same however
// the text is cut.
func countCJK(b []byte) (n int64) {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			n += leadsCJK(b[:8])
		}
		b = b[8:]
	}
	return n + leadsCJK(b)
}

func leadsCJK(b []byte) (n int64) {
	for _, c := range b {
		if c >= 0xe3 && c <= 0xed {
			n++
		}
	}
	return n
}

// textState says where in the data of a delta the next byte is.
type textState uint8

const (
	textOut     textState = iota // outside of the delivered text
	textIn                       // in the JSON string that is delivered
	textEscaped                  // in it, after a backslash
)

// countText finds where the text in the data of a delta begins and counts from there.
func (m *Meter) countText(data []byte) {
	if at := textAt(data); at >= 0 {
		m.event.text = textIn
		m.count(data[at:])
	}
}

// count counts what of b, the next bytes of a delta, belongs to the delivered text.
func (m *Meter) count(b []byte) {
	e := &m.event
	if e.text == textOut {
		return
	}
	n, closed, escaped := restOfString(b, e.text == textEscaped)
	m.delivered.add(b[:n])
	switch {
	case closed:
		e.text = textOut
	case escaped:
		e.text = textEscaped
	default:
		e.text = textIn
	}
}

// textAt returns the index after the quote that opens the text, thinking or partial_json in the
// data of a content_block_delta, of which b is the beginning, or -1.
func textAt(b []byte) int {
	if i := usualTextAt(b); i >= 0 {
		return i
	}
	w := walk(b)
	for inside := false; ; {
		key, ok := w.key()
		if !ok || w.i >= len(b) {
			return -1
		}
		switch name, c := string(key), b[w.i]; {
		case inside && c == '"' && (name == "text" || name == "thinking" || name == "partial_json"):
			return w.i + 1
		case !inside && name == "delta" && c == '{':
			w, inside = members{b: b, i: w.i + 1}, true
		case !w.pass():
			return -1
		}
	}
}

// usualTextAt is textAt for deltas whose members stand in the order of the provider, or -1.
func usualTextAt(b []byte) int {
	const head, middle = `{"type":"content_block_delta","index":`, `,"delta":{"type":"`
	if !hasPrefix(b, head) {
		return -1
	}
	i := len(head)
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if !hasPrefix(b[i:], middle) {
		return -1
	}
	i += len(middle)
	const text, tool, thinking = `text_delta","text":"`, `input_json_delta","partial_json":"`, `thinking_delta","thinking":"`
	switch rest := b[i:]; {
	case hasPrefix(rest, text):
		return i + len(text)
	case hasPrefix(rest, tool):
		return i + len(tool)
	case hasPrefix(rest, thinking):
		return i + len(thinking)
	default:
		return -1
	}
}

// hasPrefix is bytes.HasPrefix for a constant, where it is a few loads and compares.
func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
