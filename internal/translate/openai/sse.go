package openai

import "bytes"

// maxFrame is how long one event of a provider may be. Some send the input of a tool call whole,
// so it is generous; without a bound a provider could fill the memory.
const maxFrame = 32 << 20

// frames cuts a stream of server-sent events into their data, as section 9.2 of the HTML standard
// says: lines end with CR, LF or CRLF, one BOM may stand first, one space after the colon is not
// part of a value, data lines of one event are joined by LF. The bytes may be split anywhere. The
// usual event, one data line that came whole, is not copied.
type frames struct {
	line  []byte // the start of a line whose end has not come
	data  []byte // of the event, where it has several lines or came in pieces
	name  []byte
	any   bool // a data line was seen
	cr    bool // the last byte was CR: an LF that follows belongs to it
	begun bool // the first line, before which a BOM may stand, is over
	long  bool // an event was longer than it may be
}

// event is one event: its data, and its name where it has one. Both are valid until the next call
// of anything.
type event struct{ name, data []byte }

// next takes bytes from p up to the end of an event. It returns what is left of p; ok is false
// where p ended first.
func (f *frames) next(p []byte) (e event, rest []byte, ok bool) {
	for len(p) > 0 && !f.long {
		if f.cr {
			f.cr = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		end := lineEnd(p)
		if end < 0 {
			f.keep(p)
			return event{}, nil, false
		}
		line := p[:end]
		if len(f.line) > 0 {
			f.keep(line)
			line = f.line
		}
		f.cr = p[end] == '\r'
		p = p[end+1:]
		if len(line) == 0 && f.begun {
			if e, ok = f.take(); ok {
				return e, p, true
			}
			continue
		}
		if value, whole := f.whole(line, p); whole {
			return event{data: value}, p[1:], true
		}
		f.field(line)
		f.line = f.line[:0]
	}
	return event{}, nil, false
}

// between tells whether an event ended with the bytes so far, and nothing of the next one came.
func (f *frames) between() bool {
	return f.begun && !f.any && !f.cr && len(f.line) == 0 && len(f.name) == 0
}

// last returns the event that the stream has ended in without a blank line. The standard drops it;
// some providers leave the blank line out behind their last event.
func (f *frames) last() (event, bool) {
	if len(f.line) > 0 && !f.long {
		f.field(f.line)
		f.line = f.line[:0]
	}
	return f.take()
}

// whole returns the value of a data line that is an event of its own: nothing stands before it and
// a blank line behind it.
func (f *frames) whole(line, rest []byte) ([]byte, bool) {
	if f.any || f.cr || len(f.line) > 0 || len(f.name) > 0 || len(rest) == 0 || rest[0] != '\n' || !f.begun {
		return nil, false
	}
	value, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return nil, false
	}
	return bytes.TrimPrefix(value, []byte(" ")), true
}

// keep holds the start of a line until its end comes.
func (f *frames) keep(p []byte) {
	if len(f.line)+len(f.data)+len(p) > maxFrame {
		f.long = true
		return
	}
	f.line = append(f.line, p...)
}

// field takes a line.
func (f *frames) field(line []byte) {
	if !f.begun {
		f.begun = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		f.add(value)
	case "event":
		f.name = append(f.name[:0], value...)
	case "error": // llama.cpp, of an event that has no other line
		f.name = append(f.name[:0], name...)
		f.add(value)
	}
}

func (f *frames) add(value []byte) {
	if len(f.data)+len(value) >= maxFrame {
		f.long = true
		return
	}
	if f.any {
		f.data = append(f.data, '\n')
	}
	f.any = true
	f.data = append(f.data, value...)
}

// take returns the event that the lines so far make. One without data is none.
func (f *frames) take() (event, bool) {
	e, ok := event{f.name, f.data}, f.any
	f.name, f.data, f.any = f.name[:0], f.data[:0], false
	return e, ok
}

// lineEnd returns where the first line of p ends, or -1. It looks into windows that grow, so that
// lines which end in CR do not make it search all of p for an LF each time.
func lineEnd(p []byte) int {
	for n := 512; ; n *= 2 {
		window := p[:min(n, len(p))]
		lf := bytes.IndexByte(window, '\n')
		if lf >= 0 {
			window = window[:lf]
		}
		if cr := bytes.IndexByte(window, '\r'); cr >= 0 {
			return cr
		}
		if lf >= 0 || n >= len(p) {
			return lf
		}
	}
}
