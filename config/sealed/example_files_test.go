package sealed

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestThePublishedExampleOpensWithItsIdentity(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(dir, "profiles.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sops := sopsCommand(t)
	isolate(t)
	// As the comment in the identity file says: a checkout is readable by others, so a command prints it.
	t.Setenv("SOPS_AGE_KEY_CMD", "cat '"+filepath.Join(dir, "test-identity.txt")+"'")
	o := mustOpen(t, src)
	want := []string{"not-a-real-key-kimi", "not-a-real-key-kimi-2", "not-a-real-key-work", "not-a-real-token"}
	if got := slices.Sorted(maps.Values(o.Values)); !slices.Equal(got, want) {
		t.Errorf("values %q", got)
	}
	rule, err := os.ReadFile(filepath.Join(dir, ".sops.yaml"))
	if err != nil || len(o.Recipients) != 1 || !bytes.Contains(rule, []byte("age: "+o.Recipients[0]+"\n")) {
		t.Errorf("the rule is for another recipient than %q (%v)", o.Recipients, err)
	}
	if _, code := sopsDecrypts(t, sops, src); code != 0 {
		t.Errorf("sops exits with %d", code)
	}
}

func TestThePublishedRuleSealsAsEncryptDoes(t *testing.T) {
	sops := sopsCommand(t)
	useKey(t)
	rule, err := os.ReadFile(filepath.Join("..", "..", "examples", ".sops.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{".sops.yaml": rule, "profiles.yaml": []byte(threeProfiles)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bySops, code := runSops(t, sops, dir, "encrypt", "profiles.yaml")
	if code != 0 {
		t.Fatalf("sops exits with %d", code)
	}
	d, err := parse(bySops)
	if err != nil {
		t.Fatal(err)
	}
	here, err := parse(mustEncrypt(t, threeProfiles, recipients(&d.tree.Metadata)...))
	if err != nil {
		t.Fatal(err)
	}
	a, b := d.tree.Metadata, here.tree.Metadata
	if a.EncryptedRegex != b.EncryptedRegex || a.MACOnlyEncrypted != b.MACOnlyEncrypted || a.UnencryptedSuffix != b.UnencryptedSuffix {
		t.Errorf("sops has %+v, Encrypt has %+v", a, b)
	}
	if field(t, bySops, "active", 0) != "work" {
		t.Error("the rule seals clear fields")
	}
}
