package openai

import "strings"

// echo leaves out what an answer begins with that the client has said itself: a provider that goes on
// with the beginning of an answer may say that again. Where the answer begins otherwise, all of it stays.
type echo struct {
	left string // what may still come; "" = there is nothing to leave out
	held string // what came of it
}

// cut returns what of s stays, and what was held before it.
func (e *echo) cut(s string) string {
	switch {
	case e.left == "":
		return s
	case strings.HasPrefix(s, e.left): // it has come whole
		s = s[len(e.left):]
		*e = echo{}
		return s
	case strings.HasPrefix(e.left, s):
		e.left, e.held = e.left[len(s):], e.held+s
		return ""
	}
	s = e.held + s
	*e = echo{}
	return s
}

// flush returns what was held: no more of the text follows.
func (e *echo) flush() string {
	s := e.held
	if s != "" {
		*e = echo{}
	}
	return s
}
