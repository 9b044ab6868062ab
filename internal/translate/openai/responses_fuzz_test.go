package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// responsesSeeds returns one file of each golden case.
func responsesSeeds(tb testing.TB, kind, name string) [][]byte {
	tb.Helper()
	paths, err := filepath.Glob("testdata/" + kind + "/responses-*.txtar")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no seeds: %v", err)
	}
	var list [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		for _, f := range txtar.Parse(data).Files {
			if f.Name == name {
				list = append(list, f.Data)
			}
		}
	}
	return list
}

// FuzzResponsesStream: whatever a provider sends, and however it is cut, the blocks are balanced, and
// the stream is complete, or ends in an error, or is said to be cut.
func FuzzResponsesStream(f *testing.F) {
	for i, in := range responsesSeeds(f, "stream", "in.sse") {
		f.Add(string(in), uint8(i))
	}
	f.Fuzz(func(t *testing.T, in string, size uint8) {
		r := translate.Reply{Model: "m", Provider: "acme", Stream: true, Stops: []string{"stop", "end"}}
		whole := read([]string{in}, r, Responses{}.Stream)
		if got := read(chunks(in, int(size)+1), r, Responses{}.Stream); got != whole {
			t.Fatalf("in pieces of %d it is another answer\n%s\n%s", int(size)+1, got.out, whole.out)
		}
		balanced(t, whole)
		r.Stream = false
		if o := read([]string{in}, r, Responses{}.Stream); o.end == nil && !json.Valid([]byte(o.out)) {
			t.Fatalf("the body is not JSON: %s", o.out)
		}
	})
}

// FuzzResponsesMessage does the same with a body.
func FuzzResponsesMessage(f *testing.F) {
	for _, in := range responsesSeeds(f, "message", "in.json") {
		f.Add(string(in))
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := translate.Reply{Model: "m", Provider: "acme", Stream: true}
		balanced(t, read([]string{in}, r, Responses{}.Message))
		r.Stream = false
		if o := read([]string{in}, r, Responses{}.Message); o.end == nil && !json.Valid([]byte(o.out)) {
			t.Fatalf("the body is not JSON: %s", o.out)
		}
	})
}

// balanced tells whether a stream is what its end says.
func balanced(t *testing.T, o outcome) {
	t.Helper()
	answer, err := translatetest.Check(o.out)
	if err != nil {
		t.Fatalf("%v\n%s", err, o.out)
	}
	if (o.end == nil) != (answer.Complete || answer.Failed) {
		t.Fatalf("the end says %v, the stream complete=%v failed=%v\n%s", o.end, answer.Complete, answer.Failed, o.out)
	}
}

// FuzzResponsesRequest: whatever a client sends becomes JSON that the provider's rules allow, or a
// refusal, and the same each time.
func FuzzResponsesRequest(f *testing.F) {
	for i, in := range responsesSeeds(f, "request", "in.json") {
		f.Add(in, uint32(i)*2_654_435_761)
	}
	f.Fuzz(func(t *testing.T, body []byte, quirks uint32) {
		call := translate.Call{Body: body, Model: "m", Quirks: oddQuirks(quirks), Provider: "acme", Session: "s"}
		out, err := Responses{}.Request(&call)
		again, err2 := Responses{}.Request(&call)
		var refusal *translate.Refusal
		if err != nil {
			if !errors.As(err, &refusal) || refusal.Message == "" || err2 == nil {
				t.Fatalf("an error that is no refusal: %v, %v", err, err2)
			}
			return
		}
		if err2 != nil || !bytes.Equal(out.Body, again.Body) {
			t.Fatal("the same request became something else")
		}
		if out.Path != "" {
			checkInput(t, out.Body)
		}
	})
}

// checkInput checks what the provider demands of a list of items: each call has one result behind
// it, and one id of its own; reasoning stands in front of what came of it.
func checkInput(t *testing.T, body []byte) {
	t.Helper()
	var v struct {
		Input []struct {
			Type, Role string
			CallID     string `json:"call_id"`
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	waiting, seen := make(map[string]bool), make(map[string]bool)
	for i, it := range v.Input {
		if i > 0 && v.Input[i-1].Type == "reasoning" && it.Type != "reasoning" && it.Type != "function_call" && it.Role != "assistant" {
			t.Fatalf("reasoning in front of item %d: %s", i, body)
		}
		switch it.Type {
		case "function_call":
			if it.CallID == "" || seen[it.CallID] {
				t.Fatalf("the id of item %d is another's: %s", i, body)
			}
			seen[it.CallID], waiting[it.CallID] = true, true
		case "function_call_output":
			if !waiting[it.CallID] {
				t.Fatalf("item %d is the result of nothing: %s", i, body)
			}
			delete(waiting, it.CallID)
		}
	}
	if n := len(v.Input); n == 0 || v.Input[n-1].Type == "reasoning" || len(waiting) > 0 {
		t.Fatalf("calls without results: %v: %s", waiting, body)
	}
}
