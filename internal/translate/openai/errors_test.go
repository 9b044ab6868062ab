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
	"prism/internal/translate/translatetest"
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
		Prompt int64
	}
	if raw := c.File("call.json"); raw != nil {
		if err := json.Unmarshal(raw, &call); err != nil {
			t.Fatalf("%s: call.json: %v", c.Path, err)
		}
	}
	body := bytes.TrimSuffix(c.File("body"), []byte("\n"))
	h := make(http.Header)
	for name, v := range call.Header {
		h.Set(name, v)
	}
	f := StreamFailure(body, call.Prompt)
	if call.Status != 0 {
		f = Chat{}.Failure(call.Status, h, body, call.Prompt)
		if other := (Responses{}).Failure(call.Status, h, body, call.Prompt); other.Message != f.Message || other.Status != f.Status {
			t.Error("the two dialects read the error in two ways")
		}
	}
	c.Want(t, "want.json", translatetest.Indented(t, render(t, struct {
		Status  int    `json:"status"`
		Type    string `json:"type"`
		Message string `json:"message"`
		Retry   string `json:"x-should-retry,omitempty"`
		After   string `json:"retry-after,omitempty"`
		State   bool   `json:"state,omitempty"`
		Lesson  string `json:"lesson,omitempty"`
	}{f.Status, f.Type, f.Message, f.Retry, f.After, f.State, f.Lesson.Name})))
	c.Want(t, "quirks.json", taught(t, call.Quirks, f.Lesson))
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
	return translatetest.Indented(t, after)
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

// TestErrorsAboutThePromptAreNotTriedAgain: within an answer only the code tells that the same
// request would come to the same end.
func TestErrorsAboutThePromptAreNotTriedAgain(t *testing.T) {
	for _, code := range []string{
		"invalid_prompt", "data_residency_mismatch", "bio_policy", "misalignment_policy_violation", "invalid_image", "invalid_image_format",
		"invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small", "image_parse_error",
		"image_content_policy_violation", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type",
		"empty_image_file", "failed_to_download_image", "image_file_not_found",
	} {
		for _, message := range []string{"", "This request was not taken."} {
			body := []byte(`{"error":{"code":"` + code + `","message":"` + message + `"}}`)
			if f := StreamFailure(body, 0); f.Status != http.StatusBadRequest || f.Type != translate.ErrorInvalid {
				t.Errorf("%s %q: %d %s", code, message, f.Status, f.Type)
			}
		}
	}
	for code, status := range map[string]int{"server_error": 500, "rate_limit_exceeded": 429, "vector_store_timeout": 504, "image_generation_server_error": 500} {
		if f := StreamFailure([]byte(`{"error":{"code":"`+code+`"}}`), 0); f.Status != status {
			t.Errorf("%s: %d", code, f.Status)
		}
	}
}
