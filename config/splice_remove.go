package config

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// RemoveProfile takes a profile out of src, with the comments in it and directly above it, and
// with whatever leads to it: the rules, the prices that are for it, its places in fallbacks. It
// changes nothing else. The active profile cannot be taken out.
func RemoveProfile(src []byte, name string) ([]byte, error) {
	before, err := parseForSplice(src)
	if err != nil {
		return nil, fmt.Errorf("remove profile: %w", err)
	}
	all, err := mentions(before, name)
	if err != nil {
		return nil, fmt.Errorf("remove profile: %w", err)
	}
	if !slices.ContainsFunc(all, func(u mention) bool { return u.own }) {
		return nil, fmt.Errorf("remove profile: %w", ErrNoProfile)
	}
	out := src
	// One after the other, read anew each time: every removal moves what comes behind it.
	for range all {
		m, err := parseForSplice(out)
		if err != nil {
			return nil, fmt.Errorf("remove profile: %w", ErrProfilesShape)
		}
		rest, err := mentions(m, name)
		if err != nil || len(rest) == 0 {
			break
		}
		last := rest[len(rest)-1]
		if last.list == nil {
			return nil, fmt.Errorf("remove profile: %w: it is active", ErrProfilesShape)
		}
		if out, err = removeItem(out, last.list, last.item); err != nil {
			return nil, fmt.Errorf("remove profile: %w", ErrProfilesShape)
		}
	}
	gone := func(v any) any {
		if v == name {
			return nil
		}
		return v
	}
	if !meant(before, out, gone) {
		return nil, fmt.Errorf("remove profile: %w", ErrProfilesShape)
	}
	return out, nil
}

// removeItem takes one item out of a list.
func removeItem(src []byte, list *ast.SequenceNode, item int) ([]byte, error) {
	s := &listSplice{src: src}
	var err error
	if list.IsFlowStyle {
		err = s.outOfFlow(list, item)
	} else {
		s.outOfBlock(list, item)
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(src[:s.from], src[s.to:]), nil
}

// outOfFlow marks an item between brackets, with the comma that goes with it.
func (s *listSplice) outOfFlow(list *ast.SequenceNode, item int) error {
	start, end, err := s.span(list.Values[item])
	if err != nil {
		return err
	}
	switch {
	case item+1 < len(list.Values):
		end, _, err = s.span(list.Values[item+1])
	case item > 0:
		_, start, err = s.span(list.Values[item-1])
	}
	s.from, s.to = start, end
	return err
}

// span finds the bytes of an item between brackets.
func (s *listSplice) span(n ast.Node) (start, end int, err error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return scalarSpan(s.src, n.Token)
	case *ast.MappingNode:
		if n.IsFlowStyle && n.Start != nil && n.End != nil {
			start, end = s.offsetOf(n.Start), s.offsetOf(n.End)
			if start < end && end < len(s.src) && s.src[start] == '{' && s.src[end] == '}' {
				return start, end + 1, nil
			}
		}
	}
	return 0, 0, errListShape
}

// offsetOf is the offset of a token.
func (s *listSplice) offsetOf(t *token.Token) int {
	return s.offset(t.Position.Line, t.Position.Column)
}

// outOfBlock marks the lines of an item: from the comments directly above it to its last line, and
// the blank lines that would be left over.
func (s *listSplice) outOfBlock(list *ast.SequenceNode, item int) {
	first := list.Entries[item].Start.Position.Line
	column := list.Start.Position.Column - 1
	last, _ := s.itemEnd(first, column)
	for item > 0 && first > 1 && s.commentAt(first-1, column) {
		first--
	}
	if first > 1 && s.blank(first-1) {
		for s.blank(last + 1) {
			last++
		}
		if s.lineEnd(last) >= len(s.src) {
			for first > 1 && s.blank(first-1) {
				first--
			}
		}
	}
	s.from, s.to = lineStart(s.src, first), s.lineEnd(last)
}

// commentAt tells whether a line holds a comment that begins at a column: a deeper one belongs to
// the item before.
func (s *listSplice) commentAt(n, column int) bool {
	line := s.line(n)
	body := bytes.TrimLeft(line, " ")
	return len(body) > 0 && body[0] == '#' && len(line)-len(body) == column
}

// blank tells whether there is a line n, and nothing on it.
func (s *listSplice) blank(n int) bool {
	return lineStart(s.src, n) < len(s.src) && len(s.line(n)) == 0
}
