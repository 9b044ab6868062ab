package translatetest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Case is a golden case, one file of testdata: a comment that says what it proves, what goes in, and
// what is to come out.
type Case struct {
	Path string

	update  bool
	archive *txtar.Archive
}

// ForEach runs a case for each file that a pattern names, with slashes. update has the cases rewrite
// what is wanted.
func ForEach(t *testing.T, pattern string, update bool, run func(t *testing.T, c *Case)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no case at %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			run(t, &Case{path, update, a})
		})
	}
}

// File returns a file of the case, or nil.
func (c *Case) File(name string) []byte {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// Want compares got with a file of the case, or rewrites that. Nothing wanted is no file.
func (c *Case) Want(t *testing.T, name string, got []byte) {
	t.Helper()
	if len(got) > 0 && got[len(got)-1] != '\n' {
		got = append(slices.Clip(got), '\n')
	}
	want := c.File(name)
	if bytes.Equal(got, want) {
		return
	}
	if !c.update {
		t.Errorf("%s: %s differs; with -update it is written anew\n--- got\n%s--- want\n%s", c.Path, name, got, want)
		return
	}
	c.archive.Files = slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == name })
	if len(got) > 0 {
		c.archive.Files = append(c.archive.Files, txtar.File{Name: name, Data: got})
	}
	if err := os.WriteFile(c.Path, txtar.Format(c.archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Indented makes JSON readable without changing it; nil stays nil.
func Indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	if raw == nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatalf("not valid JSON: %v\n%s", err, raw)
	}
	return append(b.Bytes(), '\n')
}
