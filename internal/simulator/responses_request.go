package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// responsesBody is a request of the Responses API as far as it is decoded.
type responsesBody struct {
	Instructions    string            `json:"instructions"`
	Input           json.RawMessage   `json:"input"`
	Tools           []json.RawMessage `json:"tools"`
	ToolChoice      json.RawMessage   `json:"tool_choice"`
	Store           *bool             `json:"store"`
	Include         []string          `json:"include"`
	MaxOutputTokens *int              `json:"max_output_tokens"`
	Parallel        *bool             `json:"parallel_tool_calls"`
	CacheKey        string            `json:"prompt_cache_key"`
	Reasoning       struct {
		Effort string `json:"effort"`
	} `json:"reasoning"`
	Text struct {
		Format struct {
			Type   string          `json:"type"`
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"text"`
}

// responsesItem is one entry of input.
type responsesItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments *string         `json:"arguments"`
	Output    json.RawMessage `json:"output"`
	Summary   []chatPart      `json:"summary"`
	Encrypted *string         `json:"encrypted_content"`
}

// responsesTool is a function that is offered.
type responsesTool struct {
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Parameters json.RawMessage `json:"parameters"`
	Strict     bool            `json:"strict"`
}

const wantsEncrypted = "reasoning.encrypted_content"

func (responsesFace) read(r *Request) error {
	var w responsesBody
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return fmt.Errorf("decode request body: %w", err)
	}
	r.System, r.Effort, r.OutputFormat = w.Instructions, w.Reasoning.Effort, w.Text.Format.Type
	r.ToolChoice, r.reportsUsage, r.encrypts = choice(w.ToolChoice), true, slices.Contains(w.Include, wantsEncrypted)
	if w.MaxOutputTokens != nil {
		r.MaxTokens = *w.MaxOutputTokens
	}
	if r.SessionID == "" {
		r.SessionID = w.CacheKey
	}
	for _, raw := range w.Tools {
		var t responsesTool
		if json.Unmarshal(raw, &t) == nil {
			r.Tools = append(r.Tools, Tool{Type: t.Type, Name: t.Name})
		}
	}
	items, err := w.items()
	if err != nil {
		return err
	}
	h := history{r: r}
	for i := range items {
		role, block := items[i].block()
		h.message(role, []wireBlock{block})
	}
	h.end()
	return nil
}

// items returns the input as a list; text is a user's message.
func (w *responsesBody) items() ([]responsesItem, error) {
	if strings.HasPrefix(string(w.Input), `"`) {
		return []responsesItem{{Type: "message", Role: "user", Content: w.Input}}, nil
	}
	var list []responsesItem
	if len(w.Input) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(w.Input, &list); err != nil {
		return nil, fmt.Errorf("decode input: %w", err)
	}
	for i := range list {
		if list[i].Type == "" && list[i].Role != "" {
			list[i].Type = "message"
		}
	}
	return list, nil
}

// block returns an item as a block of the Messages API, and whose it is.
func (it *responsesItem) block() (role string, b wireBlock) {
	switch it.Type {
	case "function_call":
		input := json.RawMessage("{}")
		if it.Arguments != nil {
			input = json.RawMessage(*it.Arguments)
		}
		return "assistant", wireBlock{Type: "tool_use", ID: it.CallID, Name: it.Name, Input: input}
	case "function_call_output":
		content, _ := json.Marshal(partsText(it.Output)) // of a string: it cannot fail
		return "user", wireBlock{Type: "tool_result", ToolUseID: it.CallID, Content: content}
	case "reasoning":
		var texts []string
		for _, p := range it.Summary {
			texts = append(texts, p.Text)
		}
		b := wireBlock{Type: "thinking", Thinking: strings.Join(texts, "\n\n")}
		if it.Encrypted != nil {
			b.Signature = *it.Encrypted
		}
		return "assistant", b
	}
	return it.Role, wireBlock{Type: "text", Text: partsText(it.Content)}
}
