package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestALogThatIsTooLargeIsPutAwayWhileItIsOpen: the manager that opened it writes on.
func TestALogThatIsTooLargeIsPutAwayWhileItIsOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "serve.log")
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	write := func(text string) {
		t.Helper()
		if _, err := out.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	boundLog(out, name)
	if _, err := os.Stat(name + ".1"); err == nil {
		t.Error("a small one was put away")
	}
	write(strings.Repeat("x", maxServeLog))
	elsewhere, err := os.Create(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	boundLog(elsewhere, name)
	if st, err := os.Stat(name); err != nil || st.Size() <= maxServeLog {
		t.Error("one that is not ours was emptied")
	}
	from := int64(maxServeLog + len("first\n"))
	boundLog(out, name)
	write("last words\n")
	if got := lastWords(name, from); got != "last words\n" {
		t.Errorf("it holds %q", got)
	}
	kept, err := os.ReadFile(name + ".1")
	if err != nil || len(kept) != int(from) || !strings.HasPrefix(string(kept), "first\n") {
		t.Errorf("put away were %d bytes, %v", len(kept), err)
	}
	if st, err := os.Stat(name + ".1"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

func TestTheLastWordsAreThoseSinceTheStart(t *testing.T) {
	name := filepath.Join(t.TempDir(), "serve.log")
	if err := os.WriteFile(name, []byte("of before\nof now\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lastWords(name, int64(len("of before\n"))); got != "of now\n" {
		t.Errorf("%q", got)
	}
	if got := lastWords(name+".none", 0); got != "" {
		t.Errorf("of no file: %q", got)
	}
}
