package translate

import (
	"bytes"
	"encoding/json"
	"slices"
)

// The shapes below are what is written. They have every key that the API's document demands;
// null stands where there is nothing to say.

type message struct {
	ID           string    `json:"id"`
	Type         string    `json:"type"`
	Role         string    `json:"role"`
	Model        string    `json:"model"`
	Content      []any     `json:"content"`
	StopReason   *string   `json:"stop_reason"`
	StopSequence *string   `json:"stop_sequence"`
	StopDetails  *struct{} `json:"stop_details"`
	Container    *struct{} `json:"container"`
	Diagnostics  *struct{} `json:"diagnostics"`
	Usage        usage     `json:"usage"`
}

type usage struct {
	Input         int64          `json:"input_tokens"`
	CacheWrite    int64          `json:"cache_creation_input_tokens"`
	CacheRead     int64          `json:"cache_read_input_tokens"`
	CacheCreation *struct{}      `json:"cache_creation"`
	Output        int64          `json:"output_tokens"`
	Details       *outputDetails `json:"output_tokens_details"`
	ServerTools   *serverTools   `json:"server_tool_use"`
	ServiceTier   *string        `json:"service_tier"`
	Speed         *string        `json:"speed"`
	InferenceGeo  *string        `json:"inference_geo"`
}

type outputDetails struct {
	Thinking int64 `json:"thinking_tokens"`
}

type deltaUsage struct {
	Input       int64          `json:"input_tokens"`
	CacheWrite  int64          `json:"cache_creation_input_tokens"`
	CacheRead   int64          `json:"cache_read_input_tokens"`
	Output      int64          `json:"output_tokens"`
	Details     *outputDetails `json:"output_tokens_details"`
	ServerTools *serverTools   `json:"server_tool_use"`
}

func messageStart(o *Opening) any {
	return struct {
		Type    string  `json:"type"`
		Message message `json:"message"`
	}{"message_start", message{
		ID: o.ID, Type: "message", Role: "assistant", Model: o.Model, Content: []any{},
		Usage: usage{Input: max(o.Prompt, 0), Output: 1},
	}}
}

// parts splits what a provider reports: prompt tokens that include the cached ones.
func (u Usage) parts() (input, read, write, output int64, details *outputDetails) {
	prompt := max(u.Prompt, 0)
	read = min(max(u.CacheRead, 0), prompt)
	write = min(max(u.CacheWrite, 0), prompt-read)
	if u.Reasoning >= 0 {
		details = &outputDetails{min(u.Reasoning, max(u.Output, 0))}
	}
	return prompt - read - write, read, write, max(u.Output, 0), details
}

func messageDelta(reason, sequence string, u Usage, served *serverTools) any {
	type delta struct {
		StopReason   string    `json:"stop_reason"`
		StopSequence *string   `json:"stop_sequence"`
		StopDetails  *struct{} `json:"stop_details"`
		Container    *struct{} `json:"container"`
	}
	in, read, write, out, details := u.parts()
	return struct {
		Type  string     `json:"type"`
		Delta delta      `json:"delta"`
		Usage deltaUsage `json:"usage"`
	}{"message_delta", delta{StopReason: reason, StopSequence: text(sequence)}, deltaUsage{in, write, read, out, details, served}}
}

type textBlock struct {
	Type      string    `json:"type"`
	Text      string    `json:"text"`
	Citations *struct{} `json:"citations"`
}

type thinkingBlock struct {
	Type      string `json:"type"`
	Thinking  string `json:"thinking"`
	Signature string `json:"signature"`
}

type toolBlock struct {
	Type   string          `json:"type"`
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Input  json.RawMessage `json:"input"`
	Caller caller          `json:"caller"`
}

type caller struct {
	Type string `json:"type"`
}

func blockStart(b *block) any {
	return struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Block any    `json:"content_block"`
	}{"content_block_start", b.index, b.content("", "", json.RawMessage("{}"))}
}

func (b *block) content(text, signature string, input json.RawMessage) any {
	switch b.kind {
	case blockThinking:
		return thinkingBlock{"thinking", text, signature}
	case blockTool:
		return toolBlock{"tool_use", b.id, b.name, input, caller{"direct"}}
	case blockSearch:
		return toolBlock{"server_tool_use", b.id, b.name, input, caller{"direct"}}
	case blockFound:
		return b.whole
	default:
		return textBlock{Type: "text", Text: text}
	}
}

// message renders the body of an answer that is not a stream.
func (w *Writer) message(u Usage) any {
	reason := w.stopReason()
	m := message{
		ID: w.open.ID, Type: "message", Role: "assistant", Model: w.open.Model, Content: make([]any, 0, len(w.done)),
		StopReason: &reason, StopSequence: text(w.sequence),
	}
	in, read, write, out, details := u.parts()
	m.Usage = usage{Input: in, CacheRead: read, CacheWrite: write, Output: out, Details: details, ServerTools: w.served()}
	for _, b := range w.done {
		m.Content = append(m.Content, b.content(b.text.String(), b.signature, w.input(b)))
	}
	return m
}

// input is the input of a tool call, which must be an object.
func (w *Writer) input(b *block) json.RawMessage {
	switch {
	case b.kind != blockTool && b.kind != blockSearch:
		return nil
	case w.cut():
		return Unmended(b.text.String())
	}
	return Object(b.text.String())
}

// Object returns s where it is a JSON object, else one that is made of it: what a model has left
// open is closed, and what cannot be mended is left to [Unmended].
func Object(s string) json.RawMessage {
	raw := valid(s)
	if len(raw) > 0 && !json.Valid(raw) {
		if mended := mend(raw); mended != nil {
			return mended
		}
	}
	return Unmended(s)
}

// Unmended returns s where it is a JSON object, else one in which it stands under one name, so that
// the tool's own checks report it. Nothing is an object without members.
func Unmended(s string) json.RawMessage {
	raw := valid(s)
	switch {
	case len(raw) == 0:
		return json.RawMessage("{}")
	case raw[0] == '{' && json.Valid(raw):
		return raw
	}
	return appendJSON(nil, struct {
		Raw string `json:"raw_arguments"`
	}{s})
}

// valid is s without white space around it, as UTF-8.
func valid(s string) []byte {
	return bytes.TrimSpace(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")))
}

// mend closes the strings and brackets of an object that ends too early; nil = that was not all.
func mend(raw []byte) json.RawMessage {
	if raw[0] != '{' {
		return nil
	}
	var open []byte
	quoted, escaped := false, false
	for _, c := range raw {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case (c == '}' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	out := bytes.Clone(raw)
	if quoted {
		if escaped {
			out = out[:len(out)-1]
		}
		out = append(out, '"')
	}
	for _, c := range slices.Backward(open) {
		out = append(out, c)
	}
	if !json.Valid(out) {
		return nil
	}
	return out
}

type errorShape struct {
	Type      string      `json:"type"`
	Error     errorDetail `json:"error"`
	RequestID *string     `json:"request_id"`
}

type errorDetail struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func errorBody(typ, message string) any {
	return errorShape{Type: "error", Error: errorDetail{typ, message}}
}

// Body renders f as the Messages API does.
func (f *Failure) Body() []byte { return appendJSON(nil, errorBody(f.Type, f.Message)) }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
