package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
)

// What the Responses API knows, by its author's document.
const (
	responsesMembers = `background conversation context_management include input instructions max_output_tokens max_tool_calls
		metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options
		prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options temperature text tool_choice
		tools top_logprobs top_p truncation user`
	responsesToolMembers = `type name description parameters strict defer_loading`
	searchToolMembers    = `type filters search_context_size user_location external_web_access`
	searchFilterMembers  = `allowed_domains`
	locationMembers      = `type city country region timezone`
	messageItemMembers   = `type role content id status phase`
	callItemMembers      = `type call_id name arguments id status namespace`
	outputItemMembers    = `type call_id output id status`
	reasoningItemMembers = `type summary content encrypted_content id status`
)

// responsesPartMembers are the members of a part of a message or of a tool's result, by its type.
func responsesPartMembers(typ string) string {
	switch typ {
	case "input_image":
		return `type detail file_id image_url prompt_cache_breakpoint`
	case "input_file":
		return `type file_id file_data file_url filename detail prompt_cache_breakpoint`
	case "output_text":
		return `type text annotations logprobs`
	case "refusal":
		return `type refusal`
	}
	return `type text prompt_cache_breakpoint`
}

func (responsesFace) refuse(s *Server, r *Request) (a Answer, refused bool) {
	d := &s.demands
	var w responsesBody
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return wrong("", "%s", notJSON).answer(), true
	}
	for _, check := range []func() *misuse{
		func() *misuse { return d.members(r.Body, "", responsesMembers) },
		func() *misuse { return d.responsesTop(&w, r.Model) },
		func() *misuse { return d.responsesTools(&w) },
		func() *misuse { return d.responsesItems(&w, s.maker()) },
	} {
		if m := check(); m != nil {
			return m.answer(), true
		}
	}
	return d.window(r.Body)
}

// maker names whose encrypted reasoning is taken; "" = anybody's.
func (s *Server) maker() string {
	if s.checkSignatures {
		return s.name
	}
	return ""
}

// responsesTop checks the parameters beside input and tools.
func (d *Rules) responsesTop(w *responsesBody, model string) *misuse {
	format := &w.Text.Format
	switch {
	case model == "":
		return wrong("model", "Missing required parameter: 'model'.")
	case d.NoEncrypted && slices.Contains(w.Include, wantsEncrypted):
		return unsupported("include", "Encrypted content is not supported with this model.")
	case w.Parallel != nil && d.NoParallel:
		return unsupported("parallel_tool_calls", "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.")
	case format.Type == "json_schema" && format.Name == "":
		return wrong("text.format.name", "Missing required parameter: 'text.format.name'.")
	case format.Type == "json_schema" && len(format.Schema) == 0:
		return wrong("text.format.schema", "Missing required parameter: 'text.format.schema'.")
	}
	if n := w.MaxOutputTokens; n != nil {
		if *n < 16 {
			return wrong("max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got %d instead.", *n)
		}
		if m := d.output("max_output_tokens", *n); m != nil {
			return m
		}
	}
	return d.effort("reasoning.effort", w.Reasoning.Effort)
}

// responsesTools checks the tools and the choice among them.
func (d *Rules) responsesTools(w *responsesBody) *misuse {
	var names []string
	for i, raw := range w.Tools {
		param := fmt.Sprintf("tools[%d]", i)
		var t responsesTool
		if json.Unmarshal(raw, &t) != nil || t.Type != "function" && t.Type != "web_search" {
			return wrong(param+".type", "Invalid value: '%s'. Supported values are: 'function' and 'web_search'.", t.Type)
		}
		if t.Type != "function" {
			if m := d.searchTool(raw, param); m != nil {
				return m
			}
			continue
		}
		if m := d.members(raw, param, responsesToolMembers); m != nil {
			return m
		}
		if m := d.function(param, t.Name, t.Parameters, t.Strict); m != nil {
			return m
		}
		names = append(names, t.Name)
	}
	if len(w.ToolChoice) > 0 && len(names) == 0 && choice(w.ToolChoice) != "none" && choice(w.ToolChoice) != "auto" {
		return wrong("tool_choice", "Tool choice '%s' must be specified with 'tools' parameter.", choice(w.ToolChoice))
	}
	return chosen(w.ToolChoice, names, func(raw json.RawMessage) string {
		var c struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(raw, &c) // an empty name is refused
		return c.Name
	})
}

// searchTool checks the provider's own search.
func (d *Rules) searchTool(raw json.RawMessage, param string) *misuse {
	if m := d.members(raw, param, searchToolMembers); m != nil {
		return m
	}
	var t struct {
		Filters  json.RawMessage `json:"filters"`
		Location json.RawMessage `json:"user_location"`
	}
	_ = json.Unmarshal(raw, &t) // it is an object
	for _, one := range []struct {
		name, known string
		raw         json.RawMessage
	}{{"filters", searchFilterMembers, t.Filters}, {"user_location", locationMembers, t.Location}} {
		if one.raw == nil {
			continue
		}
		if m := d.members(one.raw, param+"."+one.name, one.known); m != nil {
			return m
		}
	}
	return nil
}

