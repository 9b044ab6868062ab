package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

// ownFiles calls check for every file of the pages that is ours.
func ownFiles(t *testing.T, check func(name, text string)) {
	t.Helper()
	err := fs.WalkDir(web, "web", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(p, "web/vendor/") {
			return err
		}
		data, err := web.ReadFile(p)
		if err == nil {
			check(p, string(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVendoredFilesAreThoseOfTheManifest(t *testing.T) {
	data, err := web.ReadFile("web/vendor/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Packages map[string]struct{ Version, Integrity string }
		Files    map[string]string
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	for name, p := range manifest.Packages {
		if p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s is not pinned: %+v", name, p)
		}
	}
	there, err := web.ReadDir("web/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		if f.IsDir() || f.Name() == "manifest.json" {
			continue
		}
		text, err := web.ReadFile("web/vendor/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != manifest.Files[f.Name()] {
			t.Errorf("%s is not what the generator wrote", f.Name())
		}
	}
}

// Text of others stays text: nothing of ours can turn it into markup or script.
func TestScriptsMakeNoMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function|createContextualFragment|DOMParser|srcdoc|setAttribute\(["'](?:style|on)|javascript:|setTimeout\(["'` + "`" + `]`)
	ownFiles(t, func(name, text string) {
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s: %s", name, found)
		}
	})
}

func TestPagesNameNoOtherHost(t *testing.T) {
	hosts := regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}|@import|url\(`)
	ownFiles(t, func(name, text string) {
		if name == "web/icon.svg" {
			return // the name of SVG itself is such an address
		}
		if found := hosts.FindString(text); found != "" {
			t.Errorf("%s: %s", name, found)
		}
	})
}

// A file that is missing would be noticed by who opens that page.
func TestEveryFileThatPagesAskForIsThere(t *testing.T) {
	imports := regexp.MustCompile(`(?:from|import\()\s*"(\.[^"]+)"`)
	links := regexp.MustCompile(`"/assets/([^"$]+)"`)
	ownFiles(t, func(name, text string) {
		var wanted []string
		for _, m := range imports.FindAllStringSubmatch(text, -1) {
			wanted = append(wanted, path.Join(path.Dir(name), m[1]))
		}
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			wanted = append(wanted, "web/"+m[1])
		}
		for _, w := range wanted {
			if _, err := fs.Stat(web, w); err != nil {
				t.Errorf("%s asks for %s, which is not there", name, w)
			}
		}
	})
}

// withoutNode lets the scripts' own tests be left out. CI clears every name of prism: there they run or
// the build fails.
const withoutNode = "PRISM_WITHOUT_NODE"

func TestScripts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv(withoutNode) != "" {
		t.Skip("no node here, and " + withoutNode + " says that this is known")
	}
	if err != nil {
		t.Fatal("there is no node here to run the scripts of the pages: install Node.js 20 or newer, or set " + withoutNode + "=1")
	}
	files, err := fs.Glob(web, "web/js/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", "--test-reporter=tap", "testdata/scripts/")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
