package openai

import (
	"encoding/json"
	"slices"
	"strconv"

	"prism/config"
	"prism/internal/translate"
)

// levels are the words for how much a model reasons, weakest first.
func levels() []string { return []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"} }

// clampEffort returns the word that is accepted and nearest to want, and rather less than more;
// "" = there is none. Reasoning is not switched off for who wants little of it, unless nothing
// else is accepted. accepted nil means all.
func clampEffort(want string, accepted []string) string {
	if accepted == nil || slices.Contains(accepted, want) {
		return want
	}
	all := levels()
	at := slices.Index(all, want)
	for i := at - 1; i > 0; i-- {
		if slices.Contains(accepted, all[i]) {
			return all[i]
		}
	}
	for i := at + 1; i < len(all); i++ {
		if slices.Contains(accepted, all[i]) {
			return all[i]
		}
	}
	if slices.Contains(accepted, "none") {
		return "none"
	}
	return ""
}

// thinks tells whether the model will reason.
func thinks(c *translate.Conversation, q *config.Quirks) bool {
	return c.Effort != "none" && (c.Effort != "" || q.ThinksAnyway)
}

// reasoning writes how much the model is to reason, the way the provider wants to be told.
func (r *chatRequest) reasoning() {
	c, q := r.conv, &r.call.Quirks
	if c.Effort == "" {
		return
	}
	on := c.Effort != "none"
	switch q.Effort {
	case config.EffortNone:
		if on {
			r.notes.Add(translate.NoteReasoningLevel)
		}
	case config.EffortObject:
		if !on {
			r.set("reasoning", json.RawMessage(`{"enabled":false}`))
			return
		}
		if level := r.level(); level != "" {
			r.set("reasoning", members{{"effort", quoted(level)}}.render())
		}
	case config.EffortThinking:
		word := "disabled"
		if on {
			word = "enabled"
		}
		r.set("thinking", members{{"type", quoted(word)}}.render())
		r.levelBeside(on)
	case config.EffortEnable:
		r.enable(on)
	case config.EffortTemplate:
		r.set("chat_template_kwargs", members{{"enable_thinking", boolean(on)}}.render())
		r.levelBeside(on)
	default:
		r.effortField(on)
	}
}

// effortField asks by reasoning_effort. Who wants no reasoning gets it switched off where the
// model would reason otherwise; elsewhere the field may not even be known.
func (r *chatRequest) effortField(on bool) {
	q := &r.call.Quirks
	if !on && !q.ThinksAnyway && !slices.Contains(q.Efforts, "none") {
		return
	}
	if level := r.level(); level != "" {
		r.set("reasoning_effort", quoted(level))
	}
}

// levelBeside says how much where the provider knows of levels beside its switch.
func (r *chatRequest) levelBeside(on bool) {
	if !on || r.call.Quirks.Efforts == nil {
		return
	}
	if level := r.level(); level != "" {
		r.set("reasoning_effort", quoted(level))
	}
}

// level is the word that the provider gets.
func (r *chatRequest) level() string {
	level := clampEffort(r.conv.Effort, r.call.Quirks.Efforts)
	if level != r.conv.Effort {
		r.notes.Add(translate.NoteEffort)
	}
	return level
}

// Budgets of the levels, in tokens, for providers that count.
const (
	lowBudget    = 4_096
	mediumBudget = 16_384
	highBudget   = 32_768
)

// enable asks by enable_thinking. Some models refuse to think without a budget, and none may be
// as large as the answer.
func (r *chatRequest) enable(on bool) {
	budget := r.conv.Budget
	if budget <= 0 {
		switch r.conv.Effort {
		case "low":
			budget = lowBudget
		case "medium":
			budget = mediumBudget
		default:
			budget = highBudget
		}
	}
	budget = min(budget, r.maxTokens-1)
	if !on || budget <= 0 {
		r.set("enable_thinking", boolean(false))
		return
	}
	r.set("enable_thinking", boolean(true))
	r.set("thinking_budget", integer(budget))
}

func boolean(v bool) json.RawMessage { return strconv.AppendBool(nil, v) }

func integer(v int64) json.RawMessage { return strconv.AppendInt(nil, v, 10) }
