package openai

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/config"
	"prism/internal/translate"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenCase is one file of testdata: a comment that says what it proves, what goes in, and what
// is to come out.
type goldenCase struct {
	path    string
	archive *txtar.Archive
}

// forEachCase runs a case per file that the pattern names.
func forEachCase(t *testing.T, pattern string, run func(t *testing.T, c *goldenCase)) {
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
			run(t, &goldenCase{path, a})
		})
	}
}

// file returns a file of the case, or nil.
func (c *goldenCase) file(name string) []byte {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// want compares got with a file of the case, or rewrites that with -update. Nothing wanted is no
// file.
func (c *goldenCase) want(t *testing.T, name string, got []byte) {
	t.Helper()
	if len(got) > 0 && got[len(got)-1] != '\n' {
		got = append(slices.Clip(got), '\n')
	}
	if bytes.Equal(got, c.file(name)) {
		return
	}
	if !*update {
		t.Errorf("%s: %s differs, see it with: go test ./internal/translate/openai -update\n--- got\n%s--- want\n%s", c.path, name, got, c.file(name))
		return
	}
	c.archive.Files = slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == name })
	if len(got) > 0 {
		c.archive.Files = append(c.archive.Files, txtar.File{Name: name, Data: got})
	}
	if err := os.WriteFile(c.path, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// call reads call.json.
func (c *goldenCase) call(t *testing.T) translate.Call {
	t.Helper()
	var v struct {
		Model, Provider, Session string
		Quirks                   config.Quirks
		Prompt                   int64
	}
	if raw := c.file("call.json"); raw != nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: call.json: %v", c.path, err)
		}
	}
	if v.Model == "" {
		v.Model = "provider-model"
	}
	if v.Provider == "" {
		v.Provider = "acme"
	}
	return translate.Call{
		Body: c.file("in.json"), Model: v.Model, Quirks: v.Quirks, Provider: v.Provider, Session: v.Session, Prompt: v.Prompt,
	}
}

// indented makes JSON readable without changing it.
func indented(t *testing.T, raw []byte) []byte {
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
