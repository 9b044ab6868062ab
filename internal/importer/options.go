package importer

import (
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"prism/internal/ledger"
)

// Names of the sources, as they stand in column source.
const (
	SourceTranscripts = "import:claude-jsonl"
	SourceCCSwitch    = "import:cc-switch"
	SourceCCUsage     = "import:ccusage"
)

// Reasons for which something that was read makes no entry.
const (
	SkipDuplicate  = "duplicate"   // the same message in another file, or once more in this one
	SkipSynthetic  = "synthetic"   // the client's own words, from no provider
	SkipNoUsage    = "no_usage"    // nothing was reported that could be counted
	SkipUnfinished = "unfinished"  // still being written; the next import takes it
	SkipUnreadable = "unreadable"  // a line that is no JSON, or not of the shape it should have
	SkipTooLong    = "too_long"    // a line above the limit
	SkipTime       = "other_time"  // outside of the time that was asked for
	SkipOtherApp   = "other_app"   // of a client that does not speak the Messages API
	SkipAggregate  = "aggregate"   // a sum over several models that cannot be told apart
	SkipNoSuchTime = "no_time"     // it is not known when it was
	SkipKnown      = "known"       // an earlier import has it
	SkipPassed     = "through"     // it passed through the gateway, which recorded it
	SkipCovered    = "day_covered" // the day is known from another source, and would count twice
	SkipTooOld     = "too_old"     // from before the time that the ledger keeps
)

// Options say which entries are made, and fill in what the source does not know. All are
// optional.
type Options struct {
	HostName   string                                  // the machine that the usage is booked to
	Version    string                                  // of prism
	Profile    string                                  // that the usage is booked to; "" = as the source names it, if it does
	Provider   string                                  // whose prices hold; "" = ask ProviderOf
	ProviderOf func(model string, at time.Time) string // may return ""; nil = nobody knows
	ProjectOf  func(cwd string) string                 // names the project of a directory; default its last element
	Places     bool                                    // keep project, directory and branch
	Since      time.Time                               // entries that started before are left out
	Until      time.Time                               // and those that started then or later; zero = none
	Now        func() time.Time                        // default time.Now
	Progress   func(bytes int64)                       // told of bytes as they are read
}

// WithDefaults returns o with the defaults filled in.
func (o Options) WithDefaults() Options {
	if o.ProviderOf == nil {
		o.ProviderOf = func(string, time.Time) string { return "" }
	}
	if o.ProjectOf == nil {
		o.ProjectOf = ProjectOf
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	return o
}

// Within tells whether an instant is in the time that was asked for.
func (o *Options) Within(t time.Time) bool {
	return !t.Before(o.Since) && (o.Until.IsZero() || t.Before(o.Until))
}

// Begin resets e to an entry of a source that nothing is known of but its id there.
func (o *Options) Begin(e *ledger.Entry, source, original string) {
	e.Reset()
	e.RequestID, e.Source = ID(source, original), source
	e.HostName, e.GatewayVersion = o.HostName, o.Version
	e.Profile, e.Operation, e.UsageSource = o.Profile, ledger.OpMessages, ledger.UsageNone
}

// End fills in what follows from the rest.
func (o *Options) End(e *ledger.Entry) {
	e.PromptTokens = e.Usage.Prompt()
	if e.Provider = o.Provider; e.Provider == "" {
		e.Provider = o.ProviderOf(modelOf(e), e.StartedAt)
	}
}

func modelOf(e *ledger.Entry) string {
	if e.ResponseModel != "" {
		return e.ResponseModel
	}
	return e.RequestModel
}

// ID returns the id of the entry that something in a source becomes: a UUID of version 5,
// the same whenever it is asked for.
func ID(source, original string) string {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("prism:"+source))
	return uuid.NewSHA1(space, []byte(original)).String()
}

// ProjectOf names the project of a working directory by its last element. Transcripts come from
// other systems too: both kinds of slashes count.
func ProjectOf(cwd string) string {
	p := path.Base(strings.ReplaceAll(cwd, `\`, "/"))
	if p == "." || p == "/" {
		return ""
	}
	return p
}

// branchOf is the branch, unless there is none: the client writes HEAD then.
func branchOf(s string) string {
	if s == "HEAD" {
		return ""
	}
	return s
}

// Counts returns t itself: it is part of every source.
func (t *Tally) Counts() *Tally { return t }

// Drop takes an entry that was made for one that was not, for a reason.
func (t *Tally) Drop(reason string) {
	t.Entries--
	t.Skip(reason)
}

// Tally is what came of reading a source.
type Tally struct {
	Files   int            // read, wholly or in part
	Entries int            // made
	Skipped map[string]int // what made none, by reason
}

// Skip counts something that makes no entry, and why.
func (t *Tally) Skip(reason string) {
	if t.Skipped == nil {
		t.Skipped = make(map[string]int)
	}
	t.Skipped[reason]++
}
