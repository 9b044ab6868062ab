package sealed

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Sentinel errors; the errors that carry more also match one of them with errors.Is.
var (
	// ErrNotSealed means that the text has no sops metadata.
	ErrNotSealed = errors.New("the file is not sealed: it has no sops metadata")
	// ErrAlreadySealed means that a text to be sealed for the first time has sops metadata already.
	ErrAlreadySealed = errors.New("the file is sealed already")
	// ErrNoKey means that no identity here opens the file; the error is a *NoKeyError.
	ErrNoKey = errors.New("no key here opens this file")
	// ErrMAC means that sealed content was changed without the key; the error is a *MACError.
	ErrMAC = errors.New("the file was edited outside sops")
	// ErrFormat means that the text is not one that sops could have written; the error is a *FormatError.
	ErrFormat = errors.New("the file is not well formed")
	// ErrTooLarge means that the text is longer than 1 MiB.
	ErrTooLarge = errors.New("the file is larger than 1 MiB")
	// ErrNoRecipient means that there is nobody to seal the file for.
	ErrNoRecipient = errors.New("no recipient to seal for")
	// ErrNoScalar means that the field to set is absent, sealed or not a single value.
	ErrNoScalar = errors.New("no such plain value")
)

// ClearTextError names the fields that hold clear text where the file's rules want ciphertext.
type ClearTextError struct {
	// Paths are the fields in file order, such as profiles[kimi].api_key.
	Paths []string
}

// Error lists the fields.
func (e *ClearTextError) Error() string {
	return strings.Join(e.Paths, ", ") + ": a key in clear text in a sealed file"
}

// Is makes the error match ErrFormat.
func (e *ClearTextError) Is(target error) bool { return target == ErrFormat }

// FormatError is a text that sops cannot have written, or that would be unsafe to use.
type FormatError struct {
	// Path is the field, or empty when the whole text is meant.
	Path string
	// Why is the reason in our words.
	Why string
	// Err is the cause, if there is one.
	Err error
}

// Error says which field and why.
func (e *FormatError) Error() string {
	text := e.Why
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is makes the error match ErrFormat.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// MACError is a file whose sealed content does not fit its MAC.
type MACError struct {
	// Path is a sealed value that does not open by itself, or empty when the values open but their sum does not fit.
	Path string
	// OnlyEncrypted tells that the MAC covers the sealed values only.
	OnlyEncrypted bool
}

// Error says what can have happened, given what the MAC covers.
func (e *MACError) Error() string {
	switch {
	case e.Path != "":
		return ErrMAC.Error() + ": the sealed value at " + e.Path + " was damaged or moved from another field"
	case e.OnlyEncrypted:
		return ErrMAC.Error() + ": a sealed value was deleted, moved, copied or pasted over"
	}
	return ErrMAC.Error() + ": its MAC covers every value, and one was changed by hand"
}

// Is makes the error match ErrMAC.
func (e *MACError) Is(target error) bool { return target == ErrMAC }

// NoKeyError is a file that nothing here can open.
type NoKeyError struct {
	// Recipients are those the file is sealed for.
	Recipients []string
	// Searched are the places that were looked into, in the order of sops.
	Searched []Source
	// Err is what ended the search early, such as context.DeadlineExceeded.
	Err error
}

// Error names the recipients and the places that were searched.
func (e *NoKeyError) Error() string {
	var b strings.Builder
	b.WriteString(ErrNoKey.Error())
	if e.Err != nil {
		b.WriteString(" in time")
	}
	for i, r := range e.Recipients {
		b.WriteString([]string{", ", ": it is sealed for "}[boolInt(i == 0)])
		b.WriteString(shortRecipient(r))
	}
	for i, s := range e.Searched {
		b.WriteString([]string{", ", "; searched "}[boolInt(i == 0)])
		b.WriteString(s.String())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Is makes the error match ErrNoKey.
func (e *NoKeyError) Is(target error) bool { return target == ErrNoKey }

// Unwrap returns what ended the search early.
func (e *NoKeyError) Unwrap() error { return e.Err }

// Explain returns the stable code and the fix line for an error of this package, and empty strings for any other.
// The codes are secret_no_key, secret_mac, secret_format and config_unsealed.
func Explain(err error) (code, fix string) {
	if mac, ok := errors.AsType[*MACError](err); ok {
		return "secret_mac", mac.fix()
	}
	if _, ok := errors.AsType[*ClearTextError](err); ok {
		return "secret_format", "prism seal"
	}
	switch {
	case errors.Is(err, ErrNotSealed):
		return "config_unsealed", "prism seal"
	case errors.Is(err, ErrNoKey):
		return "secret_no_key", noKeyFix(err)
	case errors.Is(err, ErrFormat), errors.Is(err, ErrTooLarge):
		return "secret_format", "prism edit, or take the last good copy of the file"
	}
	return "", ""
}

// fix names the command that mends the file.
func (e *MACError) fix() string {
	switch {
	case e.Path != "":
		return "paste the key of " + e.Path + " again, then prism seal --accept-removed"
	case e.OnlyEncrypted:
		return "prism seal --accept-removed"
	}
	return "prism seal --mac-only-encrypted (once), or undo the edit and use prism edit"
}

// noKeyFix names the file that would help most: one that is there but cannot be used.
func noKeyFix(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "run the key command by hand, or put the identity into " + DefaultKeyFile()
	}
	if missing, ok := errors.AsType[*NoKeyError](err); ok {
		for _, s := range missing.Searched {
			if s.open {
				return "chmod 600 " + s.Place
			}
		}
	}
	return "put an identity of one of these recipients into " + DefaultKeyFile()
}

// shortRecipient shortens an SSH public key, whose middle tells a person nothing.
func shortRecipient(r string) string {
	kind, key, ok := strings.Cut(r, " ")
	if !ok || len(key) < 24 {
		return r
	}
	key, comment, _ := strings.Cut(key, " ")
	return strings.TrimSpace(fmt.Sprintf("%s …%s %s", kind, key[max(0, len(key)-12):], comment))
}
