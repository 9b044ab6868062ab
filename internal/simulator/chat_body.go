package simulator

import "strconv"

// appendCompletion appends the answer as one JSON body.
func (c *chat) appendCompletion(dst []byte) []byte {
	dst = append(append(dst, `{"id":"`...), c.id()...)
	dst = strconv.AppendInt(append(dst, `","object":"chat.completion","created":`...), c.m.created, 10)
	dst = appendString(append(dst, `,"model":`...), c.m.model)
	dst = append(dst, `,"system_fingerprint":"fp_simulated","choices":[{"index":0,"message":{"role":"assistant"`...)
	dst = append(append(dst, c.members()...), `},"logprobs":null,"finish_reason":`...)
	dst = appendOrNull(dst, c.finish())
	if c.h.matchedStop && c.p.stopSequence != "" {
		dst = appendString(append(dst, `,"stop_reason":`...), c.p.stopSequence)
	}
	dst = append(dst, `}]`...)
	if c.usage != nil {
		dst = append(append(dst, `,"usage":`...), c.usageJSON(c.usage)...)
	}
	return append(dst, '}')
}

// members returns the members of the whole message.
func (c *chat) members() string {
	text, thinking, calls := "", "", ""
	said := false
	for i := range c.p.blocks {
		b := &c.p.blocks[i]
		switch b.kind {
		case kindText:
			text, said = text+b.text, true
		case kindThinking:
			thinking += b.text
		case kindTool:
			if calls != "" {
				calls += ","
			}
			arguments := quoted(b.text)
			if c.h.object {
				arguments = wholeInput(b.text)
			}
			calls += `{`
			if c.h.toolIDs == toolGood {
				calls += `"id":` + quoted(c.callID(b, i)) + `,`
			}
			calls += `"type":"function","function":{"name":` + quoted(b.name) + `,"arguments":` + arguments + `}}`
		case kindNone:
		}
	}
	out, refusal := c.content(text, thinking, said), "null"
	if c.h.refusal {
		out, refusal = `,"content":null`, quoted(text)
	}
	out += `,"refusal":` + refusal
	if calls != "" {
		out += `,"tool_calls":[` + calls + `]`
	}
	return out
}

// content returns content and what carries the thinking.
func (c *chat) content(text, thinking string, said bool) string {
	content := "null"
	if said {
		content = quoted(text)
	}
	s := quoted(thinking)
	switch {
	case thinking == "" || c.h.reasoning == ReasoningNowhere:
		return `,"content":` + content
	case c.h.reasoning == ReasoningTags:
		return `,"content":` + quoted("<think>"+thinking+"</think>"+text)
	case c.h.reasoning == ReasoningParts:
		return `,"content":[{"type":"thinking","thinking":[{"type":"text","text":` + s + `}]},{"type":"text","text":` + quoted(text) + `}]`
	case c.h.reasoning == ReasoningField:
		return `,"content":` + content + `,"reasoning":` + s
	case c.h.reasoning == ReasoningDetails || c.h.reasoning == ReasoningBoth:
		details := `,"content":` + content + `,"reasoning_details":[{"type":"reasoning.text","text":` + s + `,"format":"unknown","index":0}]`
		if c.h.reasoning == ReasoningBoth {
			details += `,"reasoning":` + s
		}
		return details
	}
	return `,"content":` + content + `,"reasoning_content":` + s
}

// usageJSON renders a usage object.
func (c *chat) usageJSON(u *Usage) string {
	prompt := max(u.Input, 0) + max(u.CacheRead, 0) + max(u.CacheWrite, 0)
	output := max(u.Output, 0)
	if c.h.spelling == SpellOutside {
		output -= max(u.Thinking, 0)
	}
	dst := appendMember([]byte{'{'}, "prompt_tokens", prompt)
	dst = appendMember(dst, "completion_tokens", output)
	dst = appendMember(dst, "total_tokens", prompt+max(u.Output, 0))
	if u.InDelta == UsageOutputOnly {
		return string(append(dst, '}'))
	}
	switch c.h.spelling {
	case SpellBare:
	case SpellDeepSeek:
		dst = appendMember(dst, "prompt_cache_hit_tokens", u.CacheRead)
		dst = appendMember(dst, "prompt_cache_miss_tokens", prompt-max(u.CacheRead, 0))
		dst = appendDetail(dst, "completion_tokens_details", []string{"reasoning_tokens"}, u.Thinking)
	case SpellKimi:
		dst = appendMember(dst, "cached_tokens", u.CacheRead)
	default:
		dst = appendDetail(dst, "prompt_tokens_details", []string{"cached_tokens", "cache_write_tokens"}, u.CacheRead, u.CacheWrite)
		dst = appendDetail(dst, "completion_tokens_details", []string{"reasoning_tokens"}, u.Thinking)
	}
	if c.h.cost != "" {
		dst = append(append(dst, `,"cost":`...), c.h.cost...)
	}
	return string(append(dst, '}'))
}
