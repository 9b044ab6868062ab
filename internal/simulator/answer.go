package simulator

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// Part is a piece of an [Answer]: an Answer itself, or a [Usage].
type Part interface{ part(p *plan) }

// Answer is what the simulator answers to one request. It is a value that can be used in any
// number of steps, and a [Part] of other answers. The zero Answer is a message without content.
type Answer struct{ set []func(*plan) }

// Reply puts an answer together: blocks in order, everything else the last one wins.
func Reply(parts ...Part) Answer {
	set := make([]func(*plan), 0, len(parts))
	for _, p := range parts {
		set = append(set, p.part)
	}
	return Answer{set: set}
}

// With returns the answer with more parts.
func (a Answer) With(parts ...Part) Answer { return Reply(slices.Insert(parts, 0, Part(a))...) }

func (a Answer) part(p *plan) {
	for _, f := range a.set {
		f(p)
	}
}

// form is the kind of body an answer has.
type form int

const (
	formAsAsked form = iota // a message: a stream if the request wants one
	formJSON                // a message as JSON, whatever was asked
	formStream              // a message as a stream, whatever was asked
	formRaw                 // body, verbatim
	formError               // an error in the shape of the API
)

// plan is a compiled answer. It does not change once it was built and serves any number of
// requests at once.
type plan struct {
	server string // name of the simulator it was built for

	form        form
	status      int
	header      http.Header
	contentType *string // nil = the one of the form; "" = none at all
	body        []byte

	errorType, errorMessage, errorDetails string
	tooLong                               [2]int // tokens and limit, where that is the error

	blocks       []block
	usage        *Usage
	model        string
	stopReason   *string // nil = tool_use or end_turn
	stopSequence string
	stopDetails  string
	edits        []func([]Event) []Event
	stride       int // of block indexes; 0 = 1
	interleave   bool
	habits       habits // of other dialects

	frame frame
	wire  wire

	canned *canned // nil where the stream cannot be rendered ahead
}

// build compiles the answer for the simulator called server.
func (a Answer) build(server string) *plan {
	p := &plan{server: server, status: http.StatusOK}
	a.part(p)
	return p
}

// prepare compiles an answer that will be given many times.
func (a Answer) prepare(server string) *plan {
	p := a.build(server)
	if p.cannable() {
		p.canned = new(canned)
	}
	return p
}

// set makes an answer of one setting.
func set(f func(*plan)) Answer { return Answer{set: []func(*plan){f}} }

// StopReason sets the stop reason; "" is null. Without it an answer with a tool call stops
// with tool_use and any other with end_turn.
func StopReason(reason string) Answer { return set(func(p *plan) { p.stopReason = &reason }) }

// StopSequence stops with stop_sequence and names the sequence.
func StopSequence(sequence string) Answer {
	reason := "stop_sequence"
	return set(func(p *plan) { p.stopReason, p.stopSequence = &reason, sequence })
}

// Refusal stops with refusal and the details of that category.
func Refusal(category, explanation string) Answer {
	reason := "refusal"
	details := `{"type":"refusal","category":` + quoted(category) + `,"explanation":` + quoted(explanation) + `}`
	return set(func(p *plan) { p.stopReason, p.stopDetails = &reason, details })
}

// ModelName is the model the answer says it is from; without it, the one that was asked for.
func ModelName(model string) Answer { return set(func(p *plan) { p.model = model }) }

// Status overrides the HTTP status.
func Status(status int) Answer { return set(func(p *plan) { p.status = status }) }

// ExtraHeaders adds response headers, in place of those of the same name.
func ExtraHeaders(header http.Header) Answer {
	return set(func(p *plan) {
		if p.header == nil {
			p.header = http.Header{}
		}
		maps.Copy(p.header, header)
	})
}

// Header adds one response header; with an empty value it removes the one the simulator would
// send, such as request-id.
func Header(name, value string) Answer {
	key := http.CanonicalHeaderKey(name)
	if value == "" {
		return ExtraHeaders(http.Header{key: nil})
	}
	return ExtraHeaders(http.Header{key: {value}})
}

// ContentType overrides the content type; "" sends none.
func ContentType(value string) Answer { return set(func(p *plan) { p.contentType = &value }) }

// RawBody is an answer with exactly this body, as any status and content type ("" = none).
func RawBody(status int, contentType string, body []byte) Answer {
	return set(func(p *plan) { p.form, p.status, p.contentType, p.body = formRaw, status, &contentType, body })
}

// HTML is a page, as a captive portal or a broken load balancer answers.
func HTML(status int) Answer {
	return RawBody(status, "text/html; charset=utf-8",
		[]byte("<!doctype html>\n<html><head><title>Sign in to the network</title></head><body><h1>Sign in</h1></body></html>\n"))
}

// NoContent is 204 without a body.
func NoContent() Answer { return RawBody(http.StatusNoContent, "", nil) }

// Redirect is 307 to url; with [Status] any other code.
func Redirect(url string) Answer {
	return RawBody(http.StatusTemporaryRedirect, "", nil).With(ExtraHeaders(http.Header{"Location": {url}}))
}

// JSONInsteadOfStream answers with a JSON message even where a stream was asked for.
func JSONInsteadOfStream() Answer { return set(func(p *plan) { p.form = formJSON }) }

// StreamInsteadOfJSON answers with a stream even where none was asked for.
func StreamInsteadOfJSON() Answer { return set(func(p *plan) { p.form = formStream }) }

// Error is an error answer in the shape of the API. header may be nil; it is where
// retry-after and x-should-retry go.
func Error(status int, typ, message string, header http.Header) Answer {
	canonical := http.Header{}
	for k, v := range header {
		canonical[http.CanonicalHeaderKey(k)] = v
	}
	return set(func(p *plan) {
		p.form, p.status, p.errorType, p.errorMessage = formError, status, typ, message
	}).With(ExtraHeaders(canonical))
}

// ErrorDetails adds error.details, a JSON object such as {"error_code":"..."}.
func ErrorDetails(details string) Answer { return set(func(p *plan) { p.errorDetails = details }) }

// Overloaded is 529 overloaded_error.
func Overloaded() Answer { return Error(529, "overloaded_error", "Overloaded", nil) }

// RateLimited is 429 rate_limit_error with that retry-after; "" sends none.
func RateLimited(retryAfter string) Answer {
	a := Error(http.StatusTooManyRequests, "rate_limit_error", "This request would exceed your rate limit.", nil)
	if retryAfter == "" {
		return a
	}
	return a.With(Header("Retry-After", retryAfter))
}

// SpendLimited is the 429 of a spend cap, which carries no retry-after.
func SpendLimited() Answer {
	return RateLimited("").With(ErrorDetails(`{"error_code":"enforced_spend_limit_reached"}`))
}

// PromptTooLong is the 400 that makes the client compact its history.
func PromptTooLong(tokens, limit int) Answer {
	return Error(http.StatusBadRequest, "invalid_request_error", promptTooLong(tokens, limit), nil).
		With(set(func(p *plan) { p.tooLong = [2]int{tokens, limit} }))
}

// BadSignature is the 400 that makes the client send the turn again without thinking blocks.
func BadSignature(message, block int) Answer {
	return Error(http.StatusBadRequest, "invalid_request_error", badSignature(message, block), nil)
}

// Delay waits before the response headers.
func Delay(d time.Duration) Answer { return set(func(p *plan) { p.wire.delay = d }) }

// Gzip compresses the body, whatever the request accepts.
func Gzip() Answer { return set(func(p *plan) { p.wire.gzip = true }) }
