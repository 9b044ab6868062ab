package lang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"testing"
)

// flow is how texts of a package come to the places where they are said: a function hands its
// argument on, a word is returned or kept in a variable first. Functions and variables are told apart
// by their names alone, which is enough to find texts and not enough to prove that there are none.
type flow struct {
	sinks   map[string][]int        // functions that say their arguments, by the index of the argument
	results map[string]map[int]bool // functions whose results are said, by the index of the result
	given   map[ast.Node]string     // constants that reach such a place on the way, and which
	consts  map[string]ast.Expr     // of the package
	seen    map[step]bool
	changed bool
}

// step is an expression that was followed within a declaration.
type step struct {
	expr ast.Expr
	decl *ast.FuncDecl
}

// function is one that encloses the place that is looked at.
type function struct {
	name   string   // "" for one without
	params []string // "" for the rest of a list
}

// follow finds the flow of a package.
func follow(files []*ast.File) *flow {
	f := &flow{sinks: sinks(), results: map[string]map[int]bool{}, given: map[ast.Node]string{}, consts: map[string]ast.Expr{}}
	var decls []*ast.FuncDecl
	for _, file := range files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Body != nil {
					decls = append(decls, d)
				}
			case *ast.GenDecl:
				f.constants(d)
			}
		}
	}
	for f.changed = true; f.changed; {
		f.changed, f.seen = false, map[step]bool{}
		for _, d := range decls {
			f.visit(d.Body, d, []function{{d.Name.Name, paramsOf(d.Type)}})
		}
	}
	return f
}

func (f *flow) constants(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if v, ok := spec.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
			for i, name := range v.Names {
				f.consts[name.Name] = v.Values[i]
			}
		}
	}
}

func paramsOf(t *ast.FuncType) []string {
	var names []string
	for _, field := range t.Params.List {
		_, rest := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			if rest {
				names = append(names, "")
				continue
			}
			names = append(names, name.Name)
		}
		if len(field.Names) == 0 {
			names = append(names, "")
		}
	}
	return names
}

// takes tells whether a function says its argument i.
func (f *flow) takes(name string, i int) bool { return slices.Contains(f.sinks[name], i) }

// visit follows what is said within n.
func (f *flow) visit(n ast.Node, decl *ast.FuncDecl, in []function) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			f.assigned(x, decl, in)
			return false
		case *ast.FuncLit:
			f.visit(x.Body, decl, append(slices.Clone(in), function{"", paramsOf(x.Type)}))
			return false
		case *ast.CallExpr:
			name := calleeOf(x)
			for i, arg := range x.Args {
				if f.takes(name, i) {
					f.reach(arg, name, decl, in)
				}
			}
		case *ast.KeyValueExpr:
			if name, ok := x.Key.(*ast.Ident); ok && slices.Contains(fields(), name.Name) {
				f.reach(x.Value, name.Name, decl, in)
			}
		case *ast.ReturnStmt:
			f.returned(x, decl, in)
		}
		return true
	})
}

// assigned follows a statement: what a field is given that is said, and functions that have a name only
// here.
func (f *flow) assigned(x *ast.AssignStmt, decl *ast.FuncDecl, in []function) {
	for i, value := range x.Rhs {
		if len(x.Lhs) == len(x.Rhs) {
			if field, ok := x.Lhs[i].(*ast.SelectorExpr); ok && slices.Contains(fields(), field.Sel.Name) {
				f.reach(value, field.Sel.Name, decl, in)
			}
			if lit, ok := value.(*ast.FuncLit); ok {
				if name, ok := x.Lhs[i].(*ast.Ident); ok {
					f.visit(lit.Body, decl, append(slices.Clone(in), function{name.Name, paramsOf(lit.Type)}))
					continue
				}
			}
		}
		f.visit(value, decl, in)
	}
}

func (f *flow) returned(x *ast.ReturnStmt, decl *ast.FuncDecl, in []function) {
	said := f.results[in[len(in)-1].name]
	for i := range said {
		if call, ok := sole(x.Results); ok && i > 0 {
			f.result(calleeOf(call), i)
		} else if i < len(x.Results) {
			f.reach(x.Results[i], in[len(in)-1].name, decl, in)
		}
	}
}

