package proxy

import (
	"net/http"
	"strconv"
	"strings"
)

// refusal is an answer that prism gives by itself, in the shape of the Messages API. It is
// the one place where a status is chosen.
type refusal struct {
	status  int
	typ     string // Anthropic error type
	code    string // x-prism-error
	message string // for the client's user
	what    string // the part of it that tells what went wrong
	retry   bool   // asking again can help; otherwise x-should-retry: false stops the client
	after   int    // retry-after in seconds; 0 = none
	close   bool   // the connection cannot be used any further
}

func refuse(status int, typ, code, message string) *refusal {
	return &refusal{status: status, typ: typ, code: code, message: message}
}

func badRequest(code, message string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_request_error", code, message)
}

func forbidden(code, message string) *refusal {
	return refuse(http.StatusForbidden, "permission_error", code, message)
}

func unsupported(code, message string) *refusal {
	return refuse(http.StatusUnsupportedMediaType, "invalid_request_error", code, message)
}

func notFound(code, message string) *refusal {
	return refuse(http.StatusNotFound, "not_found_error", code, message)
}

func tooLarge(message string) *refusal {
	r := refuse(http.StatusRequestEntityTooLarge, "request_too_large", "too_large", message)
	r.close = true
	return r
}

func stalled() *refusal {
	r := refuse(http.StatusRequestTimeout, "timeout_error", "body_stalled", "prism: the request body stopped coming")
	r.close = true
	return r
}

// statusOverloaded is Anthropic's status for a provider under pressure; here prism itself.
const statusOverloaded = 529

func busy() *refusal {
	return &refusal{
		status: statusOverloaded, typ: "overloaded_error", code: "busy", retry: true, after: 1, close: true,
		message: "prism: too many request bodies are being read at once",
	}
}

// write sends the refusal. id is the exchange's, or "" where there is none.
func (r *refusal) write(w http.ResponseWriter, id string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Prism-Error", r.code)
	h.Set("X-Content-Type-Options", "nosniff")
	if !r.retry {
		h.Set("X-Should-Retry", "false")
	}
	if r.after > 0 {
		h.Set("Retry-After", strconv.Itoa(r.after))
	}
	if r.close {
		h.Set("Connection", "close")
	}
	body := r.body(id)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(body) //nolint:gosec // JSON, quoted by appendJSONString and sent with nosniff
}

// body renders {"type":"error","error":{...},"request_id":...}.
func (r *refusal) body(id string) []byte {
	b := []byte(`{"type":"error","error":{"type":`)
	b = appendJSONString(b, r.typ)
	b = append(b, `,"message":`...)
	b = appendJSONString(b, r.message)
	b = append(b, `},"request_id":`...)
	if id == "" {
		return append(b, "null}"...)
	}
	b = appendJSONString(b, id)
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendJSONString quotes s. Invalid UTF-8 becomes U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, string(c)...)
		}
	}
	return append(b, '"')
}
