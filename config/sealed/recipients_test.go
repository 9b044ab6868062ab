package sealed

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestARecipientIsAddedToThoseThatAreThere(t *testing.T) {
	isolate(t)
	mine, me := newKey(t)
	_, backup := newKey(t)
	laptop, other := newKey(t)
	src := edit(t, mustEncrypt(t, plainFile, backup, me), "encrypted_regex: ^(api_key|client_token)$", "encrypted_regex: ^(api_key|client_token|never)$")
	t.Setenv("SOPS_AGE_KEY", mine)
	out, err := AddRecipients(t.Context(), src, []string{other, me})
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(src), "sops:\n")
	if after, _, _ := strings.Cut(string(out), "sops:\n"); after != before || !bytes.Contains(out, []byte("|never)$")) {
		t.Errorf("more was changed than whom it is sealed for:\n%s", out)
	}
	t.Setenv("SOPS_AGE_KEY", laptop)
	if got := mustOpen(t, out).Recipients; !slices.Equal(got, []string{backup, me, other}) {
		t.Errorf("sealed for %q", got)
	}
	if _, err := AddRecipients(t.Context(), src, []string{other}); !errors.Is(err, ErrNoKey) {
		t.Errorf("somebody added himself: %v", err)
	}
	if _, err := AddRecipients(t.Context(), src, nil); !errors.Is(err, ErrNoRecipient) {
		t.Errorf("nobody: %v", err)
	}
}
