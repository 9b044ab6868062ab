package openai

import (
	"slices"

	"prism/config"
	"prism/internal/translate"
)

// toolChoiceLesson learns how tools can be forced: by naming one, by requiring any, or not at all.
// Who cannot force them while it thinks may think unasked, so that this counts always.
func toolChoiceLesson(r *refused) translate.Lesson {
	if r.field != "tool_choice" && !r.has("tool_choice", "tool choice") {
		return translate.Lesson{}
	}
	switch {
	case r.has("supported string values", "invalid tool_choice type", "must be a string", "expected a string", "should be a valid string"):
		return learned("tool_choice_words", func(q *config.Quirks) {
			if q.ToolChoice == "" || q.ToolChoice == "all" {
				q.ToolChoice = "named_only_required"
			}
		})
	case r.has("thinking", "reasoning"), r.unknown:
		return learned("tool_choice", func(q *config.Quirks) { q.ToolChoice = "auto" })
	}
	return translate.Lesson{}
}

// formatLesson learns how the shape of an answer can be asked for.
func formatLesson(r *refused) translate.Lesson {
	about := r.field == "response_format" || r.field == "text.format" || r.has("response_format", "json mode", "json_schema")
	if !about || r.has("invalid schema") {
		return translate.Lesson{}
	}
	if !r.unknown && !r.has("unavailable", "must be", "cannot be combined", "invalid") {
		return translate.Lesson{}
	}
	want := "none"
	if r.has("json_schema") && !r.has("must be 'json_schema'", "must be `json_schema`") {
		want = "json_object"
	}
	return learned("format_"+want, func(q *config.Quirks) {
		ranks := []string{"", "json_object", "none"}
		if slices.Index(ranks, want) > slices.Index(ranks, q.Format) {
			q.Format = want
		}
	})
}

// roleLesson learns which roles there are, and in which order.
func roleLesson(r *refused) translate.Lesson {
	switch {
	case r.has("developer") && r.has("role", "variant", "is not one of"):
		return learned("developer", func(q *config.Quirks) { q.Developer = false })
	case r.has("system message must be at the beginning", "system messages must be at the beginning", "system message must be the first", "system role must be at the beginning", "unexpected role 'system'"):
		return learned("system_middle", func(q *config.Quirks) { q.SystemMiddle = "" })
	case r.has("role 'user' after role 'tool'", `role "user" after role "tool"`):
		return learned("after_tool", func(q *config.Quirks) { q.AfterTool = "filler" })
	case r.has("expected last role user or tool", "assistant with prefix"):
		return learned("prefill", func(q *config.Quirks) {
			if q.Prefill == "" {
				q.Prefill = "prefix"
			}
		})
	}
	return translate.Lesson{}
}

// contentLesson learns that text must be a string.
func contentLesson(r *refused) translate.Lesson {
	about := r.has("content") || r.path != "" && inMessages(r)
	if about && r.has("must be a string", "should be a valid string", "expected a string", "expected string", "unsupported content[].type", "value must be a string") && !r.has("image", "tool_choice") {
		return learned("text_only", func(q *config.Quirks) { q.TextOnly = true })
	}
	return translate.Lesson{}
}

// mediaLesson learns which pictures and documents are taken. What stood in the result of a tool
// goes into a message of the user before it is given up.
func mediaLesson(r *refused) translate.Lesson {
	switch {
	case !r.unknown && !r.has("not a multimodal model", "only supported by certain models", "at most 0 image", "unknown variant", "invalid content type", "does not have vision", "no endpoints found that support", "unable to process input image"):
	case r.has("variant `file`", "type 'file'", "value: 'file'", "input_file", "file_data", "pdf"):
		return learned("documents", func(q *config.Quirks) {
			q.Documents = ""
		})
	case r.has("image", "multimodal", "vision"):
		if r.has("url") && r.has("base64") {
			return learned("images_base64", func(q *config.Quirks) { lowerImages(q, "base64") })
		}
		if r.has("role 'tool'", "tool message", "role: tool", "tool role", "tool result") {
			return learned("images_not_in_tool", func(q *config.Quirks) { lowerImages(q, "") })
		}
		return learned("images", func(q *config.Quirks) { lowerImages(q, "none") })
	}
	return translate.Lesson{}
}

func lowerImages(q *config.Quirks, want string) {
	rank := func(s string) int { return slices.Index([]string{"in_tool", "", "base64", "none"}, s) }
	now := q.Images
	if now == "yes" {
		now = ""
	}
	if rank(want) > rank(now) {
		q.Images = want
	}
}
