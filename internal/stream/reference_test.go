package stream

import "strings"

// sse is one event as a reader sees it.
type sse struct{ name, data string }

// readAll is a second reader of server-sent events, written for clarity straight from section
// 9.2.6 of the HTML standard. It takes a whole stream.
func readAll(stream string) []sse {
	stream = strings.TrimPrefix(stream, bom)
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream)
	lines := strings.Split(stream, "\n")
	var events []sse
	var name string
	var data []string
	for _, line := range lines[:len(lines)-1] { // the last one has not ended
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				events = append(events, sse{name, strings.Join(data, "\n")})
			}
			name, data = "", nil
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value)
		}
	}
	return events
}

// readPieces collects the same events from a [scanner] that gets the stream in chunks.
func readPieces(chunks ...string) []sse {
	var s scanner
	var events []sse
	var name string
	var data []string
	for _, chunk := range chunks {
		c := s.cut([]byte(chunk))
		for p := c.next(); p.kind != pieceNone; p = c.next() {
			switch p.kind {
			case pieceEvent:
				if p.first {
					name = ""
				}
				name += string(p.bytes)
			case pieceData:
				if p.first {
					data = append(data, "")
				}
				data[len(data)-1] += string(p.bytes)
			case pieceEnd:
				if data != nil {
					events = append(events, sse{name, strings.Join(data, "\n")})
				}
				name, data = "", nil
			case pieceNone:
			}
		}
	}
	return events
}
