package proxy_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// seen is what the client gets to see.
type seen int

const (
	seenExact   seen = iota // status and bytes of the upstream, to their end
	seenRefusal             // prism's own error
	seenEvent               // what came, an error event on a boundary, an aborted connection
	seenBroken              // what came and an aborted connection
	seenData                // the data of the upstream's error event, as an error answer
)

// fault is one thing that goes wrong at the upstream, and what must happen then.
type fault struct {
	name      string
	streaming []bool // asked for with a stream, without, or both
	answer    simulator.Answer
	base      func(t *testing.T) string // base_url of something worse than a simulator

	see       seen
	status    int    // default 200
	code      string // x-prism-error
	final     bool   // x-should-retry: false
	outcome   string
	errorType string
	source    string // default none
	note      string
	attempts  int // default 1
	billed    bool
	blame     int  // errors reported to the profile's health
	timed     bool // a bound has to run out: short ones are set
}

// shortTimeouts are for the faults that consist in waiting.
func shortTimeouts() upstream.Timeouts {
	return upstream.Timeouts{Dial: 300 * time.Millisecond, FirstByte: 400 * time.Millisecond, Idle: 400 * time.Millisecond, IdleConn: time.Minute}
}

func at(url string) func(*testing.T) string { return func(*testing.T) string { return url } }

// both, streamed and plain are the ways of asking.
func both() []bool     { return []bool{true, false} }
func streamed() []bool { return []bool{true} }
func plainly() []bool  { return []bool{false} }

func text(parts ...simulator.Part) simulator.Answer {
	return simulator.Reply(append([]simulator.Part{simulator.TextPieces("some words of an answer", 4), simulator.Usage{Input: 100, CacheRead: 50, Output: 9}}, parts...)...)
}

// bigText is a text that is longer than what is held back.
func bigText(parts ...simulator.Part) simulator.Answer {
	return simulator.Reply(append([]simulator.Part{simulator.TextPieces(strings.Repeat("some words of an answer ", 4000), 4096), simulator.Usage{Input: 100, CacheRead: 50, Output: 9}}, parts...)...)
}

