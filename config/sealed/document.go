package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/stores/yaml"
	"github.com/sirupsen/logrus"
)

const (
	// maxSize bounds a text before anything parses it.
	maxSize = 1 << 20
	// metadataKey is the top-level field in which sops keeps recipients and MAC.
	metadataKey = "sops"
	// marker opens a stand-in for a leaf; no YAML text can hold a NUL.
	marker = "\x00"
)

// ciphertext is the form of a sealed value, as sops itself looks for it; the last group is the type.
var ciphertext = regexp.MustCompile(`^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]`)

// leaf is one value of a tree.
type leaf struct {
	path   string // for people: profiles[kimi].api_key
	value  any
	sealed bool // the rules of the file want it sealed
	inList bool
}

// document is a text and what sops reads in it.
type document struct {
	src  []byte
	tree sops.Tree
	// leaves are all values but nulls and comments, in file order.
	leaves []leaf
	// order holds, for every call sops will make to a cipher, the index of the leaf, or -1 for a comment.
	order []int
}

// newStore returns sops' YAML store with the given indent.
func newStore(indent int) *yaml.Store {
	return yaml.NewStore(&config.YAMLStoreConfig{Indent: indent})
}

// parse reads a sealed text, without opening anything.
func parse(src []byte) (*document, error) {
	if len(src) > maxSize {
		return nil, ErrTooLarge
	}
	quiet()
	tree, err := newStore(0).LoadEncryptedFile(src)
	if errors.Is(err, sops.MetadataNotFound) {
		return nil, ErrNotSealed
	}
	if err != nil {
		return nil, &FormatError{Why: "sops cannot read the file", Err: err}
	}
	return newDocument(src, tree)
}

// newDocument takes a tree apart and asks sops which of its leaves are to be sealed.
func newDocument(src []byte, tree sops.Tree) (*document, error) {
	if len(tree.Branches) != 1 {
		return nil, &FormatError{Why: fmt.Sprintf("one YAML document is expected, found %d", len(tree.Branches))}
	}
	d := &document{src: src, tree: tree}
	marks := &marking{doc: d}
	marked := copyBranch(tree.Branches[0], "", marks)
	probe := sops.Tree{Metadata: tree.Metadata, Branches: sops.TreeBranches{marked}}
	if _, err := probe.Decrypt(nil, marks); err != nil {
		return nil, &FormatError{Why: "sops cannot walk the file", Err: err}
	}
	return d, nil
}

// check refuses a document that must not be opened: clear text where ciphertext belongs, ciphertext where it does not.
func (d *document) check() error {
	if err := d.checkSealed(); err != nil {
		return err
	}
	if bad := d.clearText(); len(bad) > 0 {
		paths := make([]string, len(bad))
		for i, n := range bad {
			paths[i] = d.leaves[n].path
		}
		return &ClearTextError{Paths: paths}
	}
	return nil
}

// checkSealed looks at every ciphertext. sops authenticates neither the type of a value nor the place of what it does
// not open: a copy of a key's ciphertext that calls itself a comment is not part of the MAC, one that calls itself bytes
// makes sops panic, and one in a clear field would be taken for that field's value by whoever replaces ciphertexts.
func (d *document) checkSealed() error {
	for _, l := range d.leaves {
		text, ok := l.value.(string)
		if !ok || !strings.HasPrefix(text, "ENC[") {
			continue
		}
		parts := ciphertext.FindStringSubmatch(text)
		switch {
		case !l.sealed && parts != nil:
			return &FormatError{Path: l.path, Why: "a sealed value in a field that is never sealed"}
		case !l.sealed:
		case parts == nil:
			return &FormatError{Path: l.path, Why: "a damaged sealed value"}
		case parts[4] == "bytes", parts[4] == "comment" && !l.inList:
			return &FormatError{Path: l.path, Why: "a sealed value with the wrong type " + strconv.Quote(parts[4])}
		}
	}
	return nil
}

// clearText returns the indexes of the leaves that should be sealed and are not.
func (d *document) clearText() []int {
	var found []int
	for i := range d.leaves {
		if d.leaves[i].isClearText() {
			found = append(found, i)
		}
	}
	return found
}

