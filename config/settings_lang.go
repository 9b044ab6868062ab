package config

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// langKey is the setting that must be known before the settings are: their problems are texts too.
const langKey = "lang"

// langLine is the setting in a file that cannot be read as a whole: a line of its own, as people write it.
var langLine = regexp.MustCompile(`(?m)^lang:[ \t]+["']?([A-Za-z]+)["']?[ \t]*(#.*)?$`)

// Language is what the settings in file say of the language, "" where they say nothing or auto. It reads
// this one key and complains of nothing: a file that is broken elsewhere still has its language, one
// that cannot be read has none.
func Language(file string) string {
	src, err := readOptional(file)
	if err != nil || !bytes.Contains(src, []byte(langKey)) {
		return ""
	}
	said := langOf(src)
	if said == DefaultSettings().Lang {
		return ""
	}
	return said
}

// langOf takes the key out of the tree of a file; where there is no tree, out of its lines.
func langOf(src []byte) string {
	r := newReport("", src)
	doc := parseDocument(src, r)
	if doc == nil {
		if m := langLine.FindStringSubmatch(normalize(src)); m != nil {
			return m[1]
		}
		return ""
	}
	m, ok := doc.root.(ast.MapNode)
	if !ok {
		return ""
	}
	for it := m.MapRange(); it.Next(); {
		if keyOf(it.Key()) != langKey {
			continue
		}
		d := decoder{report: r}
		if s, ok := d.scalar(it.Value(), langKey); ok {
			return strings.TrimSpace(s.text)
		}
	}
	return ""
}
