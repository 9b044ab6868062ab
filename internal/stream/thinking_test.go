package stream

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"testing"
)

// cutThinking cuts every thinking block of body whose signature is not one of own.
func cutThinking(t testing.TB, body string, own ...string) (string, *Cut) {
	t.Helper()
	r, err := Peek([]byte(body))
	if err != nil {
		t.Fatalf("peek: %v", err)
	}
	seed := maphash.MakeSeed()
	kept := map[Signature]bool{}
	for _, s := range signedBy(seed, own...) {
		kept[s] = true
	}
	c, ok := FindThinking([]byte(body), &r, seed, func(s Signature) bool { return !kept[s] })
	if !ok {
		return body, nil
	}
	out := c.Append(nil, []byte(body))
	if len(out) != c.Size([]byte(body)) {
		t.Errorf("size %d, but %d bytes", c.Size([]byte(body)), len(out))
	}
	if r.ModelEnd > 0 {
		if got, want := string(out[c.Shift(r.ModelStart):c.Shift(r.ModelEnd)]), body[r.ModelStart:r.ModelEnd]; got != want {
			t.Errorf("the model stands at %q, want %q", got, want)
		}
	}
	return string(out), &c
}

func TestOnlyForeignThinkingIsCut(t *testing.T) {
	const (
		user   = `{"role":"user","content":"hi"}`
		system = `{"role":"system","content":"rules"}`
		own    = `{"type":"thinking","thinking":"mine","signature":"own"}`
		alien  = `{"type":"thinking","thinking":"\"theirs\"]}","signature":"alien"}`
		hidden = `{"type":"redacted_thinking","data":"xyz"}`
		bare   = `{"thinking":"","type":"thinking"}`
		text   = `{"type":"text","text":"[ {\"type\":\"thinking\"} ,"}`
		tool   = `{"type":"tool_use","id":"t1","name":"Bash","input":{"type":"thinking","signature":"alien"}}`
	)
	said := func(blocks ...string) string {
		return `{"role":"assistant","content":[` + strings.Join(blocks, ", ") + `]}`
	}
	body := func(messages ...string) string {
		return `{"messages":[` + strings.Join(messages, ", ") + `] , "model":"m","stream":true}`
	}
	tests := []struct {
		name, in, want string // want "" = nothing is cut
	}{
		{"first", body(user, said(alien, text)), body(user, said(text))},
		{"last", body(user, said(text, alien)), body(user, said(text))},
		{"middle", body(user, said(text, alien, hidden, tool)), body(user, said(text, tool))},
		{"both ends", body(user, said(alien, text, bare)), body(user, said(text))},
		{"several messages", body(user, said(alien, text), user, said(own, tool), user, said(hidden, tool)), body(user, said(text), user, said(own, tool), user, said(tool))},
		{"own stays", body(user, said(own, alien, text)), body(user, said(own, text))},
		{"an empty message goes", body(user, said(alien), user), body(user, user)},
		{"an empty message at the end goes", body(user, said(alien, hidden)), body(user)},
		{"two empty messages go", body(user, said(alien), user, said(hidden), user), body(user, user, user)},
		{"system stays before the assistant", body(user, system, said(alien, text), user), body(user, system, said(text), user)},
		{"system may be last", body(user, system, said(alien)), body(user, system)},
		{"system before a user is no conversation", body(user, system, said(alien), user), ""},
		{"system first is no conversation", body(said(alien), system, said(text)), ""},
		{"nothing would be left", body(said(alien)), ""},
		{"only own", body(user, said(own, text)), ""},
		{"no thinking", body(user, said(text, tool)), ""},
		{"of a user", body(`{"role":"user","content":[` + alien + `]}`), ""},
		{"text content", body(user, `{"role":"assistant","content":"thinking"}`), ""},
		{"no messages", `{"model":"m"}`, ""},
		{"messages of another kind", `{"messages":{"a":1},"model":"m"}`, ""},
		{"odd messages", body(user, `7`), ""},
		{"empty messages", body(), ""},
		{"escaped words", body(user, `{"ro\u006ce":"assistant","content":[{"typ\u0065":"think\u0069ng","signature":"alien"},`+text+`]}`), body(user, `{"ro\u006ce":"assistant","content":[`+text+`]}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, c := cutThinking(t, tt.in, "own")
			switch {
			case tt.want == "" && c != nil:
				t.Errorf("cut to %s", got)
			case tt.want != "" && got != tt.want:
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsCutIsToldInItsOrder(t *testing.T) {
	body := `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","signature":"a"},{"type":"redacted_thinking","data":"b"},{"type":"thinking","thinking":""},{"type":"text","text":"t"}]}]}`
	r, err := Peek([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	seed := maphash.MakeSeed()
	c, ok := FindThinking([]byte(body), &r, seed, func(Signature) bool { return true })
	if want := append(signedBy(seed, "a", "b"), 0); !ok || !reflect.DeepEqual(c.Signatures, want) {
		t.Errorf("%v, want %v", c.Signatures, want)
	}
}

// oracle cuts as FindThinking does, by decoding everything. The predicate is on the text.
func oracle(body []byte, foreign func(string) bool) (want map[string]any, ok bool) {
	if json.Unmarshal(body, &want) != nil {
		return nil, false
	}
	messages, isList := want["messages"].([]any)
	if !isList {
		return nil, false
	}
	var left []any
	cut, last, gone := 0, "", false
	for _, m := range messages {
		message, isObject := m.(map[string]any)
		if !isObject {
			return nil, false
		}
		role, _ := message["role"].(string)
		blocks, isList := message["content"].([]any)
		if role == "assistant" && isList {
			var rest []any
			for _, b := range blocks {
				if sig, thinking := signatureIn(b); thinking && foreign(sig) {
					cut++
				} else {
					rest = append(rest, b)
				}
			}
			if len(rest) == 0 && len(blocks) > 0 {
				gone = true
				continue
			}
			if len(blocks) > 0 {
				message["content"] = rest
			}
		}
		if gone && (len(left) == 0 && role == "system" || last == "system" && role == "user") {
			return nil, false
		}
		left, last, gone = append(left, message), role, false
	}
	want["messages"] = left
	return want, cut > 0 && len(left) > 0
}

func signatureIn(block any) (sig string, thinking bool) {
	b, ok := block.(map[string]any)
	if !ok {
		return "", false
	}
	switch b["type"] {
	case "thinking":
		sig, _ = b["signature"].(string)
		return sig, true
	case "redacted_thinking":
		sig, _ = b["data"].(string)
		return sig, true
	}
	return "", false
}

func FuzzFindThinking(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"a"},{"type":"text","text":"t"}]}]}`,
		`{"messages":[{"role":"user","content":[]},{"role":"assistant","content":[{"type":"text","text":"t"} , {"type":"redacted_thinking","data":"b"} ]},{"role":"system","content":"s"},{"role":"assistant","content":[{"type":"thinking","signature":"aa"}]},{"role":"user","content":"y"}],"model":"m"}`,
		`{"messages":[{"role":"assistant","content":[{"type":"thinking"}]},{"role":"user","content":1}],"messages":[]}`,
		`{"messages":[{"role":"assistant","content":[{"type":"thinking","type":"text"}],"content":"x"}]}`,
		`{"messages":[{"role":"assistant","content":[{"type":"thinking"}]},{"role":""}]}`,
		`{"messages":[{"role":"assistant","content":[{"type":"thinking"}]},{}]}`,
		`{"messages":[{"role":"user","content":0},{"role":"assistant","content":[{"type":"thinking","signature":"\ud800a"},[[]],null]}]}`,
	} {
		f.Add([]byte(s), byte(0))
		f.Add([]byte(s), byte(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, odd byte) {
		r, err := Peek(body)
		if err != nil {
			return
		}
		// A part of the signatures is foreign: by a bit of their hash, or all of them.
		seed := maphash.MakeSeed()
		of := func(s Signature) bool { return odd%2 == 0 || s%2 == 0 }
		c, ok := FindThinking(body, &r, seed, of)
		if !json.Valid(body) {
			return // whoever reads it has refused it for that
		}
		want, wantOK := oracle(body, func(s string) bool {
			if s == "" {
				return of(0)
			}
			return of(max(Signature(maphash.String(seed, s)), 1))
		})
		if ok != wantOK {
			t.Fatalf("cut: %v, the oracle: %v", ok, wantOK)
		}
		if !ok {
			return
		}
		out := c.Append(nil, body)
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s is no JSON: %v", out, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		if again, err := Peek(out); err != nil || again.Model != r.Model || again.ModelEnd > 0 && (again.ModelStart != c.Shift(r.ModelStart) || again.ModelEnd != c.Shift(r.ModelEnd)) {
			t.Fatalf("the model stands elsewhere: %+v, %v", again, err)
		}
	})
}

func BenchmarkFindThinking(b *testing.B) {
	var turns []string
	for i := range 400 {
		turns = append(turns, `{"role":"user","content":"`+prose(1500)+`"}`,
			fmt.Sprintf(`{"role":"assistant","content":[{"type":"thinking","thinking":"%s","signature":"%d%s"},{"type":"text","text":"%s"}]}`, prose(300), i, strings.Repeat("QmFzZTY0", 60), prose(300)))
	}
	body := []byte(`{"model":"m","messages":[` + strings.Join(turns, ",") + `]}`)
	r, err := Peek(body)
	if err != nil {
		b.Fatal(err)
	}
	seed := maphash.MakeSeed()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := FindThinking(body, &r, seed, func(s Signature) bool { return s%8 == 0 }); !ok {
			b.Fatal("nothing was cut")
		}
	}
}
