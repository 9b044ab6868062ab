package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Request is one request as a script sees it.
type Request struct {
	Method, Path, Query, Host string
	Operation                 string // see the Op constants
	Dialect                   string // see the Dialect constants
	Header                    http.Header
	Body                      []byte // not to be kept or changed

	Key                                 string // the credential, whichever header it came in
	SessionID, AgentID, ParentAgentID   string
	Model                               string
	Stream, HasStream                   bool
	MaxTokens                           int
	System                              string // the text of all system blocks, a line each
	Messages                            []Message
	Tools                               []Tool
	ToolChoice, Effort, OutputFormat    string
	StopSequences                       []string
	Thinking                            string // type of thinking: adaptive, enabled, disabled
	HasSafeguards, HasContextManagement bool

	Turns       int          // assistant messages so far
	Rounds      int          // user messages with tool results since the last prompt
	ToolResults []ToolResult // those of the last user message
	Prompt      string       // text of the last user message that is not a tool result

	reportsUsage bool // the usage is wanted in the stream of a chat
	encrypts     bool // encrypted reasoning is wanted
}

// Message is one entry of messages.
type Message struct {
	Role   string
	Blocks []Block
}

// Block is one content block of a message; string content is one text block.
type Block struct {
	Type, Text, ID, Name, Signature string
	Input                           json.RawMessage
}

// Tool is one entry of tools.
type Tool struct {
	Type, Name string
	Deferred   bool // defer_loading
}

// ToolResult is one tool_result block.
type ToolResult struct {
	ToolUseID, Text string
	IsError         bool
	References      []string // names in its tool_reference blocks
}

// Text returns the text of a message's blocks, a line each.
func (m *Message) Text() string {
	var texts []string
	for i := range m.Blocks {
		if m.Blocks[i].Text != "" {
			texts = append(texts, m.Blocks[i].Text)
		}
	}
	return strings.Join(texts, "\n")
}

// HasTool tells whether the request offers the tool of that name.
func (r *Request) HasTool(name string) bool {
	for i := range r.Tools {
		if r.Tools[i].Name == name {
			return true
		}
	}
	return false
}

// Signed returns the number of thinking blocks with a signature in the history.
func (r *Request) Signed() int {
	n := 0
	for i := range r.Messages {
		for j := range r.Messages[i].Blocks {
			if r.Messages[i].Blocks[j].Type == "thinking" && r.Messages[i].Blocks[j].Signature != "" {
				n++
			}
		}
	}
	return n
}

// IsWebSearch tells whether this is the client's separate request for a web search.
func (r *Request) IsWebSearch() bool {
	return len(r.Tools) == 1 && strings.HasPrefix(r.Tools[0].Type, "web_search_")
}

// IsTitle tells whether this is the client's request for a title: no tools, and an answer
// wanted in a JSON schema.
func (r *Request) IsTitle() bool {
	return len(r.Tools) == 0 && r.OutputFormat == "json_schema" && !r.IsClassifier()
}

// IsClassifier tells whether this is the client's own safety check of a tool call.
func (r *Request) IsClassifier() bool {
	for _, s := range r.StopSequences {
		if strings.Contains(s, "severity") {
			return true
		}
	}
	return false
}

// IsCompaction tells whether this asks for a summary of the conversation, by the client's hint
// header or by its wording.
func (r *Request) IsCompaction() bool {
	if class := r.Header.Get("X-Claude-Code-Request-Class"); class != "" {
		return class == "compaction"
	}
	return r.Turns > 0 && strings.Contains(r.Prompt, "detailed summary of the conversation")
}

// IsSubagent tells whether a subagent sent the request.
func (r *Request) IsSubagent() bool { return r.AgentID != "" }

// IsAuxiliary tells whether the request is none of a conversation's turns: a title, a web
// search, a safety check, the digest of a page.
func (r *Request) IsAuxiliary() bool {
	if class := r.Header.Get("X-Claude-Code-Request-Class"); class != "" {
		return class == "auxiliary"
	}
	return r.IsWebSearch() || r.IsClassifier() || r.IsTitle() || len(r.Tools) == 0 && r.SessionID != ""
}

