package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

func TestErrors(t *testing.T) {
	forEachCase(t, "error", func(t *testing.T, c *goldenCase) {
		f, p, h := c.call(t)
		body := bytes.TrimSuffix(c.File("in"), []byte("\n"))
		got := p.Failure(f.Status, h, body, &Sent{Quirks: f.Quirks, Guess: f.Guess})
		text := fmt.Appendf(nil, "%d %s\n%s\n", got.Status, got.Type, got.Message)
		told(t, got.Type, got.Message)
		if got.Own {
			text = append(text, "the body passes as it is\n"...)
		}
		if got.Stale {
			text = append(text, "the credential is fetched anew\n"...)
		}
		if got.Retry != "" || got.After != "" {
			text = fmt.Appendf(text, "x-should-retry: %s, retry-after: %s\n", got.Retry, got.After)
		}
		if got.Lesson.Apply != nil {
			q := f.Quirks
			got.Lesson.Apply(&q)
			text = fmt.Appendf(text, "learned: %s, left out from now on: %q\n", got.Lesson.Name, q.Strip)
		}
		c.Want(t, "want", text)
	})
}

// told holds an error in the shape that the client gets it in against the API's document.
func told(t *testing.T, typ, message string) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"type": "error", "error": map[string]string{"type": typ, "message": message}, "request_id": nil})
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Body(body); err != nil {
		t.Error(err)
	}
}

// TestEveryStatusBecomesAnErrorOfTheAPI: also one that no golden case is about.
func TestEveryStatusBecomesAnErrorOfTheAPI(t *testing.T) {
	for status := 400; status < 600; status++ {
		for _, p := range []Platform{Bedrock, Vertex} {
			got := p.Failure(status, http.Header{}, []byte("{}"), &Sent{})
			told(t, got.Type, got.Message)
		}
	}
}

func FuzzFailure(f *testing.F) {
	f.Add(400, "ValidationException", []byte(`{"message":"{\"message\":\"{\"}"}`))
	f.Add(500, "", []byte(`[{"error":{"message":"x","status":"INTERNAL"}}]`))
	f.Fuzz(func(t *testing.T, status int, name string, body []byte) {
		for _, p := range []Platform{Bedrock, Vertex} {
			got := p.Failure(status, http.Header{"X-Amzn-Errortype": {name}}, body, &Sent{})
			if got.Status < 400 || got.Status > 599 || got.Type == "" || got.Message == "" {
				t.Fatalf("%+v", got.Failure)
			}
		}
	})
}
