package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/transfer"
)

// roomIn is a room whose files lie in a directory, and whose gateway does not run.
func roomIn(t *testing.T, dir string) room {
	t.Helper()
	env := map[string]string{"HOME": dir, "XDG_RUNTIME_DIR": dir, "PRISM_CONFIG": filepath.Join(dir, "c")}
	p, err := config.ResolvePaths(func(name string) string { return env[name] }, "")
	if err != nil {
		t.Fatal(err)
	}
	return room{p, config.DefaultSettings(), admin.Dial(filepath.Join(dir, "nobody.sock"))}
}

func TestABundleThatIsNotSealedIsNotWrittenInClear(t *testing.T) {
	dir := t.TempDir()
	b := &transfer.Bundle{Made: time.Now(), How: transfer.Sealed}
	if err := b.Add(transfer.BundleProfiles, []byte("active: a\nprofiles:\n  - {name: a, base_url: 'https://a.example.com', api_key: sk-a-0123456789abcdef}\n")); err != nil {
		t.Fatal(err)
	}
	a, out, _ := testApp(nil)
	r := roomIn(t, dir)
	in := bundleImport{a: a, r: r, b: b, path: filepath.Join(dir, "b")}
	err := in.run(t.Context())
	if e := describe(err); err == nil || e.Code != codeConfigUnsealed || !strings.HasPrefix(e.Fix, "prism init --from bundle=") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Lstat(r.paths.Profiles); !os.IsNotExist(err) {
		t.Errorf("the file was written: %v", err)
	}
	r.settings.AllowPlaintext = true
	in = bundleImport{a: a, r: r, b: b, path: filepath.Join(dir, "b")}
	if err := in.run(t.Context()); err != nil {
		t.Errorf("where it is allowed: %v", err)
	}
}

func TestEachOfSeveralKeysIsAskedForByItsName(t *testing.T) {
	a, _, _ := testApp(nil)
	if one, other, only := a.keyQuestion("kimi", "first"), a.keyQuestion("kimi", "second"), a.keyQuestion("kimi", ""); one == other || !strings.Contains(other, "second of kimi") || strings.Contains(only, "  ") {
		t.Errorf("%q, %q, %q", one, other, only)
	}
}

// typedLines is a terminal: each read gives one line.
type typedLines []string

func (l *typedLines) Read(p []byte) (int, error) {
	if len(*l) == 0 {
		return 0, os.ErrClosed
	}
	n := copy(p, (*l)[0]+"\n")
	*l = (*l)[1:]
	return n, nil
}

func TestAWrongAnswerIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	router := filepath.Join(dir, ".claude-code-router")
	if err := os.Mkdir(router, 0o700); err != nil {
		t.Fatal(err)
	}
	const providers = `{"Providers": [{"name": "one", "api_base_url": "https://one.example.com/v1/chat/completions", "api_key": "sk-one-0123456789abcdef", "models": ["m"]}]}`
	if err := os.WriteFile(filepath.Join(router, "config.json"), []byte(providers), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, typed := range map[string]typedLines{"ccr": {"2", "crr", "0", "1"}, "": {"one", ""}} {
		a, _, said := testApp(map[string]string{"HOME": dir})
		a.inTTY, a.errTTY, a.in = true, true, &typed
		mistakes := len(typed) - 1
		got, err := a.askFrom(t.Context(), roomIn(t, dir), initOptions{})
		if err != nil || got != want || len(typed) != 0 {
			t.Errorf("%q, %v, %q not read: %s", got, err, typed, said)
		}
		if n := strings.Count(said.String(), "answer with a number from 1 to 1"); n != mistakes {
			t.Errorf("said %d times what an answer is, want %d:\n%s", n, mistakes, said)
		}
	}
}
