package proxy

import (
	"errors"
	"net/http"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// holdFirst is how long the head of a stream waits for the first byte of its body: an upstream
// that answers 200 and nothing else can then still be reported as an error.
const holdFirst = 2 * time.Second

// relayStream passes on server-sent events, flushed with every read.
func (x *exchange) relayStream(resp *http.Response) {
	kind := stream.KindSSE
	if resp.Header.Get("Content-Encoding") != "" || x.entry.Operation != ledger.OpMessages {
		kind = stream.KindOpaque
	}
	x.resetMeter(kind)
	if b, ok := resp.Body.(interface{ Await(time.Duration) bool }); ok && !b.Await(holdFirst) {
		x.commitStream(resp)
		_ = x.flushNow() // a client that is gone shows at the next write
	}
	buf := x.buffer()
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if werr := x.pass(resp, buf[:n]); werr != nil {
				err = werr
			}
		}
		switch {
		case err == nil:
		case x.sent:
			x.streamEnd(err)
			return
		case ended(err):
			x.empty()
			return
		default:
			x.brokenBeforeCommit(err)
			return
		}
	}
}

// commitStream sends the head of a stream. A length that was announced cannot hold once an
// error event has to be appended.
func (x *exchange) commitStream(resp *http.Response) {
	x.commit(resp, formSSE, x.metered == stream.KindSSE)
}

// pass writes, flushes and meters one read. What the client did not take is metered as well:
// the provider has sent it.
func (x *exchange) pass(resp *http.Response, b []byte) error {
	if !x.sent {
		x.commitStream(resp)
	}
	err := x.write(b)
	if err == nil {
		err = x.flushNow()
	}
	now := x.p.opt.Now()
	if !x.lastAt.IsZero() {
		x.gap = max(x.gap, now.Sub(x.lastAt))
	}
	x.lastAt = now
	_, _ = x.meter.Write(b)
	if err != nil {
		return err
	}
	x.delivered = x.meter.Complete()
	if !x.entry.TTFTMS.Known() && x.meter.Content() {
		x.entry.TTFTMS = millis(now.Sub(x.start))
	}
	x.progress()
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
	left, clean := errors.As(err, &we), ended(err)
	switch {
	case x.delivered || res.Complete && !left:
		if !res.Stopped {
			x.entry.UsageNotes = append(x.entry.UsageNotes, "no_message_stop")
		}
		x.close(verdict{outcome: ledger.OutcomeOK})
	case left:
		x.close(verdict{outcome: x.gone(), errorType: we.kind(), billed: true})
		x.abort = true
	case x.r.Context().Err() != nil:
		x.cancelled()
	case res.ErrorType != "":
		x.close(verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: true, billed: x.meter.Started()})
		x.abort = !clean
	case clean && x.metered == stream.KindOpaque:
		if x.entry.Operation == ledger.OpMessages {
			x.entry.UsageNotes = append(x.entry.UsageNotes, noteEncoded)
		}
		x.close(verdict{outcome: ledger.OutcomeOK})
	case clean && res.GaveUp:
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
	x.abort = true
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
// aborted: a clean end would pass for a complete answer. Into a body that prism does not read
// nothing is written.
func (x *exchange) breakOff(typ, message string) {
	x.abort = true
	if x.metered != stream.KindSSE {
		return
	}
	b := stream.AppendError(x.meter.Tail(), typ, message)
	if err := x.write(b); err == nil {
		_ = x.flushNow() // the exchange ends here in either case
	}
}
