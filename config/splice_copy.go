package config

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// CopyProfile puts a profile of the file from behind those of dst, as it is written there, with
// the comments in it. Both are in clear text. The result is parsed again and compared before it is
// returned.
func CopyProfile(dst, from []byte, name string) ([]byte, error) {
	out, _, err := copyProfile(dst, from, name, noItem)
	return out, spliceError("copy profile", err, ErrProfilesShape)
}

// ReplaceProfile is [CopyProfile] for a profile that dst has already: what is written there, and the
// comments in it, give way. What leads to the profile stays.
func ReplaceProfile(dst, from []byte, name string) ([]byte, error) {
	out, replaced, err := copyProfile(dst, from, name, func(item ast.Node) bool { return textOf(fieldOf(item, "name")) == name })
	if err == nil && !replaced {
		err = ErrNoProfile
	}
	if err != nil {
		return nil, spliceError("replace profile", err, ErrProfilesShape)
	}
	return out, nil
}

func copyProfile(dst, from []byte, name string, same func(ast.Node) bool) (out []byte, replaced bool, err error) {
	source, err := parseForSplice(from)
	if err != nil {
		return nil, false, err
	}
	item, lines := profileText(from, source, name)
	if item == nil {
		return nil, false, ErrNoProfile
	}
	s := &listSplice{src: dst, key: profilesKey, spaced: true, whole: true, lines: lines}
	if out, err = s.splice(same); err != nil {
		return nil, false, err
	}
	// The lines were cut out of a text: they must be the item that was found there.
	after, err := parseForSplice(out)
	if err != nil {
		return nil, false, err
	}
	if list, ok := valueOf(after, s.key).Value.(*ast.SequenceNode); !ok || !sameNode(item, list.Values[s.at]) {
		return nil, false, errListShape
	}
	return out, s.replaces >= 0, nil
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
