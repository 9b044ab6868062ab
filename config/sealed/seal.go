package sealed

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/version"
)

const (
	// sealedFields is the rule a new file gets: the fields that hold keys, and nothing else.
	sealedFields = `^(api_key|client_token)$`
	// newIndent is the indent of a new file's metadata.
	newIndent = 2
)

// SealOptions are the choices a person makes for Seal.
type SealOptions struct {
	// AcceptRemoved seals although a sealed value was deleted, moved, copied or pasted over, so that the old MAC cannot
	// fit any more. Every sealed value that is left must still open by itself.
	AcceptRemoved bool
	// MACOnlyEncrypted, if set, is the new reach of the MAC. Setting it to true on a file with the full MAC also accepts
	// what was edited by hand: that is what the change is for.
	MACOnlyEncrypted *bool
}

// Encrypt seals a clear text for the first time, for age recipients (age1..., ssh-ed25519, ssh-rsa). Only api_key and
// client_token are sealed, and only they are covered by the MAC. The layout of the text stays.
func Encrypt(plain []byte, recipients []string) ([]byte, error) {
	keys, err := masterKeys(recipients)
	if err != nil {
		return nil, err
	}
	d, err := parsePlain(plain, sops.Metadata{
		KeyGroups:        []sops.KeyGroup{keys},
		EncryptedRegex:   sealedFields,
		MACOnlyEncrypted: true,
		Version:          version.Version,
	})
	if err != nil {
		return nil, err
	}
	key := make([]byte, dataKeySize)
	defer clear(key)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a data key: %w", err)
	}
	for _, k := range keys {
		if err := k.Encrypt(key); err != nil {
			return nil, fmt.Errorf("seal for %s: %w", shortRecipient(k.ToString()), err)
		}
	}
	return d.seal(key, newOpener(d), d.tree, newIndent)
}

// masterKeys parses recipients.
func masterKeys(recipients []string) (sops.KeyGroup, error) {
	var group sops.KeyGroup
	for _, r := range recipients {
		key, err := age.MasterKeyFromRecipient(r)
		if err != nil {
			return nil, fmt.Errorf("recipient %q: not an age or SSH public key", shortRecipient(strings.TrimSpace(r)))
		}
		group = append(group, key)
	}
	if len(group) == 0 {
		return nil, ErrNoRecipient
	}
	return group, nil
}

// parsePlain reads a clear text under the rules of m.
func parsePlain(plain []byte, m sops.Metadata) (*document, error) {
	if len(plain) > maxSize {
		return nil, ErrTooLarge
	}
	quiet()
	branches, err := newStore(0).LoadPlainFile(plain)
	if err != nil {
		return nil, &FormatError{Why: "sops cannot read the file", Err: err}
	}
	if len(branches) > 0 && newStore(0).HasSopsTopLevelKey(branches[0]) {
		return nil, ErrAlreadySealed
	}
	d, err := newDocument(plain, sops.Tree{Branches: branches, Metadata: m})
	if err != nil {
		return nil, err
	}
	for _, l := range d.leaves {
		if isCiphertext(l.value) {
			return nil, &FormatError{Path: l.path, Why: "a sealed value whose metadata is gone"}
		}
	}
	return d, nil
}

// Seal encrypts, in a sealed text, the keys that were pasted in clear text, after it has verified that nothing sealed
// before was altered. It returns the new text and the fields it sealed. Values that did not change keep their
// ciphertext; a text that needs nothing is returned as it is. The errors are those of Open but *ClearTextError.
func Seal(ctx context.Context, src []byte, opt SealOptions) (out []byte, sealedPaths []string, err error) {
	done, err := within(ctx, src, func(d *document) (sealing, error) { return d.sealInPlace(ctx, opt) })
	if err != nil {
		return nil, nil, err
	}
	return done.text, done.paths, nil
}

// sealing is the outcome of Seal.
type sealing struct {
	text  []byte
	paths []string
}

// sealInPlace does the work of Seal.
func (d *document) sealInPlace(ctx context.Context, opt SealOptions) (sealing, error) {
	if err := d.checkSealed(); err != nil {
		return sealing{}, err
	}
	key, err := dataKey(ctx, &d.tree.Metadata)
	if err != nil {
		return sealing{}, err
	}
	defer clear(key)
	cipher := newOpener(d)
	_, fits, err := d.decrypt(key, cipher, &pasted{doc: d, drop: true})
	if err != nil {
		return sealing{}, err
	}
	meta := &d.tree.Metadata
	relaxed := opt.MACOnlyEncrypted != nil && *opt.MACOnlyEncrypted && !meta.MACOnlyEncrypted
	if !fits && !opt.AcceptRemoved && !relaxed {
		return sealing{}, &MACError{OnlyEncrypted: meta.MACOnlyEncrypted}
	}
	bad := d.clearText()
	switched := opt.MACOnlyEncrypted != nil && *opt.MACOnlyEncrypted != meta.MACOnlyEncrypted
	if len(bad) == 0 && fits && !switched {
		return sealing{text: d.src}, nil
	}
	tree, _, err := d.decrypt(key, cipher, &pasted{doc: d})
	if err != nil {
		return sealing{}, err
	}
	if switched {
		tree.Metadata.MACOnlyEncrypted = *opt.MACOnlyEncrypted
	}
	paths := make([]string, len(bad))
	for i, n := range bad {
		paths[i] = d.leaves[n].path
	}
	text, err := d.seal(key, cipher, tree, d.indent())
	return sealing{text: text, paths: paths}, err
}