// isClearText tells whether the leaf should be sealed and is not.
func (l *leaf) isClearText() bool {
	return l.sealed && l.value != "" && !isCiphertext(l.value)
}

// isCiphertext tells whether a value has the form of a sealed one.
func isCiphertext(v any) bool {
	text, ok := v.(string)
	return ok && ciphertext.MatchString(text)
}

// marking replaces leaves by numbered stand-ins and is then the cipher that hears which of them sops would open.
type marking struct{ doc *document }

// leaf records one leaf and returns its stand-in.
func (m *marking) leaf(path string, v any, inList bool) (any, bool) {
	m.doc.leaves = append(m.doc.leaves, leaf{path: path, value: v, inList: inList})
	return marker + strconv.Itoa(len(m.doc.leaves)-1), true
}

// Decrypt notes that sops would open this leaf.
func (m *marking) Decrypt(text string, _ []byte, _ string) (any, error) {
	n, ok := markedLeaf(text)
	if !ok {
		n = -1
	} else {
		m.doc.leaves[n].sealed = true
	}
	m.doc.order = append(m.doc.order, n)
	return text, nil
}

// Encrypt is never called: the walk only decrypts.
func (m *marking) Encrypt(any, []byte, string) (string, error) {
	return "", errors.New("a marked tree cannot be sealed")
}

// markedLeaf returns the number in a stand-in.
func markedLeaf(text string) (int, bool) {
	digits, ok := strings.CutPrefix(text, marker)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// mapper says what becomes of each leaf of a copied tree; false drops the leaf.
type mapper interface {
	leaf(path string, v any, inList bool) (any, bool)
}

// copyBranch returns a deep copy in which every leaf went through m; sops changes trees in place.
func copyBranch(in sops.TreeBranch, path string, m mapper) sops.TreeBranch {
	out := make(sops.TreeBranch, 0, len(in))
	for _, item := range in {
		if _, ok := item.Key.(sops.Comment); ok {
			out = append(out, item)
			continue
		}
		at := fmt.Sprint(item.Key)
		if path != "" {
			at = path + "." + at
		}
		if v, keep := copyValue(item.Value, at, false, m); keep {
			out = append(out, sops.TreeItem{Key: item.Key, Value: v})
		}
	}
	return out
}

// copyValue is copyBranch for one value.
func copyValue(v any, path string, inList bool, m mapper) (any, bool) {
	switch v := v.(type) {
	case sops.TreeBranch:
		return copyBranch(v, path, m), true
	case []any:
		out := make([]any, 0, len(v))
		n := 0
		for _, item := range v {
			_, comment := item.(sops.Comment)
			if c, keep := copyValue(item, path+"["+itemName(item, n)+"]", true, m); keep {
				out = append(out, c)
			}
			n += boolInt(!comment)
		}
		return out, true
	case nil, sops.Comment:
		return v, true
	}
	return m.leaf(path, v, inList)
}

// itemName is how a person finds an item of a list: by its name, else by its number.
func itemName(item any, n int) string {
	if branch, ok := item.(sops.TreeBranch); ok {
		for _, field := range branch {
			if name, ok := field.Value.(string); ok && field.Key == "name" && !isCiphertext(name) {
				return name
			}
		}
	}
	return strconv.Itoa(n)
}

// boolInt is 1 for true.
func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quiet stops sops from writing log lines to standard error: they may quote comments of the file.
func quiet() {
	for _, log := range logging.Loggers {
		log.SetLevel(logrus.PanicLevel)
		log.SetOutput(io.Discard)
	}
}

// topLevelSops finds the metadata by its look alone, so that a text with a syntax error still counts as sealed.
var topLevelSops = regexp.MustCompile(`(?m)^["']?sops["']?[ \t]*:`)

// IsSealed tells whether the text has sops metadata. It does not verify anything.
func IsSealed(src []byte) bool {
	if len(src) > maxSize || !bytes.Contains(src, []byte(metadataKey)) {
		return false
	}
	if topLevelSops.Match(src) {
		return true
	}
	_, err := parseSafely(src)
	return err == nil
}

// FullMAC tells whether the text is sealed with a MAC that covers its clear values too.
func FullMAC(src []byte) bool {
	d, err := parseSafely(src)
	return err == nil && !d.tree.Metadata.MACOnlyEncrypted
}
