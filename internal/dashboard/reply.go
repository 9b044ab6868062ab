package dashboard

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"prism/internal/admin"
)

// Codes of an [admin.Error] that only the dashboard port gives.
const (
	codeRefused   = "refused"      // the guard does not look at such a request
	codeSignedOut = "signed_out"   // there is no session, or it has ended
	codeNoCode    = "code_refused" // the one-time code is wrong, used or too old
	codeBusy      = "busy"         // too much of the kind is under way
	codeStarting  = "starting"     // the gateway reads its files for the first time
)

type errorReply struct {
	Error *admin.Error `json:"error"`
}

// reply writes v, or err in its place. What is not an [admin.Error] is ours alone to read.
func reply(w http.ResponseWriter, v any, err error) {
	if err == nil {
		writeJSON(w, http.StatusOK, v)
		return
	}
	e := told(err)
	refuse(w, statusOf(e.Code), e)
}

// told is what a page is told of an error.
func told(err error) *admin.Error {
	if e, known := errors.AsType[*admin.Error](err); known {
		return e
	}
	return &admin.Error{Code: admin.CodeInternal, Message: "this could not be answered", Fix: "prism logs; prism doctor"}
}

// reply is [reply] without any key of the live profiles, wherever it stands.
func (s *Server) reply(w http.ResponseWriter, v any, err error) {
	replyWithout(w, s.opt.Redact, v, err)
}

// replyWithout is [reply] with everything passed through redact.
func replyWithout(w http.ResponseWriter, redact func([]byte) []byte, v any, err error) {
	status := http.StatusOK
	if err != nil {
		e := told(err)
		status, v = statusOf(e.Code), errorReply{e}
	}
	text, err := json.Marshal(v)
	if err != nil {
		reply(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(redact(text), '\n')) // as below
}

// refuse writes an error with a status of its own.
func refuse(w http.ResponseWriter, status int, e *admin.Error) {
	writeJSON(w, status, errorReply{e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser has left: nobody is there to be told
}

func statusOf(code string) int {
	switch code {
	case admin.CodeUsage, "sql_not_select", "sql_error":
		return http.StatusBadRequest
	case admin.CodeNotFound:
		return http.StatusNotFound
	case admin.CodeInternal:
		return http.StatusInternalServerError
	case codeSignedOut, codeNoCode:
		return http.StatusUnauthorized
	case codeRefused:
		return http.StatusForbidden
	case "ledger_busy", codeBusy:
		return http.StatusServiceUnavailable
	default:
		return http.StatusConflict
	}
}

// decode reads the one JSON object of a body, whose fields must all be known.
func decode(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return &admin.Error{Code: admin.CodeUsage, Message: "the body must be one JSON object with known fields"}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &admin.Error{Code: admin.CodeUsage, Message: "there is something behind the JSON object"}
	}
	return nil
}

// dropBody lets go of a connection whose body nobody will read: the server would wait for it.
func dropBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // else the server's own limit ends it
	w.Header().Set("Connection", "close")
}
