package stream

// Where the counts of a [Result] come from.
const (
	SourceFinal     = "final"     // the final, cumulative usage was seen
	SourcePartial   = "partial"   // the message was not complete: message_start or earlier deltas
	SourceEstimated = "estimated" // partial or nothing, and the output from what was delivered
	SourceNone      = "none"      // nothing was reported
)

// Notes of a [Result]: what had to be inferred or left out.
const (
	NoteTTLInferred    = "ttl_inferred"         // no 5m/1h split; the request's cache marks say which
	NoteTTLAssumed     = "ttl_assumed"          // no 5m/1h split and nothing to tell: booked as 5m
	NoteSplitAdjusted  = "cache_split_adjusted" // 5m + 1h was not the sum; the sum was trusted
	NoteZeroIgnored    = "zero_ignored"         // a later 0 did not replace a positive input count
	NoteCountIgnored   = "count_ignored"        // a count that is none: negative, broken, absurd
	NoteOutputEstimate = "output_estimated"     // Output was computed by [Meter.Estimate]
	NoteGaveUp         = "metering_gave_up"     // an event that matters was too large to read
	NoteRawCut         = "usage_raw_cut"        // Raw lacks what would have made it too large

	NoteIterationUnknown = "iteration_unknown" // of a type nobody knows; booked by what the sums show
	NoteIterationsMerged = "iterations_merged" // there were too many to tell them apart
)

// notes is the set of notes of a result, in the order of their names in [notes.list].
type notes uint16

const (
	noteTTLInferred notes = 1 << iota
	noteTTLAssumed
	noteSplitAdjusted
	noteZeroIgnored
	noteCountIgnored
	noteOutputEstimate
	noteGaveUp
	noteRawCut
	noteIterationUnknown
	noteIterationsMerged
)

// list returns the notes as they are written to the ledger, nil if there are none.
func (n notes) list() []string {
	var names []string
	for i, name := range [...]string{
		NoteTTLInferred, NoteTTLAssumed, NoteSplitAdjusted, NoteZeroIgnored,
		NoteCountIgnored, NoteOutputEstimate, NoteGaveUp, NoteRawCut,
		NoteIterationUnknown, NoteIterationsMerged,
	} {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Result is what a [Meter] has learned about an answer.
type Result struct {
	Usage      Usage
	Iterations []Iteration // billed beside Usage
	Counting   Counting    // whether Usage.Input holds the cached tokens too
	Source     string      // one of the Source constants
	Notes      []string    // of the Note constants
	Raw        []byte      // the usage object, merged as Usage is, unknown fields included; at most 16 KiB

	ID           string // of the message
	Model        string // that answered, after a fallback the one fallen back to
	StopReason   string
	ServiceTier  string
	Speed        string
	InferenceGeo string

	ErrorType    string // from an error event or an error body; "error" if it names no type
	ErrorMessage string // at most 500 characters

	Complete bool // see [Meter.Complete]
	Stopped  bool // message_stop was seen
	Events   int  // server-sent events with data
	GaveUp   bool // an event that matters was too large to read
}
