package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTwoImportsDoNotRunAtOnce(t *testing.T) {
	a, r := ledgerApp(t)
	run := &importRun{a: a, r: r}
	first, err := run.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.lock(); err == nil || describe(err).Code != codeBusy {
		t.Errorf("%v, want that another one is at work", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := run.lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAProjectIsTheRepositoryWhereItIsStillThere(t *testing.T) {
	root := filepath.Join(t.TempDir(), "house")
	deep := filepath.Join(root, "kitchen", "drawer")
	for _, dir := range []string{deep, filepath.Join(root, ".git", "refs"), filepath.Join(root, ".git", "objects")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, ".git", "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	of := projects()
	for cwd, want := range map[string]string{
		deep: "house", root: "house", filepath.Join(root, "gone", "shed"): "shed", `C:\work\shop`: "shop", "": "", "/": "", "relative/yard": "yard",
	} {
		if got := of(cwd); got != want || of(cwd) != got {
			t.Errorf("%q is project %q, want %q", cwd, got, want)
		}
	}
}
