package openai

import "prism/internal/translate"

// fewerTools leaves tools out where there are more than the provider takes: it would refuse them all.
// Those that were called, that were looked for or that are forced stay, and of the others the first:
// as long as the client's list only grows, what was offered once is offered always.
func (r *chatRequest) fewerTools() {
	most := int(r.call.Quirks.MaxTools)
	if r.offer.search == searchOpenAI || r.offer.search == searchZai {
		most-- // the provider's own is one of them
	}
	if most <= 0 || len(r.offer.tools) <= most {
		return
	}
	used := usedTools(r.conv)
	must := func(t *translate.Tool) bool { return t.Deferred || used[t.Name] }
	free := most
	for i := range r.offer.tools {
		if must(&r.offer.tools[i]) {
			free--
		}
	}
	var kept []translate.Tool
	for i := range r.offer.tools {
		switch t := &r.offer.tools[i]; {
		case len(kept) == most:
		case must(t):
			kept = append(kept, *t)
		case free > 0:
			kept = append(kept, *t)
			free--
		}
	}
	r.offer.tools = kept
	r.notes.Add(translate.NoteTools)
}

// usedTools are those that the conversation calls, and the one that it wants called.
func usedTools(c *translate.Conversation) map[string]bool {
	used := map[string]bool{c.Choice.Name: true}
	for i := range c.Turns {
		for j := range c.Turns[i].Parts {
			if p := &c.Turns[i].Parts[j]; p.Kind == translate.KindToolUse {
				used[p.Name] = true
			}
		}
	}
	return used
}
