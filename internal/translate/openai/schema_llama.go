package openai

import (
	"encoding/json"
	"strings"

	"prism/internal/translate"
)

// llamaSchema leaves out the patterns that llama.cpp cannot make a grammar of: it knows literals,
// sets and repetitions between ^ and $.
func llamaSchema(raw json.RawMessage, depth int) json.RawMessage {
	if depth == 0 {
		return translate.Compact(nil, raw)
	}
	var w writer
	switch {
	case translate.Is(raw, '{'):
		w.begin('{')
		for name, v := range translate.Fields(raw) {
			if s, ok := translate.Text(v); ok && name == "pattern" && !simplePattern(s) {
				continue
			}
			w.rawField(name, llamaSchema(v, depth-1))
		}
		w.end('}')
		return w.b
	case translate.Is(raw, '['):
		w.begin('[')
		for v := range translate.Items(raw) {
			w.raw(llamaSchema(v, depth-1))
		}
		w.end(']')
		return w.b
	}
	return raw
}

func simplePattern(s string) bool {
	return strings.HasPrefix(s, "^") && strings.HasSuffix(s, "$") && !strings.HasSuffix(s, `\$`) &&
		!strings.Contains(s, "(?") && !hasClass(s)
}

// hasClass tells whether a pattern escapes a letter or a digit, such as \d.
func hasClass(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		i++
		if alphanumeric(s[i]) {
			return true
		}
	}
	return false
}
