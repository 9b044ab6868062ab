package admin

import (
	"context"
	"net/http"
	"time"
)

// Pages lets its user into the dashboard.
type Pages interface {
	// Code makes a one-time code; an [Error] where there is no dashboard port.
	Code() (UICode, error)
}

// UICode opens the dashboard once.
type UICode struct {
	URL       string    `json:"url"` // of the page, with the code behind the #
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// UI asks for a one-time code of the dashboard.
func (c *Client) UI(ctx context.Context) (UICode, error) {
	var u UICode
	err := c.call(ctx, quickTimeout, request{http.MethodPost, "/v1/ui", nil}, &u)
	return u, err
}

func (s *server) ui(w http.ResponseWriter, _ *http.Request) {
	if s.pages == nil {
		reply(w, nil, NoDashboard())
		return
	}
	u, err := s.pages.Code()
	reply(w, u, err)
}

// NoDashboard says that there is no dashboard port.
func NoDashboard() *Error {
	return &Error{
		Code: CodeNotFound, Message: "this gateway has no dashboard port",
		Fix: "set dashboard: 127.0.0.1:3001 in prism.yaml and restart; the log says why a port could not be had",
	}
}
