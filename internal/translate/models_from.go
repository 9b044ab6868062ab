package translate

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"
)

// maxModelID is how long the id of a model may be.
const maxModelID = 256

// ModelsFrom reads a provider's list of models: OpenAI's, one without the object around it, or
// those of Google and Ollama. What is no model is passed over.
func ModelsFrom(list []byte) []Model {
	var l modelList
	if !json.Valid(list) {
		return nil
	}
	items := json.RawMessage(list)
	for key, v := range Fields(list) {
		if (key == "data" || key == "models") && Is(v, '[') {
			items = v
			break
		}
	}
	for one := range Items(items) {
		l.add(modelFrom(one))
	}
	return l.models
}

// modelFrom reads one model. Providers that say how much it can read and write agree on no name
// for either.
func modelFrom(v json.RawMessage) Model {
	if s, ok := Text(v); ok {
		return Model{ID: cutID(s)}
	}
	var m Model
	var name, display string
	for key, one := range Fields(v) {
		switch key {
		case "id", "model":
			if s, _ := Text(one); m.ID == "" {
				m.ID = s
			}
		case "name":
			name, _ = Text(one)
		case "display_name", "displayName":
			display, _ = Text(one)
		case "created":
			m.Created = createdAt(one)
		case "context_length", "context_window", "max_model_len", "max_context_length", "inputTokenLimit":
			m.Window = cmp.Or(m.Window, natural(one))
		case "max_completion_tokens", "max_output_tokens", "max_tokens", "outputTokenLimit":
			m.Output = cmp.Or(m.Output, natural(one))
		case "top_provider":
			m.Window = cmp.Or(m.Window, natural(Field(one, "context_length")))
			m.Output = cmp.Or(m.Output, natural(Field(one, "max_completion_tokens")))
		}
	}
	m.ID = cutID(cmp.Or(m.ID, strings.TrimPrefix(name, "models/")))
	m.Name = cutID(cmp.Or(display, name, m.ID))
	return m
}

func cutID(s string) string {
	if len(s) > maxModelID {
		return ""
	}
	return s
}

// createdAt reads seconds since 1970.
func createdAt(v json.RawMessage) string {
	var n int64
	if json.Unmarshal(v, &n) != nil || n <= 0 || n > maxCreated {
		return ""
	}
	return time.Unix(n, 0).UTC().Format(time.RFC3339)
}

// maxCreated is the end of the year 9999, after which RFC 3339 has no dates.
const maxCreated = 253_402_300_799
