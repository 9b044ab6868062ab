package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Rules are what a provider demands of requests in a dialect that others have made. The zero
// Rules are those of the author: parameters that are not known are refused, every call of a tool
// has its result right behind it, texts of an assistant carry no reasoning.
type Rules struct {
	Open bool // parameters that are not known pass, as at most servers that are run at home

	MaxTokens       string   // the only field for the limit of the output that is known; "" = any
	MaxOutput       int      // more is refused, with the number in the text; 0 = no limit
	Window          int      // longer prompts are refused, likewise; a token is four bytes here
	NoStreamOptions bool     // stream_options is not known
	Efforts         []string // of reasoning_effort; nil = none, minimal, low, medium, high, xhigh, max
	ToolsOrEffort   bool     // a chat takes tools only with reasoning_effort none, and reasons by default: OpenAI's own
	Temperature     string   // the only temperature; "" = any
	ShortIDs        bool     // ids of tool calls have nine letters or digits: Mistral
	Reasoning       string   // of assistant messages with tool calls: must = it may not be missing; DeepSeek
	SystemFirst     bool     // a system message stands at the beginning: llama.cpp
	TextOnly        bool     // content is text, not a list of parts
	NoParallel      bool     // parallel_tool_calls is not known
	NoStop          bool     // stop is not supported
	NoEncrypted     bool     // no reasoning is told encrypted: models that do not reason
	Names           int      // characters of a tool's name; 0 = 64
}

// misuse is a request that breaks a rule.
type misuse struct{ message, param, code string }

// answer is what a misuse is answered.
func (m *misuse) answer() Answer {
	return Error(http.StatusBadRequest, "invalid_request_error", m.message, nil).With(Param(m.param, m.code))
}

// wrong makes a misuse.
func wrong(param, format string, args ...any) *misuse {
	return &misuse{message: fmt.Sprintf(format, args...), param: param, code: "invalid_value"}
}

// unsupported makes the misuse of a parameter that the model does not have.
func unsupported(param, message string) *misuse {
	return &misuse{message: message, param: param, code: "unsupported_parameter"}
}

// members refuses members of an object that are not known. where is a path to it, "" at the top.
func (d *Rules) members(raw json.RawMessage, where, known string) *misuse {
	if d.Open {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return wrong(where, "Invalid type for '%s': expected an object.", where)
	}
	names := strings.Fields(known)
	for name := range all {
		if !slices.Contains(names, name) {
			path := strings.TrimPrefix(where+"."+name, ".")
			return &misuse{message: "Unknown parameter: '" + path + "'.", param: path, code: "unknown_parameter"}
		}
	}
	return nil
}

// shortID is an id as Mistral wants it; goodName a function's name.
var (
	shortID  = regexp.MustCompile(`^[a-zA-Z0-9]{9}$`)
	goodName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

// calledTool is a tool call or a tool's result as it is checked.
type calledTool struct{ param, id string }

// id checks the id of a tool call.
func (d *Rules) id(c calledTool) *misuse {
	switch {
	case c.id == "":
		return wrong(c.param, "Missing required parameter: '%s'.", c.param)
	case d.ShortIDs && !shortID.MatchString(c.id):
		return wrong(c.param, "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", c.id)
	case len(c.id) > 64:
		return wrong(c.param, "Invalid '%s': string too long. Expected a string with maximum length 64, but got a string with length %d instead.", c.param, len(c.id))
	}
	return nil
}

// function checks the definition of a tool: name, parameters, strict.
func (d *Rules) function(param, name string, parameters json.RawMessage, strict bool) *misuse {
	limit := 64
	if d.Names > 0 {
		limit = d.Names
	}
	switch {
	case name == "":
		return wrong(param+".name", "Missing required parameter: '%s.name'.", param)
	case !goodName.MatchString(name):
		return wrong(param+".name", "Invalid '%s.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", param)
	case len(name) > limit:
		return wrong(param+".name", "Invalid '%s.name': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, limit, len(name))
	case len(parameters) == 0:
		return nil
	}
	var s schema
	if err := json.Unmarshal(parameters, &s); err != nil {
		return wrong(param+".parameters", "Invalid schema for function '%s': %s", name, "schema must be a JSON Schema object")
	}
	if complaint := s.complaint(strict); complaint != "" {
		return &misuse{message: "Invalid schema for function '" + name + "': " + complaint, param: param + ".parameters", code: "invalid_function_parameters"}
	}
	return nil
}

// schema is as much of a JSON Schema as is checked.
type schema struct {
	Type       any                        `json:"type"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Additional any                        `json:"additionalProperties"`
	OneOf      json.RawMessage            `json:"oneOf"`
	AnyOf      json.RawMessage            `json:"anyOf"`
	AllOf      json.RawMessage            `json:"allOf"`
	Enum       json.RawMessage            `json:"enum"`
	Not        json.RawMessage            `json:"not"`
}

// complaint says what OpenAI would not take of the schema of a tool's parameters; "" = nothing.
func (s *schema) complaint(strict bool) string {
	switch {
	case s.Type != "object":
		return fmt.Sprintf("schema must be a JSON Schema of 'type: \"object\"', got 'type: %v'.", s.Type)
	case s.Properties == nil:
		return "In context=(), object schema missing properties."
	case s.OneOf != nil || s.AnyOf != nil || s.AllOf != nil || s.Enum != nil || s.Not != nil:
		return "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
	case strict && s.Additional != false:
		return "In context=(), 'additionalProperties' is required to be supplied and to be false."
	case strict && len(s.Required) != len(s.Properties):
		return "In context=(), 'required' is required to be supplied and to be an array including every key in properties."
	}
	return ""
}

// effort checks a value for how much is to be reasoned.
func (d *Rules) effort(param, value string) *misuse {
	known := d.Efforts
	if known == nil {
		known = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
	}
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return &misuse{
		message: fmt.Sprintf("Unsupported value: '%s' does not support '%s' with this model. Supported values are: '%s'.",
			param, value, strings.Join(known, "', '")),
		param: param, code: "unsupported_value",
	}
}

// output checks a limit of the output.
func (d *Rules) output(param string, n int) *misuse {
	if d.MaxOutput > 0 && n > d.MaxOutput {
		return wrong(param, "%s is too large: %d. This model supports at most %d completion tokens, whereas you provided %d.", param, n, d.MaxOutput, n)
	}
	return nil
}

// window checks the length of the prompt.
func (d *Rules) window(body []byte) (tooLong Answer, refused bool) {
	if n := int(prompt(body)); d.Window > 0 && n > d.Window {
		return PromptTooLong(n, d.Window), true
	}
	return Answer{}, false
}

// tooLongForOthers is the text of an overlong prompt in the words of OpenAI.
func tooLongForOthers(tokens, limit int) string {
	return fmt.Sprintf("This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.", limit, tokens)
}
