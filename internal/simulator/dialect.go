package simulator

import (
	"cmp"
	"net/http"
	"strings"
)

// The dialects the simulator speaks. The path of a request says which one is meant; a script
// answers in all of them.
const (
	DialectAnthropic = "anthropic"        // /v1/messages
	DialectChat      = "openai"           // /v1/chat/completions
	DialectResponses = "openai-responses" // /v1/responses
)

const (
	chatPath      = "/chat/completions"
	responsesPath = "/responses"
)

// notJSON is what OpenAI says of a body it cannot read.
const notJSON = "We could not parse the JSON body of your request."

// face is a dialect other than the simulator's own.
type face interface {
	// read fills in what stands in the body of a request. Its error is for the client.
	read(r *Request) error

	// refuse returns what a request that breaks the rules is answered.
	refuse(s *Server, r *Request) (a Answer, refused bool)

	// write renders an answer, as a stream or as one JSON body.
	write(r *rendering, p *plan, m *message, stream bool)

	// failure renders an error answer.
	failure(p *plan) (status int, body []byte)
}

// faceOf returns the face of a dialect; nil for the Messages API.
func faceOf(dialect string) face {
	switch dialect {
	case DialectChat:
		return chatFace{}
	case DialectResponses:
		return responsesFace{}
	}
	return nil
}

// dialect returns what a request is written in. The list of models has one path in all of them:
// clients of the Messages API name its version.
func dialect(r *http.Request) string {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, chatPath):
		return DialectChat
	case strings.HasSuffix(path, responsesPath):
		return DialectResponses
	case strings.HasSuffix(path, "/models") && r.Header.Get("Authorization") != "" && r.Header.Get("Anthropic-Version") == "":
		return DialectChat
	}
	return DialectAnthropic
}

// otherID returns a message's id in another dialect.
func otherID(dialect, id string) string {
	id = strings.TrimPrefix(id, "msg_01")
	if dialect == DialectChat {
		return "chatcmpl-" + id
	}
	return "resp_" + id
}

// otherLimits returns the rate limit headers of OpenAI.
func otherLimits() http.Header {
	return http.Header{
		"Openai-Organization":            {"org-simulated"},
		"Openai-Processing-Ms":           {"12"},
		"Openai-Version":                 {"2020-10-01"},
		"X-Ratelimit-Limit-Requests":     {"10000"},
		"X-Ratelimit-Limit-Tokens":       {"30000000"},
		"X-Ratelimit-Remaining-Requests": {"9999"},
		"X-Ratelimit-Remaining-Tokens":   {"29990000"},
		"X-Ratelimit-Reset-Requests":     {"6ms"},
		"X-Ratelimit-Reset-Tokens":       {"19ms"},
	}
}

// otherError returns status, type and code of an error in the words of OpenAI.
func otherError(status int, typ string) (newStatus int, newType, code string) {
	switch typ {
	case "authentication_error":
		return status, "invalid_request_error", "invalid_api_key"
	case "billing_error":
		return http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota"
	case "not_found_error":
		return status, "invalid_request_error", "model_not_found"
	case "request_too_large":
		return status, "invalid_request_error", "request_too_large"
	case "rate_limit_error":
		return status, "requests", "rate_limit_exceeded"
	case "overloaded_error":
		return http.StatusServiceUnavailable, "server_error", "server_overloaded"
	case "api_error", "timeout_error":
		return status, "server_error", "server_error"
	}
	return status, typ, ""
}

// appendOtherError appends an error object of OpenAI.
func appendOtherError(dst []byte, typ, code, message, param string) []byte {
	dst = appendString(append(dst, `{"message":`...), message)
	dst = appendString(append(dst, `,"type":`...), cmp.Or(typ, "server_error"))
	dst = appendOrNull(append(dst, `,"param":`...), param)
	return append(appendOrNull(append(dst, `,"code":`...), code), '}')
}

// otherFailure renders an error answer of OpenAI.
func otherFailure(p *plan) (status int, body []byte) {
	status, typ, code := otherError(p.status, p.errorType)
	message := p.errorMessage
	if p.tooLong != [2]int{} {
		code, message = "context_length_exceeded", tooLongForOthers(p.tooLong[0], p.tooLong[1])
	}
	if p.habits.code != "" {
		code = p.habits.code
	}
	return status, append(appendOtherError([]byte(`{"error":`), typ, code, message, p.habits.param), '}')
}

// Param names the parameter that an error of another dialect is about, and its code.
func Param(name, code string) Answer {
	return set(func(p *plan) { p.habits.param, p.habits.code = name, code })
}

// otherUsage returns what of u another dialect reports: nothing of tiers, of searches, and of
// how long cache entries live.
func otherUsage(u *Usage, h *habits) *Usage {
	o := &Usage{
		Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.write(), Thinking: u.Thinking,
		CacheWrite5m: Absent, CacheWrite1h: Absent, WebSearches: Absent, WebFetches: Absent,
		InDelta: u.InDelta,
	}
	switch {
	case u.InDelta == UsageZero:
		o.Input, o.Output, o.CacheRead, o.CacheWrite, o.Thinking = 0, 0, 0, 0, 0
	case h.spelling == SpellBare:
		// Without details everything counts as fresh.
		o.Input, o.CacheRead, o.CacheWrite, o.Thinking = u.Input+max(u.CacheRead, 0)+u.write(), Absent, Absent, Absent
	case h.spelling == SpellDeepSeek || h.spelling == SpellKimi:
		o.Input, o.CacheWrite = u.Input+u.write(), Absent
		if h.spelling == SpellKimi {
			o.Thinking = Absent
		}
	}
	if o.CacheWrite == 0 { // who has none does not tell it
		o.CacheWrite = Absent
	}
	return o
}

// silent tells whether the usage is not reported at all.
func silent(u *Usage, h *habits) bool {
	return u.InDelta == UsageAbsent || u.InDelta == UsageNull || h.usageIn == UsageNowhere
}
