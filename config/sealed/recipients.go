package sealed

import (
	"context"
	"fmt"
	"slices"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/keys"
)

// AddRecipients seals the key of a sealed text for more recipients (age1..., ssh-ed25519, ssh-rsa): those that it is
// sealed for, its rules and its ciphertexts stay. One that it is sealed for already is passed over. A text whose key is
// split among groups is refused: nobody can be added to it who opens it alone. The errors are those of Open and of
// Encrypt.
func AddRecipients(ctx context.Context, src []byte, more []string) ([]byte, error) {
	added, err := masterKeys(more)
	if err != nil {
		return nil, err
	}
	return within(ctx, src, func(d *document) ([]byte, error) {
		groups := d.tree.Metadata.KeyGroups
		if len(groups) != 1 {
			return nil, &FormatError{Why: "its key is split among groups; one more recipient would not open it"}
		}
		o, err := d.verified(ctx)
		if err != nil {
			return nil, err
		}
		defer clear(o.key)
		group := slices.Clone(groups[0])
		for _, key := range added {
			if slices.ContainsFunc(group, func(have keys.MasterKey) bool { return have.ToString() == key.ToString() }) {
				continue
			}
			if err := key.Encrypt(o.key); err != nil {
				return nil, fmt.Errorf("seal for %s: %w", shortRecipient(key.ToString()), err)
			}
			group = append(group, key)
		}
		o.tree.Metadata.KeyGroups = []sops.KeyGroup{group}
		return d.seal(o.key, o.cipher, o.tree, d.indent())
	})
}
