package chaos

import (
	"net/http"
	"strings"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// truncated is how a stream ends that broke off after the commit.
func truncated(source string) end {
	return end{see: marked, typ: "api_error", outcome: ledger.OutcomeTruncated, source: source}
}

// held are streams that break off while their beginning is held: nothing has gone to the client.
func held() []fault {
	bare := func(name string, k upstream.Kind, a simulator.Answer) fault {
		return fault{entry: 68, name: name, ways: inStream(), answer: a, tries: []try{{status: 200, errorType: kind(k), billed: true}}, next: true, alone: unreachable()}
	}
	// Something had come: the upstream ended before the message was complete.
	begun := func(name string, k upstream.Kind, a simulator.Answer) fault {
		f := bare(name, k, a)
		f.tries[0].outcome, f.alone.outcome = ledger.OutcomeTruncated, ledger.OutcomeTruncated
		return f
	}
	told := func(name string, k upstream.Kind, a ...simulator.Part) fault {
		f := begun(name, k, reply(a...))
		f.tries[0].told, f.alone.source = true, ledger.UsagePartial
		return f
	}
	pings := simulator.Pings(3, 0)
	return []fault{
		bare("closed after the head", upstream.KindEOF, reply(simulator.CutAfter(0, simulator.CutFIN))),
		bare("reset after the head", upstream.KindReset, reply(simulator.CutAfter(0, simulator.CutRST))),
		begun("closed after its first byte", upstream.KindEOF, reply(simulator.CutAtByte(1, simulator.CutFIN))),
		begun("closed within message_start", upstream.KindEOF, reply(simulator.CutAtByte(60, simulator.CutFIN))),
		begun("a chunk without a size at once", upstream.KindProtocol, simulator.BadChunks()),
		told("closed after message_start", upstream.KindEOF, simulator.CutAfter(1, simulator.CutFIN)),
		told("reset after message_start", upstream.KindReset, simulator.Pings(1, 20*time.Millisecond), simulator.CutAfter(2, simulator.CutRST)),
		told("a clean end after message_start", upstream.KindEOF, simulator.CutAfter(1, simulator.CutClean)),
		told("closed after message_start and pings", upstream.KindEOF, pings, simulator.CutAfter(4, simulator.CutFIN)),
		told("a clean end after message_start and pings", upstream.KindEOF, pings, simulator.CutAfter(4, simulator.CutClean)),
		told("a clean end after message_start, CRLF", upstream.KindEOF, simulator.CRLF(), simulator.CutAfter(1, simulator.CutClean)),
		told("a clean end after message_start, in single bytes", upstream.KindEOF, simulator.SlowChunks(1, 0), simulator.CutAfter(1, simulator.CutClean)),
	}
}

// cut are streams that break off after the commit: an error event, an aborted connection, no
// other attempt.
func cut() []fault {
	f := func(entry int, name string, k upstream.Kind, a ...simulator.Part) fault {
		return fault{
			entry: entry, name: name, ways: inStream(), answer: reply(a...), tries: []try{{status: 200, errorType: kind(k), billed: true, told: true}},
			alone: truncated(ledger.UsageEstimated),
		}
	}
	first := func(name string, k upstream.Kind, how simulator.Cut) fault {
		f := f(82, name, k, simulator.CutAfter(2, how), simulator.EventDelay(5*time.Millisecond))
		f.alone.source = ledger.UsagePartial
		return f
	}
	// For purists: what came, and nothing of prism's own.
	bare := func(name string, k upstream.Kind, a ...simulator.Part) fault {
		f := f(68, name, k, a...)
		f.profile = func(p *config.Profile) { p.OnTruncate = "abort" }
		f.alone.see, f.alone.typ = broken, ""
		return f
	}
	crlf := []simulator.Part{simulator.CRLF(), simulator.CutAtByte(1000, simulator.CutFIN)}
	return []fault{
		first("closed after content_block_start", upstream.KindEOF, simulator.CutFIN),
		first("a clean end after content_block_start", upstream.KindEOF, simulator.CutClean),
		f(68, "reset after six events", upstream.KindReset, simulator.CutAfter(6, simulator.CutRST), simulator.EventDelay(5*time.Millisecond)),
		f(68, "closed after six events", upstream.KindEOF, simulator.CutAfter(6, simulator.CutFIN)),
		f(68, "closed within an event", upstream.KindEOF, simulator.CutAtByte(1000, simulator.CutFIN)),
		f(68, "closed within an event, CRLF", upstream.KindEOF, crlf...),
		f(68, "closed within an event, CR", upstream.KindEOF, simulator.CR(), simulator.CutAtByte(1000, simulator.CutFIN)),
		f(68, "closed within an event, in single bytes", upstream.KindEOF, simulator.SlowChunks(1, 0), simulator.CutAtByte(1000, simulator.CutFIN)),
		bare("closed after six events, on_truncate: abort", upstream.KindEOF, simulator.CutAfter(6, simulator.CutFIN)),
		bare("a clean end after six events, on_truncate: abort", upstream.KindEOF, simulator.CutAfter(6, simulator.CutClean)),
		f(69, "a clean end after six events", upstream.KindEOF, simulator.CutAfter(6, simulator.CutClean)),
		f(69, "a clean end within an event", upstream.KindEOF, simulator.CutAtByte(1000, simulator.CutClean)),
		f(69, "a clean end before message_delta", upstream.KindEOF, simulator.NoMessageDelta()),
		f(69, "a clean end after the last block", upstream.KindEOF, simulator.CutAfter(9, simulator.CutClean)),
	}
}

// complete are streams that end oddly after their message_delta: the message is whole.
func complete() []fault {
	f := func(entry int, name, note string, a ...simulator.Part) fault {
		f := fault{entry: entry, name: name, ways: inStream(), answer: reply(a...), tries: []try{{status: 200}}, alone: served()}
		f.alone.note = note
		return f
	}
	const unstopped = "no_message_stop"
	// Sixteen mebibytes are work, and not waiting, where the race detector looks on.
	work := func(f fault) fault { f.within = time.Minute; return f }
	return []fault{
		f(69, "closed after message_delta", unstopped, simulator.CutAfter(10, simulator.CutFIN)),
		f(69, "a clean end after message_delta", unstopped, simulator.CutAfter(10, simulator.CutClean)),
		f(69, "reset after message_delta", unstopped, simulator.CutAfter(10, simulator.CutRST), simulator.EventDelay(5*time.Millisecond)),
		f(77, "message_delta twice", "", simulator.Repeat("message_delta")),
		f(77, "message_stop twice", "", simulator.Repeat("message_stop")),
		f(77, "bytes after the end", "", simulator.InsertRaw(1000, "data: [DONE]\n\n: more")),
		f(77, "an earlier message_delta", "", simulator.EarlierDelta(simulator.Usage{Input: 100, CacheRead: 50, Output: 4})),
		f(76, "unknown events", "", simulator.UnknownEvents()),
		f(76, "a count that goes down", "", simulator.EarlierDelta(simulator.Usage{Input: 100, CacheRead: 50, Output: 5000})),
		f(76, "a broken content event", "", simulator.BadJSON(3)),
		f(76, "a delta for a block that was never started", "", simulator.StrayDelta(3)),
		f(75, "a line of 64 KiB", "", simulator.BigLine(64<<10)),
		f(75, "a line of 1 MiB", "", simulator.BigLine(1<<20)),
		work(f(75, "a line of 16 MiB", "", simulator.BigLine(16<<20))),
		f(74, "characters in pieces", "", simulator.TextPieces(strings.Repeat("日本語 \U0001f308 ünï ", 40), 3), simulator.RandomChunks(7, 3)),
	}
}

// framings are the ways of writing the same events down.
func framings() map[string]simulator.Answer {
	return map[string]simulator.Answer{
		"LF": {}, "CRLF": simulator.CRLF(), "CR": simulator.CR(), "BOM": simulator.BOM(), "comments": simulator.Comments(),
		"ids": simulator.IDLines(), "two data lines": simulator.MultiLineData(), "no space": simulator.NoSpace(), "no event line": simulator.NoEventLine(),
		"single bytes": simulator.SlowChunks(1, 0), "random pieces": simulator.RandomChunks(1, 40),
		"CRLF in single bytes": simulator.Reply(simulator.CRLF(), simulator.SlowChunks(1, 0)),
		"CR in single bytes":   simulator.Reply(simulator.CR(), simulator.SlowChunks(1, 0)),
	}
}

// framed are whole streams, and streams that begin with an error, in all framings.
func framed() []fault {
	list := []fault{
		{entry: 73, name: "no final blank line", ways: inStream(), answer: reply(simulator.NoFinalBlankLine()), tries: []try{{status: 200}}, alone: served()},
	}
	for name, framing := range framings() {
		list = append(list,
			fault{entry: 73, name: "a whole stream, " + name, ways: inStream(), answer: reply(framing), tries: []try{{status: 200}}, alone: served()},
			fault{
				entry: 73, name: "an error event first, " + name, ways: inStream(), next: true,
				answer: simulator.Reply(framing, simulator.Pings(1, 0), simulator.ErrorEventFirst("overloaded_error", "Overloaded")),
				tries:  []try{{status: 200, errorType: "overloaded_error"}}, alone: inAnEvent(529, "overloaded_error"),
			},
		)
	}
	return list
}

// inAnEvent is how a request ends whose stream began with an error: with the status that belongs
// to the error.
func inAnEvent(status int, typ string) end {
	return end{see: stated, status: status, typ: typ, outcome: ledger.OutcomeError}
}

// first are streams that begin with an error.
func first() []fault {
	var list []fault
	for _, c := range []struct {
		typ    string
		status int
		next   bool
	}{
		{"overloaded_error", 529, true},
		{"api_error", http.StatusInternalServerError, true},
		{"rate_limit_error", http.StatusTooManyRequests, true},
		{"timeout_error", http.StatusGatewayTimeout, true},
		{"invalid_request_error", http.StatusBadRequest, false},
		{"not_found_error", http.StatusNotFound, false},
		{"request_too_large", http.StatusRequestEntityTooLarge, false},
		{"authentication_error", http.StatusUnauthorized, false},
		{"permission_error", http.StatusForbidden, false},
		{"billing_error", http.StatusPaymentRequired, false},
	} {
		f := func(name string, told bool, a ...simulator.Part) {
			f := fault{
				entry: 70, name: c.typ + " " + name, ways: inStream(), next: c.next, answer: reply(a...),
				tries: []try{{status: 200, errorType: c.typ, billed: told, told: told}}, alone: inAnEvent(c.status, c.typ),
			}
			if told {
				f.alone.source = ledger.UsagePartial
			}
			list = append(list, f)
		}
		f("first", false, simulator.ErrorEventFirst(c.typ, words))
		f("after a ping", false, simulator.Edit(func([]simulator.Event) []simulator.Event { return []simulator.Event{ping()} }), simulator.ErrorEventAfter(1, c.typ, words))
		f("after message_start", true, simulator.ErrorEventAfter(1, c.typ, words))
	}
	return list
}

// later are errors that the upstream states after the commit: they pass as they came.
func later() []fault {
	f := func(name, typ string, see sight, a ...simulator.Part) fault {
		return fault{
			entry: 71, name: name, ways: inStream(), answer: reply(a...), tries: []try{{status: 200, errorType: typ, billed: true, told: true}},
			alone: end{see: see, outcome: ledger.OutcomeError, source: ledger.UsageEstimated},
		}
	}
	return []fault{
		f("an error event within a block", "api_error", exact, simulator.ErrorEventAfterContent("api_error", "Internal")),
		f("an error event after a block", "overloaded_error", exact, simulator.ErrorEventAfterBlocks("overloaded_error", "Overloaded")),
		f("an error event, then closed", "overloaded_error", broken, simulator.ErrorEventAfterContent("overloaded_error", "Overloaded"), simulator.CutAfter(9, simulator.CutFIN)),
	}
}
