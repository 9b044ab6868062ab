package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	sim "prism/internal/simulator"
)

// TestTheSimulatorTakesEveryGoldenRequest holds the requests of the golden cases against the rules
// of the dialect's author, and those with fields that others have added against the rules alone.
func TestTheSimulatorTakesEveryGoldenRequest(t *testing.T) {
	files, err := filepath.Glob("../../internal/translate/openai/testdata/request/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	// What some providers take and the author does not: pictures in the result of a tool, searches of
	// the provider's own, reasoning that is not encrypted.
	beyond := map[string]bool{
		"chat-picture-stays-in-the-result-where-it-may.txtar": true,
		"chat-web-search-by-a-tool-of-the-provider.txtar":     true,
		"responses-reasoning-in-the-open-goes-back.txtar":     true,
	}
	author, open := sim.New(sim.Options{}), sim.New(sim.Options{Rules: sim.Rules{Open: true, Names: 128}})
	strict, more := 0, 0
	for _, file := range files {
		body := wantedRequest(t, file)
		if body == nil || beyond[filepath.Base(file)] {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			code, message := offer(t, author, body)
			if code == "" {
				strict++
				return
			}
			if code != "unknown_parameter" {
				t.Errorf("the author's rules: %s", message)
				return
			}
			if code, message = offer(t, open, body); code != "" {
				t.Errorf("the rules: %s", message)
			}
			more++
		})
	}
	t.Logf("%d requests are as the author wants them, %d have fields of other providers", strict, more)
	if strict == 0 {
		t.Error("there are no golden requests")
	}
}

// wantedRequest returns the request of a case; nil where it has none.
func wantedRequest(t *testing.T, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(src).Files {
		var head struct{ Messages, Input json.RawMessage }
		if f.Name == "want.json" && json.Unmarshal(f.Data, &head) == nil && (head.Messages != nil || head.Input != nil) {
			return f.Data
		}
	}
	return nil
}

// offer sends a request to the simulator, and returns the code and the text of what it has against
// it.
func offer(t *testing.T, s *sim.Server, body []byte) (code, message string) {
	t.Helper()
	path := "/v1/chat/completions"
	var head struct{ Input json.RawMessage }
	if json.Unmarshal(body, &head) == nil && head.Input != nil {
		path = "/v1/responses"
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
	if w.Code == http.StatusOK {
		return "", ""
	}
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(raw, &failure); err != nil {
		t.Fatalf("status %d: %s", w.Code, raw)
	}
	return strings.TrimSpace(failure.Error.Code), failure.Error.Message
}
