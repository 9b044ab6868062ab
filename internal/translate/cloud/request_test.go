package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

func TestRequests(t *testing.T) {
	forEachCase(t, "request", func(t *testing.T, c *goldenCase) {
		f, p, h := c.call(t)
		call := Call{Body: bytes.TrimSuffix(c.File("in.json"), []byte("\n")), Header: h, Quirks: f.Quirks}
		before := bytes.Clone(call.Body)
		out, err := wrapAs(p, f.Count, &call)
		if !bytes.Equal(before, call.Body) {
			t.Error("the body of the client was changed")
		}
		if refusal, ok := errors.AsType[*translate.Refusal](err); ok {
			c.Want(t, "refusal", []byte(refusal.Message))
			return
		}
		if err != nil {
			t.Fatalf("an error that is no refusal: %v", err)
		}
		body := out.Body
		if f.Count && p == Bedrock {
			body = counted(t, body)
		}
		c.Want(t, "want.json", translatetest.Indented(t, body))
		c.Want(t, "head", head(out))
		c.Want(t, "notes", []byte(strings.Join(out.Notes, "\n")))
	})
}

func wrapAs(p Platform, count bool, c *Call) (*Request, error) {
	if count {
		return p.CountTokens(c)
	}
	return p.Messages(c)
}

// head tells the path and the headers.
func head(r *Request) []byte {
	b := []byte(r.Path + "\n")
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		b = fmt.Appendf(b, "%s: %s\n", name, r.Header.Get(name))
	}
	return b
}

// counted opens what Bedrock is sent to count.
func counted(t *testing.T, body []byte) []byte {
	t.Helper()
	var v struct {
		Input struct {
			InvokeModel struct{ Body []byte } `json:"invokeModel"`
		} `json:"input"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return v.Input.InvokeModel.Body
}

func TestTheConversationIsNotTouched(t *testing.T) {
	messages := `[ {"role" : "user","content":[{"type":"text","text":"caf\u00e9 \/ é"}]},` + "\n" +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB+/=="}]}, {"role":"user","content":"1.0e0"} ]`
	body := `{"max_tokens":1,"model":"anthropic.claude-x", "messages" : ` + messages + `,"stream":true}`
	for _, p := range []Platform{Bedrock, Vertex} {
		out, err := p.Messages(&Call{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(out.Body, []byte(messages)) {
			t.Errorf("the messages were written anew: %s", out.Body)
		}
	}
}

func TestWhatWasLearnedIsEnoughAndNothingIsLearnedForEver(t *testing.T) {
	call := Call{
		Body:   []byte(`{"model":"m","messages":[]}`),
		Header: http.Header{"Anthropic-Beta": {"claude-code-20250219,new-feature-2026-11-01, other-20261102"}},
	}
	refusal := []byte(`{"message":"invalid beta flag"}`)
	var sent []string
	for range 6 {
		out, err := Bedrock.Messages(&call)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, string(out.Body))
		f := Bedrock.Failure(400, http.Header{}, refusal, &out.Sent)
		if f.Lesson.Apply == nil {
			break
		}
		f.Lesson.Apply(&call.Quirks)
	}
	want := []string{
		`{"messages":[],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["claude-code-20250219","new-feature-2026-11-01","other-20261102"]}`,
		`{"messages":[],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["claude-code-20250219"]}`,
		`{"messages":[],"anthropic_version":"bedrock-2023-05-31"}`,
	}
	if !slices.Equal(sent, want) {
		t.Errorf("sent\n%s", strings.Join(sent, "\n"))
	}
}

func TestLessonsThatReplaceEachOtherForgetNothing(t *testing.T) {
	var known config.Quirks
	for _, name := range []string{"first-2026-01-01", "second-2026-01-02"} {
		f := Vertex.Failure(400, http.Header{}, []byte(`{"error":{"message":"Unexpected value(s) `+"`"+name+"`"+` for the `+"`anthropic-beta`"+` header."}}`), &Sent{Quirks: known})
		if f.Lesson.Apply == nil {
			t.Fatalf("%s taught nothing", name)
		}
		var q config.Quirks // as when the lesson of the same name before it is dropped
		f.Lesson.Apply(&q)
		known = q
	}
	if want := []string{"first-2026-01-01", "second-2026-01-02"}; !slices.Equal(known.Strip, want) {
		t.Errorf("known: %q", known.Strip)
	}
}

func FuzzRequest(f *testing.F) {
	for _, s := range []string{`{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}`, `{"m\u006fdel":"a","x":{"]":"}"}}`, `{"a":1,}`, `[]`, `{"model":"m"`, `{"model":"m","a":tru e}`} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, google bool) {
		p := Bedrock
		if google {
			p = Vertex
		}
		for _, count := range []bool{false, true} {
			out, err := wrapAs(p, count, &Call{Body: body, Header: http.Header{"Anthropic-Beta": {"a-2026-01-01"}}})
			var refusal *translate.Refusal
			switch {
			case err != nil && !errors.As(err, &refusal):
				t.Fatalf("an error that is no refusal: %v", err)
			case err == nil && json.Valid(body) && !json.Valid(out.Body):
				t.Fatalf("%s became %s", body, out.Body)
			}
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	text := strings.Repeat(`{"type":"text","text":"some words of a conversation, \"quoted\" and [bracketed]"},`, 8000)
	body := []byte(`{"model":"anthropic.claude-x","max_tokens":1,"stream":true,"messages":[{"role":"user","content":[` + strings.TrimSuffix(text, ",") + `]}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := Bedrock.Messages(&Call{Body: body}); err != nil {
			b.Fatal(err)
		}
	}
}
