// Command gen makes the files beside it out of the packages that package-lock.json pins: one ES
// module for each entry, the style sheet of the charts, the licences of what is inside, and a
// manifest with the hash of everything. It needs npm, which checks the hashes of what it fetches;
// nothing of the packages runs.
//
//	go -C internal/dashboard/web/vendor/gen run . ..           # write
//	go -C internal/dashboard/web/vendor/gen run . -check ..    # compare, for who reviews
package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

//go:embed package.json package-lock.json entries/*.js
var source embed.FS

func main() {
	check := flag.Bool("check", false, "compare with what is there and write nothing")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: gen [-check] DIRECTORY")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	work, err := os.MkdirTemp("", "prism-vendor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := install(work); err != nil {
		return err
	}
	files, err := build(work)
	if err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if !check {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return err
			}
			continue
		}
		if there, err := os.ReadFile(path); err != nil || !bytes.Equal(there, data) {
			return errors.Join(fmt.Errorf("%s is not what the packages make", path), err)
		}
	}
	return nil
}

// install lets npm fetch the packages; no script of theirs is run.
func install(work string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := source.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o600); err != nil {
			return err
		}
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = work
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

// build returns every file by its name.
func build(work string) (map[string][]byte, error) {
	files, used := map[string][]byte{}, map[string]bool{}
	entries, err := source.ReadDir("entries")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := bundle(work, e.Name(), used)
		if err != nil {
			return nil, err
		}
		files[e.Name()] = data
	}
	files["uplot.css"], err = os.ReadFile(filepath.Join(work, "node_modules/uplot/dist/uPlot.min.css"))
	if err != nil {
		return nil, err
	}
	packages := slices.Sorted(maps.Keys(used))
	if files["LICENSES.txt"], err = licences(work, packages); err != nil {
		return nil, err
	}
	files["manifest.json"], err = manifest(files, packages)
	return files, err
}

// bundle makes one module out of an entry and notes the packages that went into it.
func bundle(work, entry string, used map[string]bool) ([]byte, error) {
	text, err := source.ReadFile("entries/" + entry)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		Stdin:         &api.StdinOptions{Contents: string(text), ResolveDir: work, Sourcefile: entry, Loader: api.LoaderJS},
		AbsWorkingDir: work, Bundle: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ES2022,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone, Metafile: true,
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("bundle %s: %s", entry, result.Errors[0].Text)
	}
	var meta struct {
		Inputs map[string]struct{} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(result.Metafile), &meta); err != nil {
		return nil, err
	}
	for path := range meta.Inputs {
		if rest, inside := strings.CutPrefix(path, "node_modules/"); inside {
			words := strings.SplitN(rest, "/", 3)
			name := words[0]
			if strings.HasPrefix(name, "@") {
				name += "/" + words[1]
			}
			used[name] = true
		}
	}
	return result.OutputFiles[0].Contents, nil
}

// licences writes the text of each package's licence, which each of them demands.
func licences(work string, packages []string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("The files beside this one are made of these packages.\n")
	for _, p := range packages {
		root := filepath.Join(work, "node_modules", filepath.FromSlash(p))
		about, err := os.ReadFile(filepath.Join(root, "package.json"))
		if err != nil {
			return nil, err
		}
		var fields struct{ Version, License string }
		if err := json.Unmarshal(about, &fields); err != nil {
			return nil, fmt.Errorf("read the package.json of %s: %w", p, err)
		}
		text, err := os.ReadFile(filepath.Join(root, "LICENSE"))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n\n%s", strings.Repeat("=", 72), p, fields.Version, fields.License, bytes.TrimSpace(text))
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// manifest says what came in and what came out.
func manifest(files map[string][]byte, packages []string) ([]byte, error) {
	text, err := source.ReadFile("package-lock.json")
	if err != nil {
		return nil, err
	}
	type pinned struct {
		Version   string `json:"version"`
		Integrity string `json:"integrity"`
	}
	var lock struct {
		Packages map[string]pinned `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("read package-lock.json: %w", err)
	}
	out := struct {
		Packages map[string]pinned `json:"packages"`
		Files    map[string]string `json:"files"` // SHA-256
	}{map[string]pinned{}, map[string]string{}}
	for _, p := range packages {
		out.Packages[p] = lock.Packages["node_modules/"+p]
	}
	for name, data := range files {
		sum := sha256.Sum256(data)
		out.Files[name] = hex.EncodeToString(sum[:])
	}
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}
