package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/language"

	"prism/internal/admin"
)

// trayApp is a run of prism with some variables, of a user whose home is home.
func trayApp(t *testing.T, home, config string, env map[string]string) (*app, *bytes.Buffer) {
	t.Helper()
	all := map[string]string{"HOME": home}
	maps.Copy(all, env)
	a, _ := clientApp(t, all, strings.NewReader(""))
	var errs bytes.Buffer
	a.err, a.configFlag = &errs, config
	return a, &errs
}

// TestTheLoginStartsTheTrayOfThisGateway: a login sees nothing of the shell that switched it on.
func TestTheLoginStartsTheTrayOfThisGateway(t *testing.T) {
	here, err := filepath.Abs("b.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, flag, lang string
		env              map[string]string
		before, after    []string // the program
	}{
		{"nothing said", "", "", nil, nil, []string{"tray"}},
		{"the flag", "b.yaml", "", map[string]string{"PRISM_CONFIG": "/no"}, nil, []string{"--config", here, "tray"}},
		{"the variable", "", "", map[string]string{"PRISM_CONFIG": "b.yaml"}, nil, []string{"--config", here, "tray"}},
		{"a language", "", "", map[string]string{"PRISM_LANG": "zh_CN.UTF-8"}, nil, []string{"tray", "--lang", "zh"}},
		{"the flag of the language", "", "en", map[string]string{"PRISM_LANG": "zh"}, nil, []string{"tray", "--lang", "en"}},
		{"one that nobody speaks", "", "", map[string]string{"PRISM_LANG": "tlh"}, nil, []string{"tray"}},
		{
			"other places, and a secret", "", "",
			map[string]string{
				"XDG_STATE_HOME": "/s", "PRISM_SOCKET": "/x", "SOPS_AGE_KEY_FILE": "b.yaml",
				"PRISM_NOTIFY_WEBHOOK": "https://h/secret", "PRISM_WORK_KEY": "secret", "SOPS_AGE_KEY": "secret",
			},
			[]string{"/usr/bin/env", "PRISM_SOCKET=/x", "SOPS_AGE_KEY_FILE=" + here, "XDG_STATE_HOME=/s"},
			[]string{"tray"},
		},
	} {
		a, _ := trayApp(t, t.TempDir(), tt.flag, tt.env)
		a.langFlag = tt.lang
		program, err := ownProgram()
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(tt.before, []string{program}, tt.after)
		if got, err := a.trayCommand(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q, %v", tt.name, got, want, err)
		}
	}
}

// TestTheLoginKeepsTheTrayOfAnotherGateway: there is one entry, and none replaces another's unseen.
func TestTheLoginKeepsTheTrayOfAnotherGateway(t *testing.T) {
	home, own := t.TempDir(), t.TempDir()
	state := map[string]string{"XDG_STATE_HOME": t.TempDir()}
	first, _ := trayApp(t, home, own, nil)
	if err := first.autostart("on"); err != nil {
		t.Fatal(err)
	}
	login, err := first.newTrayLogin()
	if err != nil {
		t.Fatal(err)
	}
	entry := func() string {
		t.Helper()
		b, err := os.ReadFile(login.Path())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := entry()
	for _, tt := range []struct {
		name, flag string
		env        map[string]string
		named      string // in the refusal; "" = it is the same gateway
	}{
		{"without a configuration", "", nil, own},
		{"with another one", filepath.Join(own, "other.yaml"), nil, own},
		{"with another state", own, state, "~/.local/state/prism"},
		{"with another socket", own, map[string]string{"PRISM_SOCKET": "/x"}, "prism.sock"},
		{"with the same one, by its file", filepath.Join(own, "profiles.yaml"), nil, ""},
		{"with the same one, by a variable, in another language", "", map[string]string{"PRISM_CONFIG": own, "PRISM_LANG": "zh"}, ""},
	} {
		a, _ := trayApp(t, home, tt.flag, tt.env)
		login, err := a.newTrayLogin()
		if err != nil {
			t.Fatal(err)
		}
		if on := login.IsOn(); on != (tt.named == "") {
			t.Errorf("%s: the tick of Start at login is %t", tt.name, on)
		}
		err = a.autostart("on")
		if tt.named == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if e, known := errors.AsType[*admin.Error](err); !known || e.Code != codeOccupied || !strings.Contains(e.Message, tt.named) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := entry(); got != before {
			t.Errorf("%s: the entry became\n%s", tt.name, got)
		}
	}
	other, said := trayApp(t, home, "", nil)
	x := &examination{a: other, ctx: t.Context()}
	x.tray()
	if len(x.findings) != 1 || x.findings[0].state != stateOK || x.findings[0].fix != "" || !strings.Contains(x.findings[0].what, filepath.Join(own, "profiles.yaml")) {
		t.Errorf("the other's doctor says %+v", x.findings)
	}
	if err := other.autostart("off"); err != nil || !strings.Contains(said.String(), "it was the tray of another gateway: "+filepath.Join(own, "profiles.yaml")) {
		t.Errorf("taken away: %v %s", err, said)
	}
	if _, err := os.Stat(login.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the entry is still there: %v", err)
	}
}

// TestWithoutALocaleTheDesktopIsAsked: what launchd starts has none.
func TestWithoutALocaleTheDesktopIsAsked(t *testing.T) {
	says := func(text string) []string { return []string{"/bin/sh", "-c", text} }
	for _, tt := range []struct {
		name, platform, flag string
		env                  map[string]string
		settings             string
		command              []string
		want                 language.Tag
	}{
		{"Chinese", "darwin", "", nil, "", says("echo zh-Hans_CN"), language.Chinese},
		{"with a calendar", "darwin", "", nil, "", says("echo zh_TW@calendar=roc"), language.Chinese},
		{"one that nobody speaks", "darwin", "", nil, "", says("echo de_DE"), language.English},
		{"nobody set it", "darwin", "", nil, "", says("echo zh_CN; exit 1"), language.English},
		{"no such program", "darwin", "", nil, "", []string{"/no/such/program"}, language.English},
		{"too late", "darwin", "", nil, "", says("sleep 0.3; echo zh_CN"), language.English},
		{"elsewhere", "linux", "", nil, "", says("echo zh_CN"), language.English},
		{"a locale", "darwin", "", map[string]string{"LANG": "en_US.UTF-8"}, "", says("echo zh_CN"), language.English},
		{"a wish", "darwin", "", map[string]string{"PRISM_LANG": "en"}, "", says("echo zh_CN"), language.English},
		{"the flag", "darwin", "en", nil, "", says("echo zh_CN"), language.English},
		{"the settings", "darwin", "", nil, "lang: en\n", says("echo zh_CN"), language.English},
		{"settings that say nothing", "darwin", "", nil, "lang: auto\n", says("echo zh_CN"), language.Chinese},
	} {
		limit := time.Minute
		if tt.name == "too late" {
			limit = time.Millisecond
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "prism.yaml"), []byte(tt.settings), 0o600); err != nil {
			t.Fatal(err)
		}
		a, _ := trayApp(t, t.TempDir(), dir, tt.env)
		a.langFlag = tt.flag
		a.speakAsDesktop(t.Context(), limit, tt.platform, tt.command...)
		if got := a.lang.Tag(); got != tt.want {
			t.Errorf("%s: it speaks %s", tt.name, got)
		}
	}
}