// responsesItems checks the input and its order. maker is whose encrypted reasoning is taken.
func (d *Rules) responsesItems(w *responsesBody, maker string) *misuse {
	list, err := w.items()
	if err != nil || len(list) == 0 {
		return wrong("input", "Missing required parameter: 'input'.")
	}
	var raws []json.RawMessage
	_ = json.Unmarshal(w.Input, &raws) // text has no items
	calls, results := map[string]bool{}, map[string]bool{}
	for i := range list {
		if list[i].Type == "function_call_output" {
			results[list[i].CallID] = true
		}
	}
	for i := range list {
		it, param := &list[i], fmt.Sprintf("input[%d]", i)
		if i < len(raws) {
			if m := d.item(param, it, raws[i]); m != nil {
				return m
			}
		}
		switch it.Type {
		case "function_call":
			calls[it.CallID] = true
			if !results[it.CallID] {
				return wrong("input", "No tool output found for function call %s.", it.CallID)
			}
		case "function_call_output":
			if !calls[it.CallID] {
				return wrong("input", "No tool call found for function call output with call_id %s.", it.CallID)
			}
		case "reasoning":
			if m := thought(param, list, i, maker); m != nil {
				return m
			}
		}
	}
	return nil
}

// thought checks a reasoning item and what follows it.
func thought(param string, list []responsesItem, i int, maker string) *misuse {
	it := &list[i]
	switch {
	case it.Encrypted == nil || *it.Encrypted == "":
		return &misuse{
			message: fmt.Sprintf("Item with id '%s' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", it.ID),
			param:   "input", code: "item_not_found",
		}
	case maker != "" && !signedBy(maker, *it.Encrypted):
		return &misuse{message: "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.", param: param, code: "invalid_encrypted_content"}
	case i+1 == len(list) || list[i+1].Type == "function_call_output" || list[i+1].Type == "message" && list[i+1].Role != "assistant":
		return wrong("input", "Item '%s' of type 'reasoning' was provided without its required following item.", it.ID)
	}
	return nil
}

// item checks one item by itself.
func (d *Rules) item(param string, it *responsesItem, raw json.RawMessage) *misuse {
	known := map[string]string{
		"message": messageItemMembers, "function_call": callItemMembers, "function_call_output": outputItemMembers, "reasoning": reasoningItemMembers,
	}[it.Type]
	if known == "" {
		return wrong(param+".type", "Invalid value: '%s'. Supported values are: 'message', 'function_call', 'function_call_output' and 'reasoning'.", it.Type)
	}
	if m := d.members(raw, param, known); m != nil {
		return m
	}
	switch it.Type {
	case "message":
		return d.said(param, it)
	case "function_call":
		if it.Name == "" || it.Arguments == nil || !json.Valid([]byte(*it.Arguments)) {
			return wrong(param+".arguments", "Missing required parameter: '%s.arguments'.", param)
		}
		return d.id(calledTool{param + ".call_id", it.CallID})
	case "function_call_output":
		if m := d.id(calledTool{param + ".call_id", it.CallID}); m != nil {
			return m
		}
		if len(it.Output) == 0 || string(it.Output) == "null" {
			return wrong(param+".output", "Missing required parameter: '%s.output'.", param)
		}
		if it.Output[0] != '"' {
			return d.parts(param+".output", it.Output, "input_text", "input_image", "input_file")
		}
	}
	return nil
}

// said checks the content of a message.
func (d *Rules) said(param string, it *responsesItem) *misuse {
	allowed := []string{"input_text", "input_image", "input_file"}
	switch it.Role {
	case "assistant":
		allowed = []string{"output_text", "refusal"}
	case "user", "system", "developer":
	default:
		return wrong(param+".role", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", it.Role)
	}
	if len(it.Content) > 0 && it.Content[0] == '"' {
		return nil
	}
	return d.parts(param+".content", it.Content, allowed...)
}

// parts checks a list of parts.
func (d *Rules) parts(param string, raw json.RawMessage, allowed ...string) *misuse {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return wrong(param, "Invalid type for '%s': expected one of an array of objects or string.", param)
	}
	for i, one := range list {
		where := fmt.Sprintf("%s[%d]", param, i)
		var p chatPart
		if json.Unmarshal(one, &p) != nil || !slices.Contains(allowed, p.Type) {
			return wrong(where+".type", "Invalid value: '%s'. Supported values are: %q.", p.Type, allowed)
		}
		if m := d.members(one, where, responsesPartMembers(p.Type)); m != nil {
			return m
		}
	}
	return nil
}
