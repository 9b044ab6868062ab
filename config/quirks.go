package config

// Quirks is what a provider does otherwise than the author of the dialect it speaks, and what its
// models can. The zero value is that author's own service. Values come from the preset of the
// provider, then from the profile; what a provider's refusals have taught is laid over both by
// the running upstream.
type Quirks struct {
	// Requests.
	MaxTokensField string   `json:"max_tokens_field,omitempty"` // max_tokens, max_completion_tokens or none; "" = max_tokens, at OpenAI max_completion_tokens
	MaxOutput      int64    `json:"max_output,omitempty"`       // tokens; more is not asked for; 0 = not known
	ContextWindow  int64    `json:"context_window,omitempty"`   // tokens; 0 = not known
	StreamOptions  string   `json:"stream_options,omitempty"`   // usage (default), continuous or none
	StreamOnly     bool     `json:"stream_only,omitempty"`      // always ask for a stream, whatever the client wants
	Effort         string   `json:"effort,omitempty"`           // how reasoning is asked for; see the Effort constants
	Efforts        []string `json:"efforts,omitempty"`          // values that are accepted, weakest first; nil = all
	ThinksAnyway   bool     `json:"thinks_anyway,omitempty"`    // thinking is on unless it is switched off
	ReasoningIn    string   `json:"reasoning_in,omitempty"`     // field of an assistant message that carries its reasoning back: none (default), reasoning_content, reasoning or reasoning_details
	ReasoningMust  bool     `json:"reasoning_must,omitempty"`   // that field may not be missing beside tool calls
	Strip          []string `json:"strip,omitempty"`            // top-level fields that are never sent; at clouds also names of betas
	Temperature    string   `json:"temperature,omitempty"`      // the only temperature that is accepted, a decimal
	TopK           bool     `json:"top_k,omitempty"`            // top_k is known
	ToolChoice     string   `json:"tool_choice,omitempty"`      // all (default), named_only_required (no object form), auto_thinking (only auto while thinking) or auto
	NoParallel     bool     `json:"no_parallel,omitempty"`      // parallel_tool_calls is refused
	Schema         string   `json:"schema,omitempty"`           // dialect of JSON Schema: "" = all of it, openai, gemini or llama
	ToolID         string   `json:"tool_id,omitempty"`          // "" = any; short9 = nine letters or digits; max40, max64 = so many characters
	ToolName       int64    `json:"tool_name,omitempty"`        // characters that a tool's name may have; 0 = 64
	MaxTools       int64    `json:"max_tools,omitempty"`        // tools that may be offered; 0 = not known
	SystemMiddle   string   `json:"system_middle,omitempty"`    // reminder (default: in a user message) or inplace
	Developer      bool     `json:"developer,omitempty"`        // the system prompt has the role developer
	AfterTool      string   `json:"after_tool,omitempty"`       // filler = an assistant message must stand between a tool's and a user's
	TextOnly       bool     `json:"text_only,omitempty"`        // content must be a string where it is text
	Images         string   `json:"images,omitempty"`           // yes (default), none, base64 or in_tool (also in tool results)
	Documents      string   `json:"documents,omitempty"`        // text (default: what is text stays, a PDF is left out), file (a PDF is a file part) or url (also by its address)
	Prefill        string   `json:"prefill,omitempty"`          // how an answer that the client has begun is gone on with: "" = it is only sent; prefix (a mark on its message) or continue (vLLM's fields)
	CacheControl   bool     `json:"cache_control,omitempty"`    // marks of the prompt cache are understood
	CacheKey       bool     `json:"cache_key,omitempty"`        // prompt_cache_key is understood
	ServiceTier    bool     `json:"service_tier,omitempty"`     // service_tier is understood, as OpenAI has it
	Stops          int64    `json:"stops,omitempty"`            // stop sequences that are accepted; 0 = 4, -1 = none
	Format         string   `json:"format,omitempty"`           // structured output: json_schema (default), json_object or none
	WebSearch      string   `json:"web_search,omitempty"`       // how the provider searches by itself: "" = not at all; openai (Responses only), openrouter, zai or qwen
	Extra          string   `json:"extra,omitempty"`            // JSON object whose fields are added to every request

	// Answers.
	ThinkTags        bool `json:"think_tags,omitempty"`        // reasoning stands in the text, between <think> and </think>
	ReasoningOutside bool `json:"reasoning_outside,omitempty"` // completion_tokens lacks the reasoning tokens
	Signatures       bool `json:"signatures,omitempty"`        // tool calls carry Google's thought signatures, which must come back
}

// Ways to ask for reasoning.
const (
	EffortField    = "reasoning_effort" // {"reasoning_effort": "high"}, the default
	EffortObject   = "reasoning"        // {"reasoning": {"effort": "high"}}
	EffortThinking = "thinking"         // {"thinking": {"type": "enabled"}}, and reasoning_effort where Efforts is given
	EffortEnable   = "enable_thinking"  // {"enable_thinking": true, "thinking_budget": N}
	EffortTemplate = "chat_template"    // {"chat_template_kwargs": {"enable_thinking": true}}
	EffortNone     = "none"             // it cannot be asked for
)
