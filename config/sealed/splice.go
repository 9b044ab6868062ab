package sealed

import (
	"bytes"
	"fmt"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/stores"
)

// indent is the indent of the metadata, which tells how sops was set up when it wrote the file.
func (d *document) indent() int {
	l, err := readLayout(d.src)
	if err != nil || l.block == nil {
		return newIndent
	}
	for _, line := range bytes.Split(l.text[l.lines[l.block.Line-1]:], []byte("\n"))[1:] {
		text := bytes.TrimLeft(line, " ")
		if len(text) > 0 && text[0] != '#' {
			if n := len(line) - len(text); n >= 2 && n <= 8 {
				return n
			}
			break
		}
	}
	return newIndent
}

// renderSealed writes a sealed tree in the layout of the document, or in sops' own where that is not possible.
func renderSealed(d *document, tree sops.Tree, indent int) ([]byte, error) {
	store := newStore(indent)
	block, err := store.EmitEncryptedFile(sops.Tree{Metadata: tree.Metadata, Branches: sops.TreeBranches{{}}})
	if err != nil {
		return nil, fmt.Errorf("write the metadata: %w", err)
	}
	if out, ok := d.splice(tree.Branches[0], block); ok {
		return out, nil
	}
	out, err := store.EmitEncryptedFile(tree)
	if err != nil {
		return nil, fmt.Errorf("write the sealed file: %w", err)
	}
	return out, nil
}

// renderPlain writes the opened tree in the layout of the document, or in sops' own where that is not possible.
func renderPlain(d *document, tree sops.Tree) ([]byte, error) {
	if out, ok := d.splice(tree.Branches[0], nil); ok {
		return out, nil
	}
	out, err := newStore(d.indent()).EmitPlainFile(tree.Branches)
	if err != nil {
		return nil, fmt.Errorf("write the plain file: %w", err)
	}
	return out, nil
}

// splice makes the document's text say what want says, followed by the metadata in block, and reads the result again to
// be sure. It gives up where comments are sealed as well.
func (d *document) splice(want sops.TreeBranch, block []byte) ([]byte, bool) {
	l, err := readLayout(d.src)
	if err != nil || !d.commentsAreOpen() {
		return nil, false
	}
	out, ok := l.retext(values(want))
	if !ok {
		return nil, false
	}
	out = append(append(out, block...), l.tail()...)
	again, err := newStore(0).LoadPlainFile(out)
	if err != nil || len(again) != 1 {
		return nil, false
	}
	if len(block) > 0 {
		again, _, err = stores.ExtractMetadata(again, stores.MetadataOpts{})
	}
	return out, err == nil && sameContent(again[0], want)
}

// commentsAreOpen tells that the rules of the file leave comments alone, so that they may stay where they are.
func (d *document) commentsAreOpen() bool {
	for _, n := range d.order {
		if n < 0 {
			return false
		}
	}
	return true
}

// values lists the leaves of a tree.
func values(branch sops.TreeBranch) []any {
	var c collector
	copyBranch(branch, "", &c)
	return c.values
}

// collector is the mapper that lists what it sees.
type collector struct{ values []any }

// leaf appends the value.
func (c *collector) leaf(_ string, v any, _ bool) (any, bool) {
	c.values = append(c.values, v)
	return v, true
}

// sameContent compares two trees without their comments.
func sameContent(a, b sops.TreeBranch) bool {
	x, _ := withoutComments(a).(sops.TreeBranch)
	y, _ := withoutComments(b).(sops.TreeBranch)
	return x.Equals(y)
}

// withoutComments copies a value without the comments in it.
func withoutComments(v any) any {
	switch v := v.(type) {
	case sops.TreeBranch:
		out := sops.TreeBranch{}
		for _, item := range v {
			if _, ok := item.Key.(sops.Comment); !ok {
				out = append(out, sops.TreeItem{Key: item.Key, Value: withoutComments(item.Value)})
			}
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			if _, ok := item.(sops.Comment); !ok {
				out = append(out, withoutComments(item))
			}
		}
		return out
	}
	return v
}
