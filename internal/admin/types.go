package admin

import (
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/stream"
)

// Status is what a running gateway says about itself. Keys appear only masked.
type Status struct {
	Running    bool            `json:"running"`
	PID        int             `json:"pid"`
	Version    string          `json:"version"`
	StartedAt  time.Time       `json:"started_at"`
	Listen     string          `json:"listen"`              // host:port of the data port
	Dashboard  string          `json:"dashboard,omitempty"` // host:port of the dashboard port
	Socket     string          `json:"socket"`
	Active     string          `json:"active"`
	ActiveFrom string          `json:"active_from"` // FILE:LINE, or the state file of `prism use`
	Generation uint64          `json:"generation"`
	Profiles   []ProfileStatus `json:"profiles"`
	File       FileStatus      `json:"file"`
	Ledger     LedgerStatus    `json:"ledger"`
	Unpriced   []string        `json:"unpriced"` // models seen without a price, since the start
	InFlight   int             `json:"in_flight"`
	Requests   int64           `json:"requests"` // exchanges since the start
	Refused    int64           `json:"refused"`  // requests the guard turned away since the start
	Today      Totals          `json:"today"`    // since midnight, as the gateway's clock has it
	Budgets    []BudgetStatus  `json:"budgets"`
	Alerts     []AlertStatus   `json:"alerts"`
	OtherBuild bool            `json:"other_build"` // the program on the disk is another build than the one that runs
}

// ProfileStatus is one profile of the live table with what is known of its upstream.
type ProfileStatus struct {
	Name           string       `json:"name"`
	Origin         string       `json:"origin"` // scheme://host:port
	KeyMasked      string       `json:"key_masked,omitempty"`
	KeyFingerprint string       `json:"key_fingerprint,omitempty"`
	Pinned         bool         `json:"pinned"`          // its keys are confirmed for its host
	Waits          string       `json:"waits,omitempty"` // why the host that the refused file names for it has to be confirmed
	Keys           []KeyStatus  `json:"keys"`
	Models         int          `json:"models"` // number of rename rules
	Fallback       []string     `json:"fallback"`
	State          string       `json:"state"` // ok, cooling, open, probing, denied
	Until          *time.Time   `json:"until"` // when it is asked again; null = not by the clock
	Why            string       `json:"why,omitempty"`
	LastOK         *time.Time   `json:"last_ok"`
	LastError      string       `json:"last_error,omitempty"` // type of the last failure
	LastErrorAt    *time.Time   `json:"last_error_at"`
	Requests1h     int64        `json:"requests_1h"`
	Errors1h       int64        `json:"errors_1h"`
	TTFTP95MS      stream.Count `json:"ttft_p95_ms"` // of the last answers within an hour
	InFlight       int          `json:"in_flight"`
	Today          Totals       `json:"today"`
}

// KeyStatus is one key of a profile.
type KeyStatus struct {
	Name        string     `json:"name,omitempty"` // "" where the profile has a single one
	Masked      string     `json:"masked"`
	Fingerprint string     `json:"fingerprint"`
	State       string     `json:"state"` // ok, cooling, denied
	Until       *time.Time `json:"until"`
	Why         string     `json:"why,omitempty"`
}

// FileStatus is the state of profiles.yaml as the gateway sees it.
type FileStatus struct {
	Path     string           `json:"path"`
	RealPath string           `json:"real_path"`
	Hash     string           `json:"hash"` // first 16 hex digits of the SHA-256 of the live text
	LoadedAt time.Time        `json:"loaded_at"`
	OK       bool             `json:"ok"`       // the text on disk is the live one
	Problems []config.Problem `json:"problems"` // why the text on disk was refused, and warnings
	Mode     string           `json:"watch"`    // inotify or poll
	Dirs     []string         `json:"dirs"`     // directories that are watched
}

// LedgerStatus is the state of the journal and of the fold.
type LedgerStatus struct {
	File         string    `json:"file"`
	JournalBytes int64     `json:"journal_bytes"`
	Waiting      int64     `json:"waiting"` // entries in the journal that are not in DuckDB yet
	LastFold     time.Time `json:"last_fold,omitzero"`
	Holder       string    `json:"holder,omitempty"`     // who holds the DuckDB file, with its PID
	FoldError    string    `json:"fold_error,omitempty"` // why the last fold did not succeed
	Degraded     string    `json:"degraded,omitempty"`   // why the journal cannot be written
	Dropped      int64     `json:"dropped"`              // entries lost since the start
}

