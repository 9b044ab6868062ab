package translate_test

import (
	"errors"
	"testing"

	"prism/internal/translate"
)

func TestACountHasTheShapeOfTheAPI(t *testing.T) {
	got, err := translate.CountTokens([]byte(` {"model":"m","messages":[{"role":"user","content":"x"},{"role":"system","content":[]}],"system":"s"}`), 42)
	if err != nil || string(got) != `{"input_tokens":42}` {
		t.Fatalf("%s %v", got, err)
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate("CountMessageTokensResponse", got); err != nil {
		t.Error(err)
	}
}

func TestWhatTheAPIWouldNotCountIsRefusedInItsWords(t *testing.T) {
	for body, want := range map[string]string{
		``:                              "the request body is not valid JSON",
		`[]`:                            "the request body is not valid JSON",
		`{"messages":[`:                 "the request body is not valid JSON",
		`{"messages":[]}`:               "model: Field required",
		`{"model":1,"messages":[]}`:     "model: Input should be a valid string",
		`{"model":"m"}`:                 "messages: Field required",
		`{"model":"m","messages":{}}`:   "messages: Input should be a valid list",
		`{"model":"m","messages":[]}`:   "messages: at least one message is required",
		`{"model":"m","messages":[1]}`:  "messages.0.role: Input should be 'user' or 'assistant'",
		`{"model":"m","messages":[{}]}`: "messages.0.role: Input should be 'user' or 'assistant'",
		`{"model":"m","messages":[{"role":"user","content":"x"},{"role":"tool","content":"x"}]}`: "messages.1.role: Input should be 'user' or 'assistant'",
		`{"model":"m","messages":[{"role":"user"}]}`:                                             "messages.0.content: Field required",
		`{"model":"m","messages":[{"role":"user","content":{}}]}`:                                "messages.0.content: Input should be a valid list",
	} {
		said, err := translate.CountTokens([]byte(body), 1)
		refusal, ok := errors.AsType[*translate.Refusal](err)
		if !ok || refusal.Message != want || said != nil {
			t.Errorf("%s: %s %v, want %q", body, said, err, want)
		}
	}
}
