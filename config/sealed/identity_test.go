package sealed

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"
)

// writeFile writes a private file and returns its path.
func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newSSHKey makes an ed25519 key: the private file, locked if there is a passphrase, and the public line.
func newSSHKey(t *testing.T, passphrase string) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line)))
}

func TestEveryPlaceOfSopsOpensTheFile(t *testing.T) {
	identity, recipient := newKey(t)
	private, public := newSSHKey(t, "")
	for name, c := range map[string]struct {
		recipient string
		place     func(t *testing.T, home string)
	}{
		"SOPS_AGE_KEY": {recipient, func(t *testing.T, _ string) {
			other, _ := newKey(t)
			t.Setenv("SOPS_AGE_KEY", other+" "+identity)
		}},
		"SOPS_AGE_KEY_FILE": {recipient, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_KEY_FILE", writeFile(t, filepath.Join(home, "k"), "# comment\n\n"+identity+"\n"))
		}},
		"SOPS_AGE_KEY_CMD": {recipient, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_KEY_CMD", "cat '"+writeFile(t, filepath.Join(home, "a key"), identity)+"'")
		}},
		"the recipient is told to the command": {recipient, func(t *testing.T, home string) {
			writeFile(t, filepath.Join(home, recipient), identity)
			t.Setenv("SOPS_AGE_KEY_CMD", `sh -c 'cat "$HOME/$SOPS_AGE_RECIPIENT"'`)
		}},
		"the default file": {recipient, func(t *testing.T, home string) {
			writeFile(t, filepath.Join(home, ".config/sops/age/keys.txt"), identity)
		}},
		"XDG_CONFIG_HOME": {recipient, func(t *testing.T, home string) {
			t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "xdg"))
			writeFile(t, filepath.Join(home, "xdg/sops/age/keys.txt"), identity)
		}},
		"~/.ssh/id_ed25519": {public, func(t *testing.T, home string) {
			writeFile(t, filepath.Join(home, ".ssh/id_ed25519"), private)
		}},
		"SOPS_AGE_SSH_PRIVATE_KEY_FILE": {public, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_SSH_PRIVATE_KEY_FILE", writeFile(t, filepath.Join(home, "ssh"), private))
		}},
		"SOPS_AGE_SSH_PRIVATE_KEY_CMD": {public, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "cat "+writeFile(t, filepath.Join(home, "ssh"), private))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			home := isolate(t)
			src := mustEncrypt(t, plainFile, c.recipient)
			if _, err := Open(t.Context(), src); !errors.Is(err, ErrNoKey) {
				t.Fatalf("before the key is there: %v", err)
			}
			c.place(t, home)
			mustOpen(t, src)
		})
	}
}

func TestAFileForSeveralRecipientsOpensWithAnyOfThem(t *testing.T) {
	isolate(t)
	laptop, a := newKey(t)
	backup, b := newKey(t)
	src := mustEncrypt(t, plainFile, a, b)
	for _, identity := range []string{laptop, backup} {
		t.Setenv("SOPS_AGE_KEY", identity)
		if o := mustOpen(t, src); !slices.Equal(o.Recipients, []string{a, b}) {
			t.Errorf("recipients %q", o.Recipients)
		}
	}
}

func TestAHangingKeyCommandEndsWithTheDeadline(t *testing.T) {
	_, recipient := newKey(t)
	home := isolate(t)
	src := mustEncrypt(t, plainFile, recipient)
	pidFile := filepath.Join(home, "pid")
	t.Setenv("SOPS_AGE_KEY_CMD", `sh -c 'sleep 300 & echo $! > "$HOME/pid"; wait'`)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Open(ctx, src)
	if !errors.Is(err, ErrNoKey) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("returned after %v", d)
	}
	if code, fix := Explain(err); code != "secret_no_key" || !strings.Contains(fix, "command") {
		t.Errorf("code %q, fix %q", code, fix)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatalf("the command did not run: %v", err)
	}
	// A killed child of a child is gone, or a zombie until somebody reaps it.
	waitFor(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("condition never held")
		case <-tick.C:
		}
	}
}

