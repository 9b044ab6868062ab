package simulator

// habits are what servers do otherwise than the author of the dialect they speak.
type habits struct {
	reasoning string // see ReasoningIn
	usageIn   string // see UsageIn
	spelling  string // see UsageSpelled
	cost      string
	finish    string // verbatim
	param     string // of an error
	code      string

	toolIDs, toolIndexes toolHabit
	atOnce, object       bool // arguments
	repeatArgs           bool
	repeatName           bool
	emptyTools           bool
	finishEarly          bool
	emptyFinish          bool
	emptyChoices         bool
	wholeMessage         bool
	refusal              bool
	matchedStop          bool
	numericErrors        bool
	doneOnly             bool
	failed               bool
}

// toolHabit is what happens to a member of tool calls.
type toolHabit int

const (
	toolGood    toolHabit = iota
	toolMissing           // the member is left out
	toolSame              // the same for all calls
)

// habit makes an answer of one habit.
func habit(f func(h *habits)) Answer { return set(func(p *plan) { f(&p.habits) }) }

// Fields of a chat that carry reasoning.
const (
	ReasoningContent = "reasoning_content" // DeepSeek, Kimi, GLM, Qwen; the default
	ReasoningField   = "reasoning"         // vLLM, Groq
	ReasoningDetails = "reasoning_details" // a list of objects: MiniMax
	ReasoningBoth    = "both"              // the two above: OpenRouter
	ReasoningParts   = "parts"             // parts of the content: Mistral
	ReasoningTags    = "tags"              // <think> in the text: llama.cpp, MiniMax
	ReasoningNowhere = "nowhere"           // it is not told, as at OpenAI
)

// ReasoningIn is where a chat tells the model's thinking.
func ReasoningIn(field string) Answer { return habit(func(h *habits) { h.reasoning = field }) }

// Places of the usage in a chat's stream.
const (
	UsageSeparate   = ""           // a chunk of its own, if the request wants it: OpenAI
	UsageInFinish   = "finish"     // in the chunk that finishes
	UsageEverywhere = "everywhere" // running sums in every chunk: vLLM
	UsageInChoice   = "choice"     // in choices[0] of the chunk that finishes: Kimi
	UsageInXGroq    = "x_groq"     // in x_groq of the chunk that finishes: Groq
	UsageNowhere    = "nowhere"
)

// UsageIn is where a chat's stream tells the usage. All but [UsageSeparate] tell it unasked.
func UsageIn(place string) Answer { return habit(func(h *habits) { h.usageIn = place }) }

// Spellings of the usage in a chat.
const (
	SpellOpenAI   = ""
	SpellDeepSeek = "deepseek" // prompt_cache_hit_tokens, prompt_cache_miss_tokens
	SpellKimi     = "kimi"     // cached_tokens at the top
	SpellBare     = "bare"     // no details
	SpellOutside  = "outside"  // reasoning tokens beside completion_tokens: xAI
)

// UsageSpelled is how a chat spells the usage. Those that cannot tell a figure do not, in the
// bill neither.
func UsageSpelled(spelling string) Answer { return habit(func(h *habits) { h.spelling = spelling }) }

// StatedCost adds the cost in US dollars to the usage, as OpenRouter does.
func StatedCost(dollars string) Answer { return habit(func(h *habits) { h.cost = dollars }) }

// FinishReason overrides finish_reason, whatever the answer holds.
func FinishReason(reason string) Answer { return habit(func(h *habits) { h.finish = reason }) }

// FinishWithContent puts finish_reason into the chunk with the last piece of content.
func FinishWithContent() Answer { return habit(func(h *habits) { h.finishEarly = true }) }

// EmptyFinish says "finish_reason":"" where others say null.
func EmptyFinish() Answer { return habit(func(h *habits) { h.emptyFinish = true }) }

// EmptyChoices begins with a chunk that has no choices, as Azure does.
func EmptyChoices() Answer { return habit(func(h *habits) { h.emptyChoices = true }) }

// MessageInsteadOfDelta calls every delta message.
func MessageInsteadOfDelta() Answer { return habit(func(h *habits) { h.wholeMessage = true }) }

// RefusalText tells the text as a refusal.
func RefusalText() Answer { return habit(func(h *habits) { h.refusal = true }) }

// MatchedStop names the stop sequence in the choice that finishes, as vLLM does.
func MatchedStop() Answer { return habit(func(h *habits) { h.matchedStop = true }) }

// NumericErrors gives errors within a stream numbers as codes, as OpenRouter does.
func NumericErrors() Answer { return habit(func(h *habits) { h.numericErrors = true }) }

// NoDone ends a chat without [DONE].
func NoDone() Answer { return NoMessageStop() }

