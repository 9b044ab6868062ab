package openai

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

func TestResponsesRequests(t *testing.T) {
	forEachCase(t, "testdata/request/responses-*.txtar", func(t *testing.T, c *goldenCase) { requestCase(t, c, Responses{}) })
}

func TestResponsesStreams(t *testing.T) {
	forEachCase(t, "testdata/stream/responses-*.txtar", func(t *testing.T, c *goldenCase) { streamCase(t, c, Responses{}) })
}

func TestResponsesMessages(t *testing.T) {
	forEachCase(t, "testdata/message/responses-*.txtar", func(t *testing.T, c *goldenCase) { messageCase(t, c, Responses{}) })
}

func TestAResponsesConversationThatHasGrownBeginsWithTheBytesItHad(t *testing.T) {
	for _, q := range []config.Quirks{{}, {SystemMiddle: "inplace", ToolID: "short9"}, {TextOnly: true}} {
		var last []byte
		for n := 1; n < 8; n++ {
			out, err := Responses{}.Request(&translate.Call{Body: conversation(n), Model: "m", Quirks: q})
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.LastIndex(out.Body, []byte(`{"type":"message","role":"user","content":"Thank you."}`))
			if at < 0 {
				t.Fatalf("the last message is missing: %s", out.Body)
			}
			if last != nil && !bytes.HasPrefix(out.Body[:at], last) {
				t.Fatalf("%+v: the beginning has changed\n%s\n%s", q, last, out.Body[:at])
			}
			last = out.Body[:at]
		}
	}
}

// TestEventsThatAreAlmostAlikeAreReadAsTheyAre sends events that differ from the one before in what
// is usually the same, or break off where that one goes on.
func TestEventsThatAreAlmostAlikeAreReadAsTheyAre(t *testing.T) {
	delta := func(n int, typ, place, text string) string {
		return fmt.Sprintf("event: response.%s.delta\ndata: {\"type\":\"response.%s.delta\",\"sequence_number\":%d,\"output_index\":%s,\"delta\":\"%s\",\"obfuscation\":\"%s\"}\n\n",
			typ, typ, n, place, text, strings.Repeat("p", n))
	}
	in := delta(1, "output_text", "0", "a") + delta(2, "output_text", "0", `\"b\\`) + delta(3, "output_text", "1", "c") +
		delta(4, "reasoning_text", "2", "d") + delta(5, "reasoning_text", "2", "e") + delta(6, "reasoning_text", "2", `\u00fc`) +
		strings.Replace(delta(7, "reasoning_text", "2", "f"), `"delta":"f"`, `"delta":null`, 1) +
		strings.Replace(delta(8, "reasoning_text", "2", "g"), `,"obfuscation"`, "\ndata: ,\"obfuscation\"", 1) +
		delta(10, "reasoning_text", "2", "h") + "data: {\"type\":\"response.completed\"}\n\n"
	r := translate.Reply{Provider: "acme", Stream: true}
	want := read([]string{in}, r, Responses{}.Stream)
	for name, pieces := range cuts(in) {
		if got := read(pieces, r, Responses{}.Stream); got != want {
			t.Errorf("%s: %s\n%s", name, got.out, want.out)
		}
	}
	answer, err := translatetest.Check(want.out)
	if err != nil || len(answer.Blocks) != 3 {
		t.Fatalf("%v %+v", err, answer)
	}
	for i, text := range []string{`a"b\`, "c", "deügh"} {
		if got := answer.Blocks[i].Text; got != text {
			t.Errorf("block %d is %q, want %q", i, got, text)
		}
	}
}

// pieced is a stream in which a call has size bytes of arguments, one in each event.
func pieced(size int) string {
	var b strings.Builder
	b.WriteString(`data: {"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"call","name":"Write"}}` + "\n\n")
	args := `{"text":"` + strings.Repeat("x", size) + `"}`
	for i := range len(args) {
		fmt.Fprintf(&b, "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":0,\"delta\":%q}\n\n", args[i:i+1])
	}
	fmt.Fprintf(&b, "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"call_id\":\"call\",\"name\":\"Write\",\"arguments\":%q}}\n\n", args)
	return b.String() + "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n"
}

func TestManyArgumentsInPiecesOfOneByteTakeNoTime(t *testing.T) {
	const size = 512 << 10
	in := pieced(size)
	for _, stream := range []bool{true, false} {
		start := time.Now()
		w := translate.NewWriter(translate.Opening{ID: "msg_x", Provider: "acme"}, stream)
		d := Responses{}.Stream(&translate.Reply{Provider: "acme", Stream: stream}, w)
		out := 0
		for p := []byte(in); len(p) > 0; {
			n := min(len(p), 16<<10)
			d.Feed(p[:n])
			out += len(w.Take())
			p = p[n:]
		}
		if took := time.Since(start); !w.Ended() || out < size || took > 30*time.Second {
			t.Errorf("stream %v: %d bytes after %v", stream, out, took)
		}
	}
}

// TestAnEventThatNeverEndsIsGivenUp sends one event, and then items that wait, beyond what is kept.
func TestAnEventThatNeverEndsIsGivenUp(t *testing.T) {
	part := strings.Repeat("x", 1<<20)
	endless := []string{`data: {"type":"response.output_text.delta","delta":"`}
	waiting := []string{`data: {"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs"}}` + "\n\n"}
	for range maxFrame>>20 + 1 {
		endless = append(endless, part)
		waiting = append(waiting, `data: {"type":"response.output_text.delta","output_index":1,"delta":"`+part+`"}`+"\n\n")
	}
	for name, pieces := range map[string][]string{"endless": endless, "waiting": waiting} {
		o := read(pieces, translate.Reply{Provider: "acme", Stream: true}, Responses{}.Stream)
		if answer, err := translatetest.Check(o.out); err != nil || !answer.Failed || o.end != nil {
			t.Errorf("%s: %v %v %.300s", name, err, o.end, o.out)
		}
	}
}

// BenchmarkResponsesRequest translates a conversation of some length.
func BenchmarkResponsesRequest(b *testing.B) {
	body := conversation(200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Responses{}).Request(&translate.Call{Body: body, Model: "m"}); err != nil {
			b.Fatal(err)
		}
	}
}
