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
	const headers = "X-Team: docs\nAuthorization: Bearer a\nx-api-key: b\nX-Monkey: c\nX_Relay_Token : d\nCookie: e\nX-Author: f\nX-Prism-Token: g"
	if got := strings.Join(withoutCredentials(strings.Split(headers, "\n")), "\n"); got != "X-Team: docs\nX-Monkey: c\nX-Author: f\nX-Prism-Token: g" {
		t.Errorf("%q", got)
	}
}

// TestHeadersComeBack takes back what was connected, whatever white space and headers of prism's the file had
// before, and whatever was added since.
func TestHeadersComeBack(t *testing.T) {
	settings := func(headers string) *clientFile {
		s, err := connect.Read(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Edit(map[string]string{headersVariable: headers}, nil)
		return &clientFile{Settings: s}
	}
	const before = "X-Team: docs\r\nX-Prism-Tags: a=b\nX-Relay-Key: k\n"
	for now, want := range map[string]string{
		"X-Team: docs":                                   before,
		"X-Team: docs\nX-Prism-Token: t":                 before,
		"X-Team: docs\nX-Relay-Key: k\nX-Prism-Token: t": before,
		"X-Prism-Token: t":                               before,
		"X-Team: docs\nX-New: 1\nX-Prism-Token: t":       "X-Team: docs\nX-New: 1\nX-Relay-Key: k",
		"X-Team: docs\nX-Relay-Key: other":               "X-Team: docs\nX-Relay-Key: other",
	} {
		f := settings(now)
		takeBack(f, settings(before))
		if got, _ := f.Value(headersVariable); got != want {
			t.Errorf("%q: got %q, want %q", now, got, want)
		}
	}
}

// TestWhatWouldBeLostIsKnown compares a file that was connected, one that was edited since, and the copy.
func TestWhatWouldBeLostIsKnown(t *testing.T) {
	const before = `{"env": {"ANTHROPIC_MODEL": "kimi-k3", "NO_PROXY": ".corp"}}`
	for env, want := range map[string]bool{
		`"ANTHROPIC_BASE_URL": "http://127.0.0.1:3000/p/x", "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "9"`: false,
		`"ANTHROPIC_BASE_URL": "http://127.0.0.1:3000", "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "9"`:     true,
		`"ANTHROPIC_MODEL": "kimi-k3", "ANTHROPIC_API_KEY": ""`:                                    false,

		`"ANTHROPIC_MODEL": "kimi-k4"`:                           true,
		`"ANTHROPIC_API_KEY": 7`:                                 true,
		`"ANTHROPIC_AUTH_TOKEN": "prism-of-another-time"`:        false,
		`"ANTHROPIC_AUTH_TOKEN": "prism"`:                        false,
		`"ANTHROPIC_AUTH_TOKEN": "sk-since"`:                     true,
		`"NO_PROXY": ".corp,127.0.0.1,localhost"`:                false,
		`"NO_PROXY": ".shell,127.0.0.1,localhost"`:               false,
		`"NO_PROXY": ".since,127.0.0.1,localhost"`:               true,
		`"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"`:                false,
		`"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "0"`:                true,
		`"ANTHROPIC_CUSTOM_HEADERS": "X-Prism-Token: t"`:         false,
		`"ANTHROPIC_CUSTOM_HEADERS": "X-Api-Key: since"`:         true,
		`"DISABLE_TELEMETRY": "it stays where it is, untouched"`: false,
	} {
		text := []byte(`{"env": {` + env + `}}`)
		f, was := &clientFile{text: text}, &clientFile{text: []byte(before)}
		for _, file := range []*clientFile{f, was} {
			var err error
			if file.Settings, err = connect.Read(file.text); err != nil {
				t.Fatal(err)
			}
		}
		f.Edit(nil, slices.Concat(connect.Written(), connect.TakenOut()))
		a, _, _ := testApp(map[string]string{"no_proxy": ".shell"})
		if got := a.loses(t.Context(), room{}, f, was); got != want {
			t.Errorf("%s: %v", env, got)
		}
	}
}

// TestOnlyAFileOfTheClientIsOffered imports from files of Claude Code, and from one that prism connect has kept.
func TestOnlyAFileOfTheClientIsOffered(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".claude")
	users, copied, linked := filepath.Join(dir, "settings.json"), filepath.Join(dir, "settings.json"+beforePrism), filepath.Join(home, "dotfiles.json")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{copied, linked} {
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(linked, users); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"": "prism connect", users: "prism connect", copied: "prism connect", linked: "prism connect --settings " + linked,
		"/p/.claude/settings.local.json": "prism connect --settings /p/.claude/settings.local.json",
	} {
		a, _, errs := testApp(map[string]string{"HOME": home})
		if err := a.offerToConnect(t.Context(), room{}, file); err != nil {
			t.Fatal(err)
		}
		if got := errs.String(); got != "then point Claude Code at prism: "+want+"\n" {
			t.Errorf("%s: %s", file, got)
		}
	}
}

// TestAnOlderCopyComesBackWhereNoneCanBeKept fails while the file as it was is being kept.
func TestAnOlderCopyComesBackWhereNoneCanBeKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	f := &clientFile{path: path}
	if err := os.WriteFile(f.keptPath(), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _, _ := testApp(nil)
	full := errors.New("no space left")
	if _, _, err := a.keepBefore(f, func(string, []byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(f.keptPath()); err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
	// Somebody else has kept the file in this moment: that copy stays, and the older one lies aside.
	_, _, err := a.keepBefore(f, func(path string, _ []byte) error {
		return errors.Join(os.WriteFile(path, []byte("another"), 0o600), config.ErrChanged)
	})
	if !errors.Is(err, config.ErrChanged) {
		t.Errorf("got %v", err)
	}
	aside, err := filepath.Glob(f.keptPath() + "-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("aside lies %q, %v", aside, err)
	}
	for path, want := range map[string]string{f.keptPath(): "another", aside[0]: "old"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
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
	for _, connected := range []bool{false, true} { // and would lose something
		if err := a.writeConnected(f, connected, connected); !errors.Is(err, config.ErrChanged) {
			t.Errorf("connected %v: got %v", connected, err)
		}
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
