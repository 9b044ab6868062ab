package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

var (
	// ErrNamesSealed is returned where names of profiles are sealed: the file must be opened first.
	ErrNamesSealed = errors.New("names of profiles are sealed")
	// ErrNoProfile is returned where no profile has the name.
	ErrNoProfile = errors.New("no profile has this name")
)

// Reference is a place of the file that names a profile.
type Reference struct {
	Path string // active, profiles[work].fallback[0], rules[2].use, prices[0].profile
	Pos  Pos
}

// References returns the places of src that lead to a profile, its own name aside.
func References(src []byte, name string) ([]Reference, error) {
	m, err := parseForSplice(src)
	if err != nil {
		return nil, err
	}
	all, err := mentions(m, name)
	if err != nil {
		return nil, err
	}
	var out []Reference
	for _, u := range all {
		if !u.own {
			out = append(out, Reference{u.path, posOf(u.node)})
		}
	}
	return out, nil
}

// RenameProfile gives a profile another name, at every place of src that leads to it, and changes
// nothing else. The result is parsed again and compared before it is returned.
func RenameProfile(src []byte, from, to string) ([]byte, error) {
	if !profileName.MatchString(to) {
		return nil, fmt.Errorf("rename profile: %s cannot be the name of a profile", quote(to))
	}
	before, err := parseForSplice(src)
	if err != nil {
		return nil, fmt.Errorf("rename profile: %w", err)
	}
	all, err := mentions(before, from)
	if err != nil {
		return nil, fmt.Errorf("rename profile: %w", err)
	}
	if !slices.ContainsFunc(all, func(u mention) bool { return u.own }) {
		return nil, fmt.Errorf("rename profile: %w", ErrNoProfile)
	}
	type edit struct {
		start, end int
		text       string
	}
	edits := make([]edit, len(all))
	for i, u := range all {
		start, end, err := scalarSpan(src, u.node.Token)
		if err != nil {
			return nil, fmt.Errorf("rename profile: %w: %w", ErrProfilesShape, err)
		}
		edits[i] = edit{start, end, requote(u.node.Token, to)}
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(src[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(src[at:])
	same := func(v any) any {
		if v == from {
			return to
		}
		return v
	}
	if !meant(before, out.Bytes(), same) {
		return nil, fmt.Errorf("rename profile: %w", ErrProfilesShape)
	}
	return out.Bytes(), nil
}

// mention is a scalar of the file that names a profile.
type mention struct {
	node *ast.StringNode
	path string
	own  bool              // it is the name of the profile itself
	list *ast.SequenceNode // whose item leads to the profile, and goes with it; nil = active
	item int
}

// mentions finds the places that name a profile, in the order of the file's shape.
func mentions(m *ast.MappingNode, name string) ([]mention, error) {
	f := finder{name: name}
	for _, v := range m.Values {
		key := keyOf(v.Key)
		list, _ := v.Value.(*ast.SequenceNode)
		switch {
		case key == "active":
			f.see(v.Value, mention{path: "active"})
		case list == nil:
		case key == profilesKey:
			f.profiles(list)
		case key == "rules":
			f.items(list, key, "use")
		case key == pricesKey:
			f.items(list, key, "profile")
		}
	}
	if f.sealed {
		return nil, ErrNamesSealed
	}
	return f.found, nil
}

type finder struct {
	name   string
	found  []mention
	sealed bool
}

// see looks at one scalar that is the name of a profile.
func (f *finder) see(n ast.Node, m mention) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return
	}
	f.sealed = f.sealed || sealedText.MatchString(s.Value)
	if s.Value == f.name {
		m.node = s
		f.found = append(f.found, m)
	}
}

// items looks at one field of every item of a list.
func (f *finder) items(list *ast.SequenceNode, key, field string) {
	for i, item := range list.Values {
		if v := fieldOf(item, field); v != nil {
			f.see(v, mention{path: key + "[" + plain10(i) + "]." + field, list: list, item: i})
		}
	}
}

// profiles looks at the names of the profiles and at their fallbacks.
func (f *finder) profiles(list *ast.SequenceNode) {
	for i, item := range list.Values {
		label := plain10(i)
		if s, ok := fieldOf(item, "name").(*ast.StringNode); ok {
			label = s.Value
			f.see(s, mention{path: profilesKey + "[" + label + "].name", own: true, list: list, item: i})
		}
		fallback, ok := fieldOf(item, "fallback").(*ast.SequenceNode)
		if !ok {
			continue
		}
		for j, n := range fallback.Values {
			f.see(n, mention{path: profilesKey + "[" + label + "].fallback[" + plain10(j) + "]", list: fallback, item: j})
		}
	}
}

// fieldOf returns the value of a field of an item; nil where it has none.
func fieldOf(item ast.Node, name string) ast.Node {
	m, ok := item.(ast.MapNode)
	if !ok {
		return nil
	}
	for it := m.MapRange(); it.Next(); {
		if keyOf(it.Key()) == name {
			return it.Value()
		}
	}
	return nil
}

// meant tells whether the text holds what before holds, once change was made at the places that
// name a profile. change returns nil for what is to go.
func meant(before *ast.MappingNode, text []byte, change func(any) any) bool {
	after, err := parseForSplice(text)
	if err != nil {
		return false
	}
	var x, y map[string]any
	if yaml.NodeToValue(before, &x, yaml.AllowDuplicateMapKey()) != nil || yaml.NodeToValue(after, &y, yaml.AllowDuplicateMapKey()) != nil {
		return false
	}
	return reflect.DeepEqual(changed(x, change), changed(y, func(v any) any { return v }))
}

// changed applies change to the places of a file that name a profile; items whose name is gone go
// too, and so do lists that are empty.
func changed(file map[string]any, change func(any) any) map[string]any {
	if v, ok := file["active"]; ok {
		file["active"] = change(v)
	}
	for _, list := range [...][2]string{{profilesKey, "name"}, {"rules", "use"}, {pricesKey, "profile"}} {
		put(file, list[0], changedItems(file[list[0]], func(item any) any {
			m, ok := item.(map[string]any)
			if !ok {
				return item
			}
			if v, ok := m["fallback"]; ok && list[0] == profilesKey {
				put(m, "fallback", changedItems(v, change))
			}
			if v, ok := m[list[1]]; ok {
				if m[list[1]] = change(v); m[list[1]] == nil {
					return nil
				}
			}
			return m
		}))
	}
	return file
}

func changedItems(list any, change func(any) any) []any {
	items, _ := list.([]any)
	var out []any
	for _, item := range items {
		if item = change(item); item != nil {
			out = append(out, item)
		}
	}
	return out
}

func put(m map[string]any, key string, list []any) {
	if len(list) == 0 {
		delete(m, key)
		return
	}
	m[key] = list
}
