package sealed

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"
)

var (
	// errOpenToOthers marks a key file that other users can read.
	errOpenToOthers = errors.New("ignored: other users can read it or own it")
	// errPassphrase marks an identity that cannot be used without asking somebody.
	errPassphrase = errors.New("behind a passphrase, which is never asked for")
	// errPlugin marks a plugin that wants an answer from a person.
	errPlugin = errors.New("its plugin asks a question, which nobody is there to answer")
)

// NewIdentity makes an age identity and its recipient.
func NewIdentity() (identity, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", fmt.Errorf("make an age identity: %w", err)
	}
	return id.String(), id.Recipient().String(), nil
}

// WriteIdentity writes an identity to a new file that only its owner can read, and makes the directory if needed. It
// never overwrites: the error of an existing file matches os.ErrExist.
func WriteIdentity(path, identity string) error {
	ids, recipients, err := parseIdentities([]byte(identity))
	if err != nil || len(ids) == 0 {
		return errors.New("write identity: not an age identity")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	var text strings.Builder
	for _, r := range recipients {
		fmt.Fprintf(&text, "# public key: %s\n", r)
	}
	text.WriteString(strings.TrimSpace(identity) + "\n")
	_, err = f.WriteString(text.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write identity: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// readPrivate reads a regular file that is closed to other users.
func readPrivate(path string) ([]byte, error) {
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if openToOthers(st) {
		return nil, errOpenToOthers
	}
	return io.ReadAll(io.LimitReader(f, maxIdentityFile))
}

// parseIdentities reads the lines of an age identity file.
func parseIdentities(data []byte) ([]age.Identity, []string, error) {
	if bytes.HasPrefix(data, []byte("age-encryption")) || bytes.HasPrefix(data, []byte("-----BEGIN AGE")) {
		return nil, nil, errPassphrase
	}
	var ids []age.Identity
	var recipients []string
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, recipient, err := parseIdentity(line)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d is not an age identity", i+1)
		}
		ids = append(ids, id)
		if recipient != "" {
			recipients = append(recipients, recipient)
		}
	}
	return ids, recipients, nil
}

// parseIdentity reads one identity. The recipient of a plugin's identity is known to the plugin only.
func parseIdentity(line string) (age.Identity, string, error) {
	switch {
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		id, err := plugin.NewIdentity(line, silentUI())
		return id, "", err
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		id, err := age.ParseHybridIdentity(line)
		if err != nil {
			return nil, "", err
		}
		return id, id.Recipient().String(), nil
	}
	id, err := age.ParseX25519Identity(line)
	if err != nil {
		return nil, "", err
	}
	return id, id.Recipient().String(), nil
}

// silentUI lets a plugin wait for a touch, and refuses every question.
func silentUI() *plugin.ClientUI {
	return &plugin.ClientUI{
		DisplayMessage: func(_, _ string) error { return nil },
		RequestValue:   func(_, _ string, _ bool) (string, error) { return "", errPlugin },
		Confirm:        func(_, _, _, _ string) (bool, error) { return false, errPlugin },
		WaitTimer:      func(string) {},
	}
}

// parseSSH reads an SSH private key, ed25519 or RSA.
func parseSSH(data []byte) ([]age.Identity, []string, error) {
	raw, err := ssh.ParseRawPrivateKey(data)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, nil, errPassphrase
	}
	if err != nil {
		return nil, nil, errors.New("not an SSH private key")
	}
	id, err := agessh.ParseIdentity(data)
	if err != nil {
		return nil, nil, errors.New("an SSH key of a kind age does not know")
	}
	var recipients []string
	if key, ok := raw.(crypto.Signer); ok {
		if public, err := ssh.NewPublicKey(key.Public()); err == nil {
			recipients = append(recipients, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))))
		}
	}
	return []age.Identity{id}, recipients, nil
}

// identityProblem is what a failed identity has to say beyond "no match".
func identityProblem(err error) string {
	if missing, ok := errors.AsType[*plugin.NotFoundError](err); ok {
		return "age-plugin-" + missing.Name + " is not on PATH"
	}
	if errors.Is(err, errPlugin) {
		return errPlugin.Error()
	}
	return ""
}
