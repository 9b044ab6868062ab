package prism_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The law of the house: which package stands on which floor, who may import whom, and who
// owns each heavy dependency. docs/architecture.md explains the floors; this file enforces
// them. It reads `go list`, so it sees what the compiler sees.
//
//   - A package imports packages of lower floors only. The sideways arrows that are allowed
//     stand in plan.sideways.
//   - A test file may also import its neighbours on the same floor (a journal's test folds
//     into the real database), never a package above it.
//   - A heavy dependency is imported by its owner alone. Test files are free: a test that
//     needs one pays for it in its own binary only.
//   - Every package has a floor, and says in one sentence what it is.

const module = "prism"

// plan is what floors_test.go demands.
type plan struct {
	floors   [][]string          // from the ground up; names without the module's
	sideways map[string][]string // allowed arrows within a floor, from -> to
	owners   map[string][]string // dependency prefix -> the packages that may import it
	bare     []string            // packages that import the standard library only
	mute     []string            // packages that do not log
	loggers  []string            // what logging is
}

func housePlan() plan {
	return plan{
		floors: [][]string{
			{"config", "config/sealed", "internal/simulator", "internal/translate/translatetest", "internal/translate/translatetest/sdk"},
			{"internal/stream", "internal/attribution", "internal/service", "internal/lang", "internal/connect", "internal/desktop"},
			{"internal/pricing", "internal/ledger", "internal/ledger/duckdb", "internal/translate", "internal/translate/openai", "internal/translate/cloud", "internal/sqlfile"},
			{"internal/upstream", "internal/spend", "internal/alert", "internal/importer", "internal/importer/ccswitch", "internal/reconcile", "internal/transfer", "internal/telemetry"},
			{"internal/router", "internal/trial", "internal/upstream/cloudauth"},
			{"internal/proxy", "internal/admin"},
			{"internal/dashboard", "internal/tray"},
			{"internal/daemon"},
			{"cmd/prism"},
			{".", "test/e2e", "test/browser", "test/chaos", "test/cloud", "test/model", "test/conformance"}, // the attic: tests of the whole house, imported by nobody
		},
		sideways: map[string][]string{
			"internal/ledger/duckdb":     {"internal/ledger"},
			"internal/importer/ccswitch": {"internal/importer"},
			"internal/translate/openai":  {"internal/translate"},
			"internal/translate/cloud":   {"internal/translate"},

			"internal/translate/translatetest/sdk": {"internal/translate/translatetest"},
		},
		owners: map[string][]string{
			"github.com/spf13/viper":               {"config"},
			"github.com/fsnotify/fsnotify":         {"config"},
			"github.com/goccy/go-yaml":             {"config"},
			"github.com/invopop/jsonschema":        {"config"},
			"github.com/getsops/sops/v3":           {"config/sealed"},
			"filippo.io/age":                       {"config/sealed"},
			"github.com/tidwall/gjson":             {"internal/stream"},
			"github.com/shopspring/decimal":        {"internal/pricing"},
			"github.com/klauspost/compress":        {"internal/ledger", "internal/proxy"},
			"github.com/duckdb/duckdb-go":          {"internal/ledger/duckdb"},
			"github.com/failsafe-go/failsafe-go":   {"internal/router"},
			"github.com/aws/aws-sdk-go-v2":         {"internal/upstream/cloudauth"},
			"golang.org/x/oauth2":                  {"internal/upstream/cloudauth"},
			"fyne.io/systray":                      {"internal/tray"},
			"github.com/godbus/dbus":               {"internal/tray"},
			"github.com/spf13/cobra":               {"cmd/prism"},
			"github.com/tailscale/hujson":          {"internal/connect"},
			"charm.land/bubbletea":                 {"cmd/prism"},
			"github.com/chromedp/chromedp":         {"test/browser"},
			"github.com/jedib0t/go-pretty":         {"cmd/prism"},
			"github.com/itchyny/gojq":              {"cmd/prism"},
			"github.com/schollz/progressbar":       {"cmd/prism"},
			"modernc.org/sqlite":                   {"internal/sqlfile"},
			"go.opentelemetry.io/otel":             {"internal/telemetry"},
			"github.com/go-logr":                   {"internal/telemetry"},
			"github.com/prometheus":                {"internal/telemetry"},
			"github.com/anthropics":                {"internal/translate/translatetest/sdk"},
			"github.com/santhosh-tekuri":           {"internal/translate/translatetest"},
			"net/http/httputil":                    {}, // the relay is our own; see docs/decisions
			"github.com/stretchr/testify":          {},
			"github.com/rogpeppe/go-internal":      {},
			"go.uber.org/goleak":                   {},
			"github.com/google/go-cmp":             {},
			"github.com/duckdb/duckdb-go-bindings": {},
		},
		bare:    []string{"internal/simulator"},
		mute:    []string{"internal/stream", "internal/translate", "internal/translate/openai", "internal/translate/cloud", "internal/pricing", "config/sealed"},
		loggers: []string{"github.com/rs/zerolog", "log/slog"},
	}
}

