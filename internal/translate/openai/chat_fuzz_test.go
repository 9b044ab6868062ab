package openai

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"prism/config"
	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// seedAnswers adds the answers of the golden cases.
func seedAnswers(f *testing.F, pattern, name string) {
	f.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatalf("no case at %s: %v", pattern, err)
	}
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(raw).Files {
			if file.Name == name {
				f.Add(file.Data, uint8(i), uint8(i))
			}
		}
	}
}

// fuzzReply is a reply with quirks that are told by the bits of a number.
func fuzzReply(bits uint8) translate.Reply {
	r := translate.Reply{Model: "m", Provider: "acme", Stream: true, Prompt: 9, Names: map[string]string{"Ls": "List"}}
	if bits&1 != 0 {
		r.Quirks.ThinkTags = true
	}
	if bits&2 != 0 {
		r.Quirks = config.Quirks{ThinkTags: r.Quirks.ThinkTags, ReasoningIn: "reasoning_details"}
	}
	if bits&4 != 0 {
		r.Stops = []string{"END", "e", "lo wo"}
	}
	return r
}

// FuzzChatStream holds that any bytes become a stream that keeps the grammar, however they are cut,
// and that it is complete, failed or known to be cut.
func FuzzChatStream(f *testing.F) {
	seedAnswers(f, "testdata/stream/chat-*.txtar", "in.sse")
	f.Fuzz(func(t *testing.T, in []byte, bits, cut uint8) {
		r := fuzzReply(bits)
		o := read([]string{string(in)}, r, Chat{}.Stream)
		answer, err := translatetest.Check(o.out)
		if err != nil {
			t.Fatalf("%v\n%s", err, o.out)
		}
		if (o.end == nil) != (answer.Complete || answer.Failed) {
			t.Fatalf("end %v, complete %v, failed %v\n%s", o.end, answer.Complete, answer.Failed, o.out)
		}
		if got := read(chunks(string(in), 1+int(cut)), r, Chat{}.Stream); got != o {
			t.Fatalf("cut by %d the answer is another one\n%s\n%s", 1+int(cut), got.out, o.out)
		}
		r.Stream = false
		if body := read([]string{string(in)}, r, Chat{}.Stream); o.end == nil && !json.Valid([]byte(body.out)) {
			t.Fatalf("not JSON: %s", body.out)
		}
	})
}

// FuzzChatMessage holds the same of bodies.
func FuzzChatMessage(f *testing.F) {
	seedAnswers(f, "testdata/message/chat-*.txtar", "in.json")
	f.Fuzz(func(t *testing.T, in []byte, bits, cut uint8) {
		r := fuzzReply(bits)
		o := read(chunks(string(in), 1+int(cut)), r, Chat{}.Message)
		answer, err := translatetest.Check(o.out)
		if err != nil || (o.end == nil) != (answer.Complete || answer.Failed) {
			t.Fatalf("%v, end %v\n%s", err, o.end, o.out)
		}
		r.Stream = false
		if body := read([]string{string(in)}, r, Chat{}.Message); body.end == nil && !json.Valid([]byte(body.out)) {
			t.Fatalf("not JSON: %s", body.out)
		}
	})
}

// FuzzReader holds that the reader finds in JSON what encoding/json finds, and comes to an end
// with anything else.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b",{"c":null}],"d":"\ud83d\ude42\n"}`, `[]`, `"x"`, `{"a":NaN}`, `{"a"`, `[1,]`, `-1.5e3`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := reader{b: in}
		got := rebuilt(&r, 0)
		if !json.Valid(in) {
			return
		}
		if r.bad || r.more() {
			t.Fatalf("%q was not read to its end", in)
		}
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		var want any
		if d.Decode(&want) == nil && strings.ToValidUTF8(string(in), "") == string(in) && !reflect.DeepEqual(got, want) && bytes.Count(in, []byte("[")) < 50 && bytes.Count(in, []byte("{")) < 50 {
			t.Fatalf("%q was read as %#v, want %#v", in, got, want)
		}
	})
}

// rebuilt reads a value as encoding/json would.
func rebuilt(r *reader, depth int) any {
	if depth > 50 {
		r.skip()
		return nil
	}
	switch r.peek() {
	case '{':
		m := map[string]any{}
		r.enter('{')
		for key := r.key(); key != nil; key = r.key() {
			m[unquote(key)] = rebuilt(r, depth+1)
		}
		return m
	case '[':
		list := []any{}
		r.enter('[')
		for r.item() {
			list = append(list, rebuilt(r, depth+1))
		}
		return list
	case '"':
		return r.string()
	}
	switch v := string(r.value()); v {
	case "":
		return nil
	case "true", "false":
		return v == "true"
	default:
		return json.Number(v)
	}
}

// FuzzThinkTags holds that the tags are found wherever the text is cut.
func FuzzThinkTags(f *testing.F) {
	f.Add("<think>a</think>b", uint8(1))
	f.Add(" \n<think>\n\n</think>\n x </think><think>", uint8(3))
	f.Fuzz(func(t *testing.T, in string, cut uint8) {
		split := func(pieces []string) (thinking, text string) {
			tags := thinkTags{on: true, fresh: true}
			write := func(s string, in bool) {
				if in {
					thinking += s
				} else {
					text += s
				}
			}
			for _, p := range pieces {
				tags.feed(p, write)
			}
			write(tags.flush(), tags.in)
			return thinking, text
		}
		a, b := split([]string{in})
		if c, d := split(chunks(in, 1+int(cut))); c != a || d != b {
			t.Fatalf("%q cut by %d: %q and %q, want %q and %q", in, 1+int(cut), c, d, a, b)
		}
	})
}
