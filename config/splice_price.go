package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ErrPricesShape is returned where the list of prices is written in a way that a row cannot be
// put into without touching more than that; an editor can.
var ErrPricesShape = errors.New("prices cannot be extended as it is written")

// pricesKey is the field that holds the rows.
const pricesKey = "prices"

// SplicePrice puts a row into the field prices of src, and changes nothing else: the other bytes,
// comments and ciphertexts stay. A row for the same profile, provider and model from the same
// instant on is replaced, since two of them would contradict each other; replaced tells. The
// result is parsed again and compared before it is returned.
func SplicePrice(src []byte, row PriceRow) (out []byte, replaced bool, err error) {
	before, err := parseForSplice(src)
	if err != nil {
		return nil, false, fmt.Errorf("splice price: %w", err)
	}
	s := &priceSplice{src: src, fields: fieldsOf(&row)}
	var old []ast.Node
	if v := valueOf(before, pricesKey); v != nil {
		old, err = s.into(v, &row)
	} else {
		s.append(before)
	}
	if err != nil {
		return nil, false, fmt.Errorf("splice price: %w", err)
	}
	out = bytes.Join([][]byte{src[:s.from], []byte(s.text), src[s.to:]}, nil)
	after, err := parseForSplice(out)
	if err != nil || !s.onlyTheRow(before, after, old) {
		return nil, false, fmt.Errorf("splice price: %w", ErrPricesShape)
	}
	return out, s.replaces >= 0, nil
}

// priceSplice is one row on its way into a file: src[from:to] becomes text.
type priceSplice struct {
	src      []byte
	fields   [][2]string
	from, to int
	text     string
	replaces int // the index of the item that is replaced; -1 = none
	at       int // the index of the row in the new list
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

// append adds the field prices: before the block of sops, which sops keeps at the end, else at
// the end of the file.
func (s *priceSplice) append(m *ast.MappingNode) {
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
	s.text = lead + pricesKey + ":" + s.newline() + s.block("  ")
	if s.from < len(s.src) {
		s.text += s.newline()
	}
}

// into puts the row into a list that is there, and returns its items before.
func (s *priceSplice) into(field *ast.MappingValueNode, row *PriceRow) ([]ast.Node, error) {
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
			if sameSubject(item, row) {
				s.replaces, s.at = i, i
			}
		}
		if list.IsFlowStyle {
			return list.Values, s.intoFlow(list)
		}
		return list.Values, s.intoBlock(list)
	}
	return nil, ErrPricesShape
}

// intoFlow handles [] and [{...}].
func (s *priceSplice) intoFlow(list *ast.SequenceNode) error {
	open, close := s.offset(list.Start.Position.Line, list.Start.Position.Column), s.offset(list.End.Position.Line, list.End.Position.Column)
	if s.replaces >= 0 || open >= close || s.src[open] != '[' || s.src[close] != ']' {
		return ErrPricesShape
	}
	if len(list.Values) > 0 {
		inside := bytes.TrimRight(s.src[:close], " \t\r\n")
		s.from, s.to = close, close
		if inside[len(inside)-1] != ',' {
			s.text = ", "
		}
		s.text += s.flow()
		return nil
	}
	// An empty list becomes one of lines; a comment behind it stays.
	end := s.lineEnd(list.End.Position.Line)
	rest := strings.TrimRight(string(s.src[close+1:end]), " \t\r\n")
	s.from, s.to = len(bytes.TrimRight(s.src[:open], " ")), end
	if list.Start.Position.Line != list.End.Position.Line || strings.TrimSpace(rest) != "" && !strings.HasPrefix(strings.TrimSpace(rest), "#") {
		return ErrPricesShape
	}
	s.text = rest + s.newline() + s.block("  ")
	return nil
}

// intoBlock puts the row below the last item, or in the place of the one that it replaces.
func (s *priceSplice) intoBlock(list *ast.SequenceNode) error {
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
		return nil
	}
	if comments {
		return ErrPricesShape // nobody's remarks are thrown away
	}
	s.from, s.to = lineStart(s.src, first), s.lineEnd(last)
	s.text = s.block(indent)
	return nil
}

// itemEnd returns the last line of the item whose dash stands at column of the line first, and
// whether there are comments in it. Lines of an item are indented deeper than its dash.
func (s *priceSplice) itemEnd(first, column int) (last int, comments bool) {
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
func (s *priceSplice) line(n int) []byte {
	return bytes.TrimRight(s.src[lineStart(s.src, n):s.lineEnd(n)], " \t\r\n")
}

// lineEnd returns the offset behind a line and its line feed.
func (s *priceSplice) lineEnd(n int) int { return lineStart(s.src, n+1) }

// offset finds a character by line and column, which count characters from 1.
func (s *priceSplice) offset(line, column int) int {
	i := lineStart(s.src, line)
	rest := []rune(string(s.src[i:s.lineEnd(line)]))
	return i + len(string(rest[:min(column-1, len(rest))]))
}

// sameSubject tells whether an item is for what the row is for, from the same instant on.
func sameSubject(item ast.Node, row *PriceRow) bool {
	m, ok := item.(ast.MapNode)
	if !ok {
		return false
	}
	got := map[string]string{}
	for it := m.MapRange(); it.Next(); {
		if s, ok := it.Value().(ast.ScalarNode); ok {
			got[keyOf(it.Key())] = fmt.Sprint(s.GetValue())
		}
	}
	from, _ := instantOf(got["effective_from"])
	return got["profile"] == row.Profile && got["provider"] == row.Provider && got["model_match"] == row.ModelMatch && from.Equal(row.EffectiveFrom)
}

// onlyTheRow tells whether after is before with the row in its list.
func (s *priceSplice) onlyTheRow(before, after *ast.MappingNode, old []ast.Node) bool {
	field := valueOf(after, pricesKey)
	if field == nil {
		return false
	}
	list, ok := field.Value.(*ast.SequenceNode)
	want := len(old)
	if s.replaces < 0 {
		want++
	}
	if !ok || len(list.Values) != want || !s.holdsRow(list.Values[s.at]) {
		return false
	}
	for i, item := range old {
		if i != s.replaces && !sameNode(item, list.Values[i]) {
			return false
		}
	}
	others := func(m *ast.MappingNode) (fields []*ast.MappingValueNode) {
		for _, v := range m.Values {
			if keyOf(v.Key) != pricesKey {
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

// holdsRow tells whether an item is the row as it was meant, by reading the row alone.
func (s *priceSplice) holdsRow(item ast.Node) bool {
	alone, err := parseForSplice([]byte(pricesKey + ":\n" + strings.ReplaceAll(s.block("  "), "\r\n", "\n")))
	if err != nil {
		return false
	}
	list, ok := alone.Values[0].Value.(*ast.SequenceNode)
	return ok && len(list.Values) == 1 && sameNode(list.Values[0], item)
}
