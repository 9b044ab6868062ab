package openai

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"prism/internal/translate"
	"prism/internal/translate/translatetest"
)

// scriptedItem is an item of an answer: the events that tell of it, and the blocks it becomes.
type scriptedItem struct {
	events []map[string]any
	want   []translatetest.Block
}

// TestResponsesItemsKeepTheirOrderHoweverTheyInterleave mixes the events of a few items at random.
// The blocks must be those of the items, whole and in the order in which they began.
func TestResponsesItemsKeepTheirOrderHoweverTheyInterleave(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		items := make([]scriptedItem, 1+r.IntN(6))
		for i := range items {
			items[i] = scriptItem(r, i)
		}
		events := interleave(r, items)
		out := readResponses(t, events)
		for i, e := range events { // so none is like the one before
			events[i] = maps.Clone(e)
			events[i]["a"] = i
		}
		if want := readResponses(t, events); out != want {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, out, want)
		}
		answer, err := translatetest.Check(out)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var want []translatetest.Block
		for _, it := range items {
			want = append(want, it.want...)
		}
		if got := fmt.Sprint(answer.Blocks); got != fmt.Sprint(want) || !answer.Complete {
			t.Fatalf("seed %d:\n got %s\nwant %v", seed, got, want)
		}
	}
}

func scriptItem(r *rand.Rand, i int) scriptedItem {
	id := fmt.Sprintf("item_%d", i)
	ev := func(typ string, more map[string]any) map[string]any {
		e := map[string]any{"type": "response." + typ, "output_index": i}
		maps.Copy(e, more)
		return e
	}
	item := func(typ string, more map[string]any) map[string]any {
		e := map[string]any{"type": typ, "id": id}
		maps.Copy(e, more)
		return map[string]any{"item": e}
	}
	pieces := []string{"{\"a\"", ":", "\"ü\"", "}"}[:r.IntN(5)]
	whole := strings.Join(pieces, "")
	var s scriptedItem
	deltas := func(typ string) {
		if r.IntN(3) > 0 { // else they come at the end only
			for _, p := range pieces {
				s.events = append(s.events, ev(typ, map[string]any{"delta": p}))
			}
		}
	}
	switch r.IntN(4) {
	case 0:
		s.events = append(s.events, ev("output_item.added", item("message", nil)))
		deltas("output_text.delta")
		s.events = append(s.events, ev("output_item.done", item("message", map[string]any{"content": []any{map[string]any{"type": "output_text", "text": whole}}})))
		if whole != "" {
			s.want = []translatetest.Block{{Type: "text", Text: whole}}
		}
	case 1:
		s.events = append(s.events, ev("output_item.added", item("reasoning", nil)))
		deltas("reasoning_summary_text.delta")
		s.events = append(s.events, ev("output_item.done", item("reasoning", map[string]any{
			"summary": []any{map[string]any{"type": "summary_text", "text": whole}}, "encrypted_content": id,
		})))
		e := translate.Envelope{Provider: "acme", Kind: translate.KindEncrypted, Payload: id}
		s.want = []translatetest.Block{{Type: "thinking", Text: whole, Signature: e.String()}}
	case 2:
		s.events = append(s.events, ev("output_item.added", item("web_search_call", nil)))
		deltas("web_search_call.searching")
		s.events = append(s.events, ev("output_item.done", item("web_search_call", map[string]any{"action": map[string]any{"type": "search", "query": id}})))
		s.want = []translatetest.Block{
			{Type: "server_tool_use", ID: "srvtoolu_" + id, Name: "web_search", Text: `{"query":"` + id + `"}`}, {Type: "web_search_tool_result"},
		}
	default:
		call := map[string]any{"call_id": "call_" + id, "name": "Tool"}
		s.events = append(s.events, ev("output_item.added", item("function_call", call)))
		deltas("function_call_arguments.delta")
		call["arguments"] = whole
		s.events = append(s.events, ev("output_item.done", item("function_call", call)))
		if whole == "" {
			whole = "{}"
		}
		s.want = []translatetest.Block{{Type: "tool_use", ID: "call_" + id, Name: "Tool", Text: whole}}
	}
	return s
}

// interleave mixes the events; items begin in their order.
func interleave(r *rand.Rand, items []scriptedItem) []map[string]any {
	var out []map[string]any
	begun := 0
	next := make([]int, len(items))
	for {
		var open []int
		for i := range begun {
			if next[i] < len(items[i].events) {
				open = append(open, i)
			}
		}
		if begun < len(items) && (len(open) == 0 || r.IntN(3) == 0) {
			out = append(out, items[begun].events[0])
			next[begun] = 1
			begun++
			continue
		}
		if len(open) == 0 {
			return append(out, map[string]any{"type": "response.completed", "response": map[string]any{"status": "completed"}})
		}
		i := open[r.IntN(len(open))]
		out = append(out, items[i].events[next[i]])
		next[i]++
	}
}

// readResponses translates a stream of events.
func readResponses(t testing.TB, events []map[string]any) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("data: " + string(raw) + "\n\n")
	}
	o := read([]string{b.String()}, translate.Reply{Provider: "acme", Stream: true}, Responses{}.Stream)
	return o.out
}
