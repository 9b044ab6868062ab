package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

var (
	// ErrNoActive is returned when a file has no field active that could be replaced.
	ErrNoActive = errors.New("the file has no active")
	// ErrActiveSealed is returned when active is sealed; only sops can replace it then.
	ErrActiveSealed = errors.New("active is sealed")
)

// SpliceActive replaces the value of the field active in src by name, and nothing else: the
// other bytes, comments and ciphertexts stay. The quotes stay too, unless the new name needs
// some. The result is parsed again and compared before it is returned.
func SpliceActive(src []byte, name string) ([]byte, error) {
	if !profileName.MatchString(name) {
		return nil, fmt.Errorf("splice active: %s cannot be the name of a profile", quote(name))
	}
	before, err := parseForSplice(src)
	if err != nil {
		return nil, fmt.Errorf("splice active: %w", err)
	}
	node, err := activeNode(before)
	if err != nil {
		return nil, err
	}
	start, end, err := scalarSpan(src, node.Token)
	if err != nil {
		return nil, fmt.Errorf("splice active: %w", err)
	}
	out := bytes.Join([][]byte{src[:start], []byte(requote(node.Token, name)), src[end:]}, nil)
	after, err := parseForSplice(out)
	if err != nil {
		return nil, fmt.Errorf("splice active: the result does not parse: %w", err)
	}
	spliced, err := activeNode(after)
	if err != nil || spliced.Value != name || !sameBut(before, after) {
		return nil, errors.New("splice active: the result would differ in more than one value")
	}
	return out, nil
}

func parseForSplice(src []byte) (*ast.MappingNode, error) {
	r := newReport("", src)
	doc := parseDocument(src, r)
	if doc == nil {
		return nil, r.problems()
	}
	switch m := doc.root.(type) {
	case *ast.MappingNode:
		return m, nil
	case *ast.MappingValueNode:
		return &ast.MappingNode{BaseNode: &ast.BaseNode{}, Values: []*ast.MappingValueNode{m}}, nil
	}
	return nil, ErrNoActive
}

// activeNode returns the scalar of the only field active.
func activeNode(m *ast.MappingNode) (*ast.StringNode, error) {
	var found *ast.StringNode
	for _, v := range m.Values {
		if keyOf(v.Key) != "active" {
			continue
		}
		s, ok := v.Value.(*ast.StringNode)
		if !ok || found != nil {
			return nil, fmt.Errorf("%w: it is not one plain value", ErrNoActive)
		}
		found = s
	}
	switch {
	case found == nil:
		return nil, ErrNoActive
	case strings.HasPrefix(found.Value, "ENC["):
		return nil, ErrActiveSealed
	}
	return found, nil
}

// scalarSpan finds the bytes of a scalar on one line, with its quotes. The parser's own
// offsets count characters and are wrong after a byte order mark; line and column are right.
func scalarSpan(src []byte, t *token.Token) (start, end int, err error) {
	line := lineStart(src, t.Position.Line)
	start = line
	for range t.Position.Column - 1 {
		_, size := utf8.DecodeRune(src[start:])
		start += size
	}
	text := t.Value
	switch t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		quote := src[min(start, len(src)-1)]
		i := bytes.IndexByte(src[start+1:], quote)
		if quote != '\'' && quote != '"' || i < 0 {
			return 0, 0, errors.New("cannot find the quotes of the value")
		}
		text = string(src[start : start+i+2])
		if text[1:len(text)-1] != t.Value {
			return 0, 0, errors.New("the value has escapes")
		}
	default:
		// Where a line ends with spaces, the column is off by as many.
		for back := blanksAtEnd(src[line:]); !bytes.HasPrefix(src[start:], []byte(text)); back-- {
			if back == 0 || start == line {
				return 0, 0, errors.New("cannot find the value")
			}
			start--
		}
	}
	return start, start + len(text), nil
}

// blanksAtEnd counts the spaces at the end of the line that begins with rest.
func blanksAtEnd(rest []byte) int {
	if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
		rest = rest[:i]
	}
	return len(rest) - len(bytes.TrimRight(rest, " \t"))
}

// lineStart returns the offset of the first byte of a line, counted from 1.
func lineStart(src []byte, line int) int {
	i := 0
	if line == 1 && bytes.HasPrefix(src, []byte("\ufeff")) {
		return len("\ufeff")
	}
	for ; line > 1 && i < len(src); i++ {
		if src[i] == '\n' || src[i] == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			line--
		}
	}
	return i
}

func requote(t *token.Token, name string) string {
	switch t.Type {
	case token.SingleQuoteType:
		return "'" + name + "'"
	case token.DoubleQuoteType:
		return quote(name)
	}
	return quoted(name)
}

// sameBut tells whether two files hold the same but for the value of active.
func sameBut(a, b *ast.MappingNode) bool {
	if len(a.Values) != len(b.Values) {
		return false
	}
	for i := range a.Values {
		x, y := a.Values[i], b.Values[i]
		if keyOf(x.Key) != keyOf(y.Key) {
			return false
		}
		if keyOf(x.Key) != "active" && !sameNode(x.Value, y.Value) {
			return false
		}
	}
	return true
}

func sameNode(a, b ast.Node) bool {
	var x, y any
	if yaml.NodeToValue(a, &x, yaml.AllowDuplicateMapKey()) != nil || yaml.NodeToValue(b, &y, yaml.AllowDuplicateMapKey()) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
