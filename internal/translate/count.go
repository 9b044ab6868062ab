package translate

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// CountTokens answers a request of /v1/messages/count_tokens, whose prompt was estimated. It checks
// the request as far as the API does before it counts; the error is a [*Refusal].
func CountTokens(body []byte, prompt int64) ([]byte, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) || !Is(body, '{') {
		return nil, &Refusal{Message: "the request body is not valid JSON"}
	}
	var model, messages json.RawMessage
	for key, v := range Fields(body) {
		switch key {
		case "model":
			model = v
		case "messages":
			messages = v
		}
	}
	if refusal := countable(model, messages); refusal != nil {
		return nil, refusal
	}
	return append(strconv.AppendInt([]byte(`{"input_tokens":`), max(prompt, 1), 10), '}'), nil
}

// countable refuses what the API would not count; nil = it would.
func countable(model, messages json.RawMessage) *Refusal {
	name, ok := Text(model)
	switch {
	case model == nil:
		return refusalOf("model", "Field required")
	case !ok || name == "":
		return refusalOf("model", "Input should be a valid string")
	case messages == nil:
		return refusalOf("messages", "Field required")
	case !Is(messages, '['):
		return refusalOf("messages", "Input should be a valid list")
	}
	i := 0
	for turn := range Items(messages) {
		if refusal := countableTurn("messages."+strconv.Itoa(i), turn); refusal != nil {
			return refusal
		}
		i++
	}
	if i == 0 {
		return refusalOf("messages", "at least one message is required")
	}
	return nil
}

func countableTurn(at string, turn json.RawMessage) *Refusal {
	role, _ := Text(Field(turn, "role"))
	switch Role(role) {
	case User, Assistant, System:
	default:
		return refusalOf(at+".role", "Input should be 'user' or 'assistant'")
	}
	content := Field(turn, "content")
	switch {
	case content == nil:
		return refusalOf(at+".content", "Field required")
	case !Is(content, '"') && !Is(content, '['):
		return refusalOf(at+".content", "Input should be a valid list")
	}
	return nil
}

func refusalOf(field, message string) *Refusal {
	return &Refusal{Field: field, Message: field + ": " + message}
}
