package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// speakers are the packages that speak to people: what they say must be in the catalogue.
func speakers() []string {
	return []string{
		"cmd/prism", "config", "internal/admin", "internal/alert", "internal/connect", "internal/daemon", "internal/dashboard", "internal/service",
		"internal/spend", "internal/transfer", "internal/tray", "internal/trial",
	}
}

// house is the root of the module, from here.
const house = "../.."

// text is a constant of the source that is said to people, or may be.
type text struct {
	at   string // file:line
	key  string
	said bool   // it stands where only such texts stand
	by   string // the function or the field that takes it
}

// sourceTexts are the constants in the Go files of a package, tests aside.
func sourceTexts(t *testing.T, dir string) []text {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(house, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	r := &reader{set: set, flow: follow(files)}
	for _, file := range files {
		r.walk(file, nil)
	}
	return r.found
}

// reader gathers the texts of one package.
type reader struct {
	set   *token.FileSet
	flow  *flow
	found []text
}

// walk visits n, whose ancestors are above, the nearest last.
func (r *reader) walk(n ast.Node, above []ast.Node) {
	switch x := n.(type) {
	case *ast.ImportSpec:
		return
	case *ast.Field: // its tag
		return
	case *ast.CompositeLit:
		r.column(x, above)
	case ast.Expr:
		if key, ok := r.fold(x); ok {
			said, by := r.saidHere(key, n, above)
			r.found = append(r.found, text{r.set.Position(x.Pos()).String(), key, said, by})
			if bin, ok := x.(*ast.BinaryExpr); ok { // what is put together may hold calls of its own
				for _, part := range []ast.Expr{bin.X, bin.Y} {
					if _, constant := r.fold(part); !constant {
						r.walk(part, append(slices.Clone(above), n))
					}
				}
			}
			return
		}
	}
	ast.Inspect(n, func(child ast.Node) bool {
		if child == n {
			return true
		}
		if child != nil {
			r.walk(child, append(slices.Clone(above), n))
		}
		return false
	})
}

// column takes the head that a column has by its name, where it is not given one.
func (r *reader) column(lit *ast.CompositeLit, above []ast.Node) {
	kind, _ := lit.Type.(*ast.Ident)
	if lit.Type == nil && len(above) > 0 {
		if list, ok := above[len(above)-1].(*ast.CompositeLit); ok {
			if array, ok := list.Type.(*ast.ArrayType); ok {
				kind, _ = array.Elt.(*ast.Ident)
			}
		}
	}
	if kind == nil || kind.Name != "column" {
		return
	}
	given := map[string]string{}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			text, _ := r.fold(kv.Value)
			given[kv.Key.(*ast.Ident).Name] = text
		}
	}
	_, hidden := given["data"]
	if _, ok := given["head"]; !ok && !hidden && given["name"] != "" {
		head := strings.ToUpper(strings.ReplaceAll(given["name"], "_", " "))
		r.found = append(r.found, text{r.set.Position(lit.Pos()).String(), head, true, "head"})
	}
}

// fold is the text of a constant; in a sum, %s stands for what is not constant.
func (r *reader) fold(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			s, err := strconv.Unquote(x.Value)
			return s, err == nil
		}
	case *ast.ParenExpr:
		return r.fold(x.X)
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "", false
		}
		a, left := r.fold(x.X)
		b, right := r.fold(x.Y)
		if !left && !right {
			return "", false
		}
		if !left {
			a = "%s"
		}
		if !right {
			b = "%s"
		}
		return a + b, true
	}
	return "", false
}

// sinks are the functions whose arguments are said, by the index of the argument.
func sinks() map[string][]int {
	return map[string][]int{
		"text": {0}, "note": {0}, "said": {0}, "Said": {0}, "phrase": {0}, "Text": {0}, "Say": {0}, "Translate": {0}, "wordCell": {0},
		"plural": {1}, "count": {1}, "Count": {1}, "Number": {1}, "around": {0},
		"usagef": {1}, "notFound": {1}, "say": {0}, "line": {0, 1}, "add": {0, 1, 3}, "row": {0},
		"Errorf": {0}, "New": {0}, "parts": {0, 2, 4, 6, 8, 10, 12},
	}
}