// unreachable are the faults before the head of a response.
func unreachable() []fault {
	refused := fault{see: seenRefusal, status: 502, code: "upstream_unreachable", outcome: ledger.OutcomeError, streaming: both()}
	with := func(f fault, name, kind string, attempts int, billed bool) fault {
		f.name, f.errorType, f.attempts, f.billed, f.blame = name, kind, attempts, billed, attempts
		return f
	}
	reply := func(f fault, a simulator.Answer) fault { f.answer = a; return f }
	from := func(f fault, base func(*testing.T) string) fault { f.base = base; return f }
	late := func(f fault) fault { f.status, f.code, f.timed = 504, "upstream_timeout", true; return f }
	timed := func(f fault) fault { f.timed = true; return f }
	return []fault{
		from(with(refused, "refused", "dial", 2, false), func(*testing.T) string { return "http://" + simulator.Refused() }),
		from(with(refused, "a name that does not exist", "dns", 2, false), at("http://prism-test.invalid:1")),
		from(with(refused, "a certificate that nobody signed", "tls", 2, false), func(t *testing.T) string {
			up := simulator.New(simulator.Options{}).StartTLS(simulator.Certificate{})
			t.Cleanup(up.Close)
			return up.URL
		}),
		from(with(refused, "no TLS where it is expected", "tls", 2, false), func(t *testing.T) string {
			up := simulator.New(simulator.Options{}).Start()
			t.Cleanup(up.Close)
			return "https://" + up.Addr
		}),
		from(timed(with(refused, "a black hole", "dial", 2, false)), func(t *testing.T) string {
			addr, closeIt, err := simulator.BlackHole()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(closeIt)
			return "http://" + addr
		}),
		reply(late(with(refused, "never answers", "timeout", 1, true)), simulator.Silence(0)),
		reply(with(refused, "closed on a fresh connection", "eof", 1, true), simulator.CloseBeforeHeaders(simulator.CutFIN)),
		reply(with(refused, "reset on a fresh connection", "reset", 1, true), simulator.CloseBeforeHeaders(simulator.CutRST)),
		reply(with(refused, "a header of 10 MiB", "protocol", 1, true), simulator.HeaderBomb(10<<20)),
		reply(with(refused, "bad folding", "protocol", 1, true), simulator.RawResponse("HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n")),
		reply(with(refused, "not HTTP", "protocol", 1, true), simulator.RawResponse("SSH-2.0-OpenSSH_9.9\r\n\r\n")),
		reply(with(refused, "two lengths", "protocol", 1, true), simulator.RawResponse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}")),
		reply(with(refused, "a flood of 103", "protocol", 1, true), simulator.RawResponse(strings.Repeat("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", 20)+"HTTP/1.1 200 OK\r\n\r\n")),
		reply(with(refused, "a protocol switch", "protocol", 1, true), simulator.RawResponse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")),
	}
}

// answered are the faults that an upstream states.
func answered() []fault {
	var list []fault
	for _, c := range []struct {
		status int
		typ    string
		blame  int
	}{
		{400, "invalid_request_error", 0},
		{401, "authentication_error", 1},
		{402, "billing_error", 1},
		{403, "permission_error", 1},
		{404, "not_found_error", 0},
		{405, "invalid_request_error", 0},
		{408, "timeout_error", 1},
		{409, "conflict_error", 1},
		{413, "request_too_large", 0},
		{415, "invalid_request_error", 0},
		{422, "invalid_request_error", 0},
		{500, "api_error", 1},
		{502, "api_error", 1},
		{503, "api_error", 1},
		{504, "timeout_error", 1},
		{529, "overloaded_error", 1},
	} {
		list = append(list, fault{
			name: fmt.Sprintf("status %d", c.status), streaming: both(), answer: simulator.Error(c.status, c.typ, "in the words of the provider: \u00e4 \"quoted\"", nil),
			status: c.status, outcome: ledger.OutcomeError, errorType: c.typ, blame: c.blame,
		})
	}
	page := fault{streaming: both(), see: seenRefusal, status: 502, code: "upstream_no_message", outcome: ledger.OutcomeError, errorType: "not_json", blame: 1}
	redirect := fault{streaming: both(), see: seenRefusal, status: 502, code: "upstream_redirect", final: true, outcome: ledger.OutcomeError, errorType: "upstream_redirect", blame: 1}
	empty := fault{streaming: streamed(), see: seenRefusal, status: 502, code: "upstream_empty", outcome: ledger.OutcomeError, errorType: "empty_stream", blame: 1, billed: true}
	named := func(f fault, name string, a simulator.Answer) fault { f.name, f.answer = name, a; return f }
	list = append(list,
		named(fault{streaming: both(), status: 429, outcome: ledger.OutcomeError, errorType: "rate_limit_error", blame: 1}, "a spend limit", simulator.SpendLimited()),
		named(fault{streaming: both(), status: 500, outcome: ledger.OutcomeError, errorType: "http_500", blame: 1}, "an error page", simulator.HTML(500)),
		named(page, "a captive portal", simulator.HTML(200)),
		named(page, "text", simulator.RawBody(200, "text/plain", []byte("pong\n"))),
		named(page, "no content", simulator.NoContent()),
		named(fault{streaming: both(), status: 529, outcome: ledger.OutcomeError, errorType: "overloaded_error", blame: 1}, "an error with status 200",
			simulator.RawBody(200, "application/json", []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))),
		named(fault{streaming: both(), status: 529, outcome: ledger.OutcomeError, errorType: "overloaded_error", blame: 1}, "an error labelled as a stream",
			simulator.RawBody(200, "text/event-stream", []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))),
		named(fault{streaming: both(), outcome: ledger.OutcomeError, errorType: "not_a_message", blame: 1}, "JSON that is no message", simulator.RawBody(200, "application/json", []byte(`{"ok":true}`))),
		named(fault{streaming: both(), see: seenRefusal, status: 502, code: "upstream_no_message", outcome: ledger.OutcomeError, errorType: "not_a_message", blame: 1, billed: true}, "half of a JSON", simulator.RawBody(200, "application/json", []byte(`{"type":"mess`))),
		named(redirect, "300", simulator.Redirect("http://127.0.0.1:1/").With(simulator.Status(300))),
		named(redirect, "303", simulator.Redirect("http://127.0.0.1:1/").With(simulator.Status(303))),
		named(empty, "headers and a clean end", simulator.HeaderThenClose()),
		named(empty, "an empty stream", simulator.EmptyStream()),
	)
	return list
}

