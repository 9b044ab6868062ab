package dashboard

import (
	"net/http"

	"prism/internal/admin"
)

// Code makes a one-time code, and the address that takes it to the page. The code stands behind
// the #: a browser keeps that part to itself and sends it nowhere.
func (s *Server) Code() admin.UICode {
	code, until := s.access.issue()
	return admin.UICode{URL: s.origin + "/#code=" + code, Code: code, ExpiresAt: until}
}

// keyUntil is a key of log fields.
const keyUntil = "until"

type loginRequest struct {
	Code string `json:"code"`
}

// login changes a code into a session. The code stands in the arguments of the program that opens the
// browser, which every user can read: it is for its own user alone, and stays good when another one
// tries it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var q loginRequest
	if err := decode(r, &q); err != nil {
		s.reply(w, nil, err)
		return
	}
	if s.access.waits(q.Code) && s.stranger(r) {
		s.reply(w, nil, notYours())
		return
	}
	token, ok := s.access.redeem(q.Code)
	if !ok {
		s.reply(w, nil, &admin.Error{Code: codeNoCode, Message: "the code is wrong, was used already or is too old", Fix: "prism ui"})
		return
	}
	http.SetCookie(w, sessionCookie(s.cookie, token))
	s.opt.Logger.Info().Time(keyUntil, s.opt.Now().Add(sessionLife)).Msg("dashboard signed in")
	w.WriteHeader(http.StatusNoContent)
}

// session tells a page whether it is signed in: its script cannot see the cookie, and a refusal would
// stand as an error in the browser's console.
func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	_, ok := s.access.signedIn(r, s.cookie)
	s.reply(w, struct {
		SignedIn bool `json:"signed_in"`
	}{ok && !s.stranger(r)}, nil)
}

// logout ends the session, and the streams that belong to it.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	s.access.end(sessionOf(r.Context()))
	s.hub.sweep(s.access.holds)
	http.SetCookie(w, sessionCookie(s.cookie, ""))
	w.WriteHeader(http.StatusNoContent)
}
