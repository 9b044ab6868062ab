package openai

import (
	"net/http"

	"prism/internal/translate"
)

// Failure implements [translate.Codec].
func (Chat) Failure(status int, h http.Header, body []byte, prompt int64) *translate.Failure {
	return failure(status, h, body, prompt)
}

// Failure implements [translate.Codec].
func (Responses) Failure(status int, h http.Header, body []byte, prompt int64) *translate.Failure {
	return failure(status, h, body, prompt)
}

// failure reads an error, and what it teaches. Status 0 is one within an answer.
func failure(status int, h http.Header, body []byte, prompt int64) *translate.Failure {
	r := translate.ReadReport(body)
	f := r.Failure(status, h, prompt)
	if teaches(f.Status) && !f.State && !r.Overflows(status) {
		f.Lesson = lessonOf(&r)
	}
	return f
}

// teaches tells whether an error can be about how the request was written. Templates of models
// fail with a 500 at some servers.
func teaches(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError, http.StatusNotImplemented:
		return true
	}
	return false
}

// StreamFailure reads an error that a provider reports within an answer: in an event, or in a body
// of status 200. raw is all of it, prompt how many tokens the request was estimated to have.
func StreamFailure(raw []byte, prompt int64) *translate.Failure {
	return failure(0, nil, raw, prompt)
}
