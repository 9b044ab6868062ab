package translate

import "slices"

// Notes are what could not be carried over, for translation_notes: each once, in the order in
// which it was met. They are fixed words, never anything of a body.
type Notes []string

// Add notes a word, unless it was noted.
func (n *Notes) Add(word string) {
	if !slices.Contains(*n, word) {
		*n = append(*n, word)
	}
}

// Dropped notes a field that is left out. field is one of the API's own.
func (n *Notes) Dropped(field string) { n.Add("dropped:" + field) }

// Words of translation_notes.
const (
	NoteUnknownField   = "dropped:unknown"       // a field that the Messages API is not known to have
	NoteUnknownBlock   = "dropped:unknown_block" // a content block of a type that is not known
	NoteImage          = "image_omitted"         // the model or the provider takes none like it
	NoteDocument       = "document_omitted"
	NoteMaxTokens      = "max_tokens_clamped"
	NoteEffort         = "effort_clamped"      // the nearest that the provider knows was asked for
	NoteToolChoice     = "tool_choice_auto"    // tools could not be forced or forbidden
	NoteStrict         = "schema_not_strict"   // the schema is told, but not enforced
	NoteFormat         = "format_in_prompt"    // the schema is told in the system prompt
	NotePrefill        = "prefill"             // the answer was begun by the client; few providers go on with it
	NoteThinking       = "thinking_removed"    // reasoning that the provider has made and does not take back
	NoteInterrupted    = "tool_result_made_up" // a tool call had no result
	NoteOrphan         = "tool_result_orphan"  // a result had no tool call
	NoteTemperature    = "temperature_fixed"
	NoteCompaction     = "compaction_in_prompt"
	NoteServerTool     = "dropped:server_tool" // a tool that runs at Anthropic
	NoteTools          = "dropped:tools"       // more than the provider takes
	NoteExamples       = "input_examples_in_description"
	NoteParallel       = "dropped:disable_parallel_tool_use"
	NoteSearch         = "dropped:search_options" // where a search may look, or whom it is for
	NoteReasoningLevel = "dropped:effort"         // reasoning cannot be asked for
)
