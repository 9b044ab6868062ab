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
		if off && takesEffortOff(q) {
			q.Extra = withEffortOff(q.Extra)
		}
	})
}

// takesEffortOff tells whether the provider has not refused to have reasoning switched off. One that
// says both, that it must be and that it cannot be, is left to its default.
func takesEffortOff(q *config.Quirks) bool {
	return !slices.Contains(q.Strip, "reasoning_effort") && !slices.Contains(q.Strip, effortOffRefused)
}

// effortOff is the value of reasoning_effort that switches reasoning off. That it was refused is
// remembered among the fields that are never sent: of the words that a profile lists, the one may
// be missing although the provider takes it.
const (
	effortOff        = `"none"`
	effortOffRefused = "reasoning_effort=none"
)

// withEffortOff adds to the fields that every request has, unless it is there.
func withEffortOff(extra string) string {
	m := fieldsOf(json.RawMessage(extra))
	if m.get("reasoning_effort") == nil {
		m.set("reasoning_effort", json.RawMessage(effortOff))
	}
	return string(m.render())
}

// withoutEffortOff takes away what withEffortOff has added, where that is not taken any more.
func withoutEffortOff(q *config.Quirks) {
	if m := fieldsOf(json.RawMessage(q.Extra)); !takesEffortOff(q) && string(m.get("reasoning_effort")) == effortOff {
		q.Extra = ""
		if m = m.without("reasoning_effort"); len(m) > 0 {
			q.Extra = string(m.render())
		}
	}
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
		return learned("no_reasoning_effort", func(q *config.Quirks) { giveEffortUp(q, "reasoning_effort") })
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
	if !taken("none") {
		strip(q, effortOffRefused)
		withoutEffortOff(q)
	}
}

// noEffortLesson learns that a field by which reasoning is asked for is not known.
func noEffortLesson(field string) translate.Lesson {
	return learned("no_"+strings.ReplaceAll(field, ".", "_"), func(q *config.Quirks) {
		giveEffortUp(q, field)
		if field == "reasoning_effort" {
			strip(q, field)
			withoutEffortOff(q)
		}
	})
}

// giveEffortUp has reasoning not asked for by a field any more. Where nothing was said of the way,
// the field depends on the dialect: Responses has one and Chat Completions another.
func giveEffortUp(q *config.Quirks, field string) {
	way := q.Effort
	switch {
	case fieldOfEffort(way) == field, field == "thinking_budget" && way == config.EffortEnable, field == "reasoning.effort",
		field == "reasoning" && fieldOfEffort(way) == "reasoning_effort":
		q.Effort = config.EffortNone
	case field == "reasoning_effort" && (way == config.EffortThinking || way == config.EffortTemplate):
		q.Efforts = nil // the switch beside it may stay
	}
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
