package translate

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// The types of errors that the Messages API has.
const (
	ErrorInvalid    = "invalid_request_error"
	ErrorBilling    = "billing_error"
	ErrorPermission = "permission_error"
	ErrorNotFound   = "not_found_error"
	ErrorRateLimit  = "rate_limit_error"
	ErrorTimeout    = "timeout_error"
	ErrorAPI        = "api_error"
	ErrorOverloaded = "overloaded_error"
)

// statusOverloaded is Anthropic's own.
const statusOverloaded = 529

// noRetry stops the client: it would repeat for minutes what cannot help.
const noRetry = "false"

// Failure says in the words of the Messages API what a report means that came with a status, so that
// the client does what helps: it compacts, waits, repeats, or tells its user. Status 0 is an error
// that was reported within an answer, where the report itself has to tell. prompt is how many tokens
// the prompt was estimated to have; 0 = that is not known.
func (r *Report) Failure(status int, h http.Header, prompt int64) *Failure {
	if o, ok := overflowOf(status, r); ok {
		o.guess(prompt)
		return o.failure(r.Message)
	}
	f := r.meaning(cmp.Or(status, r.status()))
	f.Message = r.words(f, status)
	f.State = f.Status == http.StatusBadRequest && says(r.all(), "state")
	if f.Type == ErrorRateLimit && r.spent(h) {
		f.Retry = noRetry
	}
	if f.Retry == noRetry {
		return f
	}
	f.After = waitFor(f.Status, h, r)
	if said := h.Get("X-Should-Retry"); said == "true" || said == "false" {
		f.Retry = said
	}
	return f
}

// meaning finds the status and the type. Some providers say in words what others say by a status.
func (r *Report) meaning(status int) *Failure {
	text := r.all()
	switch {
	case status == http.StatusTooManyRequests && says(text, "overloaded"):
		return &Failure{Status: statusOverloaded, Type: ErrorOverloaded}
	case status == http.StatusPaymentRequired, status < 500 && status != http.StatusUnauthorized && says(text, "balance"):
		return &Failure{Status: http.StatusPaymentRequired, Type: ErrorBilling, Retry: noRetry}
	case status == http.StatusTooManyRequests:
		return &Failure{Status: status, Type: ErrorRateLimit}
	case status == http.StatusBadRequest && says(text, "denied"):
		return byStatus(http.StatusUnauthorized)
	case status == http.StatusForbidden && says(text, "moderated"):
		return &Failure{Status: http.StatusBadRequest, Type: ErrorInvalid}
	case status < 500 && says(text, "model"):
		return &Failure{Status: http.StatusNotFound, Type: ErrorNotFound}
	case status < 500 && says(text, "fumbled"):
		return &Failure{Status: http.StatusInternalServerError, Type: ErrorAPI}
	case status >= 500 && says(text, "overloaded"):
		return &Failure{Status: statusOverloaded, Type: ErrorOverloaded}
	}
	return byStatus(status)
}

// spent tells whether what was paid for, or allowed, is used up. What the provider tells an end of is
// a limit of pace, whatever it is called.
func (r *Report) spent(h http.Header) bool {
	text := r.all()
	return says(text, "quota") && !says(text, "paced") && (r.Daily || toldWait(http.StatusTooManyRequests, h, r) == "")
}

// byStatus is what a status means by itself. A key that is refused is a 403: to a 401 the client
// answers by asking again and again.
func byStatus(status int) *Failure {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusUnavailableForLegalReasons:
		return &Failure{Status: http.StatusForbidden, Type: ErrorPermission, Retry: noRetry}
	case http.StatusNotFound, http.StatusGone:
		return &Failure{Status: http.StatusNotFound, Type: ErrorNotFound}
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, 524:
		return &Failure{Status: http.StatusGatewayTimeout, Type: ErrorTimeout}
	case http.StatusConflict:
		return &Failure{Status: http.StatusConflict, Type: ErrorAPI}
	case http.StatusUnprocessableEntity:
		return &Failure{Status: http.StatusBadRequest, Type: ErrorInvalid}
	case 498, http.StatusServiceUnavailable, statusOverloaded:
		return &Failure{Status: statusOverloaded, Type: ErrorOverloaded}
	case 499:
		return &Failure{Status: http.StatusInternalServerError, Type: ErrorAPI}
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return &Failure{Status: http.StatusNotImplemented, Type: ErrorAPI, Retry: noRetry}
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return &Failure{Status: status, Type: ErrorInvalid}
	}
	return &Failure{Status: http.StatusInternalServerError, Type: ErrorAPI}
}