// whole are the oddities behind which the answer is complete.
func whole() []fault {
	ok := fault{streaming: streamed(), outcome: ledger.OutcomeOK, source: ledger.UsageFinal}
	slow := ok
	slow.timed = true
	noted := fault{streaming: streamed(), outcome: ledger.OutcomeOK, source: ledger.UsageFinal, note: "no_message_stop"}
	unread := fault{streaming: both(), outcome: ledger.OutcomeOK, note: "encoded_body"}
	as := func(f fault, name string, streaming []bool, a simulator.Answer) fault {
		f.name, f.streaming, f.answer = name, streaming, a
		return f
	}
	return []fault{
		as(ok, "JSON instead of a stream", streamed(), text(simulator.JSONInsteadOfStream())),
		as(ok, "a stream labelled as text", streamed(), text(simulator.Header("Content-Type", "text/plain"))),
		as(ok, "a stream instead of JSON", plainly(), text(simulator.StreamInsteadOfJSON())),
		as(ok, "informational responses", both(), text(simulator.Informational(103, 4))),
		as(ok, "two hundred headers", both(), text(simulator.ManyHeaders(200))),
		as(ok, "a body that ends with the connection", both(), text(simulator.CloseDelimited())),
		as(unread, "gzip that nobody asked for", both(), text(simulator.Gzip())),
		as(unread, "a bomb", streamed(), simulator.GzipBomb(8)),
		as(noted, "no message_stop", streamed(), text(simulator.NoMessageStop())),
		as(noted, "reset after message_delta", streamed(), text(cutAfterDelta(simulator.CutRST))),
		as(noted, "closed after message_delta", streamed(), text(cutAfterDelta(simulator.CutFIN))),
		as(slow, "pings only", streamed(), text(simulator.Pings(6, 150*time.Millisecond))),
		as(slow, "comments only", streamed(), text(simulator.CommentPings(6, 150*time.Millisecond))),
		as(ok, "a line of 64 KiB", streamed(), text(simulator.BigLine(64<<10))),
		as(ok, "a line of 1 MiB", streamed(), text(simulator.BigLine(1<<20))),
		as(ok, "a line of 16 MiB", streamed(), text(simulator.BigLine(16<<20))),
		as(ok, "unknown events", streamed(), text(simulator.UnknownEvents())),
		as(ok, "message_delta twice", streamed(), text(simulator.Repeat("message_delta"))),
		as(ok, "message_stop twice", streamed(), text(simulator.Repeat("message_stop"))),
		as(ok, "bytes after the end", streamed(), text(simulator.InsertRaw(1000, "data: [DONE]\n\n: more"))),
		as(ok, "a broken content event", streamed(), text(simulator.BadJSON(3))),
	}
}

// cutAfterDelta ends the stream right after message_delta.
func cutAfterDelta(how simulator.Cut) simulator.Answer {
	// message_start, content_block_start, six pieces of text, content_block_stop and
	// message_delta, see text.
	return simulator.CutAfter(10, how)
}

