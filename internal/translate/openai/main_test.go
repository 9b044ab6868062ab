package openai

import (
	"bytes"
	"encoding/json"
	"flag"
	"slices"
	"testing"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenCase is a golden case of this package.
type goldenCase struct{ *translatetest.Case }

// forEachCase runs a case for each file that a pattern names.
func forEachCase(t *testing.T, pattern string, run func(t *testing.T, c *goldenCase)) {
	t.Helper()
	translatetest.ForEach(t, pattern, *update, func(t *testing.T, c *translatetest.Case) {
		t.Helper()
		run(t, &goldenCase{c})
	})
}

// call reads call.json.
func (c *goldenCase) call(t *testing.T) translate.Call {
	t.Helper()
	var v struct {
		Model, Provider, Session string
		Quirks                   config.Quirks
		Prompt                   int64
		Refused                  []string
	}
	if raw := c.File("call.json"); raw != nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: call.json: %v", c.Path, err)
		}
	}
	if v.Model == "" {
		v.Model = "provider-model"
	}
	if v.Provider == "" {
		v.Provider = "acme"
	}
	return translate.Call{
		Body: c.File("in.json"), Model: v.Model, Quirks: v.Quirks, Provider: v.Provider, Session: v.Session, Prompt: v.Prompt,
		Refused: func(state string) bool { return slices.Contains(v.Refused, state) },
	}
}
