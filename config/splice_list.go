package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// errListShape is a list that is written in a way that an item cannot be put into, or taken out
// of, without touching more than that.
var errListShape = errors.New("the list cannot be changed as it is written")

// listSplice is one item on its way into a list of the file: src[from:to] becomes text.
type listSplice struct {
	src      []byte
	key      string   // the field that holds the list
	lines    []string // the item in lines, without indent and dash
	flow     string   // the item on one line
	spaced   bool     // a blank line goes before the item
	whole    bool     // comments in an item that is replaced go with it
	from, to int
	text     string
	replaces int // the index of the item that is replaced; -1 = none
	at       int // the index of the item in the new list
}

// splice puts the item into the list, in the place of the one that same tells, else behind the others, and
// returns the new text. It is parsed again and compared first: with [errListShape] it would differ in more.
func (s *listSplice) splice(same func(ast.Node) bool) ([]byte, error) {
	before, err := parseForSplice(s.src)
	if err != nil {
		return nil, err
	}
	var old []ast.Node
	if v := valueOf(before, s.key); v != nil {
		if old, err = s.into(v, same); err != nil {
			return nil, err
		}
	} else {
		s.append(before)
	}
	out := slices.Concat(s.src[:s.from], []byte(s.text), s.src[s.to:])
	after, err := parseForSplice(out)
	if err != nil || !s.onlyTheItem(before, after, old) {
		return nil, errListShape
	}
	return out, nil
}

// noItem is for an item that replaces none.
func noItem(ast.Node) bool { return false }

// spliceError says what was done, and names the shape of the list where that is the reason.
func spliceError(what string, err, shape error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errListShape):
		err = shape
	}
	return fmt.Errorf("%s: %w", what, err)
}

// write sets what is spliced in: fields with values that are YAML.
func (s *listSplice) write(fields [][2]string) {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f[0] + ": " + f[1]
	}
	s.lines, s.flow = parts, "{"+strings.Join(parts, ", ")+"}"
}

// valueOf returns the field of a mapping; nil where it has none.
func valueOf(m *ast.MappingNode, key string) *ast.MappingValueNode {
	for _, v := range m.Values {
		if keyOf(v.Key) == key {
			return v
		}
	}
	return nil
}

// append adds the field: before the block of sops, which sops keeps at the end, else at
// the end of the file.
func (s *listSplice) append(m *ast.MappingNode) {
	s.replaces = -1
	s.from = len(s.src)
	if v := valueOf(m, "sops"); v != nil {
		s.from = lineStart(s.src, v.Key.GetToken().Position.Line)
	}
	s.to = s.from
	lead := s.newline()
	if s.from > 0 && s.src[s.from-1] != '\n' && s.src[s.from-1] != '\r' {
		lead += s.newline()
	}
	if s.from < len(s.src) {
		lead = ""
	}
	s.text = lead + s.key + ":" + s.newline() + s.block("  ")
	if s.from < len(s.src) {
		s.text += s.newline()
	}
}

// into puts the item into a list that is there, in the place of one that is the same, and returns
// its items before.
func (s *listSplice) into(field *ast.MappingValueNode, same func(ast.Node) bool) ([]ast.Node, error) {
	s.replaces = -1
	switch list := field.Value.(type) {
	case *ast.NullNode:
		end := s.lineEnd(field.Key.GetToken().Position.Line)
		s.from, s.to = end, end
		s.text = s.below("  ", end)
		return nil, nil
	case *ast.SequenceNode:
		s.at = len(list.Values)
		for i, item := range list.Values {
			if same(item) {
				s.replaces, s.at = i, i
			}
		}
		if list.IsFlowStyle {
			return list.Values, s.intoFlow(list)
		}
		return list.Values, s.intoBlock(list)
	}
	return nil, errListShape
}

// intoFlow handles [] and [{...}].
func (s *listSplice) intoFlow(list *ast.SequenceNode) error {
	open, close := s.offset(list.Start.Position.Line, list.Start.Position.Column), s.offset(list.End.Position.Line, list.End.Position.Column)
	if s.replaces >= 0 || s.flow == "" && len(list.Values) > 0 || open >= close || s.src[open] != '[' || s.src[close] != ']' {
		return errListShape
	}
	if len(list.Values) > 0 {
		inside := bytes.TrimRight(s.src[:close], " \t\r\n")
		s.from, s.to = close, close
		if inside[len(inside)-1] != ',' {
			s.text = ", "
		}
		s.text += s.flow
		return nil
	}
	// An empty list becomes one of lines; a comment behind it stays.
	end := s.lineEnd(list.End.Position.Line)
	rest := strings.TrimRight(string(s.src[close+1:end]), " \t\r\n")
	s.from, s.to = len(bytes.TrimRight(s.src[:open], " ")), end
	if list.Start.Position.Line != list.End.Position.Line || strings.TrimSpace(rest) != "" && !strings.HasPrefix(strings.TrimSpace(rest), "#") {
		return errListShape
	}
	s.text = rest + s.newline() + s.block("  ")
	return nil
}

