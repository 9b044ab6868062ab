package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/connect"
)

// TestConnectCanTakeBackAllThatItChanges holds the variables that the client is told against those that an undo
// looks at.
func TestConnectCanTakeBackAllThatItChanges(t *testing.T) {
	dir := t.TempDir()
	r := roomIn(t, dir)
	r.settings.AllowPlaintext = true
	if err := os.MkdirAll(r.paths.ConfigDir, 0o700); err != nil {
		t.Fatal(err)
	}
	const profiles = `active: work
client_token: token-0123456789-abcdefghi
profiles:
  - {name: work, base_url: "https://w.example.com", api_key: sk-test-0123456789-abcdefg, models: [{match: "*", use: m, context_window: 131072}]}
  - {name: login, base_url: "https://api.anthropic.com", auth: passthrough}
`
	if err := os.WriteFile(r.paths.Profiles, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _, _ := testApp(map[string]string{"HOME": dir})
	known := slices.Concat(connect.Written(), connect.TakenOut())
	for _, profile := range []string{"", "work", "login"} {
		e, err := a.settingsEnv(t.Context(), r, map[string]string{"ANTHROPIC_CUSTOM_HEADERS": "X-Own: 1"}, profile)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Concat(sortedKeys(e.set), e.unset) {
			if !slices.Contains(known, name) {
				t.Errorf("%s is not taken back", name)
			}
		}
		for name := range e.set {
			if !slices.Contains(connect.Written(), name) || slices.Contains(e.unset, name) {
				t.Errorf("%s is written, and called one that is only taken out", name)
			}
		}
	}
}

func TestHeadersThatHoldACredentialByTheirNameDoNotTravel(t *testing.T) {
	const headers = "X-Team: docs\nAuthorization: Bearer a\nx-api-key: b\nX-Monkey: c\nX_Relay_Token : d\nCookie: e\nX-Author: f"
	if got := withoutCredentials(headers); got != "X-Team: docs\nX-Monkey: c\nX-Author: f" {
		t.Errorf("%q", got)
	}
}

// TestAFailedConnectLeavesNothingBehind changes the settings while they are being connected.
func TestAFailedConnectLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	old := path + beforePrism
	for name, text := range map[string]string{path: "{}", old: `{"old": true}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := readClientFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"model": "opus"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _, _ := testApp(nil)
	f.Edit(map[string]string{"A": "1"}, nil)
	if err := a.writeConnected(f, false); !errors.Is(err, config.ErrChanged) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name()+" "+string(text))
	}
	if want := []string{`settings.json {"model": "opus"}`, `settings.json` + beforePrism + ` {"old": true}`}; !slices.Equal(names, want) {
		t.Errorf("left are %s", strings.Join(names, ", "))
	}
}
