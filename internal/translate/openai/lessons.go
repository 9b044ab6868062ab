package openai

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// refused is a refusal that may teach how a provider wants to be asked.
type refused struct {
	text    string // what it says, in lower case
	field   string // of the request that it names first; "" = none that is known
	path    string // where that stands, as far as the provider tells
	unknown bool   // the field as such is refused, not its value
}

// lessonOf draws a lesson from a refusal. What is learned only ever takes something away, or gives
// in further: however often a provider contradicts itself, there is an end to it. The first that
// fits counts, and those that name a number go first.
func lessonOf(report *translate.Report) translate.Lesson {
	r := refused{text: strings.ToLower(report.Code + "\n" + report.Kind + "\n" + report.Message), path: strings.ToLower(report.Field)}
	r.field = fieldIn(r.path, r.text)
	r.unknown = isUnknown(r.text)
	for _, draw := range []func(*refused) translate.Lesson{
		maxOutputLesson, toolLengthLesson, maxToolsLesson, toolsAndEffortLesson, formatLesson, effortLesson, reasoningBackLesson, itemLesson,
		toolChoiceLesson, stopLesson, roleLesson, contentLesson, mediaLesson, schemaLesson, streamLesson, fieldLesson,
	} {
		if l := draw(&r); l.Apply != nil {
			return l
		}
	}
	return translate.Lesson{}
}

// learned makes a lesson. Its name is a word of translation_notes.
func learned(name string, apply func(*config.Quirks)) translate.Lesson {
	return translate.Lesson{Name: "learned:" + name, Apply: apply}
}

// fieldNames finds the first field of a request that a text names. Of those that are words of
// English as well, only what stands in quotes, or alone behind a colon, is one.
var fieldNames = regexp.MustCompile("(?:^|[^a-z_])(max_completion_tokens|max_output_tokens|max_tokens|stream_options|reasoning_?effort|" +
	"reasoning\\.effort|reasoning\\.summary|reasoning_content|reasoning_details|enable_thinking|thinking_budget|chat_template_kwargs|" +
	"max_tool_calls|temperature|top_p|top_k|parallel_tool_calls|tool_choice|response_format|prompt_cache_key|service_tier|cache_control)(?:$|[^a-z_])" +
	"|[`'\"](stop|thinking|reasoning|include|store|text\\.format)[`'\"]" +
	"|(?:model|supplied|parameter|name|field|permitted): ?(stop|thinking|reasoning|include|store)\\b" +
	"|(?:^|\\n)(stop|thinking|reasoning|include|store): ")

// fieldIn returns the field that is refused.
func fieldIn(path, text string) string {
	top := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		top = path[:i]
	}
	switch {
	case path == "reasoning.effort" || path == "reasoning.summary" || path == "text.format" || strings.HasPrefix(path, "text.format."):
		return strings.TrimSuffix(path, ".schema")
	case path != "" && top != "messages" && top != "input" && top != "tools":
		return top
	}
	m := fieldNames.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	name := m[1] + m[2] + m[3] + m[4]
	switch name {
	case "reasoningeffort":
		return "reasoning_effort"
	}
	return name
}

// isUnknown tells whether a text refuses a field as such.
func isUnknown(text string) bool {
	for _, phrase := range []string{
		"unsupported parameter", "unsupported_parameter", "unknown parameter", "unknown_parameter", "unrecognized", "unknown name", "unknown field",
		"unexpected keyword", "extra inputs", "extra_forbidden", "extra fields", "additional properties", "was unexpected", "not permitted",
		"is unsupported", "not supported", "does not support", "doesn't support", "not allowed", "unsupported value", "unsupported_value", "not implemented",
		"cannot both be", "cannot be used together", "invalid temperature", "invalid top_p",
	} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// has tells whether the text has one of the phrases.
func (r *refused) has(phrases ...string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(r.text, p) })
}

// strip has a field never sent again. Lists are made anew: those of a profile are shared.
func strip(q *config.Quirks, field string) {
	if !slices.Contains(q.Strip, field) {
		q.Strip = append(slices.Clone(q.Strip), field)
	}
}

// numberIn returns the number that a pattern finds, or 0.
func numberIn(re *regexp.Regexp, text string) int64 {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
