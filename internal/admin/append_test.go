package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// notebook records what is appended.
type notebook struct {
	entries     []string
	corrections []string
	full        error
}

func (n *notebook) Close(e *ledger.Entry) error {
	n.entries = append(n.entries, e.RequestID)
	return n.full
}

func (n *notebook) Correct(c *ledger.Correction) error {
	n.corrections = append(n.corrections, c.RequestID)
	return n.full
}

// post sends records to a handler as the client would.
func post(t *testing.T, r Recorder, body io.Reader) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(Options{Recorder: r}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/append", body))
	return w.Code, w.Body.String()
}

// recording serves a recorder on a socket and returns a client of it.
func recording(t *testing.T, r Recorder) *Client {
	t.Helper()
	path := socketPath(t)
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: Handler(Options{Recorder: r})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return Dial(path)
}

func imported(id string) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.Source, e.StartedAt = id, "import:test", time.Unix(1790000000, 0)
	return e
}

func TestRecordsAreAppendedInOrder(t *testing.T) {
	var lines []byte
	for _, v := range []ledger.Appendable{imported("a"), &ledger.Correction{RequestID: "b"}, imported("c")} {
		var err error
		if lines, err = AppendLine(lines, v); err != nil {
			t.Fatal(err)
		}
	}
	n := &notebook{}
	code, body := post(t, n, strings.NewReader(string(lines)+"\n"))
	if code != 200 || strings.TrimSpace(body) != `{"entries":2,"corrections":1}` {
		t.Errorf("%d %s", code, body)
	}
	if strings.Join(n.entries, "") != "ac" || strings.Join(n.corrections, "") != "b" {
		t.Errorf("entries %q, corrections %q", n.entries, n.corrections)
	}
}

func TestARecordThatDoesNotBelongThereIsRefusedAndTheOnesBeforeStay(t *testing.T) {
	line := func(e *ledger.Entry) string {
		b, err := AppendLine(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	forged, nameless, timeless, bare := imported("x"), imported(""), imported("x"), imported("x")
	forged.Source, bare.Source = "proxy", "import:"
	timeless.StartedAt = time.Time{}
	tests := map[string]struct{ line, want string }{
		"of the gateway":     {line(forged), "marked import:NAME"},
		"without a name":     {line(bare), "marked import:NAME"},
		"without an id":      {line(nameless), "without a request_id"},
		"without a time":     {line(timeless), "without a started_at"},
		"an open":            {`{"kind":"open","entry":{"request_id":"x","source":"import:x"}}`, `kind \"open\"`},
		"an alert":           {`{"kind":"alert","alert":{}}`, `kind \"alert\"`},
		"empty":              {`{"kind":"close"}`, `kind \"close\"`},
		"nameless":           {`{"kind":"correction","correction":{}}`, "without a request_id"},
		"no JSON":            {`{"kind":`, "not a record"},
		"longer than a line": {`{"kind":"` + strings.Repeat("x", maxAppended) + `"}`, "behind number 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := &notebook{}
			code, body := post(t, n, strings.NewReader(line(imported("a"))+strings.TrimSuffix(tt.line, "\n")+"\n"+line(imported("b"))))
			if code < 400 || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %q", code, body, tt.want)
			}
			if len(n.entries) != 1 || len(n.corrections) != 0 {
				t.Errorf("appended %q and %q, want the one before", n.entries, n.corrections)
			}
		})
	}
}

func TestAJournalThatIsFullEndsTheAppending(t *testing.T) {
	b, err := AppendLine(nil, imported("a"))
	if err != nil {
		t.Fatal(err)
	}
	n := &notebook{full: &Error{Code: "journal_degraded", Message: "no room"}}
	code, body := post(t, n, strings.NewReader(string(b)+string(b)))
	if code != 409 || !strings.Contains(body, `record 1: no room`) || len(n.entries) != 1 {
		t.Errorf("%d %s after %d", code, body, len(n.entries))
	}
}

func TestOnlyEntriesAndCorrectionsMakeALine(t *testing.T) {
	if b, err := AppendLine([]byte("x"), &ledger.AlertEvent{}); err == nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
}

// The reason for a refusal must arrive although the caller is still sending.
func TestTheClientLearnsWhyInTheMiddleOfSending(t *testing.T) {
	n := &notebook{full: &Error{Code: "journal_degraded", Message: "no room"}}
	c := recording(t, n)
	in, out := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		b, err := AppendLine(nil, imported("a"))
		for range 20_000 {
			if err == nil {
				_, err = out.Write(b)
			}
		}
		sent <- errors.Join(err, out.Close())
	}()
	_, err := c.Append(t.Context(), in)
	if closing := in.Close(); closing != nil {
		t.Error(closing)
	}
	<-sent //nolint:errcheck // the gateway has stopped reading
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != "journal_degraded" || !strings.Contains(e.Message, "no room") {
		t.Errorf("%v, want what the gateway said", err)
	}
}
