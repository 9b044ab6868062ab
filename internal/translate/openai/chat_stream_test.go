package openai

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

func TestChatStreams(t *testing.T) {
	forEachCase(t, "testdata/stream/chat-*.txtar", func(t *testing.T, c *goldenCase) { streamCase(t, c, Chat{}) })
}

func TestChatMessages(t *testing.T) {
	forEachCase(t, "testdata/message/chat-*.txtar", func(t *testing.T, c *goldenCase) { messageCase(t, c, Chat{}) })
}

// TestStreamTellsWhoAnswered finds the id and the model where they come in two chunks.
func TestStreamTellsWhoAnswered(t *testing.T) {
	in := "data: {\"id\":\"chatcmpl-1\",\"model\":\"\",\"choices\":[]}\n\n" +
		"data: {\"model\":\"acme-1\",\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
	o := read([]string{in}, translate.Reply{Stream: true}, Chat{}.Stream)
	if o.told.ID != "chatcmpl-1" || o.told.Model != "acme-1" || !strings.Contains(o.out, "msg_chatcmpl-1") {
		t.Errorf("%+v\n%s", o.told, o.out)
	}
}

// answerer is the half of a codec that these cases are about.
type answerer interface {
	Stream(r *translate.Reply, w *translate.Writer) translate.Decoder
	Message(r *translate.Reply, w *translate.Writer) translate.Decoder
}

// document is Anthropic's, read once.
var document = sync.OnceValues(translatetest.Load)

// reply reads call.json.
func (c *goldenCase) reply(t *testing.T) translate.Reply {
	t.Helper()
	call := c.call(t)
	var v struct {
		Reply struct {
			Stops     []string
			Sequences []string
			Names     map[string]string
			MaxTokens int64 `json:"max_tokens"`
			Window    int64
		}
	}
	if raw := c.File("call.json"); raw != nil {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: call.json: %v", c.Path, err)
		}
	}
	return translate.Reply{
		Model: "claude-opus-5-5", Provider: call.Provider, Stream: true, Asked: true, Stops: v.Reply.Stops, Sequences: v.Reply.Sequences, Names: v.Reply.Names,
		Prompt: call.Prompt, MaxTokens: v.Reply.MaxTokens, Window: v.Reply.Window, Quirks: call.Quirks,
	}
}

// outcome is all that comes of an answer.
type outcome struct {
	out  string
	end  error
	told translate.Aside
}

// read decodes an answer that comes in pieces.
func read(pieces []string, r translate.Reply, open func(*translate.Reply, *translate.Writer) translate.Decoder) outcome {
	w := translate.NewWriter(translate.Opening{
		ID: "msg_exchange", Model: r.Model, Provider: r.Provider, Prompt: r.Prompt, Stops: r.Stops,
	}, r.Stream)
	d := open(&r, w)
	var o outcome
	var b strings.Builder
	for _, p := range pieces {
		d.Feed([]byte(p))
		b.Write(w.Take())
	}
	o.end = d.End(io.EOF)
	b.Write(w.Take())
	o.out, o.told = b.String(), w.Told()
	return o
}

// streamCase compares the stream that a stream becomes, however it is cut, and what else it told.
func streamCase(t *testing.T, c *goldenCase, codec answerer) {
	t.Helper()
	in, r := string(c.File("in.sse")), c.reply(t)
	o := read([]string{in}, r, codec.Stream)
	for name, pieces := range cuts(in) {
		if got := read(pieces, r, codec.Stream); got != o {
			t.Errorf("%s: %s: the answer is another one\n--- got\n%s %v\n--- want\n%s %v", c.Path, name, got.out, got.end, o.out, o.end)
		}
	}
	answer := valid(t, o.out)
	c.Want(t, "want.sse", []byte(o.out))
	c.Want(t, "end", endOf(o.end))
	c.Want(t, "told", toldOf(t, o.told))
	if (o.end == nil) != (answer.Complete || answer.Failed) {
		t.Errorf("the end says %v, the stream complete=%v failed=%v", o.end, answer.Complete, answer.Failed)
	}
	r.Stream = false
	sameBlocks(t, answer, read([]string{in}, r, codec.Stream))
}

