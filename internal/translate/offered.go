package translate

import (
	"slices"
	"strings"
)

// change is a tool that was found, or taken away, in the course of a conversation.
type change struct {
	name string
	gone bool
}

// Offered returns the tools that the model may use at the end of the conversation: first those
// that were always offered, in their order, then those that were found, in the order in which
// they were. The list only grows at its end as long as nothing is taken away: prompt caches depend
// on it.
//
// Deferred tools that nobody has found are left out, but where Anthropic's own servers were to do
// the finding: no other provider has something like it, and all are offered.
func (c *Conversation) Offered() []Tool {
	found, gone := c.replay()
	all := slices.ContainsFunc(c.Tools, func(t Tool) bool { return strings.HasPrefix(t.Type, "tool_search_tool_") })
	out := make([]Tool, 0, len(c.Tools))
	at := make(map[string]int, len(c.Tools)) // of deferred tools
	seen := make(map[string]bool, len(c.Tools))
	for i := range c.Tools {
		t := &c.Tools[i]
		switch {
		case t.Deferred && !all:
			at[t.Name] = i
		case !gone[t.Name] && !seen[t.Name]:
			seen[t.Name] = true
			out = append(out, *t)
		}
	}
	for _, name := range found {
		if i, ok := at[name]; ok && !gone[name] && !seen[name] {
			seen[name] = true
			out = append(out, c.Tools[i])
		}
	}
	return out
}

// replay returns the tools that were found, in order, and those that were taken away in the end.
func (c *Conversation) replay() (found []string, gone map[string]bool) {
	gone = make(map[string]bool)
	known := make(map[string]bool)
	for _, ch := range c.changes {
		gone[ch.name] = ch.gone
		if !ch.gone && !known[ch.name] {
			known[ch.name] = true
			found = append(found, ch.name)
		}
	}
	if c.Choice.Type == "tool" && !known[c.Choice.Name] {
		found = append(found, c.Choice.Name)
	}
	return found, gone
}
