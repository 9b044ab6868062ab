package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	sim "prism/internal/simulator"
)

// TestTheSimulatorTakesEveryGoldenRequest holds the requests of the golden cases against the rules
// of the dialect's author. What a quirk of the case asks for is set aside first; nothing else is.
func TestTheSimulatorTakesEveryGoldenRequest(t *testing.T) {
	files, err := filepath.Glob("../../internal/translate/openai/testdata/request/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	// What some providers take and the author does not: pictures in the result of a tool, searches of
	// the provider's own, reasoning that is not encrypted.
	beyond := map[string]bool{
		"chat-failed-result-that-begins-with-a-picture-says-so.txtar": true,
		"chat-picture-stays-in-the-result-where-it-may.txtar":         true,
		"chat-web-search-by-a-tool-of-the-provider.txtar":             true,
		"responses-reasoning-in-the-open-goes-back.txtar":             true,
	}
	known := extensions(t)
	author, long := sim.New(sim.Options{}), sim.New(sim.Options{Rules: sim.Rules{Names: 128}})
	strict, more := 0, 0
	for _, file := range files {
		body, quirks := goldenRequest(t, file)
		if body == nil || beyond[filepath.Base(file)] {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			at := author
			if quirks["tool_name"] != nil {
				at = long
			}
			slim, less := setAside(t, body, known, quirks)
			if less {
				more++
			} else {
				strict++
			}
			if message := offer(t, at, slim); message != "" {
				t.Error(message)
			}
		})
	}
	t.Logf("%d requests are as the author wants them, %d have fields of other providers", strict, more)
	if strict == 0 || more == 0 {
		t.Error("a kind of golden request is missing")
	}
}

// TestAFieldThatNoQuirkAsksForIsNotSetAside: the author's own rules refuse it.
func TestAFieldThatNoQuirkAsksForIsNotSetAside(t *testing.T) {
	known, author := extensions(t), sim.New(sim.Options{})
	body := []byte(`{"model":"m","top_k":4,"messages":[{"role":"user","content":"hi"}]}`)
	for _, tt := range []struct {
		quirks map[string]any
		taken  bool
	}{{nil, false}, {map[string]any{"cache_control": true}, false}, {map[string]any{"top_k": true}, true}, {map[string]any{"extra": `{"top_k":4}`}, true}} {
		slim, less := setAside(t, body, known, tt.quirks)
		if message := offer(t, author, slim); (message == "") != tt.taken || less != tt.taken {
			t.Errorf("quirks %v: %q", tt.quirks, message)
		}
	}
}

// extensions reads extensions.txt: fields by quirk.
func extensions(t *testing.T) map[string][]string {
	t.Helper()
	src, err := os.ReadFile("extensions.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for line := range strings.Lines(string(src)) {
		if quirk, fields, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			known[quirk] = strings.Fields(fields)
		}
	}
	return known
}

// setAside takes out of a request what its quirks ask for, and tells whether that was anything.
func setAside(t *testing.T, body []byte, known map[string][]string, quirks map[string]any) (slim []byte, less bool) {
	t.Helper()
	var fields []string
	for quirk, value := range quirks {
		fields = append(fields, known[quirk]...)
		if extra, ok := value.(string); ok && quirk == "extra" { // the user's own
			var own map[string]any
			if err := json.Unmarshal([]byte(extra), &own); err != nil {
				t.Fatal(err)
			}
			fields = slices.AppendSeq(fields, maps.Keys(own))
		}
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	if o, ok := v.(map[string]any); ok && o["input"] == nil { // they are of Chat Completions
		less = without(v, fields)
	}
	slim, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return slim, less
}

// without deletes fields wherever they stand, and tells whether there were any.
func without(v any, fields []string) (found bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if slices.Contains(fields, k) {
				delete(v, k)
				found = true
			} else if k != "parameters" { // a tool may have an argument of that name
				found = without(e, fields) || found
			}
		}
	case []any:
		for _, e := range v {
			found = without(e, fields) || found
		}
	}
	return found
}

// goldenRequest returns the request of a case, nil where it has none, and the quirks it is made with.
func goldenRequest(t *testing.T, file string) (body []byte, quirks map[string]any) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(src).Files {
		switch f.Name {
		case "want.json":
			var head struct{ Messages, Input json.RawMessage }
			if json.Unmarshal(f.Data, &head) == nil && (head.Messages != nil || head.Input != nil) {
				body = f.Data
			}
		case "call.json":
			var call struct{ Quirks map[string]any }
			if err := json.Unmarshal(f.Data, &call); err != nil {
				t.Fatal(err)
			}
			quirks = call.Quirks
		}
	}
	return body, quirks
}

// offer sends a request to the simulator, and returns what it has against it.
func offer(t *testing.T, s *sim.Server, body []byte) (message string) {
	t.Helper()
	path := "/v1/chat/completions"
	var head struct{ Input json.RawMessage }
	if json.Unmarshal(body, &head) == nil && head.Input != nil {
		path = "/v1/responses"
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
	if w.Code == http.StatusOK {
		return ""
	}
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure struct {
		Error struct{ Message string }
	}
	if err := json.Unmarshal(raw, &failure); err != nil {
		t.Fatalf("status %d: %s", w.Code, raw)
	}
	return failure.Error.Message
}
