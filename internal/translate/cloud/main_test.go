package cloud

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/config"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenCase is one file of testdata: a comment that says what it proves, what goes in, and what
// is to come out.
type goldenCase struct {
	path    string
	archive *txtar.Archive
}

// forEachCase runs a case per file of a folder.
func forEachCase(t *testing.T, folder string, run func(t *testing.T, c *goldenCase)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no case in %s: %v", folder, err)
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
		t.Errorf("%s: %s differs, see it with: go test ./internal/translate/cloud -update\n--- got\n%s--- want\n%s", c.path, name, got, c.file(name))
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

// callFile is call.json.
type callFile struct {
	Platform string
	Count    bool // to be counted
	Guess    bool // beta names were sent that nobody knows
	Status   int
	Header   map[string]string
	Quirks   config.Quirks
}

func (c *goldenCase) call(t *testing.T) (f callFile, p Platform, h http.Header) {
	t.Helper()
	if raw := c.file("call.json"); raw != nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		if d.DisallowUnknownFields(); d.Decode(&f) != nil {
			t.Fatalf("%s: call.json cannot be read", c.path)
		}
	}
	h = http.Header{}
	for name, v := range f.Header {
		h.Set(name, v)
	}
	if p = Bedrock; f.Platform == "vertex" {
		p = Vertex
	}
	return f, p, h
}

// indented makes JSON readable without changing it.
func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatalf("not valid JSON: %v\n%s", err, raw)
	}
	return b.Bytes()
}
