package chaos

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// checkTime: a failing upstream costs bounded time.
func (s *scene) checkTime() {
	if limit := cmp.Or(s.f.within, 10*time.Second); s.got.took > limit {
		s.Errorf("it took %v, at most %v are allowed", s.got.took, limit)
	}
}

// checkContacts: who was asked, how often, with which bytes and whose key.
func (s *scene) checkContacts() {
	asked := len(s.bills)
	if s.wreck != nil {
		asked = s.wreck.asked()
		if len(s.bills) != 0 {
			s.Errorf("somebody answered in place of the wreck: %+v", s.bills)
		}
	}
	want := len(s.f.tries)
	if s.wreck != nil && s.wreck.deaf {
		want = 0
	}
	if asked != want {
		s.Errorf("the faulty upstream was asked %d times, want %d", asked, want)
	}
	others := 0
	if s.moved() {
		others = 1
	}
	if len(s.spares) != others {
		s.Errorf("the fallback was asked %d times, want %d", len(s.spares), others)
	}
	for i := range s.bills {
		s.checkRequest(s.work, &s.bills[i], s.sent)
	}
	for i := range s.spares {
		s.checkRequest(s.spare, &s.spares[i], strings.Replace(s.sent, `"claude-opus-5-5"`, `"`+spareModel+`"`, 1))
	}
}

// checkRequest: the same body for everybody but for the model's name, one credential, the
// provider's own, and nothing of another one.
func (s *scene) checkRequest(p *provider, b *simulator.Billed, body string) {
	if s.f.request == nil && string(b.RequestBody) != body {
		s.Errorf("%s got %s, want %s", p.name, b.RequestBody, body)
	}
	if len(b.Credentials) != 1 || b.Key != p.key {
		s.Errorf("%s got the credentials %+v", p.name, b.Credentials)
	}
	for name, values := range b.Header {
		for _, v := range values {
			if strings.Contains(v, "canary-") && v != p.key || strings.HasPrefix(name, "X-Prism-") {
				s.Errorf("%s got the header %s: %s", p.name, name, v)
			}
		}
	}
}

// checkClient: exact bytes, or the documented error.
func (s *scene) checkClient() {
	want, bills := s.f.alone, s.bills
	if s.moved() {
		want, bills = end{see: exact}, s.spares
	}
	status, retry := cmp.Or(want.status, http.StatusOK), ""
	if want.final {
		retry = "false"
	}
	h := s.got.header
	if s.got.status != status || h.Get("X-Prism-Error") != want.code {
		s.Fatalf("status %d, x-prism-error %q, error %v; want %d %q\n%.500s", s.got.status, h.Get("X-Prism-Error"), s.got.err, status, want.code, s.got.body)
	}
	for name, value := range want.header {
		if h.Get(name) != value {
			s.Errorf("header %s is %q, the upstream sent %q", name, h.Get(name), value)
		}
	}
	if _, said := want.header["X-Should-Retry"]; !said && h.Get("X-Should-Retry") != retry {
		s.Errorf("x-should-retry is %q, want %q", h.Get("X-Should-Retry"), retry)
	}
	if ends := want.see == marked || want.see == broken; (s.got.err != nil) != ends {
		s.Errorf("the body ended with %v", s.got.err)
	}
	switch want.see {
	case exact:
		s.checkExact(bills)
	case refused, stated:
		s.checkError(want)
	case marked:
		s.checkMarked()
	case broken:
		s.checkPrefix(s.got.body)
	}
}

// last is the bill of the answer that the client got.
func (s *scene) last(bills []simulator.Billed) *simulator.Billed {
	if len(bills) == 0 {
		s.Fatalf("nobody was asked; the client got %.300q", s.got.body)
	}
	return &bills[len(bills)-1]
}

func (s *scene) checkExact(bills []simulator.Billed) {
	if s.wreck != nil && !s.moved() {
		if !bytes.Equal(s.got.body, s.wreck.body) {
			s.Errorf("the client got %.300q, the upstream sent %.300q", s.got.body, s.wreck.body)
		}
		return
	}
	b := s.last(bills)
	if id := s.got.header.Get("Request-Id"); id != b.RequestID && b.RequestID != "" && b.Status != 0 && !s.raw(b) {
		s.Errorf("request-id is %q, the upstream sent %q", id, b.RequestID)
	}
	if !bytes.Equal(s.got.body, b.ResponseBody) && !s.raw(b) {
		s.Errorf("the client got %.300q, the upstream sent %.300q", s.got.body, b.ResponseBody)
	}
	if strings.HasPrefix(s.got.header.Get("Content-Type"), "text/html") && s.got.header.Get("Content-Security-Policy") == "" {
		s.Error("a page reached the client as one that a browser would render")
	}
}

// raw tells whether the simulator wrote bytes of its own making, of which it knows no parts.
func (*scene) raw(b *simulator.Billed) bool {
	return bytes.HasPrefix(b.ResponseBody, []byte("HTTP/1.1 "))
}

