package cloud

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"prism/internal/translate"
)

// Refused is an error of a cloud in the words of the Messages API.
type Refused struct {
	*translate.Failure
	Own   bool // the body is one of the Messages API already
	Stale bool // the credential is refused because it has expired
}

// Failure reads an answer whose status is an error. sent is of its request.
func (p Platform) Failure(status int, h http.Header, body []byte, sent *Sent) *Refused {
	said := saidIn(body)
	if name := h.Get("X-Amzn-Errortype"); name != "" {
		said.name = name
	}
	f := &translate.Failure{Message: said.message, Retry: h.Get("X-Should-Retry"), After: h.Get("Retry-After")}
	r := &Refused{Failure: f, Own: said.whole}
	f.Status, f.Type = p.meaning(status, said.name)
	if said.typ != "" && f.Status == status {
		f.Type = said.typ
	}
	r.Stale = stale(status, said.name)
	switch {
	case f.Status == http.StatusForbidden:
		f.Retry, r.Own = "false", false
		f.Message = p.denied(said)
	case f.Message == "":
		f.Message = "the provider answered " + http.StatusText(status)
		r.Own = false
	case f.Status == http.StatusTooManyRequests && strings.Contains(f.Message, "per day"):
		f.Retry = "false"
	}
	if f.Status != status {
		r.Own = false
	}
	if status == http.StatusBadRequest {
		f.Lesson = lessonOf(sent, f.Message)
	}
	return r
}

// meaning returns status and type of an error in the Messages API. 401 becomes 403: the client
// asks again and again after a 401, and has no say in the credential.
func (p Platform) meaning(status int, name string) (newStatus int, typ string) {
	name, _, _ = strings.Cut(name, ":")
	switch name = name[strings.LastIndexByte(name, '#')+1:]; strings.ToLower(name) {
	case "throttlingexception", "toomanyrequestsexception", "servicequotaexceededexception", "resource_exhausted":
		return http.StatusTooManyRequests, "rate_limit_error"
	case "modelnotreadyexception", "serviceunavailableexception", "unavailable":
		return statusOverloaded, "overloaded_error"
	case "modeltimeoutexception", "deadline_exceeded":
		return http.StatusGatewayTimeout, "timeout_error"
	case "modelerrorexception", "modelstreamerrorexception", "internalserverexception", "internal":
		return http.StatusInternalServerError, "api_error"
	case "resourcenotfoundexception", "not_found":
		return http.StatusNotFound, "not_found_error"
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return http.StatusForbidden, "permission_error"
	case status == http.StatusNotFound:
		return status, "not_found_error"
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return http.StatusGatewayTimeout, "timeout_error"
	case status == http.StatusConflict:
		return status, "api_error" // conflict_error is not in the API's document
	case status == http.StatusRequestEntityTooLarge:
		return status, "request_too_large"
	case status == http.StatusTooManyRequests:
		return status, "rate_limit_error"
	case status == http.StatusServiceUnavailable, status == statusOverloaded:
		return statusOverloaded, "overloaded_error"
	case status >= http.StatusInternalServerError, status == http.StatusFailedDependency:
		return http.StatusInternalServerError, "api_error"
	}
	return http.StatusBadRequest, "invalid_request_error"
}

// statusOverloaded is Anthropic's own.
const statusOverloaded = 529

// stale tells whether a credential was refused that another one of the same account would replace.
func stale(status int, name string) bool {
	name, _, _ = strings.Cut(name, ":")
	return strings.HasPrefix(name, "ExpiredToken") || status == http.StatusUnauthorized
}

// denied is what the user is told where a credential was refused. A refused signature is answered
// with all that was to be signed, and with it the token of the session: of that, nothing is told.
func (p Platform) denied(said said) string {
	name, _, _ := strings.Cut(said.name, ":")
	switch {
	case strings.Contains(name, "Signature"):
		return "the cloud refused the signature of the request: are the credentials right, and the clock?"
	case said.message == "":
		return "the cloud refused the credential"
	}
	first, _, _ := strings.Cut(said.message, "\n")
	return first
}

// said is what an error body says.
type said struct {
	typ     string // Anthropic's
	name    string // of the error in the words of the cloud
	message string
	whole   bool // the body is one of the Messages API
}

// maxNested bounds how often an error is looked for in the message of another one.
const maxNested = 3

// saidIn reads an error body: the cloud's own, Anthropic's, or Anthropic's as a text in the cloud's.
func saidIn(body []byte) said {
	s := readError(body)
	for range maxNested {
		at := strings.IndexByte(s.message, '{')
		if at < 0 {
			break
		}
		within := readError([]byte(s.message[at:]))
		if within.message == "" {
			break
		}
		s.message, s.whole = within.message, false
		if within.typ != "" {
			s.typ = within.typ
		}
	}
	return s
}

// readError reads one error object, or the first of a list.
func readError(body []byte) said {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if len(body) > 0 && body[0] == '[' && json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var v struct {
		Type    string          `json:"type"`
		Name    string          `json:"__type"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &v) != nil {
		return said{}
	}
	var inner struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	if len(v.Error) == 0 || json.Unmarshal(v.Error, &inner) != nil {
		return said{name: v.Name, message: v.Message}
	}
	s := said{name: inner.Status, message: inner.Message}
	if v.Type == "error" {
		s.typ, s.whole = inner.Type, len(list) == 0
	}
	return s
}
