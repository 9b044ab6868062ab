package sealed

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	filippo "filippo.io/age"
	"filippo.io/age/armor"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/pgp"
	"github.com/getsops/sops/v3/shamir"
)

const (
	// dataKeySize is the length of a file's own AES key in bytes.
	dataKeySize = 32
	// maxPart bounds what is read of a sealed data key; a part of a split key is one byte longer than the key.
	maxPart = 1 << 10
)

// dataKey opens the key of the file with whichever of its recipients answers first: age, then PGP, then the clouds, as
// sops does. Every key service is asked by this process itself; there is no remote one. The caller wipes the key.
func dataKey(ctx context.Context, m *sops.Metadata) ([]byte, error) {
	ring := newKeyring()
	var parts [][]byte
	for _, group := range m.KeyGroups {
		if part := ring.openGroup(ctx, group); part != nil {
			parts = append(parts, part)
		}
	}
	key, err := combine(parts, len(m.KeyGroups), m.ShamirThreshold)
	if len(m.KeyGroups) > 1 {
		for _, part := range parts {
			clear(part)
		}
	}
	if err != nil {
		return nil, &NoKeyError{Recipients: recipients(m), Searched: ring.searched, Err: ctx.Err()}
	}
	return key, nil
}

// combine makes the data key of its parts: with one group the part is the key, with more any threshold of them.
func combine(parts [][]byte, groups, threshold int) ([]byte, error) {
	if groups > 1 {
		if len(parts) < max(threshold, 2) {
			return nil, ErrNoKey
		}
		return shamir.Combine(parts)
	}
	if len(parts) != 1 {
		return nil, ErrNoKey
	}
	return parts[0], nil
}

// keyring holds the identities found for one operation.
type keyring struct {
	finder   finder
	static   []Source
	searched []Source
}

// newKeyring looks for the identities that need no command.
func newKeyring() *keyring {
	f := newFinder(nil)
	static := f.static()
	return &keyring{finder: f, static: static, searched: slices.Clone(static)}
}

// openGroup returns what the first key of the group that can be used opens, or nil.
func (k *keyring) openGroup(ctx context.Context, group sops.KeyGroup) []byte {
	ordered := slices.Clone(group)
	slices.SortStableFunc(ordered, func(a, b keys.MasterKey) int { return cmp.Compare(rank(a), rank(b)) })
	for _, key := range ordered {
		if ctx.Err() != nil {
			return nil
		}
		if part := k.openPart(ctx, key); part != nil {
			return part
		}
	}
	return nil
}

// rank orders the kinds of keys: what lies on this machine before what is asked over the network.
func rank(key keys.MasterKey) int {
	switch key.(type) {
	case *age.MasterKey:
		return 0
	case *pgp.MasterKey:
		return 1
	}
	return 2
}

// openPart opens what one master key sealed, or returns nil.
func (k *keyring) openPart(ctx context.Context, key keys.MasterKey) []byte {
	if key, ok := key.(*age.MasterKey); ok {
		return k.openAge(ctx, key)
	}
	if key, ok := key.(*pgp.MasterKey); ok {
		// sops' own OpenPGP reader asks for passphrases on the terminal; gpg has its agent.
		pgp.DisableOpenPGP{}.ApplyToMasterKey(key)
	}
	service, ok := key.(interface {
		DecryptContext(ctx context.Context) ([]byte, error)
	})
	if !ok {
		return nil
	}
	part, err := service.DecryptContext(ctx)
	if err != nil {
		k.searched = append(k.searched, Source{Place: key.TypeToIdentifier() + " " + key.ToString(), Problem: "did not open it"})
		return nil
	}
	return part
}

// openAge tries the identities that lie ready, then those that a command must fetch.
func (k *keyring) openAge(ctx context.Context, key *age.MasterKey) []byte {
	if part := k.tryAge(k.static, key); part != nil {
		return part
	}
	fetched := k.finder.commands(ctx, key.Recipient)
	k.searched = mergeSources(k.searched, fetched)
	return k.tryAge(fetched, key)
}

// tryAge opens one sealed data key with the identities of the sources.
func (k *keyring) tryAge(sources []Source, key *age.MasterKey) []byte {
	for _, s := range sources {
		for _, id := range s.identities {
			part, err := unwrap(key, id)
			if err == nil {
				return part
			}
			if problem := identityProblem(err); problem != "" {
				k.searched = mergeSources(k.searched, []Source{{Place: s.Place, Problem: problem}})
			}
		}
	}
	return nil
}

// unwrap opens one sealed data key with one identity.
func unwrap(key *age.MasterKey, id filippo.Identity) ([]byte, error) {
	r, err := filippo.Decrypt(armor.NewReader(bytes.NewReader([]byte(key.EncryptedKey))), id)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxPart))
}

// mergeSources replaces sources of the same place and appends the others.
func mergeSources(have, add []Source) []Source {
	for _, s := range add {
		if i := slices.IndexFunc(have, func(h Source) bool { return h.Place == s.Place }); i >= 0 {
			have[i] = s
		} else {
			have = append(have, s)
		}
	}
	return have
}
