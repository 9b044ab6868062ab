package translate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// written is the stream that a writer writes.
func written(w *translate.Writer, do func(w *translate.Writer)) string {
	do(w)
	return string(w.Take())
}

func newWriter(stops ...string) *translate.Writer {
	return translate.NewWriter(translate.Opening{ID: "msg_1", Model: "claude-opus-5-5", Provider: "acme", Prompt: 7, Stops: stops}, true)
}

func TestWriterEscapesEveryStringLikeJSON(t *testing.T) {
	for _, s := range []string{
		"plain", `"quoted" \ back`, "\x00\x01\x1f\x7f", "\n\r\t\b\f", "ü🙂數", "\u2028\u2029", "<a href='x'>&", "\xff\xfe half \xe2\x82", "\ufffd",
		strings.Repeat("x", 1<<16) + "\n",
	} {
		out := written(newWriter(), func(w *translate.Writer) { w.Text("." + s); w.End() })
		answer, err := translatetest.Check(out)
		if err != nil {
			t.Fatal(err)
		}
		if want := "." + strings.ToValidUTF8(s, "\ufffd"); answer.Blocks[0].Text != want && strings.Count(s, "\xe2\x82") == 0 {
			t.Errorf("%q became %q", want, answer.Blocks[0].Text)
		}
		if !utf8.ValidString(out) {
			t.Errorf("%q: the stream is not UTF-8", s)
		}
	}
}