// SetScalar replaces the value of a top-level clear field and renews the MAC: the way to change a field by program in a
// file whose MAC covers it. The old MAC must fit. The errors are those of Open, and ErrNoScalar.
func SetScalar(ctx context.Context, src []byte, key, value string) ([]byte, error) {
	return within(ctx, src, func(d *document) ([]byte, error) {
		o, err := d.verified(ctx)
		if err != nil {
			return nil, err
		}
		defer clear(o.key)
		if !d.isPlainScalar(key) {
			return nil, fmt.Errorf("set %s: %w", key, ErrNoScalar)
		}
		o.tree.Branches[0], _ = o.tree.Branches[0].Set([]any{key}, value)
		return d.seal(o.key, o.cipher, o.tree, d.indent())
	})
}

// isPlainScalar tells whether a top-level field holds one clear value.
func (d *document) isPlainScalar(key string) bool {
	for _, l := range d.leaves {
		if l.path == key && !l.inList {
			return !l.sealed
		}
	}
	return false
}

// Reseal seals an edited clear text with the key and the rules of the sealed text it came from, as sops edit does:
// values that did not change keep their ciphertext. The errors are those of Open.
func Reseal(ctx context.Context, src, plain []byte) ([]byte, error) {
	return within(ctx, src, func(d *document) ([]byte, error) {
		o, err := d.verified(ctx)
		if err != nil {
			return nil, err
		}
		defer clear(o.key)
		edited, err := parsePlain(plain, d.tree.Metadata)
		if err != nil {
			return nil, err
		}
		return edited.seal(o.key, o.cipher, edited.tree, d.indent())
	})
}

// seal encrypts a clear tree, renews MAC and date, and returns the text, which it has opened once to be sure.
func (d *document) seal(key []byte, cipher *opener, clearTree sops.Tree, indent int) ([]byte, error) {
	tree := sops.Tree{
		Metadata: clearTree.Metadata,
		Branches: sops.TreeBranches{copyBranch(clearTree.Branches[0], "", keepAll{})},
	}
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return nil, &FormatError{Why: "sops cannot seal the file", Err: err}
	}
	meta := &tree.Metadata
	meta.LastModified = time.Now().UTC()
	meta.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, meta.LastModified.Format(time.RFC3339))
	if err != nil {
		return nil, fmt.Errorf("seal the MAC: %w", err)
	}
	out, err := renderSealed(d, tree, indent)
	if err != nil {
		return nil, err
	}
	if err := says(out, key, clearTree.Branches[0]); err != nil {
		return nil, err
	}
	return out, nil
}

// says verifies a text that is about to be handed out: it opens, and holds the values of the tree it was made of. sops
// does not keep everything; an empty comment in a sealed list comes back as a value.
func says(out, key []byte, want sops.TreeBranch) error {
	d, err := parse(out)
	if err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	tree, fits, err := d.decrypt(key, newOpener(d), keepAll{})
	switch {
	case err != nil:
		return err
	case !fits:
		return &MACError{OnlyEncrypted: d.tree.Metadata.MACOnlyEncrypted}
	case !slices.EqualFunc(values(tree.Branches[0]), values(want), sameValue):
		return &FormatError{Why: "sops would change the content of this file"}
	}
	return nil
}

// sameValue compares two values as the MAC sees them: sops itself turns 1.0 into 1.
func sameValue(a, b any) bool {
	x, errX := sops.ToBytes(a)
	y, errY := sops.ToBytes(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// pasted is the mapper for a sealed tree that holds clear text: it drops that text, or gives the cipher a stand-in for
// it, since sops opens only strings.
type pasted struct {
	doc  *document
	next int
	drop bool
}

// leaf handles the leaves in the order in which the document was taken apart.
func (p *pasted) leaf(_ string, v any, _ bool) (any, bool) {
	n := p.next
	p.next++
	if !p.doc.leaves[n].isClearText() {
		return v, true
	}
	return marker + strconv.Itoa(n), !p.drop
}
