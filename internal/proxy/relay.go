package proxy

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
	"prism/internal/upstream"
)

const (
	// holdFirst is how long the head of a stream waits for the first byte of its body: an
	// upstream that answers 200 and nothing else can then still be reported as an error.
	holdFirst = 2 * time.Second

	// maxErrorBody bounds an error body that is read whole, to be noted and redacted.
	maxErrorBody = 1 << 20
)

// form is what kind of answer comes back.
type form int

const (
	formOther form = iota
	formSSE
	formJSON
)

// formOf reads the content type. A stream that was asked for and has no content type is one:
// the client takes it as such.
func (x *exchange) formOf(resp *http.Response) form {
	ct := resp.Header.Get("Content-Type")
	if ct == "" {
		if x.request.Stream && resp.StatusCode == http.StatusOK {
			return formSSE
		}
		return formOther
	}
	typ, _, err := mime.ParseMediaType(ct)
	switch {
	case err != nil:
		return formOther
	case typ == "text/event-stream":
		return formSSE
	case typ == "application/json" || strings.HasSuffix(typ, "+json") || typ == "application/x-jsonl":
		return formJSON
	}
	return formOther
}

// relay passes the answer on. From the commit on there is no other attempt.
func (x *exchange) relay(resp *http.Response) {
	defer resp.Body.Close()
	x.note(resp)
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified:
		x.redirected()
	case resp.StatusCode >= 400:
		x.relayError(resp)
	case x.formOf(resp) == formSSE:
		x.relayStream(resp)
	default:
		x.relayPlain(resp)
	}
}

// note keeps what the head of the response says.
func (x *exchange) note(resp *http.Response) {
	e := &x.entry
	e.TTFBMS = millis(x.headAt.Sub(x.start))
	e.UpstreamRequestID = cut(resp.Header.Get("Request-Id"), 128)
	e.RL5hUsed, e.RL5hResetAt = rateLimit(resp.Header, "5h")
	e.RL7dUsed, e.RL7dResetAt = rateLimit(resp.Header, "7d")
}

// redirected refuses to follow: the key and the prompt would go to a host that nobody named.
func (x *exchange) redirected() {
	x.close(verdict{outcome: ledger.OutcomeError, errorType: "upstream_redirect", message: "the upstream answered with a redirect, which is never followed", blame: true})
	x.answer(&refusal{
		status: http.StatusBadGateway, typ: "api_error", code: "upstream_redirect",
		message: "prism: profile " + x.entry.Profile + " answered with a redirect; set its base_url to where it points",
	})
}

// relayError passes an error answer on unchanged: the client repairs itself by the wording of
// the provider. Only a secret that the provider echoes is replaced.
func (x *exchange) relayError(resp *http.Response) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody+1))
	if err != nil {
		x.brokenBeforeCommit(err)
		return
	}
	x.meter.Reset(stream.KindJSON)
	_, _ = x.meter.Write(body)
	x.meter.Finish()
	res := x.meter.Result()
	v := verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: blames(resp.StatusCode)}
	if v.errorType == "" {
		v.errorType = "http_" + strconv.Itoa(resp.StatusCode)
	}
	clean := x.table.RedactBytes(body)
	x.commit(resp, len(clean) != len(body) || len(body) > maxErrorBody)
	_, werr := x.write(clean)
	if werr == nil && len(body) > maxErrorBody {
		_, werr = x.copyRest(resp.Body)
	}
	x.close(v)
	_ = werr // the answer was an error already; that the client did not take it changes nothing
}

// blames tells whether an error status speaks against the upstream rather than the request.
func blames(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return false
	}
	return true
}

// brokenBeforeCommit answers when the upstream failed after its head and before anything was
// passed on.
func (x *exchange) brokenBeforeCommit(err error) {
	v := x.failure(err)
	x.close(v)
	x.fail(err)
}

// relayPlain passes on a body that is not a stream.
func (x *exchange) relayPlain(resp *http.Response) {
	kind := stream.KindOpaque
	f := x.formOf(resp)
	encoded := resp.Header.Get("Content-Encoding") != ""
	if x.entry.Operation == ledger.OpMessages && f == formJSON && !encoded {
		kind = stream.KindJSON
	}
	x.resetMeter(kind)
	x.commit(resp, false)
	_, err := x.copyRest(resp.Body)
	x.meter.Finish()
	v := x.plainVerdict(f, encoded, err)
	x.close(v)
}

