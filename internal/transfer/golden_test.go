package transfer

import (
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	_ "modernc.org/sqlite" // makes the databases of cases

	"prism/config"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// TestConfigurationsOfOtherToolsBecomeProfiles reads one configuration of each case and compares the
// profiles.yaml that comes of it, and what was left out.
func TestConfigurationsOfOtherToolsBecomeProfiles(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, ar)
			for name, text := range got {
				if *update {
					put(ar, name, text)
				} else if want := part(ar, name); want != text {
					t.Errorf("%s is\n%s\nwant\n%s", name, text, want)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// run imports the first file of a case. The comment of the case holds: source NAME, env K=V, activate.
func run(t *testing.T, ar *txtar.Archive) map[string]string {
	t.Helper()
	source, env, activate := "", map[string]string{}, false
	for line := range strings.SplitSeq(string(ar.Comment), "\n") {
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "source":
			source = rest
		case "env":
			name, value, _ := strings.Cut(rest, "=")
			env[name] = value
		case "activate":
			activate = true
		}
	}
	path, before := prepare(t, ar.Files[0]), ""
	if ar.Files[0].Name == "link" {
		path = strings.TrimSpace(string(ar.Files[0].Data))
	} else {
		before = listing(t, filepath.Dir(path))
	}
	plan, err := Read(t.Context(), source, path, Options{Getenv: func(name string) string { return env[name] }, Own: []string{"127.0.0.1:3000"}})
	if err != nil {
		return map[string]string{"error": err.Error() + "\n"}
	}
	if before != "" && before != listing(t, filepath.Dir(path)) {
		t.Error("the original, or what lies beside it, is another one than before")
	}
	src := []byte(part(ar, "profiles.yaml"))
	if len(src) == 0 {
		src = []byte("active: work\nprofiles:\n  - name: work\n    base_url: https://api.anthropic.com\n    auth: passthrough\n")
	}
	opt := config.ParseOptions{AllowPlaintext: true}
	have, problems := config.ParseProfiles(src, opt)
	if have == nil {
		t.Fatal(problems)
	}
	plan.Fit(have, activate)
	out, err := plan.Apply(src, activate)
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := config.ParseProfiles(out, opt); problems.Err() != nil {
		t.Errorf("prism does not take it:\n%s\n%s", problems.Text(), out)
	}
	var left strings.Builder
	fmt.Fprintf(&left, "active: %s\n", plan.Active)
	for _, l := range plan.Left {
		fmt.Fprintf(&left, "%s: %s\n", l.What, l.Why)
	}
	return map[string]string{"want.yaml": strings.TrimPrefix(string(out), string(src)), "left": left.String()}
}

// prepare writes the file of a case; what ends with .sql.db is executed to make a database.
func prepare(t *testing.T, f txtar.File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), f.Name)
	if name, ok := strings.CutSuffix(f.Name, ".sql"); ok && strings.HasSuffix(name, ".db") {
		path = filepath.Join(filepath.Dir(path), name)
		makeDatabase(t, path, string(f.Data))
		return path
	}
	if err := os.WriteFile(path, f.Data, 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

func makeDatabase(t *testing.T, path string, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// listing is every file of a directory with its content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s %x\n", e.Name(), info.ModTime(), data)
	}
	return b.String()
}

func part(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func put(ar *txtar.Archive, name, text string) {
	for i := range ar.Files {
		if ar.Files[i].Name == name {
			ar.Files[i].Data = []byte(text)
			return
		}
	}
	ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(text)})
}
