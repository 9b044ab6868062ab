package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// portal is a login page that is longer than what is held back of an answer.
func portal(parts ...simulator.Part) simulator.Answer {
	page := "<!doctype html><html><body>" + strings.Repeat("<p>Sign in to the network</p>", 2000)
	return simulator.RawBody(200, "text/html", []byte(page)).With(parts...)
}

func TestALoginPageIsNoMessageHoweverLongOrSlowItIs(t *testing.T) {
	for name, page := range map[string]simulator.Answer{
		"long": portal(),
		"slow": portal(simulator.SlowChunks(200, time.Minute)),
	} {
		for _, streaming := range both() {
			t.Run(fmt.Sprintf("%s/stream=%v", name, streaming), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, rigOptions{limits: proxy.Limits{Hold: 20 * time.Millisecond}})
				p.work.Script(simulator.Always(page))
				p.spare.Script(simulator.Always(text()))
				got, e := p.ask(t, streaming)
				if got.status != 200 || e.Profile != "spare" || e.Attempts[0].ErrorType != "not_json" || bytes.Contains(got.body, []byte("Sign in")) {
					t.Errorf("the client got %d %.60q, entry %+v", got.status, got.body, e)
				}
			})
		}
	}
}

func TestAnEmptyJSONIsNoMessage(t *testing.T) {
	for _, streaming := range both() {
		t.Run(fmt.Sprintf("stream=%v", streaming), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Always(simulator.RawBody(200, "application/json", nil)))
			p.spare.Script(simulator.Once(simulator.Always(simulator.CloseBeforeHeaders(simulator.CutFIN))), simulator.Always(text()))
			if got, e := p.ask(t, streaming); got.status != http.StatusBadGateway || got.header.Get("X-Should-Retry") != "" || e.Outcome != ledger.OutcomeError {
				t.Errorf("nobody answers: %d %q %v, entry %+v", got.status, got.body, got.header, e)
			}
			if got, e := p.ask(t, streaming); got.status != 200 || e.Profile != "spare" {
				t.Errorf("the fallback answers: %d %q, entry %+v", got.status, got.body, e)
			}
		})
	}
}

func TestAStreamThatIsLabelledJSONIsAStream(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Always(text(simulator.ContentType("application/json"))))
	got, e := p.ask(t, true)
	if want := p.work.Bill()[0].ResponseBody; got.status != 200 || !bytes.Equal(got.body, want) {
		t.Errorf("the client got %d %q, want %q", got.status, got.body, want)
	}
	if e.Outcome != ledger.OutcomeOK || e.Profile != "work" || e.UsageSource != ledger.UsageFinal || e.Usage.Output != 9 || len(p.spare.Bill()) != 0 {
		t.Errorf("entry %+v", e)
	}
}

func TestABodyThatIsEncodedAsItselfIsRead(t *testing.T) {
	identity := simulator.Header("Content-Encoding", "identity")
	for _, streaming := range both() {
		t.Run(fmt.Sprintf("stream=%v", streaming), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Once(simulator.Always(text(identity))), simulator.Always(text(identity, simulator.CutAtByte(100, simulator.CutFIN))))
			p.spare.Script(simulator.Always(text()))
			if got, e := p.ask(t, streaming); got.status != 200 || e.UsageSource != ledger.UsageFinal || e.Usage.Output != 9 || len(e.UsageNotes) != 0 {
				t.Errorf("status %d, entry %+v", got.status, e)
			}
			if _, e := p.ask(t, streaming); e.Profile != "spare" || e.Attempts[0].Outcome != ledger.OutcomeTruncated {
				t.Errorf("one that breaks off: entry %+v", e)
			}
		})
	}
}

func TestTheHeadOfAnAnswerNeedsNoBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", map[string]string{"/v1/messages": "text/event-stream", "/v1/models": "application/json"}[r.URL.Path])
		w.Header().Set("Content-Length", "5")
	}))
	t.Cleanup(srv.Close)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", srv.URL)}})
	for i, path := range []string{"/v1/messages", "/v1/models"} {
		got := r.do(http.MethodHead, path, "")
		e := r.Journal.wait(t, i+1)[i]
		if got.status != 200 || got.err != nil || got.header.Get("Content-Length") != "5" || e.Outcome != ledger.OutcomeOK {
			t.Errorf("%s: %d %v, %v, entry %+v", path, got.status, got.header, got.err, e)
		}
	}
}

func TestAnAnswerThatComesLateIsNotCutByTheBoundOfItsWrites(t *testing.T) {
	const stall = 100 * time.Millisecond
	for name, c := range map[string]struct {
		method, path, body string
		hold               time.Duration
		status             int
	}{
		"without a body":         {http.MethodDelete, "/v1/files/file_1", "", time.Second, http.StatusNoContent},
		"not held back":          {http.MethodPost, "/v1/messages", streamBody, 0, http.StatusOK},
		"held back for a moment": {http.MethodPost, "/v1/messages", streamBody, stall / 4, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			t.Cleanup(up.Close)
			late := simulator.Delay(3 * stall)
			s.Script(simulator.Always(text(late, simulator.Pause(1, stall))), simulator.On("*", simulator.Always(simulator.NoContent().With(late))))
			work := profile("work", up.URL)
			work.Timeouts.Hold = &c.hold
			r := newRig(t, rigOptions{profiles: []config.Profile{work}, limits: proxy.Limits{WriteStall: stall}})
			got := r.do(c.method, c.path, c.body)
			if e := r.Journal.wait(t, 1)[0]; got.status != c.status || got.err != nil || e.Outcome != ledger.OutcomeOK {
				t.Errorf("status %d, %v, entry %+v", got.status, got.err, e)
			}
		})
	}
}

func TestWhatIsSaidOfAStrangeAnswerShowsNoKey(t *testing.T) {
	p := newPair(t, rigOptions{})
	odd := simulator.RawBody(200, "text/"+testKey, []byte("<html>"))
	p.work.Script(simulator.Always(odd))
	p.spare.Script(simulator.Always(odd))
	got, e := p.ask(t, true)
	if got.status != http.StatusBadGateway || bytes.Contains(got.body, []byte(testKey)) || !bytes.Contains(got.body, []byte("[redacted:work]")) {
		t.Errorf("the client got %d %s", got.status, got.body)
	}
	if strings.Contains(e.ErrorMessage, testKey) {
		t.Errorf("entry %+v", e)
	}
}
