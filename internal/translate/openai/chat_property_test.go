package openai

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// plan is an answer that a random provider means, and the chunks in which it says it.
type plan struct {
	rng      *rand.Rand
	chunks   strings.Builder
	thinking string
	text     string
	calls    []plannedCall
}

type plannedCall struct {
	id, name, args string
	sent           int
}

func (p *plan) chunk(delta map[string]any) {
	raw, err := json.Marshal(map[string]any{"id": "chatcmpl-1", "model": "m", "choices": []any{map[string]any{"index": 0, "delta": delta}}})
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(&p.chunks, "data: %s\n\n", raw)
}

// words are what random answers are made of.
func (p *plan) words() string {
	list := []string{"a", " plan", "\n", "ü", "🙂", `"`, "\\", "{", "}", "<think>", "</th", "  ", "END", "\x00", " "}
	var b strings.Builder
	for range 1 + p.rng.IntN(4) {
		b.WriteString(list[p.rng.IntN(len(list))])
	}
	return b.String()
}

// step says a little more of the answer.
func (p *plan) step() {
	switch p.rng.IntN(6) {
	case 0:
		s := p.words()
		p.thinking += s
		p.chunk(map[string]any{[]string{"reasoning", "reasoning_content"}[p.rng.IntN(2)]: s})
	case 1, 2:
		s := p.words()
		p.text += s
		p.chunk(map[string]any{"content": s})
	case 3:
		p.chunk(map[string]any{"content": "", "tool_calls": []any{}})
	case 4:
		raw, err := json.Marshal(map[string]string{"x": p.words(), "y": p.words()})
		if err != nil {
			panic(err)
		}
		p.calls = append(p.calls, plannedCall{id: fmt.Sprintf("call_%d", len(p.calls)), name: "Tool", args: string(raw)})
		p.piece(len(p.calls)-1, true)
	default:
		if len(p.calls) > 0 {
			p.piece(p.rng.IntN(len(p.calls)), false)
		}
	}
}

// piece says more of the input of a call: of any, as some providers do.
func (p *plan) piece(i int, first bool) {
	c := &p.calls[i]
	n := min(p.rng.IntN(8), len(c.args)-c.sent)
	for n > 0 && c.sent+n < len(c.args) && !utf8.RuneStart(c.args[c.sent+n]) {
		n--
	}
	if n == 0 && !first { // no rune fits: all of the rest
		n = len(c.args) - c.sent
	}
	function := map[string]any{"arguments": c.args[c.sent : c.sent+n]}
	call := map[string]any{"index": i, "function": function}
	if first {
		call["id"], call["type"], function["name"] = c.id, "function", c.name
	}
	c.sent += n
	p.chunk(map[string]any{"tool_calls": []any{call}})
}

func randomAnswer(seed uint64) *plan {
	p := &plan{rng: rand.New(rand.NewPCG(seed, 1))}
	for range p.rng.IntN(40) {
		p.step()
	}
	for i := range p.calls {
		for p.calls[i].sent < len(p.calls[i].args) {
			p.piece(i, false)
		}
	}
	p.chunks.WriteString(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
	return p
}

// TestRandomAnswersArriveWholeAndInGrammar is case B24: whatever the order of the chunks and the
// cuts, blocks are numbered without gaps and closed once, and nothing of the answer is lost.
func TestRandomAnswersArriveWholeAndInGrammar(t *testing.T) {
	for seed := range uint64(2000) {
		p := randomAnswer(seed)
		r := translate.Reply{Model: "m", Provider: "acme", Stream: true}
		o := read(chunks(p.chunks.String(), 1+p.rng.IntN(300)), r, Chat{}.Stream)
		answer, err := translatetest.Check(o.out)
		if err != nil || !answer.Complete {
			t.Fatalf("seed %d: %v\n%s", seed, err, o.out)
		}
		p.compare(t, seed, answer)
	}
}

// TestChunksThatAreAlikeAreReadAsAnyOther reads random answers a second time with a member in front of
// each chunk that makes it differ from the one before.
func TestChunksThatAreAlikeAreReadAsAnyOther(t *testing.T) {
	for seed := range uint64(1000) {
		p := randomAnswer(seed)
		in := p.chunks.String()
		if seed%2 == 0 {
			in = numbered(in, `"model":"m"`, `"model":"m","usage":{"prompt_tokens":9,"completion_tokens":%d}`)
		}
		if seed%3 == 0 {
			in = numbered(numbered(in, `"id":"chatcmpl-1"`, `"id":"chatcmpl-%d"`), `"model":"m"`, `"created":17%d,"model":"m"`)
		}
		r := translate.Reply{Model: "m", Provider: "acme", Stream: true}
		if seed%5 == 0 {
			r.Stops = []string{"END"}
		}
		want := read([]string{numbered(in, "data: {", `data: {"n":%d,`)}, r, Chat{}.Stream)
		if got := read([]string{in}, r, Chat{}.Stream); got != want {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, got.out, want.out)
		}
	}
}

