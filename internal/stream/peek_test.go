package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// request is a small body in the shape that Claude Code sends.
const request = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":[{"type":"text","text":"say \"model\": \"x\" \\",` +
	`"cache_control":{"type":"ephemeral"}}]},{"role":"system","content":"s"}],"system":[{"type":"text","text":"{[","cache_control":{"type":"ephemeral"}}],` +
	`"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{"model":{"type":"string"},"stream":{"type":"boolean"}}}}],` +
	`"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed\"}"},` +
	`"max_tokens":128000,"thinking":{"type":"adaptive"},"output_config":{"effort":"medium"},"stream":true}`

func TestPeekFindsWhatDecidesTheRoute(t *testing.T) {
	r, err := Peek([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	want := Request{
		Model: "claude-opus-5-5", ModelStart: 9, ModelEnd: 26, Stream: true, HasStream: true, MaxTokens: 128000,
		Messages: Span{38, 185},
		UserID:   `{"device_id":"d","account_uuid":"","session_id":"1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"}`,
		CacheTTL: "5m",
	}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
}

func TestPeekOfOddBodies(t *testing.T) {
	tests := []struct {
		name, body string
		want       Request
		err        error
	}{
		{"empty object", ` { } `, Request{MaxTokens: u}, nil},
		{"model last, spaces", "{ \"a\" : [ 1 , {} ] ,\n\"model\" : \"m\" }", Request{Model: "m", ModelStart: 31, ModelEnd: 34, MaxTokens: u}, nil},
		{"escaped model", `{"model":"m\u0031\"\/"}`, Request{Model: `m1"/`, ModelStart: 9, ModelEnd: 22, MaxTokens: u}, nil},
		{"every escape", `{"model":"\"\\\/\b\f\n\r\t"}`, Request{Model: "\"\\/\b\f\n\r\t", ModelStart: 9, ModelEnd: 27, MaxTokens: u}, nil},
		{"surrogates", `{"model":"\ud83d\ude42"}`, Request{Model: "🙂", ModelStart: 9, ModelEnd: 23, MaxTokens: u}, nil},
		{"escaped key", `{"mod\u0065l":"m"}`, Request{Model: "m", ModelStart: 14, ModelEnd: 17, MaxTokens: u}, nil},
		{"model is no text", `{"model":7,"max_tokens":"9"}`, Request{MaxTokens: u}, nil},
		{"case matters", `{"Model":"m","STREAM":true}`, Request{MaxTokens: u}, nil},
		{"stream false", `{"stream":false}`, Request{HasStream: true, MaxTokens: u}, nil},
		{"stream null", `{"stream":null,"max_tokens":-1}`, Request{MaxTokens: u}, nil},
		{"stream text", `{"stream":"true","max_tokens":0}`, Request{MaxTokens: 0}, nil},
		{"no user", `{"metadata":{},"max_tokens":1}`, Request{MaxTokens: 1}, nil},
		{"user is no text", `{"metadata":{"user_id":{}}}`, Request{MaxTokens: u}, nil},
		{"metadata is no object", `{"metadata":[{"user_id":"x"}]}`, Request{MaxTokens: u}, nil},
		{"model in a value only", `{"a":{"model":"x","stream":true},"b":"\"model\":\"x\""}`, Request{MaxTokens: u}, nil},
		{"ttl 1h", `{"a":[{"cache_control":{"type":"ephemeral","ttl":"1h"}}]}`, Request{MaxTokens: u, CacheTTL: "1h"}, nil},
		{"ttl both", `{"a":[{"cache_control" : {"ttl":"1h","type":"ephemeral","scope":"global"}},{"cache_control":{"type":"ephemeral","ttl":"5m"}}]}`, Request{MaxTokens: u, CacheTTL: "mixed"}, nil},
		{"ttl at the top", `{"cache_control":{"type":"ephemeral","ttl":"1h"}}`, Request{MaxTokens: u, CacheTTL: "1h"}, nil},
		{"no mark", `{"a":{"cache_control":null,"b":{"cache_control":{"type":"object","ttl":"1h"}},"c":"cache_control","d":["cache_control",{"type":"ephemeral"}]}}`, Request{MaxTokens: u}, nil},
		{"mark cut off", `{"a":{"cache_control":{"type":"eph`, Request{}, ErrSyntax},
		{"model twice", `{"model":"a","model":"a"}`, Request{}, ErrDuplicate},
		{"model twice, one hidden", `{"model":"a","\u006dodel":"b"}`, Request{}, ErrDuplicate},
		{"model twice, one no text", `{"model":null,"model":"b"}`, Request{}, ErrDuplicate},
		{"stream twice", `{"stream":true,"x":{},"stream":false}`, Request{}, ErrDuplicate},
		{"nothing", ``, Request{}, ErrNotObject},
		{"array", `[{"model":"a"}]`, Request{}, ErrNotObject},
		{"text", `"model"`, Request{}, ErrNotObject},
		{"cut", request[:len(request)-1], Request{}, ErrSyntax},
		{"cut in a string", request[:40], Request{}, ErrSyntax},
		{"two objects", `{}{"model":"a"}`, Request{}, ErrSyntax},
		{"no comma", `{"a":1"model":"m"}`, Request{}, ErrSyntax},
		{"trailing comma", `{"a":1,}`, Request{}, ErrSyntax},
		{"no colon", `{"model" "m"}`, Request{}, ErrSyntax},
		{"no value", `{"model":}`, Request{}, ErrSyntax},
		{"word", `{"stream":yes}`, Request{}, ErrSyntax},
		{"bad escape", `{"model":"\x"}`, Request{}, ErrSyntax},
		{"deep", `{"a":` + strings.Repeat("[", 1<<20), Request{}, ErrSyntax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Peek([]byte(tt.body))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got  %+v, %v\nwant %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestSessionIsFoundInTheUserID(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"device_id":"d","account_uuid":"","session_id":"1b9d"}`, "1b9d"},
		{`{"session_id":7}`, ""},
		{`{"device_id":"d"}`, ""},
		{`{"session_id":"1b9d"`, "1b9d"},
		{`user_ab12_account__session_1b9d`, "1b9d"},
		{`someone`, ""},
		{``, ""},
	}
	for _, tt := range tests {
		if got := SessionFromUserID(tt.in); got != tt.want {
			t.Errorf("%s: session %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestErrorEventIsOneEventOfTheProvidersShape(t *testing.T) {
	const message = "prism: upstream \"work\"\r\n\r\ndata: closed & <gone> \xff"
	got := readAll(string(AppendError([]byte("data: x\n\n"), "api_error", message)))
	if len(got) != 2 || got[1].name != "error" {
		t.Fatalf("events %q", got)
	}
	var body struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal([]byte(got[1].data), &body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "error" || body.Error.Type != "api_error" || body.Error.Message != strings.ToValidUTF8(message, "\uFFFD") {
		t.Errorf("body %+v", body)
	}
}

// topLevel reads the members of a valid object with encoding/json: the number of times each
// key occurs, and the last value of each.
func topLevel(t *testing.T, body []byte) (map[string]int, map[string]json.RawMessage) {
	t.Helper()
	count, values := map[string]int{}, map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		count[key.(string)]++
		values[key.(string)] = v
	}
	return count, values
}

func FuzzPeek(f *testing.F) {
	f.Add([]byte(request))
	f.Add([]byte(`{"\u006dodel":"a\ud800","model":1,"stream":null,"max_tokens":1e3,"metadata":{"user_id":"a"}}`))
	for _, body := range bodies() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Peek(body)
		if !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
			if err == nil && r.ModelEnd > 0 && body[r.ModelStart] != '"' {
				t.Fatalf("span of the model is %q", body[r.ModelStart:r.ModelEnd])
			}
			return
		}
		count, values := topLevel(t, body)
		if count["model"] > 1 || count["stream"] > 1 {
			if !errors.Is(err, ErrDuplicate) {
				t.Fatalf("error %v, want ErrDuplicate", err)
			}
			return
		}
		if err != nil {
			t.Fatalf("valid object: %v", err)
		}
		want := Request{MaxTokens: Unknown, CacheTTL: r.CacheTTL, ModelStart: r.ModelStart, ModelEnd: r.ModelEnd, Messages: r.Messages}
		_ = json.Unmarshal(values["model"], &want.Model)
		want.HasStream = json.Unmarshal(values["stream"], &want.Stream) == nil && string(values["stream"]) != "null"
		var n int64
		if json.Unmarshal(values["max_tokens"], &n) == nil && n >= 0 && string(values["max_tokens"]) != "null" {
			want.MaxTokens = Count(n)
		}
		want.UserID = r.UserID // a duplicate user_id is not prism's business
		if r != want {
			t.Fatalf("got  %+v\nwant %+v", r, want)
		}
		if got := body[r.Messages.Start:r.Messages.End]; !bytes.Equal(got, values["messages"]) {
			t.Fatalf("span of the messages is %q, want %q", got, values["messages"])
		}
		if r.ModelEnd > 0 && string(body[r.ModelStart:r.ModelEnd]) != string(values["model"]) {
			t.Fatalf("span of the model is %q, want %q", body[r.ModelStart:r.ModelEnd], values["model"])
		}
	})
}