// listed is the part of `go list -json` that the floors need.
type listed struct {
	ImportPath, Doc                    string
	GoFiles, CgoFiles                  []string
	Imports, TestImports, XTestImports []string
}

func TestArrowsPointDownAndEveryPackageHasAFloorAndASentence(t *testing.T) {
	pkgs, err := list(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) == 0 {
		t.Fatal("go list found no package")
	}
	for _, p := range check(pkgs, housePlan()) {
		t.Error(p)
	}
}

// TestFloorsNoticeABrokenHouse plants one fault of each kind.
func TestFloorsNoticeABrokenHouse(t *testing.T) {
	small := plan{
		floors:   [][]string{{"ground", "cellar"}, {"first", "first/annex"}, {"roof"}},
		sideways: map[string][]string{"first/annex": {"first"}},
		owners:   map[string][]string{"example.com/heavy": {"first"}},
		bare:     []string{"ground"},
		mute:     []string{"cellar"},
		loggers:  []string{"log"},
	}
	sound := []listed{
		pkg("ground"), pkg("cellar"), pkg("first", "prism/ground", "example.com/heavy/v2"),
		pkg("first/annex", "prism/first"), pkg("roof", "prism/first/annex", "log"),
	}
	if got := check(sound, small); len(got) != 0 {
		t.Fatalf("a sound house was refused: %q", got)
	}
	with := func(p listed) []listed {
		out := slices.Clone(sound)
		i := slices.IndexFunc(out, func(q listed) bool { return q.ImportPath == p.ImportPath })
		if i < 0 {
			return append(out, p)
		}
		out[i] = p
		return out
	}
	silent := pkg("roof")
	silent.Doc = "Nothing to see here"
	upTest, sideTest, heavyTest := pkg("ground"), pkg("ground"), pkg("cellar")
	upTest.TestImports = []string{"prism/roof"}
	sideTest.XTestImports = []string{"prism/cellar"}
	heavyTest.TestImports = []string{"example.com/heavy"}
	tests := []struct {
		name  string
		house []listed
		want  string // part of the one complaint; "" = none
	}{
		{"upwards", with(pkg("ground", "prism/first")), "prism/ground imports prism/first, which is above it"},
		{"sideways", with(pkg("cellar", "prism/ground")), "prism/cellar imports prism/ground, its neighbour"},
		{"sideways against the allowed arrow", with(pkg("first", "prism/first/annex")), "its neighbour"},
		{"heavy", with(pkg("roof", "example.com/heavy")), "example.com/heavy, which belongs to first"},
		{"not bare", with(pkg("ground", "example.com/light")), "the standard library only"},
		{"not mute", with(pkg("cellar", "log")), "does not log"},
		{"homeless", with(pkg("shed")), "prism/shed has no floor"},
		{"empty room", sound[1:], "ground has a floor but does not exist"},
		{"no sentence", with(silent), `prism/roof: its documentation starts "Nothing to see here"`},
		{"test upwards", with(upTest), "a test of prism/ground imports prism/roof"},
		{"test sideways", with(sideTest), ""},
		{"test with a heavy dependency", with(heavyTest), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(check(tt.house, small), "\n")
			if tt.want == "" && got != "" {
				t.Errorf("complained: %s", got)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want a complaint with %q", got, tt.want)
			}
		})
	}
}

// pkg makes a package as `go list` would describe it.
func pkg(name string, imports ...string) listed {
	return listed{
		ImportPath: module + "/" + name, Doc: "Package " + name + " is one.",
		GoFiles: []string{"a.go"}, Imports: imports,
	}
}

