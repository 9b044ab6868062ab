package service

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheTrayStartsAtLoginUntilItIsSwitchedOff(t *testing.T) {
	for _, platform := range []string{"linux", "darwin"} {
		home := t.TempDir()
		l, err := NewLogin(Options{Platform: platform, Home: home})
		if err != nil {
			t.Fatal(err)
		}
		if l.IsOn() || l.Off() != nil {
			t.Errorf("%s: on before it was switched on", platform)
		}
		for range 2 {
			if err := l.On([]string{"/opt/my apps/prism", "tray"}); err != nil || !l.IsOn() {
				t.Fatalf("%s: %v", platform, err)
			}
		}
		if err := l.Off(); err != nil || l.IsOn() || len(tree(t, home)) > 0 {
			t.Errorf("%s: left %q, %v", platform, tree(t, home), err)
		}
	}
}

func TestAnEntryOfSomebodyElseStays(t *testing.T) {
	l, err := NewLogin(Options{Platform: "linux", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(l.Path()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.Path(), []byte("[Desktop Entry]\nExec=other\nHidden = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if l.IsOn() {
		t.Error("a hidden entry counts as on")
	}
	if err := l.On([]string{"/bin/prism"}); !errors.Is(err, ErrForeign) {
		t.Errorf("replaced: %v", err)
	}
	if err := l.Off(); !errors.Is(err, ErrForeign) {
		t.Errorf("removed: %v", err)
	}
}

// TestWordsOfAnEntryStayWords: the quoting is that of the Desktop Entry Specification, whose texts
// have escapes of their own.
func TestWordsOfAnEntryStayWords(t *testing.T) {
	for word, want := range map[string]string{
		"/usr/bin/prism":      "/usr/bin/prism",
		"/opt/my apps/prism":  `"/opt/my apps/prism"`,
		"/opt/100%f":          `"/opt/100%%f"`,
		"/opt/$(touch x)`y`":  `"/opt/\\$(touch x)\\` + "`y\\\\`" + `"`,
		`/opt/a"b`:            `"/opt/a\\"b"`,
		`/opt/a\b`:            `"/opt/a\\\\b"`,
		"":                    `""`,
		"/opt/日本語/prism":      "/opt/日本語/prism",
		"--config=/a b/c.yml": `"--config=/a b/c.yml"`,
	} {
		if got := quoteEntry(word); got != want {
			t.Errorf("%s is written %s, want %s", word, got, want)
		}
	}
	l, err := NewLogin(Options{Platform: "linux", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if l.On([]string{"/bin/prism\nExec=evil"}) == nil {
		t.Error("a line of its own was written")
	}
}

func TestTheLoginAgentIsAPropertyList(t *testing.T) {
	text := loginAgent([]string{"/Applications/a & b/prism", "tray"})
	for dec := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}