// Verdict is the outcome of one reload, whoever asked for it.
type Verdict struct {
	OK         bool             `json:"ok"`
	Generation uint64           `json:"generation"` // the table that is live now
	Trigger    string           `json:"trigger"`    // start, file, sighup, reload, use, trust
	Active     string           `json:"active"`
	Previous   string           `json:"previous,omitempty"` // the active profile before
	Changed    []string         `json:"changed"`            // names of profiles, and "rules", "client_token", "prices"
	Added      []string         `json:"added"`
	Removed    []string         `json:"removed"`
	Problems   []config.Problem `json:"problems"`
	Notes      []string         `json:"notes"`    // what a person should know: where a choice is kept, a host pinned on first use
	Draining   int              `json:"draining"` // requests in flight that finish on older tables
	DurationMS float64          `json:"duration_ms"`
}

// Unchanged tells whether the reload found nothing to do.
func (v Verdict) Unchanged() bool {
	return v.OK && v.Active == v.Previous && len(v.Changed)+len(v.Added)+len(v.Removed) == 0
}

// Exchange is the short form of a finished exchange that goes to followers. The names are
// those of the columns of table requests; unpriced is what the views call so.
type Exchange struct {
	RequestID     string            `json:"request_id"`
	StartedAt     time.Time         `json:"started_at"`
	HostName      string            `json:"host_name,omitempty"`
	Profile       string            `json:"profile"`
	Provider      string            `json:"provider,omitempty"`
	Operation     string            `json:"operation"`
	RequestModel  string            `json:"request_model"`
	UpstreamModel string            `json:"upstream_model"`
	ResponseModel string            `json:"response_model,omitempty"`
	HTTPStatus    int               `json:"http_status"`
	Outcome       string            `json:"outcome"`
	ErrorType     string            `json:"error_type,omitempty"`
	ErrorMessage  string            `json:"error_message,omitempty"`
	SessionID     string            `json:"session_id,omitempty"`
	AgentID       string            `json:"agent_id,omitempty"`
	Project       string            `json:"project,omitempty"`
	GitBranch     string            `json:"git_branch,omitempty"`
	RetryOf       string            `json:"retry_of,omitempty"` // request_id of what the client repeated
	Tags          map[string]string `json:"tags,omitempty"`
	TTFTMS        stream.Count      `json:"ttft_ms"`
	DurationMS    stream.Count      `json:"duration_ms"`
	PromptTokens  stream.Count      `json:"prompt_tokens"`
	CacheRead     stream.Count      `json:"cache_read_tokens"`
	OutputTokens  stream.Count      `json:"output_tokens"`
	CostUSD       *string           `json:"cost_usd"` // exact decimal; null = unknown
	Unpriced      bool              `json:"unpriced"` // it ought to have a price, and has none
	Attempts      int               `json:"attempts"`
	Generation    uint64            `json:"generation"`
}

// ExchangeOf returns the short form of e.
func ExchangeOf(e *ledger.Entry) Exchange {
	return Exchange{
		RequestID: e.RequestID, StartedAt: e.StartedAt, HostName: e.HostName, Profile: e.Profile, Provider: e.Provider, Operation: e.Operation,
		RequestModel: e.RequestModel, UpstreamModel: e.UpstreamModel, HTTPStatus: e.HTTPStatus, Outcome: e.Outcome,
		ErrorType: e.ErrorType, ErrorMessage: e.ErrorMessage, SessionID: e.SessionID,
		AgentID: e.AgentID, Project: e.Project, GitBranch: e.GitBranch, RetryOf: e.RetryOf, Tags: e.Tags, ResponseModel: e.ResponseModel,
		TTFTMS: e.TTFTMS, DurationMS: e.DurationMS, PromptTokens: e.PromptTokens,
		CacheRead: e.Usage.CacheRead, OutputTokens: e.Usage.Output, CostUSD: decimal(e.Cost),
		Unpriced: e.Operation == ledger.OpMessages && e.UsageSource != ledger.UsageNone && !e.CostList.Known(),
		Attempts: len(e.Attempts), Generation: e.Generation,
	}
}

// Error is a refusal as the API and the command line print it. It is what every command
// shows with --json.
type Error struct {
	Code    string    `json:"code"` // not_found, pin_mismatch, config_invalid, ...
	Message string    `json:"message"`
	Fix     string    `json:"fix,omitempty"` // a command, or the line to write
	At      *Position `json:"at,omitempty"`
}

// Position is a place in one of the user's files.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Path   string `json:"path,omitempty"`
}

// Error returns the message alone; whoever prints it adds the fix.
func (e *Error) Error() string { return e.Message }

// Codes of [Error] that the API itself produces.
const (
	CodeUsage    = "usage"
	CodeNotFound = "not_found"
	CodeInternal = "internal"
)
