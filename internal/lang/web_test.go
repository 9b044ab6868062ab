package lang

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pages is where the scripts of the dashboard are.
const pages = house + "/internal/dashboard/web"

// script is one of our own files of the dashboard.
type script struct{ name, text string }

// scripts are all of them; what others wrote is in vendor.
func scripts(t *testing.T) []script {
	t.Helper()
	var out []script
	err := filepath.WalkDir(pages, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "vendor" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".js" || strings.HasSuffix(p, ".test.js"):
			return nil
		}
		b, err := os.ReadFile(p)
		out = append(out, script{strings.TrimPrefix(p, house+"/"), string(b)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Calls that say something: t("…") and tn(n, "…"), and every other constant of a script.
var (
	sayCall  = regexp.MustCompile(`\b(?:t|tx|said)\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`)
	tnCall   = regexp.MustCompile(`\btn\([^,()]*(?:\([^()]*\)[^,()]*)*,\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`)
	constant = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`)
)

// webTexts are the constants of the scripts; said are those in a call that says something.
func webTexts(t *testing.T) []text {
	t.Helper()
	var out []text
	for _, s := range scripts(t) {
		code := withoutComments(s.text)
		for name, call := range map[string]*regexp.Regexp{"t": sayCall, "tn": tnCall} {
			for _, m := range call.FindAllStringSubmatchIndex(code, -1) {
				out = append(out, text{s.at(m[2], code), unquoteJS(code[m[2]:m[3]]), true, name})
			}
		}
		for _, m := range constant.FindAllStringIndex(code, -1) {
			out = append(out, text{s.at(m[0], code), unquoteJS(code[m[0]:m[1]]), false, ""})
		}
	}
	return out
}

// at is a place in the script.
func (s script) at(offset int, code string) string {
	return s.name + ":" + strconv.Itoa(1+strings.Count(code[:offset], "\n"))
}

var comments = regexp.MustCompile(`(?s)/\*.*?\*/|(?m)(^|[\s;,{(])//[^\n]*`)

// withoutComments blanks comments, which keeps the lines where they are.
func withoutComments(code string) string {
	return comments.ReplaceAllStringFunc(code, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
}

// unquoteJS reads a constant of JavaScript as far as ours go.
func unquoteJS(s string) string {
	body := s[1 : len(s)-1]
	if s[0] == '\'' {
		body = strings.ReplaceAll(strings.ReplaceAll(body, `\'`, `'`), `"`, `\"`)
	}
	out, err := strconv.Unquote(`"` + body + `"`)
	if err != nil {
		return body
	}
	return out
}

func TestWhatThePagesSayIsTranslated(t *testing.T) {
	for _, name := range translations() {
		known := texts(t, name)
		for _, s := range webTexts(t) {
			if _, ok := known[s.key]; s.said && !ok {
				t.Errorf("%s: %s.json has nothing for %q", s.at, name, s.key)
			}
		}
	}
}

// comment is what the ledger says about one of its tables, columns or macros.
var comment = regexp.MustCompile(`(?m)^comment on .+ is '((?:[^']|'')+)';$`)

// ledgerTexts are the comments in the ledger, which the SQL page shows.
func ledgerTexts(t *testing.T) []text {
	t.Helper()
	var out []text
	for _, dir := range []string{"", "migrations"} {
		names, err := filepath.Glob(filepath.Join(house, "internal/ledger/duckdb", dir, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all := comment.FindAllSubmatch(b, -1)
			if n := strings.Count("\n"+string(b), "\ncomment on "); n != len(all) {
				t.Fatalf("%s: %d of %d comments were read", name, len(all), n)
			}
			for _, m := range all {
				out = append(out, text{name, strings.ReplaceAll(string(m[1]), "''", "'"), true, "comment"})
			}
		}
	}
	return out
}

func TestWhatTheLedgerSaysOfItselfIsTranslated(t *testing.T) {
	all := ledgerTexts(t)
	if len(all) == 0 {
		t.Fatal("the ledger has no comments")
	}
	for _, name := range translations() {
		known := texts(t, name)
		for _, s := range all {
			if _, ok := known[s.key]; !ok {
				t.Errorf("%s: %s.json has nothing for %q", s.at, name, s.key)
			}
		}
	}
}

// Templates of the pages: html`…`. Between two tags there must be no bare words, and none in the
// attributes that people read or hear.
var (
	markup    = regexp.MustCompile("(?s)html`((?:[^`\\\\$]|\\\\.|\\$(?:[^{]|$)|\\$\\{(?:[^{}`]|\\{[^{}]*\\}|`[^`]*`)*\\})*)`")
	between   = regexp.MustCompile(`>([^<>]*)<`)
	hole      = regexp.MustCompile(`(?s)\$\{(?:[^{}]|\{[^{}]*\})*\}`)
	attribute = regexp.MustCompile(`(?:title|placeholder|alt|label|aria-label|aria-description)="([^"$]*[A-Za-z]{2}[^"$]*)"`)
	word      = regexp.MustCompile(`[A-Za-z]{2,}`)
)

func TestTemplatesHoldNoBareWords(t *testing.T) {
	unsaid := lines(t, "unsaid.txt")
	skip := func(s string) bool {
		for _, u := range unsaid {
			if u == strconv.Quote(s) {
				return true
			}
		}
		return !word.MatchString(s)
	}
	for _, s := range scripts(t) {
		code := withoutComments(s.text)
		for _, m := range markup.FindAllStringSubmatchIndex(code, -1) {
			body := code[m[2]:m[3]]
			for hole.MatchString(body) {
				body = hole.ReplaceAllString(body, "")
			}
			for _, words := range between.FindAllStringSubmatch(body, -1) {
				if bare := strings.TrimSpace(words[1]); !skip(bare) {
					t.Errorf("%s: %q stands in a template and is in one language only", s.at(m[2], code), bare)
				}
			}
			for _, words := range attribute.FindAllStringSubmatch(body, -1) {
				if !skip(words[1]) {
					t.Errorf("%s: %q stands in an attribute and is in one language only", s.at(m[2], code), words[1])
				}
			}
		}
	}
}
