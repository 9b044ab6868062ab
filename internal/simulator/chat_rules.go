package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// What Chat Completions knows, by its author's document.
const (
	chatMembers = `messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens
		max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options
		prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream
		stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options`
	chatMessageMembers = `role content name refusal audio tool_calls function_call tool_call_id`
	chatCallMembers    = `id type function`
	chatToolMembers    = `type function`
	functionMembers    = `name description parameters strict`
	partMembers        = `type text image_url input_audio file refusal prompt_cache_breakpoint`
)

func (chatFace) refuse(s *Server, r *Request) (a Answer, refused bool) {
	if r.Operation != OpMessages {
		return Answer{}, false
	}
	d := &s.demands
	var w chatBody
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return wrong("", "%s", notJSON).answer(), true
	}
	for _, check := range []func() *misuse{
		func() *misuse { return d.members(r.Body, "", chatMembers) },
		func() *misuse { return d.chatTop(&w, r.Model) },
		func() *misuse { return d.chatTools(&w) },
		func() *misuse { return d.chatMessages(&w) },
	} {
		if m := check(); m != nil {
			return m.answer(), true
		}
	}
	return d.window(r.Body)
}

// chatTop checks the parameters beside messages and tools.
func (d *Rules) chatTop(w *chatBody, model string) *misuse {
	list := stops(w.Stop)
	switch {
	case model == "":
		return wrong("model", "you must provide a model parameter")
	case len(w.Messages) == 0:
		return wrong("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	case w.StreamOptions != nil && d.NoStreamOptions:
		return unsupported("stream_options", "Unrecognized request argument supplied: stream_options")
	case w.StreamOptions != nil && !w.Stream:
		return wrong("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	case w.MaxTokens != nil && w.MaxCompletionTokens != nil:
		return wrong("max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	case w.MaxTokens != nil && d.MaxTokens == "max_completion_tokens":
		return unsupported("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	case w.MaxCompletionTokens != nil && d.MaxTokens == "max_tokens":
		return unsupported("max_completion_tokens", "Unrecognized request argument supplied: max_completion_tokens")
	case len(list) > 0 && d.NoStop:
		return unsupported("stop", "Unsupported parameter: 'stop' is not supported with this model.")
	case len(list) > 4:
		return wrong("stop", "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length %d instead.", len(list))
	case w.Parallel != nil && d.NoParallel:
		return unsupported("parallel_tool_calls", "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.")
	case w.Parallel != nil && len(w.Tools) == 0:
		return wrong("parallel_tool_calls", "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.")
	case w.Temperature != "" && d.Temperature != "" && w.Temperature.String() != d.Temperature:
		return wrong("temperature", "invalid temperature: only %s is allowed for this model", d.Temperature)
	case w.Format.Type == "json_schema" && len(w.Format.Schema) == 0:
		return wrong("response_format.json_schema", "Missing required parameter: 'response_format.json_schema'.")
	}
	for name, n := range map[string]*int{"max_tokens": w.MaxTokens, "max_completion_tokens": w.MaxCompletionTokens} {
		if n == nil {
			continue
		}
		if *n < 1 {
			return wrong(name, "Invalid '%s': integer below minimum value. Expected a value >= 1, but got %d instead.", name, *n)
		}
		if m := d.output(name, *n); m != nil {
			return m
		}
	}
	if d.ToolsOrEffort && len(w.Tools) > 0 && w.Effort != "none" {
		return &misuse{
			message: "Function tools with reasoning_effort are not supported for " + model + " in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
			param:   "reasoning_effort",
		}
	}
	return d.effort("reasoning_effort", w.Effort)
}

// chatTools checks the tools and the choice among them.
func (d *Rules) chatTools(w *chatBody) *misuse {
	if w.Tools != nil && len(w.Tools) == 0 {
		return wrong("tools", "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	if len(w.ToolChoice) > 0 && len(w.Tools) == 0 {
		return wrong("tool_choice", "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
	}
	var names []string
	for i, raw := range w.Tools {
		param := fmt.Sprintf("tools[%d]", i)
		if m := d.members(raw, param, chatToolMembers); m != nil {
			return m
		}
		var t chatTool
		var f chatFunction
		if json.Unmarshal(raw, &t) != nil || t.Type != "function" || json.Unmarshal(t.Function, &f) != nil {
			return wrong(param+".type", "Invalid value: '%s'. Supported values are: 'function' and 'custom'.", t.Type)
		}
		if m := d.members(t.Function, param+".function", functionMembers); m != nil {
			return m
		}
		if m := d.function(param+".function", f.Name, f.Parameters, f.Strict); m != nil {
			return m
		}
		names = append(names, f.Name)
	}
	return chosen(w.ToolChoice, names, func(raw json.RawMessage) string {
		var c struct {
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		_ = json.Unmarshal(raw, &c) // an empty name is refused
		return c.Function.Name
	})
}

// chosen checks a tool choice: a word, or an object in which name finds a tool.
func chosen(raw json.RawMessage, names []string, name func(json.RawMessage) string) *misuse {
	switch word := choice(raw); word {
	case "", "auto", "none", "required":
		return nil
	case "function":
		if n := name(raw); !slices.Contains(names, n) {
			return wrong("tool_choice", "Invalid value for 'tool_choice': tool '%s' is not one of 'tools'.", n)
		}
		return nil
	default:
		return wrong("tool_choice", "Invalid value: '%s'. Supported values are: 'none', 'auto', and 'required'.", word)
	}
}

// chatMessages checks the messages and their order.
func (d *Rules) chatMessages(w *chatBody) *misuse {
	var open []calledTool // calls that have no result yet
	for i, raw := range w.Messages {
		param := fmt.Sprintf("messages[%d]", i)
		var msg chatMessage
		if err := json.Unmarshal(raw, &msg); err != nil {
			return wrong(param, "Invalid type for '%s'.", param)
		}
		msg.raw = raw
		if len(open) > 0 && msg.Role != "tool" {
			return unanswered(open)
		}
		if m := d.chatMessage(param, &msg, i); m != nil {
			return m
		}
		if msg.Role == "tool" {
			n := slices.IndexFunc(open, func(c calledTool) bool { return c.id == msg.ToolCallID })
			if n < 0 {
				return wrong(param+".role", "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.")
			}
			open = slices.Delete(open, n, n+1)
		}
		for j, c := range msg.ToolCalls {
			one := calledTool{fmt.Sprintf("%s.tool_calls[%d].id", param, j), c.ID}
			if slices.ContainsFunc(open, func(o calledTool) bool { return o.id == c.ID }) {
				return wrong(one.param, "Duplicate value for '%s'.", one.param)
			}
			open = append(open, one)
		}
	}
	if len(open) > 0 {
		return unanswered(open)
	}
	return nil
}

// unanswered complains about calls without a result.
func unanswered(open []calledTool) *misuse {
	var ids []string
	for _, c := range open {
		ids = append(ids, c.id)
	}
	return wrong("messages", "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", strings.Join(ids, ", "))
}

// chatMessage checks one message by itself.
func (d *Rules) chatMessage(param string, m *chatMessage, i int) *misuse {
	if bad := d.members(m.raw, param, chatMessageMembers); bad != nil {
		return bad
	}
	switch m.Role {
	case "system", "developer":
		if d.SystemFirst && i > 0 {
			return wrong(param, "System message must be at the beginning.")
		}
	case "user", "assistant":
	case "tool":
		if bad := d.id(calledTool{param + ".tool_call_id", m.ToolCallID}); bad != nil {
			return bad
		}
	default:
		return wrong(param+".role", "Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role)
	}
	if m.Role != "assistant" && len(m.ToolCalls) > 0 {
		return wrong(param+".tool_calls", "Unknown parameter: '%s.tool_calls'.", param)
	}
	if d.Reasoning == "must" && len(m.ToolCalls) > 0 && m.ReasoningContent == nil {
		return wrong(param, "Missing `reasoning_content` field in the assistant message at message index %d.", i)
	}
	for j := range m.ToolCalls {
		if bad := d.call(fmt.Sprintf("%s.tool_calls[%d]", param, j), &m.ToolCalls[j]); bad != nil {
			return bad
		}
	}
	return d.content(param+".content", m)
}

// call checks one tool call.
func (d *Rules) call(param string, c *chatCall) *misuse {
	switch {
	case c.Type != "function":
		return wrong(param+".type", "Invalid value: '%s'. Supported values are: 'function' and 'custom'.", c.Type)
	case c.Function.Name == "":
		return wrong(param+".function.name", "Missing required parameter: '%s.function.name'.", param)
	case c.Function.Arguments == nil:
		return wrong(param+".function.arguments", "Missing required parameter: '%s.function.arguments'.", param)
	case !json.Valid([]byte(*c.Function.Arguments)):
		return wrong(param+".function.arguments", "Invalid '%s.function.arguments': not valid JSON.", param)
	}
	return d.id(calledTool{param + ".id", c.ID})
}

// content checks what a message says.
func (d *Rules) content(param string, m *chatMessage) *misuse {
	raw := m.Content
	if len(raw) == 0 || string(raw) == "null" {
		if m.Role == "assistant" && len(m.ToolCalls) > 0 {
			return nil
		}
		return wrong(param, "Invalid value for 'content': expected a string, got null.")
	}
	if raw[0] == '"' {
		return nil
	}
	if d.TextOnly {
		return wrong(param, "Invalid type for '%s': expected a string, but got an array instead.", param)
	}
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || len(parts) == 0 {
		return wrong(param, "Invalid type for '%s': expected one of a string or array of objects.", param)
	}
	for i, one := range parts {
		where := fmt.Sprintf("%s[%d]", param, i)
		if bad := d.members(one, where, partMembers); bad != nil {
			return bad
		}
		var p chatPart
		_ = json.Unmarshal(one, &p) // an empty type is refused
		switch {
		case p.Type == "text" && p.Text != "":
		case p.Type == "text":
			return wrong(where+".text", "Invalid '%s.text': empty string.", where)
		case m.Role == "user" && slices.Contains([]string{"image_url", "input_audio", "file"}, p.Type):
		case m.Role == "assistant" && p.Type == "refusal":
		default:
			return wrong(where+".type", "Invalid value: '%s'. Supported values are: 'text'.", p.Type)
		}
	}
	return nil
}
