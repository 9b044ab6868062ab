package ledger

import (
	"time"

	"prism/internal/stream"
)

// SchemaVersion is the version of the shape of [Entry] and of table requests.
const SchemaVersion = 3

// Money is an exact amount in units of 1e-10 US dollars, or [NoMoney].
type Money int64

// NoMoney is the amount that is not known. It is NULL in the ledger, never 0.
const NoMoney Money = -1 << 63

// Known tells whether m is an amount.
func (m Money) Known() bool { return m != NoMoney }

// Outcomes of an exchange and of an attempt.
const (
	OutcomeOK          = "ok"           // the message is complete
	OutcomeError       = "error"        // an error was answered, or the upstream could not be reached
	OutcomeClientAbort = "client_abort" // the client left before the message was complete
	OutcomeTruncated   = "truncated"    // the upstream ended before the message was complete
	OutcomeCrashed     = "crashed"      // prism died in the middle; written at the next start
	OutcomeShutdown    = "shutdown"     // prism was stopped and the drain was over
	OutcomeBlocked     = "blocked"      // refused by prism after the route was known
)

// Failed tells whether an exchange that ended so failed. One that its client left is nobody's
// failure. It is _failed of the database.
func Failed(outcome string) bool { return outcome != OutcomeOK && outcome != OutcomeClientAbort }

// Operations: what a request asked for, by its path.
const (
	OpMessages    = "messages"
	OpCountTokens = "count_tokens"
	OpModels      = "models"
	OpOther       = "other"
)

// Where the token counts of an entry come from.
const (
	UsageFinal     = "final"     // the final cumulative usage was seen
	UsagePartial   = "partial"   // message_start or earlier deltas only
	UsageEstimated = "estimated" // from the length of what was delivered
	UsageNone      = "none"      // nothing was reported
)

// Entry is the audit record of one exchange: one row of table requests. Empty text, zero
// times, an unknown [stream.Count] and [NoMoney] are NULL. The JSON names are the column
// names; see docs/ledger.md of the project for their meaning.
type Entry struct {
	RequestID      string    // ULID made by prism; the identity of the row
	StartedAt      time.Time // request accepted
	EndedAt        time.Time // last byte or error
	Source         string    // proxy, or import:NAME
	Generation     uint64    // the table that served it
	HostName       string
	GatewayVersion string

	SessionID, AgentID, ParentAgentID string
	ClientName, ClientVersion         string
	RequestClass, PromptID            string
	Project, Cwd, GitBranch           string
	Tags                              map[string]string

	Profile, Provider, ServerAddress           string
	RouteReason                                string // path, header, rule N, active, fallback, affinity
	Operation                                  string
	RequestModel, UpstreamModel, ResponseModel string
	ResponseID, UpstreamRequestID              string
	StopReason, ServiceTier, Speed             string
	InferenceGeo                               string
	Stream                                     bool
	MaxTokens                                  stream.Count

	HTTPStatus   int // sent to the client; 0 = nothing was sent
	Outcome      string
	ErrorType    string // Anthropic error type, or dial, tls, timeout, reset...
	ErrorMessage string // at most 500 characters, secrets redacted

	Usage            stream.Usage
	UsageSource      string
	UsageNotes       []string
	TranslationNotes []string
	UsageRaw         []byte // the merged usage object as reported; JSON
	PromptTokens     stream.Count

	OverheadUS    stream.Count // microseconds spent in prism before the upstream was called; Unknown if none was
	TTFBMS        stream.Count
	TTFTMS        stream.Count
	DurationMS    stream.Count
	LongestGapMS  stream.Count
	RequestBytes  stream.Count
	ResponseBytes stream.Count

	Attempts   []Attempt
	Iterations []Iteration  // what was billed beside the top level of the usage
	RetryOf    string       // the exchange that the client repeats with this one, if it was seen
	RetryCount stream.Count // how often the client says it tried before

	PriceID        string
	CostInput      Money
	CostCacheRead  Money
	CostCacheWrite Money
	CostOutput     Money
	CostOther      Money // web searches and iterations
	CostList       Money
	Cost           Money
	CostUncached   Money

	RL5hUsed    float64 // -1 = not reported; a share, 0 to 1
	RL5hResetAt time.Time
	RL7dUsed    float64
	RL7dResetAt time.Time
}