// check returns one complaint for each breach of p.
func check(pkgs []listed, p plan) []string {
	floor := map[string]int{}
	for i, names := range p.floors {
		for _, n := range names {
			floor[full(n)] = i
		}
	}
	var out []string
	seen := map[string]bool{}
	for _, l := range pkgs {
		seen[l.ImportPath] = true
		if _, ok := floor[l.ImportPath]; !ok {
			out = append(out, fmt.Sprintf("%s has no floor: give it one in floors_test.go and docs/architecture.md", l.ImportPath))
			continue
		}
		out = append(out, p.arrows(l, floor)...)
		out = append(out, p.dependencies(l)...)
		if c := sentence(l); c != "" {
			out = append(out, c)
		}
	}
	for _, names := range p.floors {
		for _, n := range names {
			if !seen[full(n)] {
				out = append(out, fmt.Sprintf("%s has a floor but does not exist", n))
			}
		}
	}
	return out
}

// arrows checks the imports of l within the module.
func (p plan) arrows(l listed, floor map[string]int) []string {
	var out []string
	own := floor[l.ImportPath]
	for _, i := range l.Imports {
		to, ours := floor[i]
		allowed := slices.Contains(p.sideways[short(l.ImportPath)], short(i))
		switch {
		case !ours || to < own || to == own && allowed:
		case to == own:
			out = append(out, fmt.Sprintf("%s imports %s, its neighbour", l.ImportPath, i))
		default:
			out = append(out, fmt.Sprintf("%s imports %s, which is above it", l.ImportPath, i))
		}
	}
	for _, i := range slices.Concat(l.TestImports, l.XTestImports) {
		if to, ours := floor[i]; ours && to > own {
			out = append(out, fmt.Sprintf("a test of %s imports %s, which is above it", l.ImportPath, i))
		}
	}
	return out
}

// dependencies checks what l imports from outside the module.
func (p plan) dependencies(l listed) []string {
	var out []string
	name := short(l.ImportPath)
	for _, i := range l.Imports {
		for dep, owners := range p.owners {
			if within(i, dep) && !slices.Contains(owners, name) {
				out = append(out, fmt.Sprintf("%s imports %s, which belongs to %s", l.ImportPath, i, strings.Join(append(owners, "tests"), ", ")))
			}
		}
		first, _, _ := strings.Cut(i, "/")
		if slices.Contains(p.bare, name) && (strings.Contains(first, ".") || first == module) {
			out = append(out, fmt.Sprintf("%s imports %s, but may import the standard library only", l.ImportPath, i))
		}
		for _, lg := range p.loggers {
			if slices.Contains(p.mute, name) && within(i, lg) {
				out = append(out, fmt.Sprintf("%s imports %s, but does not log", l.ImportPath, i))
			}
		}
	}
	return out
}

// sentence complains about a package whose documentation does not say what it is. Packages
// that consist of tests have none.
func sentence(l listed) string {
	if len(l.GoFiles)+len(l.CgoFiles) == 0 {
		return ""
	}
	first := strings.HasPrefix(l.Doc, "Package ") || strings.HasPrefix(l.Doc, "Command ")
	if !first || !strings.HasSuffix(l.Doc, ".") {
		return fmt.Sprintf("%s: its documentation starts %q, want one sentence: Package %s ...", l.ImportPath, l.Doc, path.Base(l.ImportPath))
	}
	return ""
}

// within tells whether imported is dep or lies below it, in any major version.
func within(imported, dep string) bool {
	return imported == dep || strings.HasPrefix(imported, dep+"/")
}

func full(name string) string {
	if name == "." {
		return module
	}
	return module + "/" + name
}

func short(imported string) string {
	if imported == module {
		return "."
	}
	return strings.TrimPrefix(imported, module+"/")
}

// list asks the go command for every package of the module, those behind build tags too. It
// walks the folders first: a test is run again only when something that it looked at itself
// has changed, and it would not be seen what the go command looks at.
func list(t *testing.T) ([]listed, error) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && p != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("walk the module: %w", err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-tags", "e2e",
		"-json=ImportPath,Doc,GoFiles,CgoFiles,Imports,TestImports,XTestImports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	var out []listed
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var l listed
		switch err := dec.Decode(&l); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("read go list: %w", err)
		}
		out = append(out, l)
	}
}
