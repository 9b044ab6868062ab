package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPathsFollowTheirVariables(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other folders there")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "odd-name"), "")
	for _, tc := range []struct {
		name     string
		env      map[string]string
		flag     string
		profiles string
		data     string
		socket   string
		from     string
	}{
		{"home", map[string]string{"HOME": "/h"}, "", "/h/.config/prism/profiles.yaml", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "default"},
		{"xdg", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/r"}, "", "/c/prism/profiles.yaml", "/d/prism", "/r/prism/prism.sock", "$XDG_CONFIG_HOME"},
		{"relative xdg is ignored", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "c", "XDG_RUNTIME_DIR": "r"}, "", "/h/.config/prism/profiles.yaml", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "default"},
		{"variable names a directory", map[string]string{"HOME": "/h", "PRISM_CONFIG": dir}, "", dir + "/profiles.yaml", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "$PRISM_CONFIG"},
		{"variable names a file to come", map[string]string{"HOME": "/h", "PRISM_CONFIG": dir + "/other.yaml"}, "", dir + "/other.yaml", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "$PRISM_CONFIG"},
		{"variable names a directory to come", map[string]string{"HOME": "/h", "PRISM_CONFIG": dir + "/new"}, "", dir + "/new/profiles.yaml", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "$PRISM_CONFIG"},
		{"flag wins and names a file", map[string]string{"HOME": "/h", "PRISM_CONFIG": "/x"}, dir + "/odd-name", dir + "/odd-name", "/h/.local/share/prism", "/h/.local/state/prism/prism.sock", "--config"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := ResolvePaths(func(k string) string { return tc.env[k] }, tc.flag)
			if err != nil {
				t.Fatal(err)
			}
			if p.Profiles != tc.profiles || p.Data != tc.data || p.Socket != tc.socket || p.From["profiles"] != tc.from {
				t.Errorf("%+v", p)
			}
			if p.Settings != filepath.Join(filepath.Dir(tc.profiles), "prism.yaml") || p.ConfigDir != filepath.Dir(tc.profiles) {
				t.Errorf("beside: %+v", p)
			}
			if p.Journal != tc.data+"/journal" || p.LedgerFile != tc.data+"/ledger.duckdb" {
				t.Errorf("ledger: %+v", p)
			}
			for _, key := range []string{"profiles", "settings", "data", "state", "socket"} {
				if p.From[key] == "" {
					t.Errorf("no reason for %s", key)
				}
			}
		})
	}
}

func TestPathsNeedAHome(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other folders there")
	}
	if _, err := ResolvePaths(func(string) string { return "" }, ""); !errors.Is(err, ErrNoHome) {
		t.Error(err)
	}
	xdg := map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s"}
	if _, err := ResolvePaths(func(k string) string { return xdg[k] }, ""); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/c/prism"); err == nil {
		t.Error("resolving makes no directories")
	}
}

func TestASocketPathThatIsTooLongIsMadeShort(t *testing.T) {
	long := "/" + strings.Repeat("x", 120)
	resolve := func(state string) Paths {
		env := map[string]string{"HOME": "/h", "XDG_STATE_HOME": state}
		p, err := ResolvePaths(func(k string) string { return env[k] }, "")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b := resolve(long+"/a"), resolve(long+"/b")
	if len(a.Socket) > 103 || a.Socket == b.Socket || a.Socket != resolve(long+"/a").Socket {
		t.Errorf("sockets %s and %s: want short, different, and the same for the same state", a.Socket, b.Socket)
	}
	if short := resolve("/s"); short.Socket != "/s/prism/prism.sock" {
		t.Errorf("a short path became %s", short.Socket)
	}
}
