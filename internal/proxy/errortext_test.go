package proxy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/simulator"
)

func TestAnErrorInAnyWordsIsShownAsJSON(t *testing.T) {
	for _, data := range []string{
		`{"error":{"type":"a\"b\\"},"type":5}`,
		`{"type":"error","error":{"type":"a\"b","message":"m"},"error":"x"}`,
		`{"error":"boom","type":"error","message":7}`,
		`{"type":"error","error":{"type":"a\u0000\n","message":"\ud800"},"error":[]}`,
	} {
		p := newPair(t, rigOptions{})
		odd := simulator.RawBody(200, "text/event-stream", []byte("event: error\ndata: "+data+"\n\n"))
		p.work.Script(simulator.Always(odd))
		p.spare.Script(simulator.Always(odd))
		got, _ := p.ask(t, true)
		var shown struct {
			Error struct{ Type string }
		}
		if err := json.Unmarshal(got.body, &shown); got.status < 400 || err != nil || shown.Error.Type == "" {
			t.Errorf("%s: the client got %d %s, %v", data, got.status, got.body, err)
		}
	}
}

// TestNoPartOfAKeyIsLeftWhereALongErrorIsCut moves a key over the place where messages are cut.
func TestNoPartOfAKeyIsLeftWhereALongErrorIsCut(t *testing.T) {
	for name, as := range map[string]func(typ, message string) simulator.Answer{
		"status 400":  func(typ, message string) simulator.Answer { return simulator.Error(400, typ, message, nil) },
		"status 200":  errorBody,
		"first event": simulator.ErrorEventFirst,
		"later event": func(typ, message string) simulator.Answer {
			return text(simulator.ErrorEventAfterContent(typ, message))
		},
	} {
		for n := 465; n <= 500; n += 5 {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				t.Parallel()
				s := simulator.New(simulator.Options{Key: testKey})
				up := s.Start()
				t.Cleanup(up.Close)
				s.Script(simulator.Always(as(testKey, "the key "+strings.Repeat("x", n-9)+" "+testKey+" is none")))
				r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
				got := r.post(streamBody)
				e := r.Journal.wait(t, 1)[0]
				if !strings.HasPrefix(e.ErrorMessage, "the key xxx") || strings.Contains(e.ErrorMessage, testKey[:8]) {
					t.Errorf("in the ledger: %q", e.ErrorMessage)
				}
				if strings.Contains(e.ErrorType+e.Attempts[0].ErrorType, testKey) {
					t.Errorf("error types %q and %q", e.ErrorType, e.Attempts[0].ErrorType)
				}
				if name != "later event" && strings.Contains(string(got.body), testKey) { // a stream passes byte for byte
					t.Errorf("the client got %s", got.body)
				}
			})
		}
	}
}

// errorBody is an error with status 200.
func errorBody(typ, message string) simulator.Answer {
	return simulator.RawBody(200, "application/json", fmt.Appendf(nil, `{"type":"error","error":{"type":%q,"message":%q}}`, typ, message))
}

func TestTheClientsOwnCredentialDoesNotStayInTheLedger(t *testing.T) {
	const own = "credential-of-the-client-0123456789"
	for name, value := range map[string]string{"Authorization": "Bearer " + own, "X-Api-Key": own} {
		for status, answer := range map[int]simulator.Answer{401: simulator.Error(401, "authentication_error", "no user has "+own, nil), 200: text(simulator.ErrorEventAfterContent("api_error", "no user has "+own))} {
			s := simulator.New(simulator.Options{})
			up := s.Start()
			s.Script(simulator.Always(answer))
			work := profile("work", up.URL)
			work.Auth, work.APIKey = config.AuthPassthrough, config.Secret{}
			r := newRig(t, rigOptions{profiles: []config.Profile{work}})
			got := r.post(streamBody, name, value)
			e := r.Journal.wait(t, 1)[0]
			if got.status != status || e.ErrorMessage != "no user has [redacted:client]" {
				t.Errorf("%s: status %d, in the ledger: %q", name, got.status, e.ErrorMessage)
			}
			up.Close()
		}
	}
}
