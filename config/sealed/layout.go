package sealed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// plainWord is text that needs no quotes in YAML, unless it is one of the words that mean something else.
var plainWord = regexp.MustCompile(`^[A-Za-z](?:[A-Za-z0-9_./@+:-]*[A-Za-z0-9_/@+-])?$`)

// layout is a text with the positions of its values.
type layout struct {
	text    []byte
	lines   []int // the offset at which each line begins
	scalars []scalar
	block   *yaml.Node // the key of the metadata, or nil
	last    bool       // the metadata is the last thing in the text
}

// scalar is one value that stands in the text. Values behind an alias appear once for every use.
type scalar struct {
	node *yaml.Node
	flow bool
}

// readLayout finds the values of a text in the order in which sops reads them.
func readLayout(text []byte) (*layout, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	l := &layout{text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			l.lines = append(l.lines, i+1)
		}
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return l, nil
	}
	top := doc.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == metadataKey {
			l.block, l.last = top.Content[i], i+2 == len(top.Content)
			continue
		}
		l.collect(top.Content[i+1], top.Style&yaml.FlowStyle != 0)
	}
	return l, nil
}

// collect appends the values below a node.
func (l *layout) collect(n *yaml.Node, flow bool) {
	flow = flow || n.Style&yaml.FlowStyle != 0
	switch n.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			l.collect(n.Content[i], flow)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			l.collect(item, flow)
		}
	case yaml.AliasNode:
		l.collect(n.Alias, flow)
	case yaml.ScalarNode:
		if v, err := decoded(n); err == nil && v != nil {
			l.scalars = append(l.scalars, scalar{node: n, flow: flow})
		}
	}
}

// decoded is the value of a scalar as sops reads it.
func decoded(n *yaml.Node) (v any, err error) {
	err = n.Decode(&v)
	return v, err
}

// offset turns a position, which counts runes, into bytes.
func (l *layout) offset(n *yaml.Node) (int, bool) {
	if n.Line < 1 || n.Line > len(l.lines) {
		return 0, false
	}
	at := l.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(l.text) || l.text[at] == '\n' {
			return 0, false
		}
		_, size := utf8.DecodeRune(l.text[at:])
		at += size
	}
	return at, at <= len(l.text)
}

// span returns the bytes of a scalar, quotes included. It gives up on block scalars, tags and anchors.
func (l *layout) span(n *yaml.Node) (from, to int, ok bool) {
	from, ok = l.offset(n)
	if !ok || from >= len(l.text) {
		return 0, 0, false
	}
	rest := l.text[from:]
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0 && rest[0] == '"':
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return from, from + i + 1, true
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0 && rest[0] == '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 == len(rest) || rest[i+1] != '\'' {
				return from, from + i + 1, true
			}
			i++
		}
	case n.Style == 0 && n.Anchor == "" && n.Value != "" && bytes.HasPrefix(rest, []byte(n.Value)):
		return from, from + len(n.Value), true
	}
	return 0, 0, false
}

// head is the text before the metadata, and all of it when there is none.
func (l *layout) head() ([]byte, bool) {
	if l.block == nil {
		text := l.text
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(bytes.Clone(text), '\n')
		}
		return text, true
	}
	if !l.last || l.block.Column != 1 {
		return nil, false
	}
	return l.text[:l.lines[l.block.Line-1]], true
}

// retext returns the text before the metadata with every value that differs from want replaced.
func (l *layout) retext(want []any) ([]byte, bool) {
	head, ok := l.head()
	if !ok || len(want) != len(l.scalars) {
		return nil, false
	}
	var out []byte
	done := 0
	for i, s := range l.scalars {
		have, err := decoded(s.node)
		if err != nil {
			return nil, false
		}
		if have == want[i] {
			continue
		}
		from, to, ok := l.span(s.node)
		if !ok || from < done || to > len(head) {
			return nil, false
		}
		out = append(out, head[done:from]...)
		out = append(out, scalarText(want[i], l.text[from], s.flow)...)
		done = to
	}
	return append(out, head[done:]...), true
}

// scalarText writes a value so that YAML reads it back, in the quotes that stood there before where they can stay.
func scalarText(v any, quote byte, flow bool) string {
	text, ok := v.(string)
	switch {
	case !ok:
		return otherText(v)
	case ciphertext.MatchString(text):
		if flow {
			return strconv.Quote(text)
		}
		return text
	case quote == '\'' && !strings.ContainsFunc(text, unprintable):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case quote != '"' && plainWord.MatchString(text) && isYAMLString(text):
		return text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return strconv.Quote(text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// otherText writes a value that is no string. A float keeps its point: 1 would be read back as an int.
func otherText(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if strings.Trim(text, "-0123456789") == "" {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v)
}

// unprintable tells whether a rune cannot stand within single quotes on one line.
func unprintable(r rune) bool { return !strconv.IsPrint(r) }

// isYAMLString tells whether a bare word is a string, and not a truth value or null.
func isYAMLString(word string) bool {
	switch strings.ToLower(word) {
	case "y", "n", "yes", "no", "on", "off":
		return false
	}
	var v any
	return yaml.Unmarshal([]byte(word), &v) == nil && v == any(word)
}

// tail is what people wrote behind the metadata: comments at the very end.
func (l *layout) tail() []byte {
	if l.block == nil {
		return nil
	}
	end := len(l.text)
	for i := len(l.lines) - 1; i > l.block.Line-1; i-- {
		line := bytes.TrimSpace(l.text[l.lines[i]:end])
		if len(line) > 0 && line[0] != '#' {
			return l.text[end:]
		}
		end = l.lines[i]
	}
	return nil
}