// broken are the faults after the commit.
func broken() []fault {
	cut := fault{streaming: streamed(), see: seenEvent, outcome: ledger.OutcomeTruncated, source: ledger.UsageEstimated, billed: true, blame: 1}
	as := func(f fault, name, kind string, a simulator.Answer) fault {
		f.name, f.errorType, f.answer = name, kind, a
		return f
	}
	stated := fault{streaming: streamed(), outcome: ledger.OutcomeError, source: ledger.UsageEstimated, billed: true, blame: 1}
	early := fault{streaming: streamed(), see: seenData, status: 529, outcome: ledger.OutcomeError, blame: 1}
	part := fault{streaming: plainly(), see: seenRefusal, status: 502, code: "upstream_unreachable", outcome: ledger.OutcomeTruncated, billed: true, blame: 1}
	none := fault{streaming: streamed(), see: seenRefusal, status: 502, code: "upstream_unreachable", outcome: ledger.OutcomeError, billed: true, blame: 1}
	bare := none
	bare.streaming = plainly()
	started := part
	started.streaming, started.source = streamed(), ledger.UsagePartial
	silent := cut
	silent.timed = true
	mangled := none
	mangled.outcome = ledger.OutcomeTruncated
	long := fault{streaming: plainly(), see: seenBroken, outcome: ledger.OutcomeTruncated, billed: true, blame: 1}
	return []fault{
		as(none, "reset after the head", "reset", text(simulator.CutAfter(0, simulator.CutRST))),
		as(none, "closed after the head", "eof", text(simulator.CutAfter(0, simulator.CutFIN))),
		as(long, "half of a long JSON body, closed", "eof", bigText(simulator.CutAtByte(40_000, simulator.CutFIN))),
		as(bare, "a JSON body that never comes", "eof", text(simulator.CutAfter(0, simulator.CutFIN))),
		as(started, "closed after message_start", "eof", text(simulator.CutAfter(1, simulator.CutFIN))),
		as(cut, "reset after six events", "reset", text(simulator.CutAfter(6, simulator.CutRST), simulator.EventDelay(5*time.Millisecond))),
		as(cut, "closed after six events", "eof", text(simulator.CutAfter(6, simulator.CutFIN))),
		as(cut, "closed within an event", "eof", text(simulator.CutAtByte(1000, simulator.CutFIN))),
		as(cut, "closed within an event, CRLF", "eof", text(simulator.CRLF(), simulator.CutAtByte(1000, simulator.CutFIN))),
		as(cut, "a clean end before message_delta", "eof", text(simulator.NoMessageDelta())),
		as(cut, "a clean end after six events", "eof", text(simulator.CutAfter(6, simulator.CutClean))),
		as(cut, "a clean end within an event", "eof", text(simulator.CutAtByte(1000, simulator.CutClean))),
		as(silent, "silence after six events", "timeout", text(simulator.Pause(6, time.Minute))),
		as(mangled, "a chunk without a size", "protocol", simulator.BadChunks()),
		as(early, "an error event first", "overloaded_error", simulator.ErrorEventFirst("overloaded_error", "Overloaded")),
		as(stated, "an error event after content", "api_error", text(simulator.ErrorEventAfterContent("api_error", "Internal"))),
		as(stated, "an error event after a block", "overloaded_error", text(simulator.ErrorEventAfterBlocks("overloaded_error", "Overloaded"))),
		as(part, "half of a JSON body, closed", "eof", text(simulator.CutAtByte(120, simulator.CutFIN))),
		as(part, "half of a JSON body, reset", "reset", text(simulator.CutAtByte(120, simulator.CutRST))),
	}
}

func TestEveryFaultOfAnUpstreamIsToldAndRecorded(t *testing.T) {
	for _, f := range slices.Concat(unreachable(), answered(), whole(), broken()) {
		for _, streaming := range f.streaming {
			t.Run(fmt.Sprintf("%s/stream=%v", f.name, streaming), func(t *testing.T) {
				if testing.Short() && strings.Contains(f.name, "16 MiB") {
					t.Skip("large")
				}
				t.Parallel()
				f.run(t, streaming)
			})
		}
	}
}

func (f *fault) run(t *testing.T, streaming bool) {
	t.Helper()
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	t.Cleanup(up.Close)
	base := up.URL
	if f.base != nil {
		base = f.base(t)
	} else {
		s.Script(simulator.Always(f.answer))
	}
	opt := rigOptions{profiles: []config.Profile{profile("work", base)}}
	if f.timed {
		opt.timeouts = shortTimeouts()
	}
	r := newRig(t, opt)
	body := plainBody
	if streaming {
		body = streamBody
	}
	began := time.Now()
	got := r.post(body)
	if spent := time.Since(began); f.timed && spent > 6*time.Second {
		t.Errorf("it took %v", spent)
	}
	e := r.Journal.wait(t, 1)[0]
	var b simulator.Billed
	if f.base == nil {
		bills, err := s.WaitBills(t.Context(), 1)
		if err != nil || len(bills) != 1 {
			t.Fatalf("the upstream was asked %d times: %v", len(bills), err)
		}
		b = bills[0]
	}
	f.checkClient(t, got, &b)
	f.checkEntry(t, &e, &got)
	if h := r.Router.Health("work").View(time.Now()); int(h.Errors1h) != f.blame || h.InFlight != 0 {
		t.Errorf("%d errors of %d reported, %d in flight; want %d errors, none in flight", h.Errors1h, h.Requests1h, h.InFlight, f.blame)
	}
	if opens, closes := len(r.Journal.opens), len(r.Journal.entries()); opens != 1 || closes != 1 {
		t.Errorf("%d open and %d close records, want one each", opens, closes)
	}
}

