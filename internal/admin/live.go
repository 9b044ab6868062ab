package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"prism/internal/stream"
)

// Observer tells what goes on right now, and is told where the client's sessions work.
type Observer interface {
	// Live returns what is under way, and what has finished after the exchange with that number.
	Live(ctx context.Context, after int64) (Live, error)
	// Place remembers where a session works and returns what its status line shows. One whose
	// place or id is not known is only looked at.
	Place(ctx context.Context, p SessionPlace) (SessionLine, error)
}

// Live is what the gateway does right now.
type Live struct {
	At         time.Time      `json:"at"`
	StartedAt  time.Time      `json:"started_at"` // of the gateway: another one counts anew
	Version    string         `json:"version"`
	Active     string         `json:"active"`
	Generation uint64         `json:"generation"`
	InFlight   []Flight       `json:"in_flight"` // the oldest first
	Recent     []Exchange     `json:"recent"`    // finished, the oldest first; a few hundred are kept
	Seq        int64          `json:"seq"`       // number of the last one that finished, from 1
	Windows    []Window       `json:"windows"`
	Today      Totals         `json:"today"`
	Budgets    []BudgetStatus `json:"budgets"`
	Unpriced   []string       `json:"unpriced"`
	Attention  string         `json:"attention,omitempty"` // why somebody should look at prism status
}

// Stages of a [Flight].
const (
	StageWaiting   = "waiting"   // for the first byte of the answer
	StageStreaming = "streaming" // the answer is coming
)

// Flight is an exchange under way.
type Flight struct {
	RequestID     string       `json:"request_id"`
	StartedAt     time.Time    `json:"started_at"`
	Stage         string       `json:"stage"` // waiting, streaming
	Profile       string       `json:"profile"`
	Operation     string       `json:"operation"`
	RequestModel  string       `json:"request_model"`
	UpstreamModel string       `json:"upstream_model"`
	SessionID     string       `json:"session_id,omitempty"`
	AgentID       string       `json:"agent_id,omitempty"`
	Project       string       `json:"project,omitempty"`
	TTFTMS        stream.Count `json:"ttft_ms"`
	ResponseBytes int64        `json:"response_bytes"`
	OutputTokens  int64        `json:"output_tokens"` // so far, estimated from what was delivered
	Attempts      int          `json:"attempts"`
}

// Window is how much of a plan's limit is used up, as the provider's headers said last.
type Window struct {
	Profile  string     `json:"profile"`
	Name     string     `json:"name"` // 5h, 7d
	Used     float64    `json:"used"` // a share, 0 to 1
	ResetsAt *time.Time `json:"resets_at"`
	SeenAt   time.Time  `json:"seen_at"`
}

// Names of a [Window].
const (
	Window5h = "5h"
	Window7d = "7d"
)

// Current tells whether the window still runs at the instant.
func (w Window) Current(at time.Time) bool { return w.ResetsAt == nil || w.ResetsAt.After(at) }

// SessionPlace says where a session works. Empty text is not known.
type SessionPlace struct {
	SessionID string `json:"session_id"`
	Project   string `json:"project,omitempty"`
	Cwd       string `json:"cwd,omitempty"`
	GitBranch string `json:"git_branch,omitempty"`
	Model     string `json:"model,omitempty"` // that the client asks for in its main conversation
}

// SessionLine is what the status line of a session shows.
type SessionLine struct {
	Active  string         `json:"active"`
	Profile string         `json:"profile"`         // that serves the session
	Model   string         `json:"model,omitempty"` // that answers in place of the one asked for
	Session *SessionView   `json:"session"`         // null = it has not finished an exchange yet
	Today   Totals         `json:"today"`
	Windows []Window       `json:"windows"` // of the profile that serves the session
	Budgets []BudgetStatus `json:"budgets"` // that the session counts against
}

// Live asks what goes on, and what has finished after the exchange with that number; 0 = all
// that is remembered.
func (c *Client) Live(ctx context.Context, after int64) (Live, error) {
	var l Live
	err := c.call(ctx, quickTimeout, request{http.MethodGet, "/v1/live?after=" + url.QueryEscape(strconv.FormatInt(after, 10)), nil}, &l)
	return l, err
}

// Place tells the gateway where a session works.
func (c *Client) Place(ctx context.Context, p SessionPlace) (SessionLine, error) {
	var l SessionLine
	err := c.call(ctx, quickTimeout, request{http.MethodPost, "/v1/session", p}, &l)
	return l, err
}

func (s *server) live(w http.ResponseWriter, r *http.Request) {
	after := int64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			reply(w, nil, &Error{Code: CodeUsage, Message: "after= needs the number of an exchange"})
			return
		}
	}
	if s.observer == nil {
		reply(w, nil, errUnobserved())
		return
	}
	l, err := s.observer.Live(r.Context(), after)
	reply(w, l, err)
}

func (s *server) place(w http.ResponseWriter, r *http.Request) {
	var p SessionPlace
	if !read(w, r, &p) {
		return
	}
	if s.observer == nil {
		reply(w, nil, errUnobserved())
		return
	}
	l, err := s.observer.Place(r.Context(), p)
	reply(w, l, err)
}

func errUnobserved() *Error {
	return &Error{Code: CodeNotFound, Message: "this gateway does not tell what goes on"}
}