func TestWriterEndsOnceAndNothingFollows(t *testing.T) {
	for name, end := range map[string]func(w *translate.Writer){
		"end":  func(w *translate.Writer) { w.End() },
		"fail": func(w *translate.Writer) { w.Fail("api_error", "x") },
	} {
		out := written(newWriter(), func(w *translate.Writer) {
			w.Text("a")
			end(w)
			w.Text("b")
			w.Thinking("c")
			w.Tool(0, "call_1", "Ls")
			w.Args(0, "{}")
			w.ToolDone(0)
			w.Sign("x")
			w.Refusal("d")
			w.CloseBlocks()
			w.Reason("max_tokens", "")
			w.Start()
			w.End()
			w.Fail("api_error", "y")
		})
		if _, err := translatetest.Check(out); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestWriterStreamsTheFirstCallAndHoldsTheOthers(t *testing.T) {
	w := newWriter()
	w.Tool(0, "call_1", "Ls")
	w.Tool(1, "call_2", "Ls")
	w.Args(1, `{"b":`)
	w.Args(0, `{"a":`)
	first := string(w.Take())
	if !strings.Contains(first, `{\"a\":`) || strings.Contains(first, `{\"b\":`) {
		t.Errorf("the first call was held, or the second was not:\n%s", first)
	}
	w.Args(1, "2}")
	w.Args(0, "1}")
	w.ToolDone(0)
	if second := string(w.Take()); !strings.Contains(second, `{\"b\":2}`) {
		t.Errorf("the second call was not given out when the first was whole:\n%s", second)
	}
}

func TestWriterGivesUpOnWhatItWouldHaveToHold(t *testing.T) {
	for _, stream := range []bool{true, false} {
		w := translate.NewWriter(translate.Opening{ID: "msg_1"}, stream)
		w.Tool(0, "call_1", "Ls")
		w.Tool(1, "call_2", "Ls")
		piece := strings.Repeat("x", 1<<20)
		for i := 0; !w.Ended(); i++ {
			if i > 100 {
				t.Fatal("100 MB are held")
			}
			w.Args(1, piece)
		}
		if out := string(w.Take()); !strings.Contains(out, "api_error") {
			t.Errorf("no error: %.300s", out)
		}
	}
}

func TestWriterMakesIDsThatAreAcceptedAndUnique(t *testing.T) {
	w := newWriter()
	for i, id := range []string{"", "", "call_1", "call_1", "functions.Ls:0", "functions.Ls:0", "pid_x"} {
		before := w.ToolID(i, id)
		w.Tool(i, id, "Ls")
		if w.ToolID(i, "") != before {
			t.Errorf("%q was to be %s and is %s", id, before, w.ToolID(i, ""))
		}
	}
	w.End()
	answer, err := translatetest.Check(string(w.Take()))
	if err != nil || len(answer.Blocks) != 7 {
		t.Fatal(err)
	}
}

// TestAnIDOfAnotherCallIsNotTakenAgain: the client keeps one call of each id, and some servers number
// the calls of each answer anew.
func TestAnIDOfAnotherCallIsNotTakenAgain(t *testing.T) {
	had := []string{"call_0", "call_0-2", translate.ToolID("functions.Ls:0")}
	w := translate.NewWriter(translate.Opening{ID: "msg_1", ToolIDs: had}, true)
	for i, c := range []struct{ id, want string }{
		{"call_0", "call_0-3"}, {"call_1", "call_1"}, {"functions.Ls:0", translate.ToolID("functions.Ls:0-2")}, {"functions.Ls:1", translate.ToolID("functions.Ls:1")},
	} {
		if w.Tool(i, c.id, "Ls"); w.ToolID(i, "") != c.want {
			t.Errorf("%s became %s, not %s", c.id, w.ToolID(i, ""), c.want)
		}
	}
}

// TestAnIDThatOtherAnswersMayHaveGetsMore: the client takes answers of one id for one message.
func TestAnIDThatOtherAnswersMayHaveGetsMore(t *testing.T) {
	for id, want := range map[string]string{
		"chatcmpl-373":                         "msg_chatcmpl-373_01EXCHANGE",
		"chatcmpl-A1":                          "msg_chatcmpl-A1_01EXCHANGE",
		"0":                                    "msg_0_01EXCHANGE",
		"resp_51":                              "msg_resp_51_01EXCHANGE",
		"chatcmpl-8f2c0d9e4b7a41c3a5d6":        "msg_chatcmpl-8f2c0d9e4b7a41c3a5d6",
		"0193f1f5-7a51-4e6c-9d2b-1f6f4c0d2e3a": "msg_0193f1f5-7a51-4e6c-9d2b-1f6f4c0d2e3a",
		"":                                     "msg_01EXCHANGE",
	} {
		w := translate.NewWriter(translate.Opening{ID: "msg_01EXCHANGE", Exchange: "01EXCHANGE"}, true)
		w.Name(id, -1)
		w.Start()
		if out := string(w.Take()); !strings.Contains(out, `"id":"`+want+`"`) {
			t.Errorf("%s: not %s:\n%s", id, want, out)
		}
	}
}

func TestProviderFindsItsIDAgain(t *testing.T) {
	for _, id := range []string{"call_1", "toolu_01", "functions.Bash:0", "a b", "ü", "pid_", "pid_a_2eb", "call_1_2e", "x/y=="} {
		coded := translate.ToolID(id)
		if strings.Trim(coded, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Errorf("%q became %q", id, coded)
		}
		if got := translate.ProviderID(coded); got != id {
			t.Errorf("%q became %q and then %q", id, coded, got)
		}
	}
	for _, id := range []string{"pid_x_", "pid_x_2", "pid_x_zz"} {
		if got := translate.ProviderID(id); got != id {
			t.Errorf("%q, which is not coded, became %q", id, got)
		}
	}
}

func TestMessageStartTellsWhatIsKnownOfThePrompt(t *testing.T) {
	w := newWriter()
	w.Name("chatcmpl-9", 55)
	w.Start()
	w.Name("late", 99)
	out := string(w.Take())
	if !strings.Contains(out, `"id":"msg_chatcmpl-9"`) || !strings.Contains(out, `"input_tokens":55`) {
		t.Error(out)
	}
}

func TestObjectIsAlwaysAnObject(t *testing.T) {
	for in, want := range map[string]string{
		``:                        `{}`,
		` {"a":1} `:               `{"a":1}`,
		`{"a":"b`:                 `{"a":"b"}`,
		`{"a":"b\`:                `{"a":"b"}`,
		`{"a":[{"b":[1,2`:         `{"a":[{"b":[1,2]}]}`,
		`{"a":`:                   `{"raw_arguments":"{\"a\":"}`,
		`{"a":1}}`:                `{"raw_arguments":"{\"a\":1}}"}`,
		`[1]`:                     `{"raw_arguments":"[1]"}`,
		`"{}"`:                    `{"raw_arguments":"\"{}\""}`,
		`ls -l`:                   `{"raw_arguments":"ls -l"}`,
		"{\"a\":\"\xff":           "{\"a\":\"\ufffd\"}",
		strings.Repeat("[", 1000): `{"raw_arguments":"` + strings.Repeat("[", 1000) + `"}`,
	} {
		if got := translate.Object(in); string(got) != want {
			t.Errorf("%q became %s, want %s", in, got, want)
		}
	}
}

// FuzzWriter holds that the grammar is kept whatever a writer is called with.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("tTaAdDrRsScCtTeE"))
	f.Add([]byte("aAbBtTcCaA"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		w, body := newWriter("END"), translate.NewWriter(translate.Opening{ID: "msg_1", Stops: []string{"END"}}, false)
		for i, op := range ops {
			play(w, op, i)
			play(body, op, i)
		}
		w.End()
		body.End()
		out := string(w.Take())
		answer, err := translatetest.Check(out)
		if err != nil || !answer.Complete && !answer.Failed {
			t.Fatalf("%v\n%s", err, out)
		}
		if whole := body.Take(); !json.Valid(whole) {
			t.Fatalf("not JSON: %s", whole)
		}
	})
}

// play calls the writer with what a byte says.
func play(w *translate.Writer, op byte, i int) {
	key := int(op>>4) % 4
	switch op & 15 {
	case 0, 1:
		w.Text([]string{"Hello", " ", "EN", "D"}[key])
	case 2:
		w.Thinking("hm")
	case 3:
		w.Sign(fmt.Sprint("signature", i))
	case 4, 5:
		w.Tool(key, []string{"", "call_1", "call_1", "a.b"}[key], "Ls")
	case 6, 7:
		w.Args(key, `{"a":1}`)
	case 8:
		w.ToolDone(key)
	case 9:
		w.Refusal("no")
	case 10:
		w.CloseBlocks()
	case 11:
		w.Reason([]string{"end_turn", "tool_use", "max_tokens", "refusal"}[key], "")
	case 12:
		w.Use(translate.Usage{Prompt: int64(op), CacheRead: int64(i), CacheWrite: -1, Output: -1, Reasoning: 5})
	case 13:
		w.Start()
	case 14:
		if key == 3 {
			w.Fail("api_error", "x")
		}
	case 15:
		if key == 3 {
			w.End()
		}
	}
}