func (f *fault) checkClient(t *testing.T, got answer, b *simulator.Billed) {
	t.Helper()
	status := max(f.status, 200)
	if got.status != status || got.header.Get("X-Prism-Error") != f.code || (got.header.Get("X-Should-Retry") == "false") != f.final {
		t.Errorf("status %d, x-prism-error %q, x-should-retry %q; want %d %q, final %v", got.status, got.header.Get("X-Prism-Error"), got.header.Get("X-Should-Retry"), status, f.code, f.final)
	}
	if whole := f.see == seenExact || f.see == seenRefusal || f.see == seenData; (got.err == nil) != whole {
		t.Errorf("the body ended with %v", got.err)
	}
	switch f.see {
	case seenExact:
		if !bytes.Equal(got.body, b.ResponseBody) && f.note != "no_message_stop" || !bytes.HasPrefix(b.ResponseBody, got.body) {
			t.Errorf("the client got %.300q, the upstream sent %.300q", got.body, b.ResponseBody)
		}
	case seenRefusal:
		checkShape(t, string(got.body))
		if !strings.Contains(string(got.body), "profile work") {
			t.Errorf("the refusal does not name the profile: %s", got.body)
		}
	case seenEvent:
		head, event, found := bytes.Cut(got.body, []byte("event: error\n"))
		if !found || !bytes.HasSuffix(event, []byte("\n\n")) || !bytes.Contains(event, []byte(`"type":"api_error"`)) || !bytes.Contains(event, []byte("upstream work")) {
			t.Fatalf("no error event at the end of %q", got.body)
		}
		if !bytes.HasSuffix(head, []byte("\n\n")) && !bytes.HasSuffix(head, []byte("\r\n\r\n")) && !bytes.HasSuffix(head, []byte("\r\n\n")) {
			t.Errorf("the error event is not on a boundary: %q", got.body)
		}
		if passed := bytes.TrimRight(head, "\r\n"); len(passed) == 0 || !bytes.Contains(b.ResponseBody, passed) {
			t.Errorf("the client got %q before the event, the upstream sent %q", passed, b.ResponseBody)
		}
		if bytes.Contains(got.body, []byte("message_stop")) {
			t.Error("a message_stop was invented")
		}
	case seenData:
		if _, data, _ := bytes.Cut(b.ResponseBody, []byte("data: ")); !bytes.Equal(bytes.TrimSpace(data), got.body) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("the client got %q, the upstream sent %q", got.body, b.ResponseBody)
		}
	case seenBroken:
		if !bytes.HasPrefix(b.ResponseBody, got.body) {
			t.Errorf("the client got %q, the upstream sent %q", got.body, b.ResponseBody)
		}
	}
}

func (f *fault) checkEntry(t *testing.T, e *ledger.Entry, got *answer) {
	t.Helper()
	source := f.source
	if source == "" {
		source = ledger.UsageNone
	}
	if e.Outcome != f.outcome || e.ErrorType != f.errorType || e.UsageSource != source || e.HTTPStatus != got.status {
		t.Errorf("entry: outcome %q, error %q (%s), usage %s %+v, status %d; want %q, %q, %s", e.Outcome, e.ErrorType, e.ErrorMessage, e.UsageSource, e.Usage, e.HTTPStatus, f.outcome, f.errorType, source)
	}
	if (source == ledger.UsageNone) != !e.Usage.Input.Known() || source != ledger.UsageNone && (e.Usage.Input != 100 || e.Usage.CacheRead != 50) {
		t.Errorf("entry: usage %+v with source %s", e.Usage, source)
	}
	if f.note != "" && !slices.Contains(e.UsageNotes, f.note) {
		t.Errorf("entry: notes %v, want %s", e.UsageNotes, f.note)
	}
	if len(e.Attempts) != max(f.attempts, 1) {
		t.Fatalf("entry: %d attempts, want %d", len(e.Attempts), max(f.attempts, 1))
	}
	for i := range e.Attempts {
		a := &e.Attempts[i]
		if a.N != i+1 || a.Outcome != f.outcome || a.ErrorType != f.errorType || a.MaybeBilled != f.billed || a.DurationMS < 0 || a.Profile != "work" {
			t.Errorf("attempt %+v; want outcome %s, error %s, billed %v", a, f.outcome, f.errorType, f.billed)
		}
	}
	if f.outcome != ledger.OutcomeOK && f.note == "" && e.ErrorMessage == "" && f.see != seenExact {
		t.Error("entry: no error message")
	}
	if len(e.ErrorMessage) > 500 || strings.Contains(e.ErrorMessage, testKey) {
		t.Errorf("entry: error message %q", e.ErrorMessage)
	}
}

