package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

func TestChatRequests(t *testing.T) {
	forEachCase(t, "testdata/request/chat-*.txtar", func(t *testing.T, c *goldenCase) { requestCase(t, c, Chat{}) })
}

// requester is the half of a codec that these cases are about.
type requester interface {
	Request(c *translate.Call) (*translate.Request, error)
}

// requestCase compares a request as it is sent, what was noted, what the answer needs to know,
// and a refusal.
func requestCase(t *testing.T, c *goldenCase, codec requester) {
	t.Helper()
	call := c.call(t)
	before := bytes.Clone(call.Body)
	out, err := codec.Request(&call)
	if !bytes.Equal(before, call.Body) {
		t.Error("the body of the client was changed")
	}
	if refusal, ok := errors.AsType[*translate.Refusal](err); ok {
		c.Want(t, "want.json", nil)
		c.Want(t, "refusal", []byte(refusal.Message))
		return
	}
	if err != nil {
		t.Fatalf("an error that is no refusal: %v", err)
	}
	if again, err := codec.Request(&call); err != nil || !bytes.Equal(again.Body, out.Body) {
		t.Error("the same request became other bytes")
	}
	c.Want(t, "want.json", translatetest.Indented(t, out.Body))
	if len(out.Notes) > 0 {
		c.Want(t, "notes", []byte(strings.Join(out.Notes, "\n")))
	} else {
		c.Want(t, "notes", nil)
	}
	c.Want(t, "reply.json", replyOf(t, out))
}

// replyOf tells what is remembered of a request, as far as it is not plain.
func replyOf(t *testing.T, out *translate.Request) []byte {
	t.Helper()
	v := struct {
		Path  string            `json:"path,omitempty"`
		Stops []string          `json:"stops,omitempty"`
		Names map[string]string `json:"names,omitempty"`
		Asked *bool             `json:"asked,omitempty"`
		Max   int64             `json:"max_tokens,omitempty"`
	}{Stops: out.Reply.Stops, Names: out.Reply.Names}
	if out.Path == "" {
		v.Path = "none"
	}
	if out.Reply.Asked != out.Reply.Stream {
		v.Asked = &out.Reply.Asked
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) == "{}" {
		return nil
	}
	return translatetest.Indented(t, raw)
}

// TestEveryStopSequenceIsToldOrLookedFor: which one ended an answer, the provider may say of those it
// was told only.
func TestEveryStopSequenceIsToldOrLookedFor(t *testing.T) {
	body := []byte(`{"model":"m","max_tokens":10,"stop_sequences":["a","b","c","d","e"],"messages":[{"role":"user","content":"hi"}]}`)
	out, err := Chat{}.Request(&translate.Call{Body: body, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if told, own := out.Reply.Sequences, out.Reply.Stops; !slices.Equal(told, []string{"a", "b", "c", "d"}) || !slices.Equal(own, []string{"e"}) {
		t.Errorf("told %q, looked for %q", told, own)
	}
}

// TestTheAnswerIsReadKnowingTheCallsOfTheConversation: what it calls must get other ids.
func TestTheAnswerIsReadKnowingTheCallsOfTheConversation(t *testing.T) {
	body := []byte(`{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"},` +
		`{"role":"assistant","content":[{"type":"tool_use","id":"call_0","name":"Ls","input":{}},{"type":"tool_use","id":"call_1","name":"Ls","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_0","content":"a"},{"type":"tool_result","tool_use_id":"call_1","content":"b"}]}]}`)
	for _, codec := range []requester{Chat{}, Responses{}} {
		out, err := codec.Request(&translate.Call{Body: body, Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out.Reply.ToolIDs, []string{"call_0", "call_1"}) {
			t.Errorf("%T: %q", codec, out.Reply.ToolIDs)
		}
	}
}
