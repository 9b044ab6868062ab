package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getsops/sops/v3/version"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// plainFile is a profiles.yaml as people write it: comments, blank lines, quotes, flow style, other scripts.
const plainFile = `# yaml-language-server: $schema=./profiles.schema.json
active: work                              # save this line to switch

profiles:
  - name: work
    base_url: https://api.anthropic.com
    api_key: not-a-real-key-work

  # 中文注释: 深夜用
  - name: "kimi"
    base_url: 'https://api.moonshot.ai/anthropic'
    auth: bearer
    api_key: "not-a-real-key-kimi"        # 月之暗面
    models:
      - {match: "*haiku*", use: kimi-k2.7-code}

  - {name: 流, base_url: "https://flow.example", api_key: not-a-real-key-flow, fallback: [work]}

client_token: 'not-a-real-token'
`

// isolate gives the test an environment in which no identity can be found.
func isolate(t testing.TB) (home string) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{
		"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD",
		"SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD", "XDG_CONFIG_HOME",
	} {
		// Setenv first, so that the old value comes back.
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	return home
}

// newKey makes an identity and its recipient.
func newKey(t testing.TB) (identity, recipient string) {
	t.Helper()
	identity, recipient, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return identity, recipient
}

// useKey isolates the test and gives it one identity through SOPS_AGE_KEY.
func useKey(t testing.TB) (recipient string) {
	t.Helper()
	isolate(t)
	identity, recipient := newKey(t)
	t.Setenv("SOPS_AGE_KEY", identity)
	return recipient
}

func mustEncrypt(t testing.TB, plain string, recipients ...string) []byte {
	t.Helper()
	out, err := Encrypt([]byte(plain), recipients)
	if err != nil {
		t.Fatalf("encrypt: %v", err)
	}
	return out
}

func mustOpen(t testing.TB, src []byte) *Opened {
	t.Helper()
	o, err := Open(context.Background(), src)
	if err != nil {
		t.Fatalf("open: %v\n%s", err, src)
	}
	return o
}

// edit replaces text that must be there exactly once.
func edit(t testing.TB, src []byte, old, replacement string) []byte {
	t.Helper()
	if n := bytes.Count(src, []byte(old)); n != 1 {
		t.Fatalf("%q stands %d times in\n%s", old, n, src)
	}
	return bytes.Replace(src, []byte(old), []byte(replacement), 1)
}

// field returns the value of the n-th line that sets the field.
func field(t testing.TB, src []byte, name string, n int) string {
	t.Helper()
	for line := range strings.Lines(string(src)) {
		if _, v, ok := strings.Cut(strings.TrimSpace(line), name+": "); ok {
			if n == 0 {
				v, _, _ = strings.Cut(v, "  #")
				return strings.TrimSpace(v)
			}
			n--
		}
	}
	t.Fatalf("no %s number %d", name, n)
	return ""
}

// changedLines lists the lines that differ, by number from 1; both texts must have the same number of lines.
func changedLines(t testing.TB, a, b []byte) []string {
	t.Helper()
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	if len(x) != len(y) {
		t.Fatalf("%d lines became %d:\n%s", len(x), len(y), b)
	}
	var out []string
	for i := range x {
		if x[i] != y[i] {
			name, _, _ := strings.Cut(strings.TrimLeft(y[i], " -"), ":")
			out = append(out, fmt.Sprintf("%d:%s", i+1, name))
		}
	}
	return out
}

// sopsCommand is the real sops, built from its module once per version and kept in the user's cache.
func sopsCommand(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no cache directory: %v", err)
	}
	dir := filepath.Join(cache, "prism-test")
	path := filepath.Join(dir, "sops-"+version.Version)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if testing.Short() {
		t.Skip("building sops takes minutes on a cold cache")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	build, err := os.MkdirTemp(dir, "build") //nolint:usetesting // beside the cache, so that the rename stays on one disk
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(build) //nolint:errcheck // a leftover in a cache harms nobody
	fresh := filepath.Join(build, "sops")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", fresh, "github.com/getsops/sops/v3/cmd/sops")
	cmd.Dir = filepath.Join("..", "..", "tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build sops: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// runSops runs sops in dir and returns its output and exit code.
func runSops(t testing.TB, sops, dir string, args ...string) (stdout []byte, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), sops, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Logf("sops %s: %s", strings.Join(args, " "), &stderr)
		return stdout, exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return stdout, 0
}

// sopsDecrypts returns the exit code of sops for a text.
func sopsDecrypts(t testing.TB, sops string, src []byte) (plain []byte, code int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "profiles.yaml"), src, 0o600); err != nil {
		t.Fatal(err)
	}
	return runSops(t, sops, dir, "decrypt", "profiles.yaml")
}

// sopsEncrypts seals a plain text with the real sops under a creation rule.
func sopsEncrypts(t testing.TB, sops, plain, rule string) []byte {
	t.Helper()
	dir := t.TempDir()
	config := "creation_rules:\n  - path_regex: .*\n" + rule + "stores: {yaml: {indent: 2}}\n"
	for name, text := range map[string]string{".sops.yaml": config, "profiles.yaml": plain} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, code := runSops(t, sops, dir, "encrypt", "profiles.yaml")
	if code != 0 {
		t.Fatalf("sops encrypt: exit %d", code)
	}
	return out
}

// ruleFull and ruleOnlyEncrypted are the two reaches of the MAC, as creation rules.
func ruleFull(recipient string) string {
	return "    encrypted_regex: ^(api_key|client_token)$\n    age: " + recipient + "\n"
}

func ruleOnlyEncrypted(recipient string) string {
	return ruleFull(recipient) + "    mac_only_encrypted: true\n"
}

// fullMAC seals with the MAC over everything, without the sops command.
func fullMAC(t testing.TB, plain, recipient string) []byte {
	t.Helper()
	full := false
	out, _, err := Seal(context.Background(), mustEncrypt(t, plain, recipient), SealOptions{MACOnlyEncrypted: &full})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