// sole is the call that gives all the values of a list.
func sole(list []ast.Expr) (*ast.CallExpr, bool) {
	if len(list) != 1 {
		return nil, false
	}
	call, ok := list[0].(*ast.CallExpr)
	return call, ok
}

func (f *flow) result(name string, i int) {
	if name == "" || f.results[name][i] {
		return
	}
	if f.results[name] == nil {
		f.results[name] = map[int]bool{}
	}
	f.results[name][i] = true
	f.changed = true
}

// reach follows an expression back to the constants that it may be. It is said by a function or a field.
func (f *flow) reach(e ast.Expr, by string, decl *ast.FuncDecl, in []function) {
	at := step{e, decl}
	if f.seen[at] {
		return
	}
	f.seen[at] = true
	switch x := e.(type) {
	case *ast.BasicLit, *ast.BinaryExpr:
		if _, known := f.given[x]; !known {
			f.given[x] = by
		}
	case *ast.ParenExpr:
		f.reach(x.X, by, decl, in)
	case *ast.CallExpr:
		if name := calleeOf(x); name == "Sprintf" {
			f.reach(x.Args[0], by, decl, in)
		} else {
			f.result(name, 0)
		}
	case *ast.IndexExpr:
		f.reach(x.X, by, decl, in)
	case *ast.CompositeLit:
		for _, e := range x.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				f.reach(kv.Value, by, decl, in)
			} else {
				f.reach(e, by, decl, in)
			}
		}
	case *ast.Ident:
		f.variable(x.Name, by, decl, in)
	}
}

// variable follows a name: a parameter, a variable or a constant.
func (f *flow) variable(name, by string, decl *ast.FuncDecl, in []function) {
	for _, fn := range slices.Backward(in) {
		if i := slices.Index(fn.params, name); i >= 0 {
			if fn.name != "" && !f.takes(fn.name, i) {
				f.sinks[fn.name] = append(f.sinks[fn.name], i)
				f.changed = true
			}
			return
		}
	}
	if value, ok := f.consts[name]; ok {
		f.reach(value, by, decl, in)
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			f.values(name, by, x.Lhs, x.Rhs, decl, in)
		case *ast.ValueSpec:
			var names []ast.Expr
			for _, id := range x.Names {
				names = append(names, id)
			}
			f.values(name, by, names, x.Values, decl, in)
		}
		return true
	})
}

// values follows what one of the names is given.
func (f *flow) values(name, by string, names, values []ast.Expr, decl *ast.FuncDecl, in []function) {
	for i, e := range names {
		if id, ok := e.(*ast.Ident); !ok || id.Name != name {
			continue
		}
		if call, ok := sole(values); ok && i > 0 {
			f.result(calleeOf(call), i)
		} else if i < len(values) {
			f.reach(values[i], by, decl, in)
		}
	}
}

// TestTextsAreFollowed shows what the flow sees, and what it does not.
func TestTextsAreFollowed(t *testing.T) {
	const source = `package p
const late = "a constant"
func show(p printer, state string, words map[string]string) {
	p.Text("said at once")
	p.Text(word(state))
	what, fix := "kept first", "not said"
	if state == "" {
		what = late
	}
	p.Text(what)
	add := func(n int, format string) { p.Text(format, n) }
	add(1, "through a closure %d")
	pass(p, 2, "through a function", "to nobody")
	p.Text(map[string]string{"key": "out of a map"}[state])
	p.Said(p.Sprintf("put together %s", state))
	p.Said(func() string { return "of a function without a name" }())
	v.Text = "of a field"
	log.Msg("for the log")
	_, where := two()
	p.Text(where)
}
func word(state string) string {
	if state == "x" {
		return "returned"
	}
	return deeper()
}
func deeper() string { return "returned from further away" }
func two() (string, string) { return "unsaid", "the second result" }
func pass(p printer, n int, format, other string) { p.Text(format) }
`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{set: set, flow: follow([]*ast.File{file})}
	r.walk(file, nil)
	said := map[string]bool{}
	for _, s := range r.found {
		if s.said {
			said[s.key] = true
		}
	}
	want := []string{
		"a constant", "kept first", "of a field", "out of a map", "put together %s", "returned", "returned from further away", "said at once",
		"the second result", "through a closure %d", "through a function",
	}
	if got := slices.Sorted(maps.Keys(said)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