// checkError: an error in the shape of the API.
func (s *scene) checkError(want end) {
	var body struct {
		Type  string
		Error struct{ Type, Message string }
		ID    *string `json:"request_id"`
	}
	if err := json.Unmarshal(s.got.body, &body); err != nil {
		s.Fatalf("the client got %q: %v", s.got.body, err)
	}
	if body.Type != "error" || body.Error.Type != want.typ || body.Error.Message == "" {
		s.Errorf("the client got %s, want an error of type %s", s.got.body, want.typ)
	}
	if ct := s.got.header.Get("Content-Type"); ct != "application/json" {
		s.Errorf("the content type of an error is %q", ct)
	}
	if want.see == stated {
		if said := s.saidInStream(); body.Error.Message != said {
			s.Errorf("the client reads %q, the upstream said %q", body.Error.Message, said)
		}
		return
	}
	if body.ID == nil || *body.ID != s.row.RequestID {
		s.Errorf("request_id of prism's error is not that of the row: %s", s.got.body)
	}
	if !strings.Contains(body.Error.Message, "work") {
		s.Errorf("the error does not name the profile: %s", s.got.body)
	}
}

// saidInStream is the message of the last error event that the faulty provider sent.
func (s *scene) saidInStream() string {
	sent := s.last(s.bills).ResponseBody
	_, data, ok := bytes.Cut(sent, []byte(`"error":{`))
	if !ok {
		s.Fatalf("the upstream sent no error: %q", sent)
	}
	var e struct{ Message string }
	if err := json.NewDecoder(bytes.NewReader(append([]byte("{"), data...))).Decode(&e); err != nil {
		s.Fatalf("the error of the upstream: %v: %q", err, sent)
	}
	return e.Message
}

// checkMarked: what came, an error event on a boundary, and nothing invented.
func (s *scene) checkMarked() {
	head, event, found := bytes.Cut(s.got.body, []byte("event: error\n"))
	if !found || !bytes.HasSuffix(event, []byte("\n\n")) || !bytes.Contains(event, []byte(`"type":"`+s.f.alone.typ+`"`)) || !bytes.Contains(event, []byte("upstream work")) {
		s.Fatalf("no error event of type %s at the end of %q", s.f.alone.typ, s.got.body)
	}
	boundary := len(head) == 0
	for _, end := range []string{"\n\n", "\r\n\r\n", "\r\n\n", "\r\r", "\r\n"} {
		boundary = boundary || bytes.HasSuffix(head, []byte(end))
	}
	if !boundary {
		s.Errorf("the error event is not on a boundary: %q", s.got.body)
	}
	if bytes.Contains(s.got.body, []byte("message_stop")) || bytes.Contains(s.got.body, []byte("end_turn")) {
		s.Errorf("an end was invented: %q", s.got.body)
	}
	s.checkPrefix(bytes.TrimRight(head, "\r\n"))
}

// checkPrefix: what the client got is what the upstream sent, from its beginning on.
func (s *scene) checkPrefix(got []byte) {
	sent := s.wreckBody()
	if !bytes.HasPrefix(sent, got) {
		s.Errorf("the client got %q, the upstream sent %q", got, sent)
	}
}

func (s *scene) wreckBody() []byte {
	if s.wreck != nil {
		return s.wreck.body
	}
	return s.last(s.bills).ResponseBody
}

// checkRow: the row tells what happened, and counts what was billed.
func (s *scene) checkRow() {
	want, e := s.f.alone, &s.row
	want.errorType = cmp.Or(want.errorType, s.f.lastError())
	profile, reason, usage, bills := "work", "active", wanted(), s.bills
	if s.moved() {
		want = end{outcome: ledger.OutcomeOK, source: ledger.UsageFinal}
		profile, reason, usage, bills = "spare", "fallback", spared(), s.spares
	}
	want.source = cmp.Or(want.source, ledger.UsageNone)
	if want.outcome == ledger.OutcomeOK {
		want.errorType = ""
	}
	if e.Outcome != want.outcome || e.ErrorType != want.errorType || e.UsageSource != want.source {
		s.Errorf("row: outcome %q, error %q (%s), usage %s; want %q, %q, %s", e.Outcome, e.ErrorType, e.ErrorMessage, e.UsageSource, want.outcome, want.errorType, want.source)
	}
	if e.Profile != profile || e.RouteReason != reason || e.HTTPStatus != s.got.status || e.Stream != (s.way == streamed) || e.Generation != 1 {
		s.Errorf("row: profile %s, reason %s, status %d, stream %v, generation %d; want %s, %s, %d", e.Profile, e.RouteReason, e.HTTPStatus, e.Stream, e.Generation, profile, reason, s.got.status)
	}
	known := want.source != ledger.UsageNone
	if e.Usage.Input.Known() != known || known && (int64(e.Usage.Input) != usage.Input || int64(e.Usage.CacheRead) != usage.CacheRead) {
		s.Errorf("row: usage %+v from %s", e.Usage, want.source)
	}
	if want.source == ledger.UsageFinal {
		if charged := s.last(bills).Charged; int64(e.Usage.Input) != charged.Input || int64(e.Usage.Output) != charged.Output || int64(e.Usage.CacheRead) != charged.CacheRead {
			s.Errorf("row: usage %+v, the bill says %+v", e.Usage, charged)
		}
	}
	if want.note != "" && !slices.Contains(e.UsageNotes, want.note) {
		s.Errorf("row: notes %v lack %s", e.UsageNotes, want.note)
	}
	if (want.outcome == ledger.OutcomeOK) != (e.ErrorMessage == "") && want.see != exact {
		s.Errorf("row: error message %q with outcome %s", e.ErrorMessage, e.Outcome)
	}
	if strings.Contains(e.ErrorMessage, "canary-") || len(e.ErrorMessage) > 500 {
		s.Errorf("row: error message %q", e.ErrorMessage)
	}
}

// lastError is the error_type of the last try.
func (f *fault) lastError() string {
	if len(f.tries) == 0 {
		return ""
	}
	return f.tries[len(f.tries)-1].errorType
}