// intoBlock puts the item below the last item, or in the place of the one that it replaces.
func (s *listSplice) intoBlock(list *ast.SequenceNode) error {
	column := list.Start.Position.Column - 1
	indent := strings.Repeat(" ", column)
	n := len(list.Values) - 1
	if s.replaces >= 0 {
		n = s.replaces
	}
	first := list.Entries[n].Start.Position.Line
	last, comments := s.itemEnd(first, column)
	if s.replaces < 0 {
		end := s.lineEnd(last)
		s.from, s.to, s.text = end, end, s.below(indent, end)
		if s.spaced && end > 0 && (n == 0 || len(s.line(first-1)) == 0) {
			s.text = s.newline() + s.text
		}
		return nil
	}
	if comments && !s.whole {
		return errListShape // nobody's remarks are thrown away
	}
	s.from, s.to = lineStart(s.src, first), s.lineEnd(last)
	s.text = s.block(indent)
	return nil
}

// itemEnd returns the last line of the item whose dash stands at column of the line first, and
// whether there are comments in it. Lines of an item are indented deeper than its dash.
func (s *listSplice) itemEnd(first, column int) (last int, comments bool) {
	last = first
	comments = bytes.Contains(s.line(first), []byte("#"))
	for n := first + 1; ; n++ {
		start := lineStart(s.src, n)
		if start >= len(s.src) {
			return last, comments
		}
		text := s.line(n)
		body := bytes.TrimLeft(text, " ")
		if len(body) == 0 {
			continue
		}
		if len(text)-len(body) <= column {
			return last, comments
		}
		last = n
		comments = comments || bytes.Contains(body, []byte("#"))
	}
}

// line returns a line without its end, and without the space before that.
func (s *listSplice) line(n int) []byte {
	return bytes.TrimRight(s.src[lineStart(s.src, n):s.lineEnd(n)], " \t\r\n")
}

// lineEnd returns the offset behind a line and its line feed.
func (s *listSplice) lineEnd(n int) int { return lineStart(s.src, n+1) }

// offset finds a character by line and column, which count characters from 1.
func (s *listSplice) offset(line, column int) int {
	i := lineStart(s.src, line)
	rest := []rune(string(s.src[i:s.lineEnd(line)]))
	return i + len(string(rest[:min(column-1, len(rest))]))
}

// onlyTheItem tells whether after is before with the item in its list.
func (s *listSplice) onlyTheItem(before, after *ast.MappingNode, old []ast.Node) bool {
	field := valueOf(after, s.key)
	if field == nil {
		return false
	}
	list, ok := field.Value.(*ast.SequenceNode)
	want := len(old)
	if s.replaces < 0 {
		want++
	}
	if !ok || len(list.Values) != want || !s.holdsItem(list.Values[s.at]) {
		return false
	}
	for i, item := range old {
		if i != s.replaces && !sameNode(item, list.Values[i]) {
			return false
		}
	}
	others := func(m *ast.MappingNode) (fields []*ast.MappingValueNode) {
		for _, v := range m.Values {
			if keyOf(v.Key) != s.key {
				fields = append(fields, v)
			}
		}
		return fields
	}
	x, y := others(before), others(after)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if keyOf(x[i].Key) != keyOf(y[i].Key) || !sameNode(x[i].Value, y[i].Value) {
			return false
		}
	}
	return true
}

// holdsItem tells whether an item is the one that was meant, by reading that alone.
func (s *listSplice) holdsItem(item ast.Node) bool {
	alone, err := parseForSplice([]byte(s.key + ":\n" + strings.ReplaceAll(s.block("  "), "\r\n", "\n")))
	if err != nil {
		return false
	}
	list, ok := alone.Values[0].Value.(*ast.SequenceNode)
	return ok && len(list.Values) == 1 && sameNode(list.Values[0], item)
}

// below is the item for the place right behind a line.
func (s *listSplice) below(indent string, end int) string {
	if end > 0 && s.src[end-1] != '\n' && s.src[end-1] != '\r' {
		return s.newline() + s.block(indent)
	}
	return s.block(indent)
}

// block writes the item in lines.
func (s *listSplice) block(indent string) string {
	var b strings.Builder
	lead := indent + "- "
	for _, line := range s.lines {
		b.WriteString(lead + line + s.newline())
		lead = indent + "  "
	}
	return b.String()
}

// newline is how the lines of the file end.
func (s *listSplice) newline() string {
	if bytes.Contains(s.src, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
