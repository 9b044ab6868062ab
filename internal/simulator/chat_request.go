package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// chatBody is a request of Chat Completions as far as it is decoded.
type chatBody struct {
	Messages            []json.RawMessage `json:"messages"`
	Tools               []json.RawMessage `json:"tools"`
	ToolChoice          json.RawMessage   `json:"tool_choice"`
	Stream              bool              `json:"stream"`
	StreamOptions       *streamOptions    `json:"stream_options"`
	MaxTokens           *int              `json:"max_tokens"`
	MaxCompletionTokens *int              `json:"max_completion_tokens"`
	Stop                json.RawMessage   `json:"stop"`
	Effort              string            `json:"reasoning_effort"`
	Temperature         json.Number       `json:"temperature"`
	Parallel            *bool             `json:"parallel_tool_calls"`
	CacheKey            string            `json:"prompt_cache_key"`
	Format              struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"json_schema"`
	} `json:"response_format"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// chatMessage is one entry of messages.
type chatMessage struct {
	Role             string          `json:"role"`
	Content          json.RawMessage `json:"content"`
	ToolCalls        []chatCall      `json:"tool_calls"`
	ToolCallID       string          `json:"tool_call_id"`
	ReasoningContent *string         `json:"reasoning_content"`
	Reasoning        *string         `json:"reasoning"`
	Details          json.RawMessage `json:"reasoning_details"`

	raw json.RawMessage
}

type chatCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string  `json:"name"`
		Arguments *string `json:"arguments"`
	} `json:"function"`
}

// chatPart is one part of content.
type chatPart struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	ImageURL json.RawMessage `json:"image_url"`
}

type chatTool struct {
	Type     string          `json:"type"`
	Function json.RawMessage `json:"function"`
}

type chatFunction struct {
	Name       string          `json:"name"`
	Parameters json.RawMessage `json:"parameters"`
	Strict     bool            `json:"strict"`
}

func (chatFace) read(r *Request) error {
	var w chatBody
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return fmt.Errorf("decode request body: %w", err)
	}
	r.Effort, r.OutputFormat, r.StopSequences = w.Effort, w.Format.Type, stops(w.Stop)
	r.reportsUsage = w.StreamOptions != nil && w.StreamOptions.IncludeUsage
	r.ToolChoice = choice(w.ToolChoice)
	if w.MaxCompletionTokens != nil {
		r.MaxTokens = *w.MaxCompletionTokens
	}
	if r.SessionID == "" {
		r.SessionID = w.CacheKey
	}
	for _, raw := range w.Tools {
		var t chatTool
		var f chatFunction
		if json.Unmarshal(raw, &t) == nil && json.Unmarshal(t.Function, &f) == nil {
			r.Tools = append(r.Tools, Tool{Type: t.Type, Name: f.Name})
		}
	}
	h := history{r: r}
	for i, raw := range w.Messages {
		var m chatMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("decode messages[%d]: %w", i, err)
		}
		h.message(m.Role, m.blocks())
	}
	h.end()
	return nil
}

// blocks returns a message as blocks of the Messages API.
func (m *chatMessage) blocks() []wireBlock {
	text := wireBlock{Type: "text", Text: partsText(m.Content)}
	if m.Role == "tool" {
		content, _ := json.Marshal(text.Text) // of a string: it cannot fail
		return []wireBlock{{Type: "tool_result", ToolUseID: m.ToolCallID, Content: content}}
	}
	var list []wireBlock
	for _, s := range []*string{m.ReasoningContent, m.Reasoning} {
		if s != nil {
			list = append(list, wireBlock{Type: "thinking", Thinking: *s})
		}
	}
	if text.Text != "" {
		list = append(list, text)
	}
	for _, c := range m.ToolCalls {
		input := json.RawMessage("{}")
		if c.Function.Arguments != nil {
			input = json.RawMessage(*c.Function.Arguments)
		}
		list = append(list, wireBlock{Type: "tool_use", ID: c.ID, Name: c.Function.Name, Input: input})
	}
	return list
}

// partsText returns the text of content: a string, or the text parts of a list.
func partsText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []chatPart
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	var texts []string
	for _, p := range parts {
		if p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// stops returns the stop sequences of a string or a list.
func stops(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(raw, &list) // what is neither is refused elsewhere
	return list
}

// choice returns a tool choice as a word.
func choice(raw json.RawMessage) string {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return word
	}
	var object struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &object) // as above
	return object.Type
}

// history makes turns of the Messages API out of entries of other dialects: neighbours of one
// role are one turn there, and the results of tools are a user's.
type history struct {
	r    *Request
	role string
	open []wireBlock
}

// message takes the next entry.
func (h *history) message(role string, list []wireBlock) {
	switch role {
	case "tool":
		role = "user"
	case "system", "developer":
		if h.role == "" && len(h.r.Messages) == 0 {
			var texts []string
			if h.r.System != "" {
				texts = append(texts, h.r.System)
			}
			for _, b := range list {
				texts = append(texts, b.Text)
			}
			h.r.System = strings.Join(texts, "\n")
			return
		}
		role = "system"
	}
	if role != h.role {
		h.end()
	}
	h.role, h.open = role, append(h.open, list...)
}

// end closes the open turn.
func (h *history) end() {
	if h.role != "" {
		h.r.add(h.role, h.open)
	}
	h.role, h.open = "", nil
}