// Attempt is one try at one upstream within an exchange.
type Attempt struct {
	N             int
	Profile       string
	ServerAddress string
	Model         string
	StartedAt     time.Time
	HTTPStatus    int // 0 = no response
	ErrorType     string
	TTFBMS        stream.Count
	DurationMS    stream.Count
	Outcome       string
	Key           string // name of the profile's key, where it has several
	Why           string // why this upstream: path, header, rule N, active, fallback, affinity, key, again, healed
	MaybeBilled   bool   // the provider may have charged for it although no usage was seen
	Usage         stream.Usage
	CostList      Money
}

// Iteration is a part of a message that is billed beside the top level of its usage: a
// compaction, an advisor, or a try of another model that declined. It is priced at its own
// model.
type Iteration struct {
	Type     string // as the provider names it: compaction, advisor_message, message
	Model    string // "" = the one that served the message
	Usage    stream.Usage
	PriceID  string
	CostList Money // part of CostOther of the entry
}

// Reset makes e an entry in which everything is unknown, keeping its buffers.
func (e *Entry) Reset() {
	*e = Entry{
		Tags: nil, UsageNotes: e.UsageNotes[:0], TranslationNotes: e.TranslationNotes[:0], UsageRaw: e.UsageRaw[:0], Attempts: e.Attempts[:0],
		Iterations: e.Iterations[:0], RetryCount: stream.Unknown,
		MaxTokens: stream.Unknown, Usage: stream.NoUsage(), PromptTokens: stream.Unknown,
		OverheadUS: stream.Unknown, TTFBMS: stream.Unknown, TTFTMS: stream.Unknown, DurationMS: stream.Unknown, LongestGapMS: stream.Unknown,
		RequestBytes: stream.Unknown, ResponseBytes: stream.Unknown,
		CostInput: NoMoney, CostCacheRead: NoMoney, CostCacheWrite: NoMoney, CostOutput: NoMoney, CostOther: NoMoney,
		CostList: NoMoney, Cost: NoMoney, CostUncached: NoMoney, RL5hUsed: -1, RL7dUsed: -1,
	}
}

// ConfigEvent is one swap, accepted or refused: one row of table config_events. It holds
// names only, never values.
type ConfigEvent struct {
	Generation              uint64    `json:"generation"` // the table that is live after the event
	EventAt                 time.Time `json:"event_at"`
	Trigger                 string    `json:"trigger"` // start, file, sighup, reload, use, trust
	Hash                    string    `json:"hash"`    // first 16 hex digits of the SHA-256 of the file
	Accepted                bool      `json:"accepted"`
	Reason                  string    `json:"reason,omitempty"` // why it was refused, or what is to be noted
	Added, Removed, Changed []string
}

// Correction replaces the costs of a row that was priced before: one row of table
// corrections. The newest one of a request counts.
type Correction struct {
	RequestID   string
	CorrectedAt time.Time
	Reason      string // reprice

	PriceID        string
	CostInput      Money
	CostCacheRead  Money
	CostCacheWrite Money
	CostOutput     Money
	CostOther      Money
	CostList       Money
	Cost           Money
	CostUncached   Money
}

// States of an [AlertEvent].
const (
	AlertReached  = "reached"  // the limit or the threshold was reached
	AlertWarned   = "warned"   // the share of a budget that is worth a warning was reached
	AlertBlocked  = "blocked"  // the first request was refused because of it
	AlertFallback = "fallback" // the first request went to another profile because of it
	AlertCleared  = "cleared"  // it holds no longer
	AlertFailed   = "failed"   // the query or the notice failed
)

// AlertEvent is a change of state of a budget or of an alert: one row of table alerts.
type AlertEvent struct {
	EventAt     time.Time
	Name        string
	Rule        string // budget or query
	Scope       string // all, profile:NAME, project:NAME, tag:KEY=VALUE
	Period      string // day, week, month; "" = none
	PeriodStart time.Time
	State       string
	Action      string // notify, block, fallback
	Amount      Money
	Limit       Money
	Value       string // what the query gave
	Message     string
}

// States of a profile, or of one of its keys, in a [HealthEvent].
const (
	HealthOK      = "ok"
	HealthCooling = "cooling" // it asked to be left alone: retry-after, a rate limit
	HealthOpen    = "open"    // it failed too often: the breaker is open
	HealthProbing = "probing" // one request looks whether it answers again
	HealthDenied  = "denied"  // it refuses the key
)

// HealthEvent is a change of the health of a profile: one row of table health_events.
type HealthEvent struct {
	EventAt   time.Time
	Profile   string
	Key       string // "" = the whole profile
	FromState string
	ToState   string
	Why       string    // error type, or what it asked for
	Until     time.Time // when it is looked at again
}
