package cloud

import (
	"bytes"
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