func TestARedirectIsNotFollowedAndItsTargetSeesNothing(t *testing.T) {
	evil := simulator.New(simulator.Options{})
	target := evil.Start()
	defer target.Close()
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for i, status := range []int{301, 302, 303, 307, 308} {
		s.Script(simulator.Redirect(target.URL + "/v1/messages").With(simulator.Status(status)))
		got := r.post(streamBody)
		if got.status != 502 || got.header.Get("X-Prism-Error") != "upstream_redirect" || got.header.Get("Location") != "" || strings.Contains(string(got.body), target.Addr) {
			t.Errorf("%d: status %d, headers %v: %s", status, got.status, got.header, got.body)
		}
		if e := r.Journal.wait(t, i+1)[i]; e.Outcome != ledger.OutcomeError || e.ErrorType != "upstream_redirect" {
			t.Errorf("%d: entry %+v", status, e)
		}
	}
	if ever, _ := target.Connections(); ever != 0 {
		t.Errorf("the target of the redirect saw %d connections", ever)
	}
}

func TestRetryAfterPassesUntouched(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	for _, status := range []int{429, 503, 529} {
		for _, v := range []string{"7", "Mon, 02 Nov 2026 10:00:00 GMT", "-1", "1000000000", "soon"} {
			s.Script(simulator.Error(status, "x_error", "m", http.Header{"Retry-After": {v}, "Retry-After-Ms": {v}, "X-Should-Retry": {"true"}}))
			got := r.post(plainBody)
			if got.status != status || got.header.Get("Retry-After") != v || got.header.Get("Retry-After-Ms") != v || got.header.Get("X-Should-Retry") != "true" {
				t.Errorf("%d with %q: status %d, headers %v", status, v, got.status, got.header)
			}
		}
	}
}

func TestAKeyThatTheProviderEchoesReachesNeitherClientNorLedger(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	// A key that begins another one must not leave the rest of that standing.
	short := profile("short", up.URL)
	short.APIKey = config.NewSecret(testKey[:20])
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL), short}})
	s.Script(simulator.Error(401, "authentication_error", "invalid x-api-key: "+testKey, nil))
	got := r.post(plainBody)
	if got.status != 401 || got.err != nil || bytes.Contains(got.body, []byte(testKey)) || !bytes.Contains(got.body, []byte("[redacted:work]")) {
		t.Errorf("status %d, error %v: %s", got.status, got.err, got.body)
	}
	if e := r.Journal.wait(t, 1)[0]; strings.Contains(e.ErrorMessage, testKey) || !strings.Contains(e.ErrorMessage, "[redacted:work]") {
		t.Errorf("error message %q", e.ErrorMessage)
	}
}

// TestNothingOfAnExchangeIsFoundInTheNext guards the pooling of exchanges: what fails before
// anything is metered must not carry the usage of an earlier answer.
func TestNothingOfAnExchangeIsFoundInTheNext(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	n := 0
	for _, bad := range []simulator.Answer{
		simulator.Redirect("http://127.0.0.1:1/"), simulator.CloseBeforeHeaders(simulator.CutFIN), simulator.EmptyStream(),
		simulator.Error(500, "api_error", "m", nil).With(simulator.CutAtByte(9, simulator.CutFIN)), text(simulator.CutAfter(0, simulator.CutFIN)),
	} {
		for range 20 { // a pool gives no promise to hand out what was put back
			s.ClearScript()
			s.Script(text(simulator.NoMessageStop()), simulator.Always(bad))
			r.post(streamBody, "X-Prism-Tags", "a=b", "X-Claude-Code-Session-Id", "s-1")
			r.post(streamBody)
			n += 2
			e := r.Journal.wait(t, n)[n-1]
			if e.UsageSource != ledger.UsageNone || e.Usage.Input.Known() || e.ResponseModel != "" || e.StopReason != "" || len(e.UsageNotes) != 0 || len(e.UsageRaw) != 0 || e.Tags != nil || e.SessionID != "" || e.CostList.Known() {
				t.Fatalf("an entry with error %s has %+v", e.ErrorType, e)
			}
		}
	}
}