func (x *exchange) plainVerdict(f form, encoded bool, err error) verdict {
	res := x.meter.Result()
	var we *writeError
	switch {
	case errors.As(err, &we):
		return verdict{outcome: x.gone(), errorType: we.kind(), billed: true}
	case err != nil:
		v := x.failure(err)
		if v.blame {
			v.outcome = ledger.OutcomeTruncated
		}
		x.abort = true
		return v
	case x.entry.Operation != ledger.OpMessages:
		return verdict{outcome: ledger.OutcomeOK}
	case encoded:
		x.entry.UsageNotes = append(x.entry.UsageNotes, "encoded_body")
		return verdict{outcome: ledger.OutcomeOK}
	case f == formOther:
		return verdict{outcome: ledger.OutcomeError, errorType: "not_json", message: "the upstream answered with neither JSON nor a stream", blame: true}
	case res.ErrorType != "":
		return verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: true}
	case !res.Complete && !res.GaveUp:
		return verdict{outcome: ledger.OutcomeError, errorType: "not_a_message", message: "the upstream's JSON is not a message", blame: true}
	}
	return verdict{outcome: ledger.OutcomeOK}
}

// relayStream passes on server-sent events, flushed with every read.
func (x *exchange) relayStream(resp *http.Response) {
	kind := stream.KindSSE
	if resp.Header.Get("Content-Encoding") != "" || x.entry.Operation != ledger.OpMessages {
		kind = stream.KindOpaque
	}
	x.resetMeter(kind)
	if b, ok := resp.Body.(interface{ Await(time.Duration) bool }); ok && !b.Await(holdFirst) {
		x.commit(resp, false)
		_ = x.flushNow()
	}
	buf := x.buffer()
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if werr := x.pass(resp, buf[:n]); werr != nil {
				x.streamEnd(werr)
				return
			}
		}
		if err != nil {
			if !x.sent && n == 0 && errors.Is(err, io.EOF) {
				x.empty()
				return
			}
			if !x.sent {
				x.brokenBeforeCommit(err)
				return
			}
			x.streamEnd(err)
			return
		}
	}
}

// pass writes, flushes and meters one read.
func (x *exchange) pass(resp *http.Response, b []byte) error {
	if !x.sent {
		x.commit(resp, false)
	}
	if _, err := x.write(b); err != nil {
		return err
	}
	if err := x.flushNow(); err != nil {
		return &writeError{err}
	}
	now := time.Now()
	if !x.lastAt.IsZero() {
		x.gap = max(x.gap, now.Sub(x.lastAt))
	}
	x.lastAt = now
	_, _ = x.meter.Write(b)
	if !x.entry.TTFTMS.Known() && x.meter.Content() {
		x.entry.TTFTMS = millis(now.Sub(x.start))
	}
	if !x.usageLog && x.meter.Started() {
		x.usageLog = true
		x.takeUsage()
		_ = x.p.opt.Journal.Usage(&x.entry) // Health of the journal is reported by itself.
	}
	return nil
}

// empty answers for a stream that had no byte.
func (x *exchange) empty() {
	x.close(verdict{outcome: ledger.OutcomeError, errorType: "empty_stream", message: "the upstream answered 200 and sent nothing", blame: true, billed: true})
	x.answer(&refusal{
		status: http.StatusBadGateway, typ: "api_error", code: "upstream_empty", retry: true,
		message: "prism: profile " + x.entry.Profile + " (" + x.entry.ServerAddress + ") answered with an empty stream",
	})
}

