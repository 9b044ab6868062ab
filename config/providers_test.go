package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestProvidersPageHasEveryPreset compares the table in docs/providers.md with the data; -update
// rewrites it. The rest of the page is written by hand.
func TestProvidersPageHasEveryPreset(t *testing.T) {
	const page, end = "../docs/providers.md", "<!-- end of presets -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(text, []byte("<!-- presets: "))
	line, _, found := bytes.Cut(rest, []byte("\n"))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !ok || !found || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	head := text[:len(text)-len(rest)+len(line)+1]
	golden(t, page, []byte(string(head)+presetTable()+end+string(tail)))
}

func presetTable() string {
	var b strings.Builder
	b.WriteString("| preset | provider | dialect | `base_url` | `auth` | model | small model |\n|---|---|---|---|---|---|---|\n")
	for _, p := range Presets() {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s | `%s` | `%s` | `%s` | %s | %s |\n", p.Name, p.Source, p.Title, p.Dialect, p.BaseURL, p.Auth, code(p.Main), code(p.Haiku))
	}
	return b.String()
}
