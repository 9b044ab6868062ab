package transfer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Routes of projects are named, not imported; what is no file of that tool hides nothing.
func TestProjectsWithRoutesOfTheirOwnAreNamed(t *testing.T) {
	home := t.TempDir()
	for path, text := range map[string]string{
		".claude-code-router/config.json":                      `{"Providers":[{"name":"a","api_base_url":"https://a.example/v1/chat/completions","api_key":"k","models":["m"]}]}`,
		".claude/projects/-home-u-one/claude-code-router.json": `{"Router":{"default":"a,m"}}`,
		".claude/projects/-home-u-two/claude-code-router.json": `{"Router":{}}`,
		".claude/projects/-home-u-bad/claude-code-router.json": `{"Router"`,
		".claude/projects/-home-u-none/session.jsonl":          ``,
	} {
		full := filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := ReadFound(t.Context(), CCR, Places{Home: home}, Options{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, l := range plan.Left {
		if rest, ok := strings.CutPrefix(l.What, filepath.Join(home, ".claude", "projects")+"/"); ok {
			named = append(named, rest+": "+l.Why)
		}
	}
	if got := strings.Join(named, "\n"); !strings.HasPrefix(got, "-home-u-bad/claude-code-router.json: it cannot be read\n-home-u-one/claude-code-router.json: routes of one project") || len(named) != 2 {
		t.Errorf("got %s", got)
	}
}
