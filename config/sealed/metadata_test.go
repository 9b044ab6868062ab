package sealed

import (
	"errors"
	"slices"
	"testing"
)

func TestRecipientsAreReadWithoutAKey(t *testing.T) {
	recipient := useKey(t)
	src := mustEncrypt(t, severalKeys, recipient)
	t.Setenv("SOPS_AGE_KEY", "")
	if got, err := Recipients(src); err != nil || !slices.Equal(got, []string{recipient}) {
		t.Errorf("%q, %v, want %q", got, err, recipient)
	}
	if _, err := Recipients([]byte(severalKeys)); !errors.Is(err, ErrNotSealed) {
		t.Errorf("a plain text: %v", err)
	}
}