// messageCase compares the body that a body becomes; as a stream it has to say the same.
func messageCase(t *testing.T, c *goldenCase, codec answerer) {
	t.Helper()
	in, r := string(c.File("in.json")), c.reply(t)
	r.Stream = false
	o := read([]string{in}, r, codec.Message)
	if got := read(strings.Split(in, ""), r, codec.Message); got != o {
		t.Errorf("%s: in pieces the answer is another one\n%s", c.Path, got.out)
	}
	if o.end == nil {
		if doc, err := document(); err != nil {
			t.Fatal(err)
		} else if err := doc.Body([]byte(o.out)); err != nil {
			t.Error(err)
		}
		c.Want(t, "want.json", translatetest.Indented(t, []byte(o.out)))
	} else {
		c.Want(t, "want.json", nil)
	}
	c.Want(t, "end", endOf(o.end))
	c.Want(t, "told", toldOf(t, o.told))
	r.Stream = true
	sameBlocks(t, valid(t, read([]string{in}, r, codec.Message).out), o)
}

// valid holds a stream against the grammar and Anthropic's document. The SDK reads what is wanted
// in a package of its own.
func valid(t *testing.T, stream string) *translatetest.Answer {
	t.Helper()
	answer, err := translatetest.Check(stream)
	if err != nil {
		t.Fatalf("%v\n%s", err, stream)
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Stream(stream); err != nil {
		t.Error(err)
	}
	return answer
}

// sameBlocks tells whether a body says what the stream says.
func sameBlocks(t *testing.T, answer *translatetest.Answer, o outcome) {
	t.Helper()
	if !answer.Complete || o.end != nil {
		return
	}
	var m struct {
		Content []struct {
			Type, ID, Name, Text, Thinking, Signature string
			Input                                     json.RawMessage
		}
		StopReason string `json:"stop_reason"`
	}
	if err := json.Unmarshal([]byte(o.out), &m); err != nil {
		t.Fatalf("the body: %v\n%s", err, o.out)
	}
	if len(m.Content) != len(answer.Blocks) || m.StopReason != answer.StopReason {
		t.Fatalf("the body says otherwise than the stream:\n%s\n%+v", o.out, answer)
	}
	for i, b := range m.Content {
		want := answer.Blocks[i]
		if b.Type != want.Type || b.ID != want.ID || b.Name != want.Name || b.Signature != want.Signature {
			t.Errorf("block %d of the body says otherwise than the stream: %+v, %+v", i, b, want)
		}
		switch b.Type {
		case "tool_use", "server_tool_use":
			object := translate.Object
			if m.StopReason == "max_tokens" || m.StopReason == "refusal" || m.StopReason == "model_context_window_exceeded" {
				object = translate.Unmended // what was cut off is not closed
			}
			if string(b.Input) != string(object(want.Text)) {
				t.Errorf("input %s is %s in the stream", b.Input, want.Text)
			}
		default:
			if b.Text+b.Thinking != want.Text {
				t.Errorf("text %q is %q in the stream", b.Text+b.Thinking, want.Text)
			}
		}
	}
}

// cuts are the ways in which the same stream may arrive.
func cuts(in string) map[string][]string {
	crlf := strings.ReplaceAll(in, "\n", "\r\n")
	return map[string][]string{
		"byte by byte":          bytewise(in),
		"split inside runes":    runewise(in),
		"in sevens":             chunks(in, 7),
		"CRLF":                  {crlf},
		"CRLF, byte by byte":    bytewise(crlf),
		"CR":                    {strings.ReplaceAll(in, "\n", "\r")},
		"no space":              {strings.ReplaceAll(in, "data: ", "data:")},
		"no space, in fives":    chunks(strings.ReplaceAll(in, "data: ", "data:"), 5),
		"a BOM":                 {"\xef\xbb\xbf" + in},
		"comments":              {": hello\n\n" + strings.ReplaceAll(in, "\n\n", "\n\n: keep-alive\n\n")},
		"no blank line at last": {strings.TrimRight(in, "\n")},
	}
}

func bytewise(in string) []string { return chunks(in, 1) }

func chunks(in string, n int) []string {
	var list []string
	for len(in) > n {
		list = append(list, in[:n])
		in = in[n:]
	}
	return append(list, in)
}

// runewise cuts in front of every byte that continues a rune.
func runewise(in string) []string {
	var list []string
	start := 0
	for i := range len(in) {
		if in[i]&0xc0 == 0x80 {
			list = append(list, in[start:i])
			start = i
		}
	}
	return append(list, in[start:])
}

// endOf names what End returned.
func endOf(err error) []byte {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, translate.ErrCut):
		return []byte("cut")
	}
	return []byte(err.Error())
}

// toldOf shows what the answer says beside, as far as it is not plain.
func toldOf(t *testing.T, a translate.Aside) []byte {
	t.Helper()
	v := struct {
		Cost      string `json:"cost,omitempty"`
		Estimated bool   `json:"estimated,omitempty"`
	}{a.Cost, a.Estimated}
	if v.Cost == "" && !v.Estimated {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