func TestARetryOfTheClientIsARowOfItsOwn(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}})
	s.Script(simulator.Overloaded(), simulator.Overloaded())
	for i := range 3 {
		r.post(streamBody, "X-Stainless-Retry-Count", fmt.Sprint(i), "X-Claude-Code-Session-Id", "s-1")
	}
	ids := map[string]bool{}
	for _, e := range r.Journal.wait(t, 3) {
		ids[e.RequestID] = true
		if e.SessionID != "s-1" || len(e.Attempts) != 1 {
			t.Errorf("entry %+v", e)
		}
	}
	if bills := s.Bill(); len(ids) != 3 || len(bills) != 3 || bills[2].Header.Get("X-Stainless-Retry-Count") != "2" {
		t.Errorf("%d ids, %d requests upstream", len(ids), len(bills))
	}
}

func TestAConnectionClosedAtReuseCostsAnAttemptThatTheClientDoesNotSee(t *testing.T) {
	for name, how := range map[string]simulator.Cut{"closed": simulator.CutFIN, "reset": simulator.CutRST} {
		t.Run(name, func(t *testing.T) {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			defer up.Close()
			p := profile("work", up.URL)
			p.Models = []config.ModelRule{{Match: "*", Use: "claude-sonnet-5"}}
			r := newRig(t, rigOptions{profiles: []config.Profile{p}})
			r.post(plainBody)
			s.Script(text().With(simulator.KeepAliveClose(how)))
			got := r.post(streamBody)
			if got.status != 200 || got.err != nil || got.header.Get("X-Prism-Error") != "" {
				t.Errorf("status %d, error %v: %s", got.status, got.err, got.body)
			}
			e := r.Journal.wait(t, 2)[1]
			if len(e.Attempts) != 2 || e.Outcome != ledger.OutcomeOK || e.Usage.Input != 100 {
				t.Fatalf("entry %+v", e)
			}
			if a, b := &e.Attempts[0], &e.Attempts[1]; a.Outcome != ledger.OutcomeError || !a.MaybeBilled || a.HTTPStatus != 0 || b.Outcome != ledger.OutcomeOK || b.MaybeBilled || b.HTTPStatus != 200 {
				t.Errorf("attempts %+v", e.Attempts)
			}
			bills := s.Bill()
			if len(bills) != 3 || bills[2].Reused || !bytes.Equal(bills[1].RequestBody, bills[2].RequestBody) || !bytes.Contains(bills[2].RequestBody, []byte(`"claude-sonnet-5"`)) {
				t.Errorf("%d requests upstream, want 3 with equal bodies", len(bills))
			}
		})
	}
}

func TestALargeFilePassesThroughATemporaryFile(t *testing.T) {
	s := simulator.New(simulator.Options{MaxBody: 64 << 20, Record: simulator.RecordHashes})
	up := s.Start()
	defer up.Close()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("work", up.URL)}, limits: proxy.Limits{FileBody: 48 << 20}})
	large := strings.Repeat("0123456789abcdef", 40<<16) // 40 MiB
	got := r.do(http.MethodPost, "/v1/files", large, "Content-Type", "application/octet-stream")
	if b := s.Bill()[0]; got.status != 200 || b.RequestSHA256 != sha256.Sum256([]byte(large)) {
		t.Errorf("status %d: %d of %d bytes arrived: %.200s", got.status, b.RequestBytes, len(large), got.body)
	}
	if e := r.Journal.wait(t, 1)[0]; e.Operation != ledger.OpOther || e.RequestBytes != stream.Count(len(large)) || e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageNone || e.MaxTokens.Known() {
		t.Errorf("entry %+v", e)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
	if got := r.do(http.MethodPost, "/v1/files", large+large, "Content-Type", "application/octet-stream"); got.status != 413 && got.err == nil {
		t.Errorf("above the limit: status %d", got.status)
	}
	if got := r.post(`{"model":"m","x":"` + large + `"}`); got.status != 413 && got.err == nil {
		t.Errorf("a message of that size: status %d", got.status)
	}
	if seen, _ := s.Requests(); seen != 1 {
		t.Errorf("%d requests upstream", seen)
	}
}
