package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/translate"
)

func TestErrors(t *testing.T) {
	forEachCase(t, "testdata/error/*.txtar", errorCase)
}

// errorCase compares what an error of a provider becomes, and what it teaches. A case without a
// status is an error within a stream.
func errorCase(t *testing.T, c *goldenCase) {
	t.Helper()
	var call struct {
		Status int
		Header map[string]string
		Quirks config.Quirks
	}
	if raw := c.file("call.json"); raw != nil {
		if err := json.Unmarshal(raw, &call); err != nil {
			t.Fatalf("%s: call.json: %v", c.path, err)
		}
	}
	body := bytes.TrimSuffix(c.file("body"), []byte("\n"))
	h := make(http.Header)
	for name, v := range call.Header {
		h.Set(name, v)
	}
	f := StreamFailure(body)
	if call.Status != 0 {
		f = Chat{}.Failure(call.Status, h, body)
		if other := (Responses{}).Failure(call.Status, h, body); other.Message != f.Message || other.Status != f.Status {
			t.Error("the two dialects read the error in two ways")
		}
	}
	c.want(t, "want.json", indented(t, render(t, struct {
		Status  int    `json:"status"`
		Type    string `json:"type"`
		Message string `json:"message"`
		Retry   string `json:"x-should-retry,omitempty"`
		After   string `json:"retry-after,omitempty"`
		Lesson  string `json:"lesson,omitempty"`
	}{f.Status, f.Type, f.Message, f.Retry, f.After, f.Lesson.Name})))
	c.want(t, "quirks.json", taught(t, call.Quirks, f.Lesson))
	conforms(t, f)
}

// render writes JSON as people read it.
func render(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// taught is what is known after a lesson.
func taught(t *testing.T, q config.Quirks, l translate.Lesson) []byte {
	t.Helper()
	if l.Apply == nil {
		return nil
	}
	before := render(t, q)
	l.Apply(&q)
	after := render(t, q)
	if bytes.Equal(before, after) {
		return []byte("nothing new")
	}
	again := q
	if l.Apply(&again); !reflect.DeepEqual(q, again) {
		t.Error("the same lesson twice is not the lesson once")
	}
	return indented(t, after)
}

// conforms holds an error against Anthropic's document.
func conforms(t *testing.T, f *translate.Failure) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Body(f.Body()); err != nil {
		t.Error(err)
	}
	if f.Status < 400 || f.Status > 599 || f.Type == "" || strings.TrimSpace(f.Message) == "" {
		t.Errorf("an error that says nothing: %+v", f)
	}
}