// words is what the client shows: what the provider said, word for word, and what it left out.
func (r *Report) words(f *Failure, status int) string {
	said := r.Message
	if f.Type == ErrorPermission {
		said = looksLikeKey.ReplaceAllString(said, "[key]")
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired, f.Type == ErrorPermission && says(r.all(), "denied"):
		return strings.TrimSuffix("the provider rejected the key of this profile: "+said, ": ")
	case f.Type == ErrorNotFound && blank(said), status == http.StatusMethodNotAllowed:
		return strings.TrimSuffix("the provider does not know this address, see base_url of the profile: "+said, ": ")
	case said != "":
		return said
	}
	said = "the provider answered with status " + strconv.Itoa(status)
	if status == 0 {
		said = "the provider ended its answer with an error"
	}
	if name := cmp.Or(r.Code, r.Kind); name != "" && name != strconv.Itoa(status) {
		said += " (" + name + ")"
	}
	return said + " and said no more"
}

// blank tells whether a 404 says nothing about what was not found.
func blank(said string) bool {
	said = strings.ToLower(strings.Trim(said, " .!"))
	return said == "" || strings.HasSuffix(said, "not found") && len(said) < 24 && !strings.Contains(said, "model") ||
		strings.Contains(said, "404") || strings.HasPrefix(said, "invalid url") || strings.HasPrefix(said, "cannot post")
}

// status is what an error means that came without one.
func (r *Report) status() int {
	for _, said := range []string{r.Code, r.Status, r.Kind} {
		if n, err := strconv.Atoi(said); err == nil && n >= 400 && n < 600 {
			return n
		}
	}
	name := strings.ToLower(r.Code + " " + r.Kind)
	for _, known := range errorNames() {
		if strings.Contains(name, known.part) {
			return known.status
		}
	}
	switch text := r.all(); {
	case says(text, "balance"):
		return http.StatusPaymentRequired
	case says(text, "denied"):
		return http.StatusUnauthorized
	case says(text, "overloaded"):
		return statusOverloaded
	case says(text, "limited"):
		return http.StatusTooManyRequests
	case says(text, "moderated"):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// errorName is a part of the name of an error, and the status that goes with it.
type errorName struct {
	part   string
	status int
}

// errorNames are those that providers use; the first that fits counts.
func errorNames() []errorName {
	return []errorName{
		{"rate_limit", 429},
		{"ratelimit", 429},
		{"insufficient_quota", 429},
		{"resource_exhausted", 429},
		{"too_many", 429},
		{"throttling", 429},
		{"overloaded", statusOverloaded},
		{"server_error", 500},
		{"policy", 400}, // what a prompt is about
		{"image", 400},  // of the client's, however it is spoilt
		{"data_residency", 400},
		{"unavailable", 503},
		{"timeout", 504},
		{"deadline_exceeded", 504},
		{"authentication", 401},
		{"invalid_api_key", 401},
		{"unauthenticated", 401},
		{"unauthorized", 401},
		{"permission", 403},
		{"billing", 402},
		{"not_found", 404},
		{"notfound", 404},
		{"internal", 500},
		{"api_error", 500},
		{"upstream", 500},
		{"invalid", 400},
		{"bad_request", 400},
		{"badrequest", 400},
		{"failed_precondition", 400},
		{"validation", 400},
	}
}
