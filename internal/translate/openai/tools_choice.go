package openai

import (
	"slices"

	"prism/internal/translate"
)

// toolChoice writes whether tools are to be used. Where a provider cannot be told, the model may
// choose: an answer that the client can use is worth more than a refusal.
func (r *chatRequest) toolChoice() *translate.Refusal {
	c, q := r.conv, &r.call.Quirks
	if c.Choice.Type == "tool" && !r.has(c.Choice.Name) && r.offer.search == "" {
		return &translate.Refusal{Field: "tool_choice.name", Message: "tool_choice.name: there is no such tool that this route could offer"}
	}
	if len(r.offer.tools) == 0 {
		return nil
	}
	forced := c.Choice.Type == "any" || c.Choice.Type == "tool"
	switch {
	case c.Choice.Type == "none":
		r.noTools()
	case !forced:
	case c.Choice.Type == "tool" && !r.has(c.Choice.Name), // the provider's own, which has no name
		q.ToolChoice == "auto", q.ToolChoice == "auto_thinking" && thinks(c, q):
		r.notes.Add(translate.NoteToolChoice)
	case c.Choice.Type == "any":
		r.set("tool_choice", quoted("required"))
	case q.ToolChoice == "named_only_required":
		r.onlyTool(c.Choice.Name)
	default:
		r.set("tool_choice", members{
			{"type", quoted("function")},
			{"function", members{{"name", quoted(r.names.sent(c.Choice.Name))}}.render()},
		}.render())
	}
	if c.Choice.NoParallel && len(r.offer.tools) > 0 {
		if q.NoParallel {
			r.notes.Add(translate.NoteParallel)
		} else {
			r.set("parallel_tool_calls", boolean(false))
		}
	}
	return nil
}

func (r *chatRequest) has(name string) bool {
	return slices.ContainsFunc(r.offer.tools, func(t translate.Tool) bool { return t.Name == name })
}

// noTools forbids tools. They stay listed: what the history tells of them must make sense.
func (r *chatRequest) noTools() {
	switch {
	case r.call.Quirks.ToolChoice != "auto":
		r.set("tool_choice", quoted("none"))
	case hasToolHistory(r.conv):
		r.notes.Add(translate.NoteToolChoice)
	default:
		r.offer.tools = nil
	}
}

// onlyTool forces a tool where none can be named: it is the only one that is listed. Where the
// history knows others, that would not do.
func (r *chatRequest) onlyTool(name string) {
	if hasToolHistory(r.conv) {
		r.notes.Add(translate.NoteToolChoice)
		return
	}
	r.offer.tools = slices.DeleteFunc(r.offer.tools, func(t translate.Tool) bool { return t.Name != name })
	r.set("tool_choice", quoted("required"))
}