// fields are the fields of structs that are said.
func fields() []string {
	return []string{"Short", "Long", "Title", "Message", "Text", "empty", "head", "message"}
}

// logged are the methods of a logger: what they take is for the log, which is English.
func logged() []string { return []string{"Msg", "Msgf", "Str", "Strs", "Int", "Bool", "Err"} }

// worded tells whether a text has letters of its own.
func worded(key string) bool {
	return strings.ContainsFunc(verb.ReplaceAllString(key, ""), func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
}

// saidHere tells whether a text stands where only such texts stand that people read, and by what.
func (r *reader) saidHere(key string, n ast.Node, above []ast.Node) (said bool, by string) {
	if by, ok := r.flow.given[n]; ok {
		return worded(key) && !foreign.MatchString(key) && !coded.MatchString(verb.ReplaceAllString(key, "")), by
	}
	switch parent := above[len(above)-1].(type) {
	case *ast.KeyValueExpr:
		if name, ok := parent.Key.(*ast.Ident); ok && parent.Value == n {
			return worded(key) && slices.Contains(fields(), name.Name), name.Name
		}
	case *ast.CallExpr:
		i := slices.IndexFunc(parent.Args, func(a ast.Expr) bool { return a == n })
		name := calleeOf(parent)
		if strings.HasSuffix(name, "Var") || strings.HasSuffix(name, "VarP") {
			return worded(key) && i == len(parent.Args)-1 && i > 1 && strings.Contains(key, " "), name
		}
		return worded(key) && r.flow.takes(name, i), name
	}
	return false, ""
}

// coded are names of columns and units of time, which go the same ways as texts do.
var coded = regexp.MustCompile(`^[a-z0-9]*(_[a-z0-9]+)+$|^ *[dhms]( [dhms])*$`)

func calleeOf(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// small are words that sentences have and commands, names and SQL in its place do not.
var small = regexp.MustCompile(`(?i)(^|[ (])(the|a|an|is|are|was|were|to|of|for|with|it|its|that|this|which|what|there|then|no|not|has|have|will|while|cannot|nothing)([ ,;:.)]|$)`)

// foreign is what sentences in other languages than English look like: SQL, shells, YAML, HTML.
var foreign = regexp.MustCompile(`(?is)^\s*(select|with|from|insert|create|update|delete|copy|describe|attach|drop|alter|pragma|set)\b.*\b(from|where|into|as|table|select)\b|^\s*(#|<|- |--)|\$\{|::|^[a-z_]+\(|\bcase when\b|\n\s*select\b`)

// prose tells whether a text reads like a sentence.
func prose(s string) bool {
	return strings.Contains(s, " ") && small.MatchString(s) && !foreign.MatchString(s)
}

// TestWhatPeopleReadIsTranslated finds texts of the packages that speak to people, and of no
// entry in the catalogue. What is not meant for people is named in testdata/unsaid.txt.
func TestWhatPeopleReadIsTranslated(t *testing.T) {
	unsaid := lines(t, "unsaid.txt")
	for _, name := range translations() {
		known := texts(t, name)
		for _, dir := range speakers() {
			seen := map[string]bool{}
			for _, s := range sourceTexts(t, dir) {
				if seen[s.key] || !s.said && (!prose(s.key) || slices.Contains(logged(), s.by)) || slices.Contains(unsaid, strconv.Quote(s.key)) {
					continue
				}
				seen[s.key] = true
				if _, ok := known[s.key]; !ok {
					t.Errorf("%s: %s.json has nothing for %q", strings.TrimPrefix(s.at, house+"/"), name, s.key)
				}
			}
		}
	}
}

// everyText are the keys that any file of the program could ask for.
func everyText(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(house, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && p != house || d.Name() == "testdata" || d.Name() == "node_modules" {
			return fs.SkipDir
		}
		dir, err := filepath.Rel(house, p)
		if err != nil {
			return err
		}
		for _, s := range sourceTexts(t, dir) {
			all[s.key] = true
			all[strings.ToUpper(strings.ReplaceAll(s.key, "_", " "))] = true // heads of tables
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(webTexts(t), ledgerTexts(t)...) {
		all[s.key] = true
	}
	return all
}