func TestAHangingPluginEndsWithTheDeadline(t *testing.T) {
	_, recipient := newKey(t)
	home := isolate(t)
	src := mustEncrypt(t, plainFile, recipient)
	bin := filepath.Join(home, "bin")
	// The plugin ends when the test removes the file it waits for.
	hold := writeFile(t, filepath.Join(home, "hold"), "")
	script := "#!/bin/sh\ntrap '' INT\necho $$ > '" + home + "/pid'\nwhile [ -e '" + hold + "' ]; do sleep 0.05; done\n"
	if err := os.Chmod(writeFile(t, filepath.Join(bin, "age-plugin-hang"), script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("SOPS_AGE_KEY", pluginIdentity(t, "hang"))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, src)
	if !errors.Is(err, ErrNoKey) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(home + "/pid"); err != nil {
		t.Error("the plugin never ran")
	}
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
}

func TestIdentitiesThatCannotBeUsedAreNamedInTheError(t *testing.T) {
	identity, recipient := newKey(t)
	locked, public := newSSHKey(t, "secret")
	for name, c := range map[string]struct {
		recipient string
		place     func(t *testing.T, home string)
		want, fix string
	}{
		"readable by others": {recipient, func(t *testing.T, home string) {
			path := writeFile(t, filepath.Join(home, ".config/sops/age/keys.txt"), identity)
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "keys.txt (ignored: other users can read it or own it)", "chmod 600 "},
		"behind a passphrase": {public, func(t *testing.T, home string) {
			writeFile(t, filepath.Join(home, ".ssh/id_ed25519"), locked)
		}, "id_ed25519 (behind a passphrase, which is never asked for)", "keys.txt"},
		"an encrypted key file": {recipient, func(t *testing.T, home string) {
			writeFile(t, filepath.Join(home, ".config/sops/age/keys.txt"), "-----BEGIN AGE ENCRYPTED FILE-----\n")
		}, "keys.txt (behind a passphrase", "keys.txt"},
		"malformed": {recipient, func(t *testing.T, _ string) {
			t.Setenv("SOPS_AGE_KEY", identity[:40])
		}, "SOPS_AGE_KEY (line 1 is not an age identity)", "keys.txt"},
		"a missing file": {recipient, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_KEY_FILE", home+"/gone")
		}, "/gone (no such file)", "keys.txt"},
		"a directory": {recipient, func(t *testing.T, home string) {
			t.Setenv("SOPS_AGE_KEY_FILE", home)
		}, "(not a regular file)", "keys.txt"},
		"a failing command": {recipient, func(t *testing.T, _ string) {
			t.Setenv("SOPS_AGE_KEY_CMD", "sh -c 'echo "+identity+" >&2; exit 3'")
		}, "SOPS_AGE_KEY_CMD (the command failed: exit status 3)", "keys.txt"},
		"a missing command": {recipient, func(t *testing.T, _ string) {
			t.Setenv("SOPS_AGE_KEY_CMD", "/nowhere/to/be/found")
		}, "SOPS_AGE_KEY_CMD (the command cannot be started)", "keys.txt"},
		"a plugin that is not installed": {recipient, func(t *testing.T, _ string) {
			t.Setenv("SOPS_AGE_KEY", pluginIdentity(t, "absent"))
		}, "age-plugin-absent is not on PATH", "keys.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			home := isolate(t)
			c.place(t, home)
			_, err := Open(t.Context(), mustEncrypt(t, plainFile, c.recipient))
			if !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %q", err, c.want)
			}
			if strings.Contains(err.Error(), identity[:30]) {
				t.Errorf("the identity is in the error text: %v", err)
			}
			if _, fix := Explain(err); !strings.Contains(fix, c.fix) {
				t.Errorf("fix %q", fix)
			}
		})
	}
}

func TestAnIdentityIsWrittenOnceAndPrivately(t *testing.T) {
	isolate(t)
	identity, recipient := newKey(t)
	path := DefaultKeyFile()
	if err := WriteIdentity(path, identity); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v, %v", dir.Mode(), err)
	}
	other, _ := newKey(t)
	if err := WriteIdentity(path, other); !errors.Is(err, os.ErrExist) {
		t.Errorf("second write: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "# public key: "+recipient+"\n"+identity+"\n" {
		t.Errorf("%v, %q", err, text)
	}
	if err := WriteIdentity(path+".2", "nonsense"); err == nil {
		t.Error("nonsense was written")
	}
}

func TestFindIdentitiesTellsRecipientsAndRunsNothing(t *testing.T) {
	home := t.TempDir()
	identity, recipient := newKey(t)
	private, public := newSSHKey(t, "")
	writeFile(t, filepath.Join(home, ".ssh/id_ed25519"), private)
	writeFile(t, filepath.Join(home, ".config/sops/age/keys.txt"), identity)
	env := map[string]string{"HOME": home, "SOPS_AGE_KEY_CMD": "touch " + home + "/ran"}
	var got []string
	for _, s := range FindIdentities(func(name string) string { return env[name] }) {
		got = append(got, s.Recipients...)
		if s.Place == "SOPS_AGE_KEY_CMD" && s.Problem == "" {
			t.Error("the command is taken for an identity")
		}
	}
	if !slices.Equal(got, []string{public, recipient}) {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(home + "/ran"); err == nil {
		t.Error("the command ran")
	}
}

// pluginIdentity is an identity of the age plugin with this name.
func pluginIdentity(t *testing.T, name string) string {
	t.Helper()
	return plugin.EncodeIdentity(name, []byte{1, 2, 3})
}
