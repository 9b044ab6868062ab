package cloud

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"testing"

	"prism/config"
	"prism/internal/translate/translatetest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// goldenCase is a golden case of this package.
type goldenCase struct{ *translatetest.Case }

// forEachCase runs a case for each file that a folder has.
func forEachCase(t *testing.T, folder string, run func(t *testing.T, c *goldenCase)) {
	t.Helper()
	translatetest.ForEach(t, "testdata/"+folder+"/*.txtar", *update, func(t *testing.T, c *translatetest.Case) {
		t.Helper()
		run(t, &goldenCase{c})
	})
}

// callFile is call.json.
type callFile struct {
	Platform string
	Count    bool // to be counted
	Guess    bool // beta names were sent that nobody knows
	Status   int
	Header   map[string]string
	Quirks   config.Quirks
}

func (c *goldenCase) call(t *testing.T) (f callFile, p Platform, h http.Header) {
	t.Helper()
	if raw := c.File("call.json"); raw != nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		if d.DisallowUnknownFields(); d.Decode(&f) != nil {
			t.Fatalf("%s: call.json cannot be read", c.Path)
		}
	}
	h = http.Header{}
	for name, v := range f.Header {
		h.Set(name, v)
	}
	if p = Bedrock; f.Platform == "vertex" {
		p = Vertex
	}
	return f, p, h
}