// TestChunksWithAnIDAndATimeOfTheirOwnAreAlike: some servers make them anew for each chunk. Few chunks
// are read in full nevertheless.
func TestChunksWithAnIDAndATimeOfTheirOwnAreAlike(t *testing.T) {
	var in strings.Builder
	for i := range 100 {
		fmt.Fprintf(&in, `data: {"id":"chatcmpl-%d","created":%d,"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":%d}}`+"\n\n", i, 1700+i, i)
	}
	r := translate.Reply{Model: "m", Stream: true}
	w := translate.NewWriter(translate.Opening{ID: "msg_1"}, true)
	d := &chatStream{newChatAnswer(&r, w)}
	var f frames
	full := 0
	for _, p := range events(in.String()) {
		if f.between() {
			if _, ok := d.again(p); ok {
				continue
			}
		}
		if e, _, ok := f.next(p); ok {
			full++
			d.event(e)
		}
	}
	d.count()
	if u := w.Usage(); full > 3 || u.Prompt != 9 || u.Output != 99 {
		t.Errorf("%d chunks were read in full; usage %+v", full, u)
	}
}

// numbered puts something else in the place of old each time.
func numbered(s, old, format string) string {
	parts := strings.Split(s, old)
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			fmt.Fprintf(&b, format, i)
		}
		b.WriteString(part)
	}
	return b.String()
}

func (p *plan) compare(t *testing.T, seed uint64, answer *translatetest.Answer) {
	t.Helper()
	var thinking, text string
	calls := make(map[string]string)
	for _, b := range answer.Blocks {
		switch b.Type {
		case "thinking":
			thinking += b.Text
		case "text":
			text += b.Text
		default:
			calls[b.ID] = b.Text
		}
	}
	if thinking != p.thinking || unspaced(text) != unspaced(p.text) || len(calls) != len(p.calls) {
		t.Fatalf("seed %d: thinking %q, text %q, %d calls; want %q, %q, %d", seed, thinking, text, len(calls), p.thinking, p.text, len(p.calls))
	}
	for _, c := range p.calls {
		if calls[c.id] != c.args {
			t.Fatalf("seed %d: input of %s is %s, want %s", seed, c.id, calls[c.id], c.args)
		}
	}
}

// unspaced leaves out white space, of which a text that has nothing else is not written.
func unspaced(s string) string { return strings.Join(strings.Fields(s), "") }

// TestArgumentsOfMegabytesTakeTimeInProportion reads an input of two megabytes at once, and in
// pieces of one byte: a decoder that looked at all of it with each piece would not come to an end.
func TestArgumentsOfMegabytesTakeTimeInProportion(t *testing.T) {
	args := `{"text":"` + strings.Repeat(`0123456`, 300_000) + `"}`
	for _, n := range []int{len(args), 1} {
		w := translate.NewWriter(translate.Opening{ID: "msg_1"}, false)
		d := Chat{}.Stream(&translate.Reply{}, w)
		for rest := args; rest != ""; rest = rest[n:] {
			raw, err := json.Marshal(rest[:n])
			if err != nil {
				t.Fatal(err)
			}
			name := ""
			if len(rest) == len(args) {
				name = `"name":"Write",`
			}
			d.Feed([]byte(`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{` + name + `"arguments":`))
			d.Feed(append(raw, "}}]}}]}\n\n"...))
		}
		d.Feed([]byte(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n"))
		if err := d.End(io.EOF); err != nil || !strings.Contains(string(w.Take()), args) {
			t.Fatalf("in pieces of %d: %v", n, err)
		}
	}
}

// TestStreamThatHasNoEndIsGivenUp holds back what a provider could fill the memory with.
func TestStreamThatHasNoEndIsGivenUp(t *testing.T) {
	quarter := strings.Repeat("x", 256<<10)
	piece := func(index int) string {
		return fmt.Sprintf(`data: {"choices":[{"delta":{"tool_calls":[{"index":%d,"function":{"name":"Write","arguments":"%s"}}]}}]}`+"\n\n", index, quarter)
	}
	for name, next := range map[string]func(i int) string{
		"a line":        func(int) string { return quarter },
		"an event":      func(int) string { return "data: " + quarter + "\n" },
		"a call behind": func(i int) string { return piece(min(i, 1)) },
		"a call unnamed": func(int) string {
			return `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"` + quarter + `"}}]}}]}` + "\n\n"
		},
		"comments, harmless": func(i int) string {
			if i == 400 {
				return "data: [DONE]\n\n"
			}
			return ": " + quarter + "\n\n"
		},
	} {
		w := translate.NewWriter(translate.Opening{ID: "msg_1"}, true)
		d := Chat{}.Stream(&translate.Reply{Stream: true}, w)
		for i := 0; !w.Ended(); i++ {
			if i > 1000 {
				t.Fatalf("%s: 250 MB were taken", name)
			}
			d.Feed([]byte(next(i)))
			w.Take()
		}
	}
}
