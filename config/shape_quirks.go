package config

// quirksShape is what a provider of a translated dialect does otherwise than the author of that
// dialect. Fields of the same names in Quirks take what is given. An enum's default is the word
// for what Quirks leaves empty.
type quirksShape struct {
	spot

	// Field that bounds the length of an answer. Default: the one of the dialect.
	MaxTokensField text `yaml:"max_tokens_field,omitempty" jsonschema:"enum=max_tokens,enum=max_completion_tokens,enum=none"`
	// Tokens that an answer may have; a client that asks for more gets this. Per model: max_output under models.
	MaxOutput whole `yaml:"max_output,omitempty" jsonschema:"minimum=1,example=32768"`
	// Tokens that a model can read and write. Per model: context_window under models.
	ContextWindow whole `yaml:"context_window,omitempty" jsonschema:"minimum=1,example=131072"`
	// How usage is asked for in a stream: usage at its end, continuous, or none, for servers that refuse stream_options.
	StreamOptions text `yaml:"stream_options,omitempty" jsonschema:"enum=usage,enum=continuous,enum=none,default=usage"`
	// Always ask for a stream, whatever the client wants: some models think only then.
	StreamOnly toggle `yaml:"stream_only,omitempty" jsonschema:"default=false"`
	// Field that reasoning is asked for with; none where it cannot be asked for.
	Effort text `yaml:"effort,omitempty" jsonschema:"enum=reasoning_effort,enum=reasoning,enum=thinking,enum=enable_thinking,enum=chat_template,enum=none,default=reasoning_effort"`
	// Efforts that are accepted, weakest first; others become the nearest of them. Absent: all.
	Efforts []text `yaml:"efforts,omitempty" jsonschema:"enum=none,enum=minimal,enum=low,enum=medium,enum=high,enum=xhigh,enum=max"`
	// The models think unless they are told not to.
	ThinksAnyway toggle `yaml:"thinks_anyway,omitempty" jsonschema:"default=false"`
	// Field of an assistant's message that carries its reasoning back.
	ReasoningIn text `yaml:"reasoning_in,omitempty" jsonschema:"enum=none,enum=reasoning_content,enum=reasoning,enum=reasoning_details,default=none"`
	// That field may not be missing beside tool calls.
	ReasoningMust toggle `yaml:"reasoning_must,omitempty" jsonschema:"default=false"`
	// Top-level fields that are never sent; at clouds also names of betas, see docs/providers.md.
	Strip []text `yaml:"strip,omitempty" jsonschema:"example=top_p"`
	// The only temperature that is accepted.
	Temperature decimal `yaml:"temperature,omitempty" jsonschema:"example=1"`
	// top_k is understood.
	TopK toggle `yaml:"top_k,omitempty" jsonschema:"default=false"`
	// Ways to prescribe a tool that work: all, named_only_required (as a word only), auto_thinking (none while thinking) or auto (none).
	ToolChoice text `yaml:"tool_choice,omitempty" jsonschema:"enum=all,enum=named_only_required,enum=auto_thinking,enum=auto,default=all"`
	// parallel_tool_calls is refused.
	NoParallel toggle `yaml:"no_parallel,omitempty" jsonschema:"default=false"`
	// What of JSON Schema the parameters of tools may use.
	Schema text `yaml:"schema,omitempty" jsonschema:"enum=all,enum=openai,enum=gemini,enum=llama,default=all"`
	// What the ids of tool calls may be: any, nine letters and digits, or so many characters.
	ToolID text `yaml:"tool_id,omitempty" jsonschema:"enum=any,enum=short9,enum=max40,enum=max64,default=any"`
	// Characters that the name of a tool may have.
	ToolName whole `yaml:"tool_name,omitempty" jsonschema:"minimum=8,maximum=128,default=64"`
	// Tools that may be offered; of more, some of the last are left out. Absent: all are offered.
	MaxTools whole `yaml:"max_tools,omitempty" jsonschema:"minimum=1,example=128"`
	// Where system messages in the middle of a conversation go: into a user's message, or where they stand.
	SystemMiddle text `yaml:"system_middle,omitempty" jsonschema:"enum=reminder,enum=inplace,default=reminder"`
	// The system prompt has the role developer.
	Developer toggle `yaml:"developer,omitempty" jsonschema:"default=false"`
	// What stands between the result of a tool and a user's message.
	AfterTool text `yaml:"after_tool,omitempty" jsonschema:"enum=nothing,enum=filler,default=nothing"`
	// Content that is text must be one string.
	TextOnly toggle `yaml:"text_only,omitempty" jsonschema:"default=false"`
	// Images: yes, none, base64 only, or in_tool for results of tools as well.
	Images text `yaml:"images,omitempty" jsonschema:"enum=yes,enum=none,enum=base64,enum=in_tool,default=yes"`
	// Documents that are no text: left out, sent as a file, or also by their address. What is text always goes.
	Documents text `yaml:"documents,omitempty" jsonschema:"enum=text,enum=file,enum=url,default=text"`
	// How the provider is told to go on with an answer that the client has begun: a mark on its message, or vLLM's fields.
	Prefill text `yaml:"prefill,omitempty" jsonschema:"enum=none,enum=prefix,enum=continue,default=none"`
	// Marks of the prompt cache are understood.
	CacheControl toggle `yaml:"cache_control,omitempty" jsonschema:"default=false"`
	// prompt_cache_key is understood.
	CacheKey toggle `yaml:"cache_key,omitempty" jsonschema:"default=false"`
	// service_tier is understood: a client that wants the standard tier gets it, whatever the account's is.
	ServiceTier toggle `yaml:"service_tier,omitempty" jsonschema:"default=false"`
	// Stop sequences that the provider takes; prism watches for the others itself. A number, or none.
	Stops count `yaml:"stops,omitempty" jsonschema:"default=4"`
	// How an answer's JSON is prescribed: by its schema, as any object, or not at all.
	Format text `yaml:"format,omitempty" jsonschema:"enum=json_schema,enum=json_object,enum=none,default=json_schema"`
	// How the provider searches the web by itself.
	WebSearch text `yaml:"web_search,omitempty" jsonschema:"enum=none,enum=openai,enum=openrouter,enum=zai,enum=qwen,default=none"`
	// JSON object whose fields are added to every request.
	Extra text `yaml:"extra,omitempty" jsonschema:"example={\"reasoning_split\":true}"`

	// Reasoning stands in the text, between `<think>` and `</think>`.
	ThinkTags toggle `yaml:"think_tags,omitempty" jsonschema:"default=false"`
	// completion_tokens does not include the tokens of reasoning.
	ReasoningOutside toggle `yaml:"reasoning_outside,omitempty" jsonschema:"default=false"`
	// Tool calls carry Google's thought signatures, which must come back.
	Signatures toggle `yaml:"signatures,omitempty" jsonschema:"default=false"`
}
