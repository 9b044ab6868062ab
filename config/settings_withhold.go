package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// ErrSettingsShape means that prism.yaml is written in a way that an address cannot be left out of it, such as with
// escapes or over several lines.
var ErrSettingsShape = errors.New("an address is written in a way that it cannot be left out")

// addressPath matches an address with what stands in front of its host or follows it, where a token is as often
// as not.
var addressPath = regexp.MustCompile(`(?i)(https?://)(?:(?:[^/?#\s"']*@)?([^/?#\s"'@]+)[/?#][^\s"']+|[^/?#\s"']*@([^/?#\s"'@]+))`)

// RedactAddresses leaves of the addresses in a text only the hosts.
func RedactAddresses(text string) string {
	return addressPath.ReplaceAllString(text, "${1}${2}${3}/"+Withheld)
}

// WithholdAddresses returns the text of prism.yaml without the addresses of webhooks and collectors, which
// often hold a token, and the names of the settings that had one, such as notify.webhook. With hosts the hosts
// stay, for people to see; else what holds when nothing is said stands there. Comments lose what looks like a
// key, and of addresses all but the host. The rest is as it was.
func WithholdAddresses(src []byte, hosts bool) (out []byte, names []string, err error) {
	r := newReport("", src)
	doc := parseDocument(src, r)
	if doc == nil {
		return nil, nil, r.problems()
	}
	type edit struct {
		start, end int
		text       string
	}
	var edits []edit
	settings := DefaultSettings()
	for _, s := range leaves(reflect.ValueOf(&settings).Elem(), nil) {
		n := settingNode(doc.root, s.path)
		if n == nil || !s.private() {
			continue
		}
		value, ok := n.(*ast.StringNode)
		if !ok {
			return nil, nil, fmt.Errorf("%s: %w", s.name(), ErrSettingsShape)
		}
		if !webhook(value.Value) { // off, or env
			continue
		}
		start, end, err := scalarSpan(src, value.Token)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.name(), ErrSettingsShape)
		}
		text := formatSetting(s.value)
		if hosts {
			text = RedactAddresses(value.Value)
		}
		names, edits = append(names, s.name()), append(edits, edit{start, end, quote(text)})
	}
	for _, t := range doc.comments {
		start, end, err := commentSpan(src, t)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, edit{start, end, RedactText(RedactAddresses(string(src[start:end])))})
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	out = src
	for _, e := range edits {
		out = slices.Concat(out[:e.start], []byte(e.text), out[e.end:])
	}
	return out, names, nil
}

// commentSpan finds the bytes of a comment.
func commentSpan(src []byte, t *token.Token) (start, end int, err error) {
	start = lineStart(src, t.Position.Line)
	end = len(src)
	if i := bytes.IndexAny(src[start:], "\r\n"); i >= 0 {
		end = start + i
	}
	i := bytes.LastIndex(src[start:end], []byte("#"+strings.TrimRight(t.Value, " \t")))
	if i < 0 {
		return 0, 0, fmt.Errorf("the comment in line %d: %w", t.Position.Line, ErrSettingsShape)
	}
	return start + i, end, nil
}

// settingNode returns the value at a path of prism.yaml; nil where it says nothing.
func settingNode(n ast.Node, path []string) ast.Node {
	for _, key := range path {
		if n = fieldOf(n, key); n == nil {
			return nil
		}
	}
	if _, null := n.(*ast.NullNode); null {
		return nil
	}
	return n
}
