package openai

import (
	"regexp"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/translate"
)

// How much a model may be asked to write, in the texts of providers.
var (
	tokensAsked  = regexp.MustCompile(`max_tokens|max_completion_tokens|max_output_tokens|max_new_tokens|maxoutputtokens|max tokens|maximum tokens|completion tokens|output tokens`)
	mostTokens   = regexp.MustCompile("(?:at most|up to|between [01] and|exceeds the maximum(?: allowed)?(?: value)?(?: of)?|exceeds [^0-9]{1,40} tokens \\(|less than or equal to|no (?:more|greater|larger) than|not exceed|<=|≤|maximum value (?:for|of) [^0-9]{1,40} is|model limit of|max tokens >|[0-9] >|\\[\\s*[01]\\s*,)\\s*['\"`]?([0-9][0-9,]*)")
	mostTokensEx = regexp.MustCompile(`to ([0-9][0-9,]*) \(exclusive\)`)
)

// leastOutput is less than any model can write.
const leastOutput = 16

// maxOutputLesson learns how much a model can write.
func maxOutputLesson(r *refused) translate.Lesson {
	if !tokensAsked.MatchString(r.text) {
		return translate.Lesson{}
	}
	n := numberIn(mostTokens, r.text)
	if n == 0 {
		n = numberIn(mostTokensEx, r.text) - 1
	}
	if n < leastOutput {
		return translate.Lesson{}
	}
	return learned("max_output", func(q *config.Quirks) {
		if q.MaxOutput == 0 || q.MaxOutput > n {
			q.MaxOutput = n
		}
	})
}

// Lengths of names and ids, in the texts of providers.
var (
	lengthOf   = regexp.MustCompile(`(?:maximum length|length of|at most|max(?:imum)?(?: of)?|<=|less than or equal to|up to|no more than)\s*([0-9]+)`)
	nameOfTool = regexp.MustCompile(`(?:function|tools\.[0-9]+|tools\[[0-9]+\])\.name|(?:tool|function) names?\b`)
	idOfTool   = regexp.MustCompile(`tool_call_id|call_id|tool_calls[^ ]*\.id|tool call ids?\b|tool_calls[^ ]*\]\.id`)
)

// toolLengthLesson learns how long the names and the ids of tools may be.
func toolLengthLesson(r *refused) translate.Lesson {
	n := numberIn(lengthOf, r.text)
	where := r.path + "\n" + r.text
	switch {
	case n == 0:
	case idOfTool.MatchString(where):
		return learned("tool_id", func(q *config.Quirks) {
			if want := idFor(n); idRank(want) > idRank(q.ToolID) {
				q.ToolID = want
			}
		})
	case nameOfTool.MatchString(where) && n >= minToolName:
		return learned("tool_name", func(q *config.Quirks) {
			if n < maxToolName && q.ToolName == 0 || n < q.ToolName {
				q.ToolName = n
			}
		})
	}
	return translate.Lesson{}
}

// idFor is the kind of id that is short enough.
func idFor(n int64) string {
	switch {
	case n >= 64:
		return "max64"
	case n >= 40:
		return "max40"
	}
	return "short9"
}

func idRank(kind string) int { return slices.Index([]string{"", "max64", "max40", "short9"}, kind) }

// stopLesson learns how many stop sequences are taken.
func stopLesson(r *refused) translate.Lesson {
	if r.field != "stop" {
		return translate.Lesson{}
	}
	n := numberIn(lengthOf, r.text)
	if n == 0 && !r.unknown {
		return translate.Lesson{}
	}
	return learned("stop", func(q *config.Quirks) {
		now := q.Stops
		if now == 0 {
			now = usualStops
		}
		switch {
		case n == 0:
			q.Stops = -1
		case n < now:
			q.Stops = n
		}
	})
}

// streamLesson learns about streams: that there must be one, and what may be said of it.
func streamLesson(r *refused) translate.Lesson {
	switch {
	case r.has("only support stream", "only supports stream", "must have stream=true", "enable the stream parameter", "must be set to false for non-streaming", "only supports streaming", "stream must be true", "stream mode only"):
		return learned("stream_only", func(q *config.Quirks) { q.StreamOnly = true })
	case r.has("continuous_usage_stats"):
		return learned("continuous_usage", func(q *config.Quirks) {
			if q.StreamOptions == "continuous" {
				q.StreamOptions = ""
			}
		})
	case r.field == "stream_options":
		return learned("stream_options", func(q *config.Quirks) { q.StreamOptions = "none" })
	}
	return translate.Lesson{}
}

// schemaLesson learns which dialect of JSON Schema is understood, where none was known.
func schemaLesson(r *refused) translate.Lesson {
	dialect := ""
	switch {
	case r.has("function_declarations", "functiondeclarations"):
		dialect = schemaGemini
	case r.has("failed to parse grammar", "failed to initialize samplers", "json schema conversion failed"):
		dialect = schemaLlama
	case r.has("invalid schema for function", "schema must have type 'object'"):
		dialect = schemaOpenAI
	default:
		return translate.Lesson{}
	}
	return learned("schema", func(q *config.Quirks) {
		if q.Schema == "" {
			q.Schema = dialect
		}
	})
}

// fieldLesson learns that a field is not known.
func fieldLesson(r *refused) translate.Lesson {
	if !r.unknown {
		return translate.Lesson{}
	}
	switch f := r.field; f {
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		return maxTokensFieldLesson(f)
	case "temperature", "top_p", "top_k":
		if r.has("cannot both", "together") {
			f = "top_p"
		}
		return learned(f, func(q *config.Quirks) { strip(q, f) })
	case "service_tier", "include", "store", "reasoning.summary", "max_tool_calls":
		return learned(strings.ReplaceAll(f, ".", "_"), func(q *config.Quirks) { strip(q, f) })
	case "parallel_tool_calls":
		return learned(f, func(q *config.Quirks) { q.NoParallel = true })
	case "prompt_cache_key":
		return learned(f, func(q *config.Quirks) { q.CacheKey = false })
	case "cache_control":
		return learned(f, func(q *config.Quirks) { q.CacheControl = false })
	}
	return translate.Lesson{}
}

// maxTokensFieldLesson learns that the limit of the answer is not called so. Who refuses one name
// is asked by the other, and who has refused both is not asked.
func maxTokensFieldLesson(field string) translate.Lesson {
	return learned(field, func(q *config.Quirks) {
		strip(q, field)
		if field == "max_output_tokens" {
			q.MaxTokensField = "none"
			return
		}
		now := q.MaxTokensField
		if now == "" {
			now = "max_tokens"
		}
		if now != field {
			return
		}
		q.MaxTokensField = "none"
		for _, other := range []string{"max_completion_tokens", "max_tokens"} {
			if !slices.Contains(q.Strip, other) {
				q.MaxTokensField = other
				break
			}
		}
	})
}
