package translate

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads the body of a request of /v1/messages. The error is a [*Refusal]: in the words of
// the API where the request breaks its rules, and in ours for what runs at Anthropic only.
//
// What no other dialect has is left out and stands in Dropped. Two things are left out without a
// trace: the client's attribution block, and safeguards, which is nobody else's business.
func Parse(body []byte) (*Conversation, error) {
	switch {
	case !json.Valid(body):
		return nil, &Refusal{Message: "the request body is not valid JSON"}
	case !utf8.Valid(body):
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	body = bytes.TrimSpace(body)
	if !Is(body, '{') {
		return nil, &Refusal{Message: "the request body must be an object"}
	}
	p := &parser{c: &Conversation{}}
	p.read(body)
	if p.refusal != nil {
		return nil, p.refusal
	}
	return p.c, nil
}

// parser fills a conversation. The first refusal sticks, and nothing counts after it.
type parser struct {
	c       *Conversation
	refusal *Refusal
	turn    int // that is being read
	block   int // in it
	within  int // the block of a tool's result in it; -1 = none
	effort  string
}

func (p *parser) refuse(field, message string) {
	if p.refusal == nil {
		p.refusal = &Refusal{Field: field, Message: field + ": " + message}
	}
}

// refuseTurn refuses a field of the turn that is being read.
func (p *parser) refuseTurn(field, message string) {
	p.refuse("messages."+strconv.Itoa(p.turn)+"."+field, message)
}

// place is where the block stands that is being read.
func (p *parser) place() string {
	at := "messages." + strconv.Itoa(p.turn) + ".content." + strconv.Itoa(p.block)
	if p.within >= 0 {
		at += ".content." + strconv.Itoa(p.within)
	}
	return at
}

// request holds the values of the top level that depend on one another.
type request struct {
	system, tools, messages, maxTokens, thinking, output, format json.RawMessage
}

func (p *parser) read(body []byte) {
	var r request
	for key, v := range Fields(body) {
		switch key {
		case "system":
			r.system = v
		case "tools":
			r.tools = v
		case "messages":
			r.messages = v
		case "max_tokens":
			r.maxTokens = v
		case "thinking":
			r.thinking = v
		case "output_config":
			r.output = v
		case "output_format":
			r.format = v
		default:
			p.setting(key, v)
		}
	}
	p.maxTokens(r.maxTokens)
	p.system(r.system)
	p.tools(r.tools)
	p.messages(r.messages)
	p.outputConfig(r.output, r.format)
	p.thinking(r.thinking)
}

// setting reads a field that stands for itself.
func (p *parser) setting(key string, v json.RawMessage) {
	c := p.c
	switch key {
	case "model":
		c.Model, _ = Text(v)
	case "stream":
		c.Stream = string(v) == "true"
	case "stop_sequences":
		c.Stops = stops(v)
	case "metadata": // left out without a trace: it tells of the device and the account
	case "temperature":
		c.Temperature = number(v)
	case "top_p":
		c.TopP = number(v)
	case "top_k":
		c.TopK = number(v)
	case "service_tier":
		c.ServiceTier, _ = Text(v)
	case "speed":
		c.Speed, _ = Text(v)
	case "tool_choice":
		c.Choice.Type, _ = Text(Field(v, "type"))
		c.Choice.Name, _ = Text(Field(v, "name"))
		c.Choice.NoParallel = string(Field(v, "disable_parallel_tool_use")) == "true"
	case "mcp_servers":
		for range Items(v) {
			p.refuse(key, "these tools run at Anthropic and are not available through this route")
		}
	case "safeguards": // left out without a trace: it tells of paths and rules of the user's
	case "inference_geo", "container", "diagnostics", "billing_policy", "fallbacks",
		"fallback_credit_token", "thread", "context_management", "compaction", "cache_control":
		if string(v) != "null" {
			c.Dropped.Dropped(key)
		}
	default:
		c.Dropped.Add(NoteUnknownField)
	}
}

// stops returns the sequences that are any, each once.
func stops(v json.RawMessage) []string {
	var out []string
	seen := map[string]bool{"": true}
	for one := range Items(v) {
		if s, _ := Text(one); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// number returns v where it is one.
func number(v json.RawMessage) json.Number {
	if len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') {
		return json.Number(v)
	}
	return ""
}

func (p *parser) maxTokens(v json.RawMessage) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	switch {
	case v == nil:
		p.refuse("max_tokens", "Field required")
	case err != nil:
		p.refuse("max_tokens", "Input should be a valid integer")
	case n < 0:
		p.refuse("max_tokens", "Input should be greater than or equal to 0")
	}
	p.c.MaxTokens = n
}

// attribution is what the client's first system block begins with. It changes with every version
// of the client, and means something to Anthropic only.
const attribution = "x-anthropic-billing-header:"

func (p *parser) system(v json.RawMessage) {
	if s, ok := Text(v); ok {
		if strings.HasPrefix(s, attribution) {
			_, s, _ = strings.Cut(s, "\n")
		}
		p.c.System = appendText(p.c.System, s, nil)
		return
	}
	first := true
	for one := range Items(v) {
		s, _ := Text(Field(one, "text"))
		if !first || !strings.HasPrefix(s, attribution) {
			p.c.System = appendText(p.c.System, s, mark(Field(one, "cache_control")))
		}
		first = false
	}
}

// appendText adds a text that is not blank.
func appendText(parts []Part, s string, cache json.RawMessage) []Part {
	if strings.TrimSpace(s) == "" {
		return parts
	}
	return append(parts, Part{Kind: KindText, Text: s, Cache: cache})
}

// mark returns a mark of the prompt cache, or nil.
func mark(v json.RawMessage) json.RawMessage {
	if !Is(v, '{') {
		return nil
	}
	return v
}

func (p *parser) outputConfig(v, format json.RawMessage) {
	for key, one := range Fields(v) {
		switch key {
		case "effort":
			if s := effort(one); s != "" && p.effort == "" {
				p.effort = s
			}
		case "format":
			format = one
		default:
			p.c.Dropped.Dropped("output_config")
		}
	}
	if kind, _ := Text(Field(format, "type")); kind != "json_schema" {
		return
	}
	if schema := Field(format, "schema"); Is(schema, '{') {
		p.c.Schema = schema
	}
}

// effort returns a word for it that is known.
func effort(v json.RawMessage) string {
	switch s, _ := Text(v); s {
	case "low", "medium", "high", "xhigh", "max":
		return s
	}
	return ""
}

// Budgets below which thinking counts as low and as medium.
const (
	lowBudget    = 4_000
	mediumBudget = 16_000
)

// thinking decides how much reasoning is asked for. Who switches it off gets none, whatever else
// was said; then the word of the client counts, then its budget.
func (p *parser) thinking(v json.RawMessage) {
	kind, _ := Text(Field(v, "type"))
	if kind == "enabled" {
		p.c.Budget, _ = strconv.ParseInt(string(Field(v, "budget_tokens")), 10, 64)
	}
	switch {
	case kind == "disabled":
		p.c.Effort = "none"
	case p.effort != "":
		p.c.Effort = p.effort
	case kind == "enabled" && p.c.Budget > 0 && p.c.Budget < lowBudget:
		p.c.Effort = "low"
	case kind == "enabled" && p.c.Budget > 0 && p.c.Budget < mediumBudget:
		p.c.Effort = "medium"
	case kind == "enabled", kind == "adaptive", kind == "between_tools":
		p.c.Effort = "high"
	}
}
