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
)

// maxErrorBody bounds an error body that is read whole, to be noted and redacted.
const maxErrorBody = 1 << 20

// noteEncoded is a usage note: the body was compressed, although prism asked for none that is,
// and passed on unread.
const noteEncoded = "encoded_body"

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
	f := x.formOf(resp)
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified:
		x.redirected()
	case resp.StatusCode >= 400:
		x.relayError(resp, f)
	case f == formSSE:
		x.relayStream(resp)
	default:
		x.relayPlain(resp, f)
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
func (x *exchange) relayError(resp *http.Response, f form) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody+1))
	if err != nil {
		x.brokenBeforeCommit(err)
		return
	}
	x.resetMeter(stream.KindJSON)
	_, _ = x.meter.Write(body)
	x.meter.Finish()
	res := x.meter.Result()
	v := verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: blames(resp.StatusCode)}
	if v.errorType == "" {
		v.errorType = "http_" + strconv.Itoa(resp.StatusCode)
	}
	x.resetMeter(stream.KindOpaque)
	clean := x.table.RedactBytes(body)
	x.commit(resp, f, len(clean) != len(body))
	// The answer is an error already; that the client does not take it changes nothing. One
	// that breaks off must not pass for the whole.
	if err := x.write(clean); err == nil && len(body) > maxErrorBody {
		x.abort = x.copyBody(resp, f) != nil
	}
	x.close(v)
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
func (x *exchange) relayPlain(resp *http.Response, f form) {
	kind := stream.KindOpaque
	encoded := resp.Header.Get("Content-Encoding") != ""
	if x.entry.Operation == ledger.OpMessages && f == formJSON && !encoded {
		kind = stream.KindJSON
	}
	x.resetMeter(kind)
	err := x.copyBody(resp, f)
	if !x.sent {
		x.brokenBeforeCommit(err)
		return
	}
	x.meter.Finish()
	x.close(x.plainVerdict(f, encoded, err))
}

// plainVerdict decides how a body that is not a stream ended; err is what ended it early.
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
		_ = x.flushNow() // what came is shown as a part
		return v
	case x.entry.Operation != ledger.OpMessages:
		return verdict{outcome: ledger.OutcomeOK}
	case encoded:
		x.entry.UsageNotes = append(x.entry.UsageNotes, noteEncoded)
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

// commit sends the head of the answer.
func (x *exchange) commit(resp *http.Response, f form, resized bool) {
	x.sent = true
	x.releaseBody()
	h := x.w.Header()
	copyHeader(h, resp.Header)
	if resized || resp.ContentLength < 0 {
		h.Del("Content-Length")
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if f == formOther && resp.StatusCode != http.StatusNoContent && x.r.Method != http.MethodHead {
		sandbox(h)
	}
	x.entry.HTTPStatus = resp.StatusCode
	x.w.WriteHeader(resp.StatusCode)
}

// copyBody relays a body without looking for events. It commits once there is something to
// pass on; an upstream that fails before can still be reported as an error.
func (x *exchange) copyBody(resp *http.Response, f form) error {
	buf := x.buffer()
	for {
		n, err := resp.Body.Read(buf)
		if !x.sent && (n > 0 || ended(err)) {
			x.commit(resp, f, false)
		}
		if n > 0 {
			if werr := x.write(buf[:n]); werr != nil {
				return werr
			}
			_, _ = x.meter.Write(buf[:n])
		}
		if ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ended tells whether a body has come to its end. An error that has io.EOF for a cause is a
// body that broke off.
func ended(err error) bool { return err == io.EOF } //nolint:errorlint // see above

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
func (x *exchange) write(b []byte) error {
	if t := x.p.opt.Limits.WriteStall; t > 0 {
		if now := time.Now(); now.Sub(x.stallAt) > t/8 {
			x.stallAt = now
			x.p.armWrite(x.rc)
		}
	}
	n, err := x.w.Write(b)
	x.entry.ResponseBytes += int64(n)
	x.flight.bytes.Store(x.entry.ResponseBytes)
	if err != nil {
		return &writeError{err}
	}
	return nil
}

func (x *exchange) flushNow() error {
	var err error
	if x.flush != nil {
		err = x.flush.FlushError()
	} else {
		err = x.rc.Flush()
	}
	if err != nil {
		return &writeError{err}
	}
	return nil
}

func (x *exchange) buffer() []byte {
	if x.buf == nil {
		x.buf = make([]byte, relayBuffer)
	}
	return x.buf
}

func (x *exchange) resetMeter(kind stream.Kind) {
	x.metered = kind
	x.meter.Reset(kind)
	x.meter.SetTTL(x.request.CacheTTL)
}
