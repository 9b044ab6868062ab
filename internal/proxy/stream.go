package proxy

import (
	"errors"
	"net/http"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// relayOpaque passes on server-sent events that are not read: of another operation, or
// compressed.
func (x *exchange) relayOpaque(resp *http.Response) *lost {
	x.resetMeter(stream.KindOpaque)
	if awaitBody(resp.Body, holdFirst) {
		n, err := resp.Body.Read(x.buffer())
		switch {
		case n > 0:
			x.serve(resp)
			x.commitStream(resp, formSSE)
			if werr := x.pass(x.buf[:n]); werr != nil {
				err = werr
			}
		case err != nil && !ended(err):
			return x.broken(err)
		case err != nil:
			return x.useless(verdict{errorType: "empty_stream", billed: true}, "upstream_empty", "it answered with an empty stream")
		}
		if err != nil {
			x.endStream(resp, err)
			return nil
		}
	}
	if !x.sent {
		x.serve(resp)
		x.commitStream(resp, formSSE)
		_ = x.flushNow() // a client that is gone shows at the next write
	}
	x.relayStream(resp)
	return nil
}

// relayStream passes on the rest of a stream whose head was sent, flushed with every read.
func (x *exchange) relayStream(resp *http.Response) {
	buf := x.buffer()
	for {
		err := x.await(resp)
		if err == nil {
			var n int
			n, err = resp.Body.Read(buf)
			if n > 0 {
				if werr := x.pass(buf[:n]); werr != nil {
					err = werr
				}
			}
		}
		if err != nil {
			x.endStream(resp, err)
			return
		}
	}
}

// commitStream sends the head of a stream. A length that was announced cannot hold once an
// error event has to be appended.
func (x *exchange) commitStream(resp *http.Response, f form) {
	x.commit(resp, f, x.metered == stream.KindSSE)
}

// pass writes, flushes and meters one read. What the client did not take is metered as well:
// the provider has sent it.
func (x *exchange) pass(b []byte) error {
	err := x.send(b)
	now := x.p.opt.Now()
	if !x.lastAt.IsZero() {
		x.gap = max(x.gap, now.Sub(x.lastAt))
	}
	x.lastAt = now
	_, _ = x.meter.Write(b)
	if err != nil {
		return err
	}
	x.delivering(now)
	return nil
}

// deliver writes and flushes what was metered while it was held back.
func (x *exchange) deliver(b []byte) error {
	if err := x.send(b); err != nil {
		return err
	}
	x.delivering(x.p.opt.Now())
	return nil
}

func (x *exchange) send(b []byte) error {
	if err := x.write(b); err != nil {
		return err
	}
	return x.flushNow()
}

// delivering notes how far the answer has come.
func (x *exchange) delivering(now time.Time) {
	x.delivered = x.meter.Complete()
	if !x.entry.TTFTMS.Known() && x.meter.Content() {
		x.entry.TTFTMS = millis(now.Sub(x.start))
	}
	x.progress()
	if !x.usageLog && x.meter.Started() {
		x.usageLog = true
		res := x.reported()
		x.takeUsage(&res)
		x.takeTold()
		_ = x.p.opt.Journal.Usage(&x.entry) // Health of the journal is reported by itself.
	}
}

// endStream ends a stream that was committed. Where the client left and its profile wants to
// know what the whole answer costs, the rest of it is read first.
func (x *exchange) endStream(resp *http.Response, err error) {
	var we *writeError
	if errors.As(err, &we) && x.outlives && !x.p.stopping.Load() {
		x.drainRest(resp)
	}
	x.streamEnd(err)
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
		x.close(verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: true, billed: x.meter.Started() && !x.refused()})
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
	if x.metered != stream.KindSSE || x.route.Profile.OnTruncate == "abort" {
		return
	}
	x.failedAt(x.p.opt.Now())
	b := stream.AppendError(x.meter.Tail(), typ, message)
	if err := x.write(b); err == nil {
		_ = x.flushNow() // the exchange ends here in either case
	}
}
