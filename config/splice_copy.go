package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// CopyProfile puts a profile of the file from behind those of dst, as it is written there, with
// the comments in it. Both are in clear text. The result is parsed again and compared before it is
// returned.
func CopyProfile(dst, from []byte, name string) ([]byte, error) {
	source, err := parseForSplice(from)
	if err != nil {
		return nil, fmt.Errorf("copy profile: %w", err)
	}
	before, err := parseForSplice(dst)
	if err != nil {
		return nil, fmt.Errorf("copy profile: %w", err)
	}
	item, lines := profileText(from, source, name)
	if item == nil {
		return nil, fmt.Errorf("copy profile: %w", ErrNoProfile)
	}
	s := &listSplice{src: dst, key: profilesKey, spaced: true, lines: lines}
	var old []ast.Node
	if v := valueOf(before, s.key); v != nil {
		if list, ok := v.Value.(*ast.SequenceNode); ok && list.IsFlowStyle && len(list.Values) > 0 {
			return nil, fmt.Errorf("copy profile: %w", ErrProfilesShape)
		}
		old, err = s.into(v, func(ast.Node) bool { return false })
	} else {
		s.append(before)
	}
	if err != nil {
		return nil, fmt.Errorf("copy profile: %w", ErrProfilesShape)
	}
	out := bytes.Join([][]byte{dst[:s.from], []byte(s.text), dst[s.to:]}, nil)
	after, err := parseForSplice(out)
	if err != nil || !s.onlyTheItem(before, after, old) || !sameNode(item, valueOf(after, s.key).Value.(*ast.SequenceNode).Values[s.at]) {
		return nil, fmt.Errorf("copy profile: %w", ErrProfilesShape)
	}
	return out, nil
}

// SameProfile tells whether a profile is written alike in two files, in clear text.
func SameProfile(a, b []byte, name string) bool {
	x, errX := parseForSplice(a)
	y, errY := parseForSplice(b)
	if errX != nil || errY != nil {
		return false
	}
	one, _ := profileText(a, x, name)
	other, _ := profileText(b, y, name)
	return one != nil && other != nil && sameNode(one, other)
}

// profileText returns a profile of a file and its lines, without their indent and the dash.
func profileText(src []byte, m *ast.MappingNode, name string) (ast.Node, []string) {
	v := valueOf(m, profilesKey)
	if v == nil {
		return nil, nil
	}
	list, ok := v.Value.(*ast.SequenceNode)
	if !ok {
		return nil, nil
	}
	s := &listSplice{src: src}
	for i, item := range list.Values {
		if n, ok := fieldOf(item, "name").(*ast.StringNode); !ok || n.Value != name {
			continue
		}
		if list.IsFlowStyle {
			start, end, err := s.span(item)
			if err != nil || bytes.ContainsAny(src[start:end], "\r\n") {
				return item, nil
			}
			return item, []string{string(src[start:end])}
		}
		column := list.Start.Position.Column - 1
		first := list.Entries[i].Start.Position.Line
		last, _ := s.itemEnd(first, column)
		child := posOf(item).Column - 1 // where the fields begin
		var lines []string
		for n := first; n <= last; n++ {
			line := string(s.line(n))
			if n == first {
				line = strings.Repeat(" ", column+1) + line[min(column+1, len(line)):]
			}
			indent := len(line) - len(strings.TrimLeft(line, " "))
			lines = append(lines, line[min(indent, child):])
		}
		return item, lines
	}
	return nil, nil
}
