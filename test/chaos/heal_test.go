package chaos

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// foreignThinking is a request whose history holds thinking that another provider has signed.
func foreignThinking(w way) (body string, h http.Header) {
	const history = `"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[` +
		`{"type":"thinking","thinking":"hm","signature":"Zm9yZWlnbg=="},{"type":"text","text":"hello"}]},{"role":"user","content":"go on"}]`
	_, rest, _ := strings.Cut(w.body(), `"max_tokens"`)
	return `{"model":"claude-opus-5-5",` + history + `,"max_tokens"` + rest, http.Header{}
}

// signatures are refusals of thinking that somebody else has signed. It is cut out once, and
// nothing else of the request is touched; where there is nothing to cut, the client is told.
func signatures() []fault {
	refusedOnce := try{status: 400, errorType: "invalid_request_error"}
	healed := fault{
		entry: 85, name: "foreign thinking", ways: both(), answer: reply(), request: foreignThinking, tries: []try{refusedOnce, {status: 200}}, again: "healed",
		alone: served(), then: (*scene).checkHealed,
	}
	stubborn := fault{
		entry: 85, name: "foreign thinking, refused again", ways: both(), answer: simulator.BadSignature(1, 0), request: foreignThinking,
		tries: []try{refusedOnce, refusedOnce}, again: "healed", alone: said(400),
	}
	nothing := fault{entry: 85, name: "a signature that is refused and not there", ways: both(), answer: simulator.BadSignature(1, 0), tries: []try{refusedOnce}, alone: said(400)}
	return []fault{healed, stubborn, nothing}
}

// checkHealed: the first request is the client's, the second lacks the thinking and nothing else.
func (s *scene) checkHealed() {
	first, second := s.bills[0].RequestBody, s.bills[1].RequestBody
	if string(first) != s.sent {
		s.Errorf("the first request was %s, want %s", first, s.sent)
	}
	const block = `{"type":"thinking","thinking":"hm","signature":"Zm9yZWlnbg=="},`
	if want := bytes.Replace(first, []byte(block), nil, 1); !bytes.Equal(second, want) {
		s.Errorf("the second request was %s, want %s", second, want)
	}
	if !slices.Contains(s.row.TranslationNotes, "thinking_removed") {
		s.Errorf("the row does not say so: %v", s.row.TranslationNotes)
	}
	if s.row.UsageSource != ledger.UsageFinal {
		s.Errorf("usage from %s", s.row.UsageSource)
	}
}
