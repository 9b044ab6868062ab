//go:build e2e

package conformance

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sdkSuite is what of the SDK's suite is run: what a client of a gateway uses. PRISM_SUITE=all runs
// everything.
const sdkSuite = "TestMessage|TestBetaMessage|TestModel|TestBetaModel"

// TestTheSDKsOwnSuitePassesThroughPrism runs the suite of Anthropic's Go SDK twice: straight at the
// mock it is made for, and with prism in between. The same tests must run, and pass.
func TestTheSDKsOwnSuitePassesThroughPrism(t *testing.T) {
	mock := steady(t)
	url := prism(t, "active: mock\n\nprofiles:\n  - name: mock\n    base_url: "+mock+"\n    auth: none\n")
	suite := sdk(t)
	straight := suite.run(t, mock)
	through := suite.run(t, url)
	if len(straight.passed) == 0 || len(straight.failed)+len(straight.skipped) > 0 {
		t.Fatalf("straight at the mock %d pass, %d are skipped, %d fail: %q", len(straight.passed), len(straight.skipped), len(straight.failed), straight.failed)
	}
	for name := range straight.passed {
		if !through.passed[name] {
			t.Errorf("%s does not pass through prism: %s", name, through.failed[name])
		}
	}
	if len(through.passed) != len(straight.passed) {
		t.Errorf("%d tests pass through prism, %d straight", len(through.passed), len(straight.passed))
	}
	t.Logf("%d tests pass straight at the mock, %d through prism", len(straight.passed), len(through.passed))
}

// outcome is what came of a run of the suite.
type outcome struct {
	passed, skipped map[string]bool
	failed          map[string]string // with what was printed
}

// testBinary is the compiled suite, in a folder with what it reads.
type testBinary struct{ path, dir string }

// sdk compiles the suite. Only the tests of a module's main package know its mock, so it is built
// in a copy: the module cache is read-only, and the suite's own requirements decide the versions.
func sdk(t *testing.T) testBinary {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/anthropics/anthropic-sdk-go/v2").Output()
	if err != nil {
		t.Fatalf("find the SDK: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "sdk")
	copyTree(t, strings.TrimSpace(string(out)), dir)
	b := testBinary{path: filepath.Join(dir, "suite.test"), dir: dir}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", b.path, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod -trimpath") // trimmed, so that it is built once
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the suite: %v\n%s", err, out)
	}
	return b
}

// copyTree copies a folder, writable.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if d.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the suite against a server.
func (b testBinary) run(t *testing.T, url string) outcome {
	t.Helper()
	pattern := sdkSuite
	if os.Getenv("PRISM_SUITE") == "all" {
		pattern = "."
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "test2json", b.path, "-test.v=test2json", "-test.run", pattern)
	cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "TEST_API_BASE_URL="+url)
	out, err := cmd.Output()
	o := outcome{passed: map[string]bool{}, skipped: map[string]bool{}, failed: map[string]string{}}
	said := map[string]string{}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("the suite printed %q: %v", line, err)
		}
		switch {
		case e.Test == "" || strings.Contains(e.Test, "/"):
		case e.Action == "output":
			said[e.Test] += e.Output
		case e.Action == "pass":
			o.passed[e.Test] = true
		case e.Action == "skip":
			o.skipped[e.Test] = true
		case e.Action == "fail":
			o.failed[e.Test] = said[e.Test]
		}
	}
	if err != nil && len(o.failed) == 0 {
		t.Fatalf("run the suite: %v\n%s", err, out)
	}
	return o
}
