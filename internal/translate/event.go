package translate

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// event writes one server-sent event.
func (w *Writer) event(name string, v any) {
	w.out = append(append(append(w.out, "event: "...), name...), "\ndata: "...)
	w.out = append(appendJSON(w.out, v), "\n\n"...)
}

// begin writes the start of a block, unless it was written.
func (w *Writer) begin(b *block) {
	if b.begun {
		return
	}
	b.begun, b.index = true, w.next
	w.next++
	w.event("content_block_start", blockStart(b))
}

// close writes the end of a block.
func (w *Writer) close(b *block) {
	if b.kind == blockThinking && b.signature == "" {
		b.signature = Envelope{Provider: w.open.Provider}.String()
	}
	if !w.stream {
		w.done = append(w.done, b)
		return
	}
	switch {
	case b.kind == blockThinking:
		w.out = appendDelta(w.out, b.index, `"signature_delta","signature":`)
		w.out = append(appendString(w.out, b.signature), "}}\n\n"...)
	case b.kind == blockTool && !b.any:
		w.delta(b, "{}")
	}
	w.out = append(w.out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":"...)
	w.out = append(strconv.AppendInt(w.out, int64(b.index), 10), "}\n\n"...)
}

// delta writes what a block has more. It is what an answer consists of, so it is written by hand.
func (w *Writer) delta(b *block, s string) {
	if b.delta == nil {
		field := `"text_delta","text":`
		switch b.kind {
		case blockText, blockFound: // what was found comes whole
		case blockThinking:
			field = `"thinking_delta","thinking":`
		case blockTool, blockSearch:
			field = `"input_json_delta","partial_json":`
		}
		b.delta = append(appendDelta(nil, b.index, field), '"')
	}
	w.out = append(appendEscaped(append(w.out, b.delta...), s), deltaEnd...)
}

// deltaEnd ends the string of a delta, and the event.
const deltaEnd = "\"}}\n\n"

// appendDelta appends a delta up to its string.
func appendDelta(b []byte, index int, field string) []byte {
	b = append(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	b = strconv.AppendInt(b, int64(index), 10)
	return append(append(b, `,"delta":{"type":`...), field...)
}

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	return append(appendEscaped(append(b, '"'), s), '"')
}

// appendEscaped appends what stands between the quotes of that string.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := unescaped(s); i < len(s); i += unescaped(s[i:]) {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + n
			}
			i += n
			continue
		}
		b = appendEscape(append(b, s[start:i]...), c)
		i++
		start = i
	}
	return append(b, s[start:]...)
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\t':
		return append(b, '\\', 't')
	case '\r':
		return append(b, '\\', 'r')
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// appendJSON renders v without escaping what only HTML would need. v holds nothing that cannot be
// rendered.
func appendJSON(b []byte, v any) []byte {
	buf := sink{b}
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return trimNewline(buf.b)
}

type sink struct{ b []byte }

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

func trimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}
