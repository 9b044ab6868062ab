package config

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every verb and encoder shows of a [Secret].
const redacted = "[redacted]"

// maskable is the shortest secret of which eight characters may be shown.
const maskable = 20

// ErrSecret is returned by encoders that could carry a [Secret] out of the process.
var ErrSecret = errors.New("a secret cannot be encoded")

// Secret is a text that never shows itself: fmt, log and every encoder print [redacted], and
// [Secret.Reveal] is the only way out. The zero value holds no secret. Secrets are compared
// with [Secret.Equal]; == does not compile.
type Secret struct {
	_ [0]func()
	// A pointer, because fmt reads the unexported fields of other structs by reflection,
	// past every method of this type; there it prints an address.
	text *string
}

// NewSecret returns the secret that holds s; an empty s gives the zero value.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{text: &s}
}

// Reveal returns the text itself, for the one header it is sent in.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares two secrets in constant time; their lengths are not hidden.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Masked returns the first and last four characters, such as sk-a…Q4f2, by which a person
// recognises a key. A short secret is masked whole.
func (s Secret) Masked() string {
	text := s.Reveal()
	switch {
	case text == "":
		return ""
	case len(text) < maskable:
		return "…"
	}
	return text[:4] + "…" + text[len(text)-4:]
}

// Fingerprint returns eight hexadecimal digits of the SHA-256 of the secret, to tell two keys
// apart; empty for the zero value.
func (s Secret) Fingerprint() string {
	if s.text == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(*s.text))
	return hex.EncodeToString(sum[:4])
}

// Format implements [fmt.Formatter] for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements [fmt.Stringer].
func (s Secret) String() string { return redacted }

// GoString implements [fmt.GoStringer].
func (s Secret) GoString() string { return redacted }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements [json.Marshaler].
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML is what YAML encoders ask for.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

// GobEncode refuses: gob files and wires outlive the process.
func (s Secret) GobEncode() ([]byte, error) { return nil, ErrSecret }

// MarshalBinary refuses for the same reason.
func (s Secret) MarshalBinary() ([]byte, error) { return nil, ErrSecret }
