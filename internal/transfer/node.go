package transfer

import (
	"errors"
	"iter"
	"slices"
	"strings"
)

const (
	// maxSource bounds a file that is read as text, in bytes.
	maxSource = 8 << 20
	// maxNodes bounds the values of one file, those behind aliases counted wherever they are used.
	maxNodes = 200_000
	// maxEntries is how many entries of a list are looked at.
	maxEntries = 1000
	// maxDepth bounds how deep lists and fields may lie within each other.
	maxDepth = 64
)

// Errors of a text that cannot be read.
var (
	// ErrFormat means that a file is not of the format that its tool writes.
	ErrFormat = errors.New("this is not a configuration of that tool")
	// ErrTooLarge means that a file holds more than any configuration does.
	ErrTooLarge = errors.New("the file is too large for a configuration")
)

// kind is what a value of a file is.
type kind int

const (
	kindNull kind = iota
	kindText
	kindNumber
	kindBoolean
	kindList
	kindFields
)

// node is a value of a JSON or YAML file. A nil node is a value that is not there; all methods take
// one.
type node struct {
	kind  kind
	value string   // of a text, number or boolean, as it was written
	keys  []string // of fields, in their order; each once
	items []*node  // of a list, or the values of keys
}

// at follows names of fields.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		if n == nil || n.kind != kindFields {
			return nil
		}
		i := slices.Index(n.keys, name)
		if i < 0 {
			return nil
		}
		n = n.items[i]
	}
	return n
}

// first returns the first of several fields that holds a text.
func (n *node) first(names ...string) string {
	for _, name := range names {
		if s := n.at(name).str(); s != "" {
			return s
		}
	}
	return ""
}

// str is a text or a number without the blanks around it; anything else is empty.
func (n *node) str() string {
	if n == nil || n.kind != kindText && n.kind != kindNumber {
		return ""
	}
	return strings.TrimSpace(n.value)
}

// on tells whether a value is true.
func (n *node) on() bool {
	return n != nil && n.value == "true" && (n.kind == kindBoolean || n.kind == kindText)
}

// off tells whether a value is there and false.
func (n *node) off() bool {
	return n != nil && n.value == "false" && (n.kind == kindBoolean || n.kind == kindText)
}

// empty tells whether a value says nothing.
func (n *node) empty() bool {
	switch {
	case n == nil || n.kind == kindNull:
		return true
	case n.kind == kindList || n.kind == kindFields:
		return len(n.items) == 0
	case n.kind == kindBoolean:
		return n.value == "false"
	case n.kind == kindText:
		return strings.TrimSpace(n.value) == ""
	}
	return false
}

// list returns the items of a list; anything else has none.
func (n *node) list() []*node {
	if n == nil || n.kind != kindList {
		return nil
	}
	return n.items
}

// each yields fields in their order; anything else has none.
func (n *node) each() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		if n == nil || n.kind != kindFields {
			return
		}
		for i, key := range n.keys {
			if !yield(key, n.items[i]) {
				return
			}
		}
	}
}

// firstOf returns at most n items.
func firstOf(items []*node, n int) []*node { return items[:min(len(items), n)] }
