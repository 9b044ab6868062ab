package openai

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// toolsAndEffortLesson learns that a model does not reason beside tools in this dialect. Where the
// provider says that reasoning must be switched off, it is: left out, its default would count.
func toolsAndEffortLesson(r *refused) translate.Lesson {
	if !r.has("tools with reasoning_effort", "tools with `reasoning_effort`") {
		return translate.Lesson{}
	}
	off := r.has("reasoning_effort to 'none'", "reasoning_effort='none'", `reasoning_effort to "none"`)
	return learned("no_effort_with_tools", func(q *config.Quirks) {
		q.Effort = config.EffortNone
		if off {
			q.Extra = withEffortOff(q.Extra)
		}
	})
}

// withEffortOff adds to the fields that every request has, unless it is there.
func withEffortOff(extra string) string {
	m := fieldsOf(json.RawMessage(extra))
	if m.get("reasoning_effort") == nil {
		m.set("reasoning_effort", quoted("none"))
	}
	return string(m.render())
}

// Values of reasoning_effort, in the texts of providers.
var (
	valuesBehind = regexp.MustCompile(`(?:supported values are|supported values|must be one of|should be one of|expected one of|one of|input should be|allowed values|valid values|values are)(.*)`)
	valueRefused = regexp.MustCompile("(?:does not support|invalid value:?|unsupported value:?|unknown variant|got)[ :]*['\"`]([a-z]+)['\"`]")
	aLevel       = regexp.MustCompile(`\b(?:none|minimal|low|medium|high|xhigh|max)\b`)
)

// effortLesson learns which words for effort are taken, or that none is.
func effortLesson(r *refused) translate.Lesson {
	switch r.field {
	case "reasoning_effort", "reasoning.effort":
	case "reasoning", "thinking", "enable_thinking", "thinking_budget", "chat_template_kwargs":
		if !r.unknown || inMessages(r) {
			return translate.Lesson{}
		}
		return noEffortLesson(r.field)
	default:
		return translate.Lesson{}
	}
	if m := valuesBehind.FindStringSubmatch(r.text); m != nil {
		return effortsLesson(aLevel.FindAllString(m[1], -1))
	}
	if m := valueRefused.FindStringSubmatch(r.text); m != nil && slices.Contains(levels(), m[1]) {
		word := m[1]
		return learned("effort_not_"+word, func(q *config.Quirks) { keepEfforts(q, func(level string) bool { return level != word }) })
	}
	if r.unknown {
		return noEffortLesson(r.field)
	}
	return translate.Lesson{}
}

// effortsLesson learns all the words that are taken. Where none of them asks for any reasoning, it
// cannot be asked for.
func effortsLesson(words []string) translate.Lesson {
	if !slices.ContainsFunc(words, func(w string) bool { return w != "none" }) {
		return noEffortLesson("reasoning_effort")
	}
	return learned("efforts", func(q *config.Quirks) {
		keepEfforts(q, func(level string) bool { return slices.Contains(words, level) })
	})
}

// keepEfforts leaves those words that are taken; where nothing would be left of what was thought
// to be known, that was wrong altogether.
func keepEfforts(q *config.Quirks, taken func(string) bool) {
	now := q.Efforts
	if now == nil {
		now = levels()
	}
	var left []string
	for _, from := range [][]string{now, levels()} {
		for _, level := range from {
			if taken(level) {
				left = append(left, level)
			}
		}
		if left != nil {
			break
		}
	}
	q.Efforts = left
}

// noEffortLesson learns that reasoning cannot be asked for in this way.
func noEffortLesson(field string) translate.Lesson {
	return learned("no_"+strings.ReplaceAll(field, ".", "_"), func(q *config.Quirks) {
		switch {
		case fieldOfEffort(q.Effort) == field, field == "thinking_budget" && q.Effort == config.EffortEnable, field == "reasoning.effort":
			q.Effort = config.EffortNone
		case field == "reasoning_effort" && (q.Effort == config.EffortThinking || q.Effort == config.EffortTemplate):
			q.Efforts = nil // the switch beside it may stay
		}
	})
}

// fieldOfEffort is the field that a way of asking for reasoning uses.
func fieldOfEffort(way string) string {
	switch way {
	case "", config.EffortField:
		return "reasoning_effort"
	case config.EffortTemplate:
		return "chat_template_kwargs"
	}
	return way
}

// inMessages tells whether a refusal is about a field of a message, not of the request.
func inMessages(r *refused) bool {
	return strings.HasPrefix(r.path, "messages") || r.has("messages.", "messages[", "role:assistant", "assistant message")
}

// reasoningBackLesson learns whether a message of the model carries its reasoning back.
func reasoningBackLesson(r *refused) translate.Lesson {
	if r.has("thought_signature", "thought signature", "thoughtsignature") && r.has("missing", "required", "must") {
		return learned("thought_signatures", func(q *config.Quirks) { q.Signatures = true })
	}
	switch {
	case r.has("reasoning_content") && r.has("passed back", "is missing", "missing reasoning_content", "missing `reasoning_content`", "must be provided", "is required", "must be sent"):
		return learned("reasoning_back", func(q *config.Quirks) {
			if q.ReasoningIn != "none" {
				q.ReasoningIn, q.ReasoningMust = "reasoning_content", true
			}
		})
	case !r.unknown:
	case r.field == "reasoning_content", r.field == "reasoning_details", r.field == "reasoning" && inMessages(r):
		field := r.field
		return learned("no_"+field+"_back", func(q *config.Quirks) {
			if q.ReasoningIn == field {
				q.ReasoningIn, q.ReasoningMust = "none", false
			}
		})
	}
	return translate.Lesson{}
}