// streamEnd decides how a stream ended, and shows the client a broken one. A message is
// complete once a message_delta with a stop_reason has passed: whatever comes then, its end
// is clean, and nothing is invented.
func (x *exchange) streamEnd(err error) {
	x.meter.Finish()
	res := x.meter.Result()
	var we *writeError
	clean := errors.Is(err, io.EOF)
	switch {
	case res.Complete:
		if !res.Stopped {
			x.entry.UsageNotes = append(x.entry.UsageNotes, "no_message_stop")
		}
		x.close(verdict{outcome: ledger.OutcomeOK})
	case errors.As(err, &we):
		x.close(verdict{outcome: x.gone(), errorType: we.kind(), billed: true})
	case x.r.Context().Err() != nil:
		x.cancelled()
	case res.ErrorType != "":
		x.close(verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: true})
		x.abort = !clean
	case clean && (x.entry.Operation != ledger.OpMessages || res.GaveUp):
		x.close(verdict{outcome: ledger.OutcomeOK})
	default:
		x.truncated(err, clean)
	}
}

// cancelled ends a stream whose context is over. A client that is still there when prism
// stops is told so.
func (x *exchange) cancelled() {
	outcome := x.gone()
	if outcome == ledger.OutcomeShutdown {
		x.breakOff("overloaded_error", "prism: stopped while the answer was coming")
	}
	x.close(verdict{outcome: outcome, billed: true})
}

func (x *exchange) truncated(err error, clean bool) {
	v := verdict{outcome: ledger.OutcomeTruncated, errorType: string(upstream.KindEOF), message: "the stream ended before the message was complete", blame: true, billed: true}
	if !clean {
		f := x.failure(err)
		v.errorType, v.message = f.errorType, f.message
	}
	said := "prism: upstream " + x.entry.Profile + " closed the stream before it was complete"
	if v.errorType == string(upstream.KindTimeout) {
		said = "prism: upstream " + x.entry.Profile + " went silent before the message was complete"
	}
	x.breakOff("api_error", said)
	x.close(v)
}

// breakOff completes the event boundary, appends one error event and has the connection
// aborted: a clean end would pass for a complete answer.
func (x *exchange) breakOff(typ, message string) {
	b := append([]byte(nil), x.meter.Tail()...)
	b = stream.AppendError(b, typ, message)
	if _, err := x.write(b); err == nil {
		_ = x.flushNow()
	}
	x.abort = true
}

// commit sends the head of the answer.
func (x *exchange) commit(resp *http.Response, resized bool) {
	x.sent = true
	x.releaseBody()
	h := x.w.Header()
	copyHeader(h, resp.Header)
	if resized || resp.ContentLength < 0 {
		h.Del("Content-Length")
	}
	if x.formOf(resp) == formOther && resp.StatusCode != http.StatusNoContent && x.r.Method != http.MethodHead {
		sandbox(h)
	}
	x.entry.HTTPStatus = resp.StatusCode
	x.w.WriteHeader(resp.StatusCode)
}

// copyRest relays a body without looking for events.
func (x *exchange) copyRest(src io.Reader) (int64, error) {
	buf := x.buffer()
	var total int64
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := x.write(buf[:n]); werr != nil {
				return total, werr
			}
			_, _ = x.meter.Write(buf[:n])
			total += int64(n)
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// writeError is a failure towards the client.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write to the client: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// kind is the error_type: a client that left needs none.
func (e *writeError) kind() string {
	if errors.Is(e.err, os.ErrDeadlineExceeded) {
		return "write_stall"
	}
	return ""
}

// write passes bytes to the client. A client that takes nothing for too long is given up.
func (x *exchange) write(b []byte) (int, error) {
	if t := x.p.opt.Limits.WriteStall; t > 0 {
		if now := time.Now(); now.Sub(x.stallAt) > t/8 {
			x.stallAt = now
			_ = x.rc.SetWriteDeadline(now.Add(t))
		}
	}
	n, err := x.w.Write(b)
	x.entry.ResponseBytes += int64(n)
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}

func (x *exchange) flushNow() error {
	if x.flush == nil {
		return x.rc.Flush()
	}
	return x.flush.FlushError()
}

func (x *exchange) buffer() []byte {
	if x.buf == nil {
		x.buf = make([]byte, relayBuffer)
	}
	return x.buf
}

func (x *exchange) resetMeter(kind stream.Kind) {
	x.meter.Reset(kind)
	x.meter.SetTTL(x.request.CacheTTL)
}