// wireBody is a request body as far as it is decoded.
type wireBody struct {
	Messages   []wireMessage   `json:"messages"`
	System     json.RawMessage `json:"system"`
	Tools      []wireTool      `json:"tools"`
	ToolChoice struct {
		Type string `json:"type"`
	} `json:"tool_choice"`
	Thinking struct {
		Type string `json:"type"`
	} `json:"thinking"`
	OutputConfig struct {
		Effort string `json:"effort"`
		Format struct {
			Type string `json:"type"`
		} `json:"format"`
	} `json:"output_config"`
	StopSequences     []string        `json:"stop_sequences"`
	Safeguards        json.RawMessage `json:"safeguards"`
	ContextManagement json.RawMessage `json:"context_management"`
}

type wireTool struct {
	Type         string `json:"type"`
	Name         string `json:"name"`
	DeferLoading bool   `json:"defer_loading"`
}

type wireMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

type wireBlock struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	Thinking  string          `json:"thinking"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Signature string          `json:"signature"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	ToolName  string          `json:"tool_name"`
	IsError   bool            `json:"is_error"`
	Content   json.RawMessage `json:"content"`
}

// decode fills in what stands in the body.
func (r *Request) decode() error {
	var w wireBody
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return fmt.Errorf("decode request body: %w", err)
	}
	r.ToolChoice, r.Effort, r.OutputFormat = w.ToolChoice.Type, w.OutputConfig.Effort, w.OutputConfig.Format.Type
	r.Thinking, r.StopSequences = w.Thinking.Type, w.StopSequences
	r.HasSafeguards, r.HasContextManagement = len(w.Safeguards) > 0, len(w.ContextManagement) > 0
	for _, t := range w.Tools {
		r.Tools = append(r.Tools, Tool{Type: t.Type, Name: t.Name, Deferred: t.DeferLoading})
	}
	system, err := blocks(w.System)
	if err != nil {
		return fmt.Errorf("decode system: %w", err)
	}
	var lines []string
	for _, b := range system {
		lines = append(lines, b.Text)
	}
	r.System = strings.Join(lines, "\n")
	for i, m := range w.Messages {
		list, err := blocks(m.Content)
		if err != nil {
			return fmt.Errorf("decode messages.%d: %w", i, err)
		}
		r.add(m.Role, list)
	}
	return nil
}

// add takes one message into the history and the counters.
func (r *Request) add(role string, list []wireBlock) {
	m := Message{Role: role}
	var results []ToolResult
	for _, b := range list {
		out := Block{Type: b.Type, Text: b.Text + b.Thinking, ID: b.ID, Name: b.Name, Signature: b.Signature, Input: b.Input}
		if b.Type == "tool_result" {
			res := b.result()
			out.ID, out.Text = res.ToolUseID, res.Text
			results = append(results, res)
		}
		m.Blocks = append(m.Blocks, out)
	}
	r.Messages = append(r.Messages, m)
	switch {
	case role == "assistant":
		r.Turns++
	case role != "user":
	case len(results) > 0:
		r.Rounds++
		r.ToolResults = results
	default:
		r.Rounds, r.ToolResults, r.Prompt = 0, nil, m.Text()
	}
}

// result returns a tool_result block as a ToolResult.
func (b *wireBlock) result() ToolResult {
	res := ToolResult{ToolUseID: b.ToolUseID, IsError: b.IsError}
	inner, err := blocks(b.Content)
	if err != nil {
		return res
	}
	var texts []string
	for _, c := range inner {
		switch c.Type {
		case "text":
			texts = append(texts, c.Text)
		case "tool_reference":
			res.References = append(res.References, c.ToolName+c.Name)
		}
	}
	res.Text = strings.Join(texts, "\n")
	return res
}

// blocks decodes content, which is a string or a list of blocks.
func blocks(raw json.RawMessage) ([]wireBlock, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		return []wireBlock{{Type: "text", Text: s}}, err
	}
	var list []wireBlock
	err := json.Unmarshal(raw, &list)
	return list, err
}