// NoFinish ends a chat without finish_reason, usage and [DONE].
func NoFinish() Answer { return Reply(NoMessageDelta(), Drop("usage")) }

// ToolsWithoutID leaves out the ids of tool calls.
func ToolsWithoutID() Answer { return habit(func(h *habits) { h.toolIDs = toolMissing }) }

// ToolsWithoutIndex leaves out their indexes.
func ToolsWithoutIndex() Answer { return habit(func(h *habits) { h.toolIndexes = toolMissing }) }

// ToolsAllIndexZero gives all tool calls the index 0, as Ollama and Gemini do.
func ToolsAllIndexZero() Answer { return habit(func(h *habits) { h.toolIndexes = toolSame }) }

// ToolsAtOnce sends each tool call whole, in one chunk.
func ToolsAtOnce() Answer { return habit(func(h *habits) { h.atOnce = true }) }

// ToolNamesRepeated repeats the name of a tool in every piece of its call.
func ToolNamesRepeated() Answer { return habit(func(h *habits) { h.repeatName = true }) }

// ArgumentsAsObject sends the arguments of tool calls as an object, not as text.
func ArgumentsAsObject() Answer { return habit(func(h *habits) { h.atOnce, h.object = true, true }) }

// ArgumentsRepeated sends the arguments in pieces and then whole once more.
func ArgumentsRepeated() Answer { return habit(func(h *habits) { h.repeatArgs = true }) }

// EmptyToolCalls adds an empty list of tool calls to every piece of text.
func EmptyToolCalls() Answer { return habit(func(h *habits) { h.emptyTools = true }) }

// ArgumentsWhenDone tells the arguments of a tool call of the Responses API only when it is
// complete, as LM Studio does.
func ArgumentsWhenDone() Answer { return habit(func(h *habits) { h.doneOnly = true }) }

// ResponseFailed tells an error within a stream of the Responses API as response.failed, not as
// an error event.
func ResponseFailed() Answer { return habit(func(h *habits) { h.failed = true }) }

// Variant is a way of answering that a decoder must understand.
type Variant struct {
	Name string
	Part Answer // to be added to an answer
}

// ChatVariants are the ways of servers that speak Chat Completions. The content of an answer is
// the same in all of them.
func ChatVariants() []Variant {
	return []Variant{
		{"as the author", Reply()},
		{"CRLF, no space, comments", Reply(CRLF(), NoSpace(), Comments())},
		{"a byte at a time", SlowChunks(1, 0)},
		{"no DONE", NoDone()},
		{"reasoning", ReasoningIn(ReasoningField)},
		{"reasoning in two fields", ReasoningIn(ReasoningBoth)},
		{"reasoning details", ReasoningIn(ReasoningDetails)},
		{"reasoning as parts", ReasoningIn(ReasoningParts)},
		{"tools at once, all index 0", Reply(ToolsAtOnce(), ToolsAllIndexZero())},
		{"tools in pieces, all index 0", ToolsAllIndexZero()},
		{"tools without index", ToolsWithoutIndex()},
		{"tools at once, without id", Reply(ToolsAtOnce(), ToolsWithoutID())},
		{"tool names repeated", ToolNamesRepeated()},
		{"arguments as an object", ArgumentsAsObject()},
		{"arguments repeated", ArgumentsRepeated()},
		{"calls interleaved", Interleave()},
		{"empty tool calls", EmptyToolCalls()},
		{"finish stop with tools", FinishReason("stop")},
		{"finish with content", FinishWithContent()},
		{"two finishes", Repeat("message_delta")},
		{"empty finish", EmptyFinish()},
		{"Azure", EmptyChoices()},
		{"message instead of delta", MessageInsteadOfDelta()},
		{"usage in finish", UsageIn(UsageInFinish)},
		{"usage in every chunk", UsageIn(UsageEverywhere)},
		{"usage in the choice", UsageIn(UsageInChoice)},
		{"usage in x_groq", UsageIn(UsageInXGroq)},
		{"JSON instead of a stream", JSONInsteadOfStream()},
	}
}

// ResponsesVariants are the ways of servers that speak the Responses API. The content of an
// answer is the same in all of them.
func ResponsesVariants() []Variant {
	return []Variant{
		{"as the author", Reply()},
		{"CRLF, no space, comments", Reply(CRLF(), NoSpace(), Comments())},
		{"a byte at a time", SlowChunks(1, 0)},
		{"no event lines", NoEventLine()},
		{"arguments when done", ArgumentsWhenDone()},
		{"items interleaved", Interleave()},
		{"unknown events", UnknownEvents()},
		{"JSON instead of a stream", JSONInsteadOfStream()},
	}
}
