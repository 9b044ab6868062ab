package config

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Withheld stands for a key in a file that was made to be shown: RedactProfiles puts it there.
const Withheld = "redacted"

// secretScalar is a secret of the file, and whose it is.
type secretScalar struct {
	node    *ast.StringNode
	profile string // "" for the client token
	name    string // of the key, where the profile has several
}

// RedactProfiles returns src with [Withheld] in the place of every key, without the metadata of sops,
// and without what looks like a key in a comment. Everything else stays. [ErrNamesSealed] means that more
// is sealed than keys: the file must be opened first.
func RedactProfiles(src []byte) ([]byte, error) {
	m, err := parseForSplice(src)
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	out, err := replaceSecrets(src, m, func(secretScalar) string { return Withheld })
	if err != nil {
		return nil, err
	}
	if v := valueOf(m, "sops"); v != nil {
		after, err := parseForSplice(out)
		if err != nil {
			return nil, fmt.Errorf("redact: %w", ErrProfilesShape)
		}
		out = withoutField(out, after, "sops")
	}
	if bytes.Contains(out, []byte("ENC[")) {
		return nil, fmt.Errorf("redact: %w", ErrNamesSealed)
	}
	lines := strings.SplitAfter(string(out), "\n")
	for i, line := range lines {
		if clean := redactKeys(line); clean != line {
			lines[i] = clean
		}
	}
	out = []byte(strings.Join(lines, ""))
	if _, err := parseForSplice(out); err != nil {
		return nil, fmt.Errorf("redact: %w", ErrProfilesShape)
	}
	return out, nil
}

// RestoreKeys puts keys in the place of those that were withheld; key is asked for each, by the name of
// its profile, or "" for the client token, and by its own name where the profile has several. Where it has
// none the place stays, and the profile's name is returned.
func RestoreKeys(src []byte, key func(profile, name string) Secret) (out []byte, missing []string, err error) {
	m, err := parseForSplice(src)
	if err != nil {
		return nil, nil, fmt.Errorf("restore keys: %w", err)
	}
	out, err = replaceSecrets(src, m, func(s secretScalar) string {
		if s.node.Value != Withheld {
			return s.node.Value
		}
		k := key(s.profile, s.name)
		if k.IsZero() {
			missing = append(missing, s.profile)
			return Withheld
		}
		return k.Reveal()
	})
	return out, missing, err
}

// replaceSecrets replaces the value of every field that holds a secret.
func replaceSecrets(src []byte, m *ast.MappingNode, by func(secretScalar) string) ([]byte, error) {
	type edit struct {
		start, end int
		text       string
	}
	var edits []edit
	for _, s := range secretScalars(m) {
		if s.node == nil {
			return nil, fmt.Errorf("replace keys: %w", ErrProfilesShape)
		}
		value := by(s)
		if value == s.node.Value {
			continue
		}
		start, end, err := scalarSpan(src, s.node.Token)
		if err != nil {
			return nil, fmt.Errorf("replace keys: %w", ErrProfilesShape)
		}
		edits = append(edits, edit{start, end, quote(value)})
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	out := src
	for _, e := range edits {
		out = slices.Concat(out[:e.start], []byte(e.text), out[e.end:])
	}
	return out, nil
}

// secretScalars finds the secrets of a file. A value that is no scalar has no node.
func secretScalars(m *ast.MappingNode) []secretScalar {
	var out []secretScalar
	add := func(n ast.Node, profile, key string) {
		if n == nil {
			return
		}
		s, _ := n.(*ast.StringNode)
		out = append(out, secretScalar{s, profile, key})
	}
	if v := valueOf(m, tokenKey); v != nil {
		add(v.Value, "", "")
	}
	v := valueOf(m, profilesKey)
	if v == nil {
		return out
	}
	list, _ := v.Value.(*ast.SequenceNode)
	if list == nil {
		return out
	}
	for _, item := range list.Values {
		name := textOf(fieldOf(item, "name"))
		add(fieldOf(item, "api_key"), name, "")
		if keys, ok := fieldOf(item, "keys").(*ast.SequenceNode); ok {
			for _, k := range keys.Values {
				add(fieldOf(k, "api_key"), name, textOf(fieldOf(k, "name")))
			}
		}
	}
	return out
}

// textOf returns a text of the file; "" where there is none.
func textOf(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return ""
}

// withoutField cuts a field of the top level out of a text, up to the next one.
func withoutField(src []byte, m *ast.MappingNode, key string) []byte {
	end := len(src)
	for _, v := range slices.Backward(m.Values) {
		start := lineStart(src, v.Key.GetToken().Position.Line)
		if keyOf(v.Key) == key {
			return slices.Concat(src[:start], src[end:])
		}
		end = start
	}
	return src
}
