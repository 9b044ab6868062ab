package transfer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// yamlPlace matches what the parser says of the place; the rest of its message may quote the file.
var yamlPlace = regexp.MustCompile(`line \d+`)

// parseYAML reads one document, aliases written out within the bounds of a file.
func parseYAML(src []byte) (n *node, err error) {
	if len(src) > maxSource {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(src) {
		return nil, fmt.Errorf("%w: the text is not UTF-8", ErrFormat)
	}
	// The parser was not written for hostile files.
	defer func() {
		if recover() != nil {
			n, err = nil, fmt.Errorf("%w: it cannot be parsed", ErrFormat)
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, fmt.Errorf("%w: %s: this is not valid YAML", ErrFormat, yamlPlace.FindString(err.Error()))
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrFormat)
	}
	r := yamlReader{}
	return r.read(doc.Content[0], 0)
}

// yamlReader turns the nodes of the parser into ours.
type yamlReader struct{ nodes int }

func (r *yamlReader) read(y *yaml.Node, depth int) (*node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, ErrTooLarge
	}
	switch y.Kind {
	case yaml.AliasNode:
		return r.read(y.Alias, depth+1)
	case yaml.SequenceNode:
		n := &node{kind: kindList}
		for _, item := range y.Content {
			child, err := r.read(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
		return n, nil
	case yaml.MappingNode:
		return r.fields(y, depth)
	case yaml.ScalarNode:
		return scalarNode(y), nil
	default:
		return &node{}, nil
	}
}

func scalarNode(y *yaml.Node) *node {
	switch y.ShortTag() {
	case "!!null":
		return &node{}
	case "!!bool":
		return &node{kind: kindBoolean, value: strings.ToLower(y.Value)}
	case "!!int", "!!float":
		return &node{kind: kindNumber, value: y.Value}
	}
	return &node{kind: kindText, value: y.Value}
}

// fields reads a mapping; what is merged in gives way to what stands there.
func (r *yamlReader) fields(y *yaml.Node, depth int) (*node, error) {
	n := &node{kind: kindFields}
	index := map[string]int{}
	put := func(key string, value *node) {
		if i, there := index[key]; there {
			n.items[i] = value
			return
		}
		index[key] = len(n.keys)
		n.keys, n.items = append(n.keys, key), append(n.items, value)
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].ShortTag() != "!!merge" {
			continue
		}
		merged, err := r.read(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		sources := []*node{merged}
		if merged.kind == kindList {
			sources = merged.items
		}
		for _, source := range slices.Backward(sources) {
			for key, value := range source.each() {
				put(key, value)
			}
		}
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		if y.Content[i].ShortTag() == "!!merge" {
			continue
		}
		value, err := r.read(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		put(y.Content[i].Value, value)
	}
	return n, nil
}
