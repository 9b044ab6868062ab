package stream

import "bytes"

// field is the kind of the line a [scanner] is in.
type field uint8

const (
	fieldOpen  field = iota // too few bytes to tell, or between two lines
	fieldData               // data:
	fieldEvent              // event:
	fieldOther              // a comment, id:, retry: or anything unknown
)

// pieceKind says what a piece of a stream is.
type pieceKind uint8

const (
	pieceNone  pieceKind = iota // the bytes at hand are used up
	pieceData                   // a part of the value of a data line
	pieceEvent                  // a part of the value of an event line
	pieceEnd                    // a blank line: the event is complete
)

// piece is a part of a line, a slice of the bytes that were read.
type piece struct {
	bytes []byte
	kind  pieceKind
	first bool // the line begins with this piece
}

// scanner cuts a stream of server-sent events into pieces, as section 9.2 of the HTML standard
// says: lines end with CR, LF or CRLF, one BOM may stand first, and one space after the colon
// is not part of a value. It holds a few bytes of state and no bytes of the stream, so the
// pieces' joined bytes are the same however the stream was cut into reads.
type scanner struct {
	name  [9]byte // start of a line whose field is not yet known: a BOM and "event:" fit
	n     uint8   // bytes in name
	field field
	fresh bool // the value's first piece has not been handed out
	space bool // one space may still come before the value
	cr    bool // the last byte was CR: an LF that follows belongs to it
	begun bool // the first line, before which a BOM may stand, is over
	open  bool // a field was seen since the last blank line
}

// atBoundary tells whether the scanner stands between two events.
func (s *scanner) atBoundary() bool { return !s.open && !s.inLine() }

func (s *scanner) inLine() bool { return s.field != fieldOpen || s.n > 0 }

// tail is what has to follow the bytes seen so far for the next byte to begin a new event.
func (s *scanner) tail() string {
	switch {
	case s.inLine():
		return "\n\n"
	case !s.open:
		return ""
	case s.cr: // one LF would only complete a CRLF
		return "\n\n"
	default:
		return "\n"
	}
}

// cut is one read of a stream on its way through a [scanner].
type cut struct {
	s      *scanner
	p      []byte
	i      int // bytes used up
	lf, cr int // the next LF and CR at or after i, or len(p)
}

func (s *scanner) cut(p []byte) cut {
	return cut{s: s, p: p, lf: indexFrom(p, 0, '\n'), cr: indexFrom(p, 0, '\r')}
}

func indexFrom(p []byte, from int, c byte) int {
	if n := bytes.IndexByte(p[from:], c); n >= 0 {
		return from + n
	}
	return len(p)
}

// next returns the next piece, or one of [pieceNone] when the read is used up.
func (c *cut) next() piece {
	s := c.s
	for c.i < len(c.p) {
		if s.cr {
			s.cr = false
			if c.p[c.i] == '\n' {
				c.skip()
				continue
			}
		}
		end := min(c.lf, c.cr)
		if c.i < end {
			value := s.take(c.p[c.i:end])
			c.i = end
			if s.field == fieldData || s.field == fieldEvent {
				return s.piece(value)
			}
			continue
		}
		s.cr = c.p[end] == '\r'
		c.skip()
		if p := s.endLine(); p.kind != pieceNone {
			return p
		}
	}
	return piece{}
}

// skip steps over the line terminator at i.
func (c *cut) skip() {
	if c.i == c.cr {
		c.cr = indexFrom(c.p, c.i+1, '\r')
	} else {
		c.lf = indexFrom(c.p, c.i+1, '\n')
	}
	c.i++
}

// take finds out which field the line has and returns what b holds of its value.
func (s *scanner) take(b []byte) []byte {
	if s.field == fieldOpen {
		b = s.identify(b)
	}
	if s.space && len(b) > 0 {
		s.space = false
		if b[0] == ' ' {
			b = b[1:]
		}
	}
	return b
}

// identify consumes the field name at the start of a line and returns what follows.
func (s *scanner) identify(b []byte) []byte {
	if s.n == 0 {
		if hasPrefix(b, "data:") {
			s.enter(fieldData)
			return b[len("data:"):]
		}
		if hasPrefix(b, "event:") {
			s.enter(fieldEvent)
			return b[len("event:"):]
		}
	}
	for i, c := range b {
		s.name[s.n] = c
		s.n++
		switch name := s.bare(); {
		case string(name) == "data:":
			s.enter(fieldData)
		case string(name) == "event:":
			s.enter(fieldEvent)
		case bytes.HasPrefix([]byte("data:"), name), bytes.HasPrefix([]byte("event:"), name):
		case !s.begun && bytes.HasPrefix([]byte(bom), name):
		case name[0] == ':': // a comment is no part of an event
			s.field = fieldOther
		default:
			s.enter(fieldOther)
		}
		if s.field != fieldOpen {
			return b[i+1:]
		}
	}
	return nil
}

const bom = "\xef\xbb\xbf"

// bare is the start of the line without the BOM that may stand before the first one.
func (s *scanner) bare() []byte {
	name := s.name[:s.n]
	if !s.begun {
		name = bytes.TrimPrefix(name, []byte(bom))
	}
	return name
}

func (s *scanner) enter(f field) {
	s.field, s.open = f, true
	s.fresh, s.space = true, true
}

// piece hands out a part of the value of the line.
func (s *scanner) piece(value []byte) piece {
	p := piece{bytes: value, kind: pieceData, first: s.fresh}
	if s.field == fieldEvent {
		p.kind = pieceEvent
	}
	s.fresh = false
	return p
}

// endLine goes on to the next line. A line that was only a field name, without colon, is that
// field with an empty value; a line without any byte ends the event.
func (s *scanner) endLine() piece {
	var p piece
	if s.field == fieldOpen {
		switch name := s.bare(); string(name) {
		case "":
			s.open = false
			p.kind = pieceEnd
		case "data":
			s.open = true
			p = piece{kind: pieceData, first: true}
		case "event":
			s.open = true
			p = piece{kind: pieceEvent, first: true}
		default:
			s.open = true
		}
	}
	s.field, s.n, s.begun, s.space = fieldOpen, 0, true, false
	return p
}
