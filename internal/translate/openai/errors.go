package openai

import (
	"net/http"

	"prism/internal/translate"
)

// Failure implements [translate.Codec].
func (Chat) Failure(status int, h http.Header, body []byte) *translate.Failure {
	return failure(status, h, body)
}

// Failure implements [translate.Codec].
func (Responses) Failure(status int, h http.Header, body []byte) *translate.Failure {
	return failure(status, h, body)
}

// failure reads an error answer, and what it teaches.
func failure(status int, h http.Header, body []byte) *translate.Failure {
	r := translate.ReadReport(body)
	f := r.Failure(status, h)
	if teaches(f.Status) && !r.Overflows(status) {
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
// of status 200. raw is all of it.
func StreamFailure(raw []byte) *translate.Failure {
	r := translate.ReadReport(raw)
	return r.Failure(0, nil)
}
