package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Sessions tells what is known of a client's session without asking the database.
type Sessions interface {
	// Session returns the view of the session with that id; an [Error] with [CodeNotFound] where
	// no request of it is remembered.
	Session(ctx context.Context, id string) (SessionView, error)
}

// SessionView is one session of a client, and the day around it.
type SessionView struct {
	SessionID string    `json:"session_id"`
	Project   string    `json:"project,omitempty"`
	Cwd       string    `json:"cwd,omitempty"`
	GitBranch string    `json:"git_branch,omitempty"`
	Profile   string    `json:"profile"` // that answered last
	Model     string    `json:"model"`   // that was asked for there
	LastAt    time.Time `json:"last_at"` // end of the last exchange
	Totals    Totals    `json:"totals"`  // of the session
	Day       Totals    `json:"day"`     // of everything since midnight
}

// Session asks for one session of a client.
func (c *Client) Session(ctx context.Context, id string) (SessionView, error) {
	var v SessionView
	err := c.call(ctx, quickTimeout, request{http.MethodGet, "/v1/session/" + url.PathEscape(id), nil}, &v)
	return v, err
}

// UnknownSession says that no request of a session is remembered.
func UnknownSession(id string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("no request of session %q is remembered", id), Fix: "prism spend --by session"}
}

func (s *server) session(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if s.sessions == nil {
		reply(w, nil, UnknownSession(id))
		return
	}
	v, err := s.sessions.Session(r.Context(), id)
	reply(w, v, err)
}
