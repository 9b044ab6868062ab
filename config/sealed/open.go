package sealed

import (
	"context"
	"strconv"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
)

// Opened is the content of a sealed file whose MAC was verified.
type Opened struct {
	// Values maps each sealed value as it stands in the file, ENC[...], to its clear text. Sealed comments are left out.
	Values map[string]string
	// Types maps the same ciphertexts, and those of sealed comments in lists, to str, int, float, bool, time or comment.
	Types map[string]string
	// Recipients are those the file is sealed for, such as age1... or the ARN of a key.
	Recipients []string
	// LastModified is when the file was sealed, by the clock of whoever did it.
	LastModified time.Time
	// MACOnlyEncrypted tells that clear values are not covered by the MAC.
	MACOnlyEncrypted bool
	// Plain is the whole file in clear text, without the metadata, in the layout of the file.
	Plain []byte
}

// Wipe overwrites the clear text that can be overwritten and forgets the rest.
func (o *Opened) Wipe() {
	clear(o.Plain)
	clear(o.Values)
	o.Plain = nil
}

// Open decrypts a sealed text and verifies its MAC. It never prompts, and returns when ctx ends even if a plugin or a
// key service hangs. The errors are ErrNotSealed, ErrTooLarge, *ClearTextError, *FormatError, *NoKeyError and *MACError.
func Open(ctx context.Context, src []byte) (*Opened, error) {
	return within(ctx, src, func(d *document) (*Opened, error) {
		o, err := d.verified(ctx)
		if err != nil {
			return nil, err
		}
		defer clear(o.key)
		return d.opened(o.tree, o.cipher)
	})
}

// verified is a document opened with its MAC found right.
type verified struct {
	key    []byte // for the caller to wipe
	cipher *opener
	tree   sops.Tree // in clear text
}

// verified opens the document and refuses it unless everything in it is as it was sealed.
func (d *document) verified(ctx context.Context) (verified, error) {
	if err := d.check(); err != nil {
		return verified{}, err
	}
	key, err := dataKey(ctx, &d.tree.Metadata)
	if err != nil {
		return verified{}, err
	}
	cipher := newOpener(d)
	tree, fits, err := d.decrypt(key, cipher, keepAll{})
	if err == nil && !fits {
		err = &MACError{OnlyEncrypted: d.tree.Metadata.MACOnlyEncrypted}
	}
	if err != nil {
		clear(key)
		return verified{}, err
	}
	return verified{key: key, cipher: cipher, tree: tree}, nil
}

// opened collects what Open returns.
func (d *document) opened(clearTree sops.Tree, cipher *opener) (*Opened, error) {
	plain, err := renderPlain(d, clearTree)
	if err != nil {
		return nil, err
	}
	return &Opened{
		Values:           cipher.values,
		Types:            cipher.types,
		Recipients:       recipients(&d.tree.Metadata),
		LastModified:     d.tree.Metadata.LastModified,
		MACOnlyEncrypted: d.tree.Metadata.MACOnlyEncrypted,
		Plain:            plain,
	}, nil
}

// within parses src and runs work until it is done or ctx ends. What still hangs then, such as a plugin, is left to end
// by itself. sops was not written for hostile input: a panic in it becomes an error, since a file somebody saved must
// never bring down the process that watches it.
func within[T any](ctx context.Context, src []byte, work func(*document) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	d, err := parseSafely(src)
	if err != nil {
		return *new(T), err
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = &FormatError{Why: "sops cannot process the file"}
			}
			done <- r
		}()
		r.value, r.err = work(d)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return *new(T), &NoKeyError{Recipients: recipients(&d.tree.Metadata), Err: ctx.Err()}
	}
}

// parseSafely is parse for hostile input.
func parseSafely(src []byte) (d *document, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = nil, &FormatError{Why: "sops cannot read the file"}
		}
	}()
	return parse(src)
}

// decrypt opens a copy of the document's tree, in which m may replace or drop leaves, and tells whether the MAC fits.
func (d *document) decrypt(key []byte, cipher *opener, m mapper) (sops.Tree, bool, error) {
	tree := sops.Tree{Metadata: d.tree.Metadata, Branches: sops.TreeBranches{copyBranch(d.tree.Branches[0], "", m)}}
	cipher.calls = 0
	mac, err := tree.Decrypt(key, cipher)
	if cipher.failed != nil {
		return tree, false, cipher.failed
	}
	if err != nil {
		return tree, false, &FormatError{Why: "sops cannot open the file", Err: err}
	}
	meta := d.tree.Metadata
	want, err := cipher.Cipher.Decrypt(meta.MessageAuthenticationCode, key, meta.LastModified.Format(time.RFC3339))
	return tree, err == nil && want == mac, nil
}

// keepAll is the mapper that changes nothing.
type keepAll struct{}

// leaf returns the value itself.
func (keepAll) leaf(_ string, v any, _ bool) (any, bool) { return v, true }

// opener is sops' cipher that also keeps an account of what it opened. Its stash makes values that are sealed again
// keep their ciphertext.
type opener struct {
	aes.Cipher
	doc    *document
	order  []int // the leaf behind each call, or -1 for a comment
	calls  int
	values map[string]string
	types  map[string]string
	failed error
}

// newOpener returns a cipher for one document.
func newOpener(d *document) *opener {
	o := &opener{Cipher: aes.NewCipher(), doc: d, values: map[string]string{}, types: map[string]string{}}
	for _, n := range d.order {
		if n < 0 || !d.leaves[n].isClearText() {
			o.order = append(o.order, n)
		}
	}
	return o
}

// Decrypt opens one value. A stand-in for clear text becomes that clear text.
func (o *opener) Decrypt(text string, key []byte, path string) (any, error) {
	if n, ok := markedLeaf(text); ok {
		return o.doc.leaves[n].value, nil
	}
	call := o.calls
	o.calls++
	v, err := o.Cipher.Decrypt(text, key, path)
	if err != nil {
		if call < len(o.order) && o.order[call] >= 0 {
			o.failed = &MACError{Path: o.doc.leaves[o.order[call]].path}
		}
		return nil, err
	}
	if text != "" {
		o.note(text, v)
	}
	return v, nil
}

// note enters one opened value into the account.
func (o *opener) note(text string, v any) {
	switch v := v.(type) {
	case string:
		o.types[text], o.values[text] = "str", v
	case int:
		o.types[text], o.values[text] = "int", strconv.Itoa(v)
	case float64:
		o.types[text], o.values[text] = "float", strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		o.types[text], o.values[text] = "bool", strconv.FormatBool(v)
	case time.Time:
		o.types[text], o.values[text] = "time", v.Format(time.RFC3339Nano)
	case sops.Comment:
		o.types[text] = "comment"
	}
}

// recipients lists those the file is sealed for.
func recipients(m *sops.Metadata) []string {
	var out []string
	for _, group := range m.KeyGroups {
		for _, key := range group {
			out = append(out, key.ToString())
		}
	}
	return out
}
