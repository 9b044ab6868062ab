package simulator

// frame is how events become bytes. The zero frame is what the provider does.
type frame struct {
	newline   string // "" = LF
	bom       bool
	comments  bool // a comment line before every frame
	ids       bool // id: and retry: lines
	multiLine bool // data in two data: lines
	noSpace   bool // "data:{" in place of "data: {"
	noName    bool // no event: line
	noLast    bool // no blank line after the last frame
}

// plain tells whether frames are the ordinary ones of the Messages API.
func (f *frame) plain() bool {
	return f.newline == "" && !f.comments && !f.ids && !f.multiLine && !f.noSpace && !f.noName
}

// CRLF ends every line with CR LF.
func CRLF() Answer { return set(func(p *plan) { p.frame.newline = "\r\n" }) }

// CR ends every line with CR alone.
func CR() Answer { return set(func(p *plan) { p.frame.newline = "\r" }) }

// BOM begins the stream with a byte order mark.
func BOM() Answer { return set(func(p *plan) { p.frame.bom = true }) }

// Comments puts a comment line before every event.
func Comments() Answer { return set(func(p *plan) { p.frame.comments = true }) }

// IDLines puts an id and a retry line into every event.
func IDLines() Answer { return set(func(p *plan) { p.frame.ids = true }) }

// MultiLineData breaks every data line in two.
func MultiLineData() Answer { return set(func(p *plan) { p.frame.multiLine = true }) }

// NoSpace leaves out the space after the colon of every field.
func NoSpace() Answer { return set(func(p *plan) { p.frame.noSpace = true }) }

// NoEventLine leaves out the event lines.
func NoEventLine() Answer { return set(func(p *plan) { p.frame.noName = true }) }

// NoFinalBlankLine ends the stream right after the last line of the last event.
func NoFinalBlankLine() Answer { return set(func(p *plan) { p.frame.noLast = true }) }

// append appends one event.
func (f *frame) append(dst []byte, e *Event) []byte {
	if e.Raw != nil {
		return append(dst, e.Raw...)
	}
	name := e.Name
	if e.line != "" {
		name = e.line
	}
	if f.plain() {
		dst = append(dst, "event: "...)
		dst = append(dst, name...)
		dst = append(dst, "\ndata: "...)
		dst = append(dst, e.Data...)
		return append(dst, "\n\n"...)
	}
	if f.comments {
		dst = f.line(dst, "", " ein Kommentar, 注釈 \u2713")
	}
	if f.ids {
		dst = f.line(f.line(dst, "id", "7"), "retry", "3000")
	}
	if !f.noName {
		dst = f.line(dst, "event", name)
	}
	if f.multiLine && len(e.Data) > 1 && e.Data[0] == '{' {
		dst = f.line(dst, "data", "{")
		dst = f.line(dst, "data", string(e.Data[1:]))
	} else {
		dst = f.line(dst, "data", string(e.Data))
	}
	return append(dst, f.end()...)
}

// line appends one field.
func (f *frame) line(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ':')
	if !f.noSpace {
		dst = append(dst, ' ')
	}
	return append(append(dst, value...), f.end()...)
}

// end returns the line ending.
func (f *frame) end() string {
	if f.newline == "" {
		return "\n"
	}
	return f.newline
}
