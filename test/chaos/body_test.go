package chaos

import (
	"net/http"
	"time"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// nothing is how a request ends that was answered with an empty stream.
func nothing() end {
	return end{see: refused, status: http.StatusBadGateway, typ: "api_error", code: "upstream_empty", outcome: ledger.OutcomeError}
}

// only is a stream of these events and no others.
func only(events ...simulator.Event) simulator.Answer {
	return simulator.Reply(simulator.StreamInsteadOfJSON(), simulator.Edit(func([]simulator.Event) []simulator.Event { return events }))
}

func ping() simulator.Event {
	return simulator.Event{Name: "ping", Data: []byte(`{"type":"ping"}`)}
}

// unsaid is how a request ends whose stream came to its end before it said anything.
func unsaid() end {
	e := unreachable()
	e.outcome = ledger.OutcomeTruncated
	return e
}

// noMessage is how a request ends that was answered with something that is no message.
func noMessage() end {
	return end{see: refused, status: http.StatusBadGateway, typ: "api_error", code: "upstream_no_message", outcome: ledger.OutcomeError}
}

// empties are answers with status 200 that hold nothing: a failure, never a success.
func empties() []fault {
	f := func(name string, ways []way, a simulator.Answer) fault {
		return fault{entry: 54, name: name, ways: ways, answer: a, tries: []try{{status: 200, errorType: "empty_stream", billed: true}}, next: true, alone: nothing()}
	}
	ended := func(name string, a simulator.Answer) fault {
		f := f(name, both(), a)
		f.tries, f.alone = []try{{status: 200, errorType: "eof", billed: true, outcome: ledger.OutcomeTruncated}}, unsaid()
		return f
	}
	answer := f("an empty body", both(), simulator.RawBody(200, "application/json", nil))
	answer.tries = []try{{status: 200, errorType: "empty_answer", billed: true}}
	return []fault{
		f("headers and a clean end", inStream(), simulator.HeaderThenClose()),
		f("an empty stream", both(), simulator.EmptyStream()),
		answer,
		ended("pings and a clean end", only(ping(), ping())),
		ended("comments and a clean end", only(simulator.Event{Raw: []byte(": ping\n\n: ping\n\n")})),
	}
}

// impostors are answers with status 200 that are none.
func impostors() []fault {
	f := func(name string, answer simulator.Answer, t try, alone end) fault {
		return fault{entry: 55, name: name, ways: both(), answer: answer, tries: []try{t}, next: true, alone: alone}
	}
	overloaded := []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
	page := []byte("<!doctype html>\n<html><body>Sign in</body></html>\n")
	foreign := try{status: 200, errorType: "not_json"}
	ended := try{status: 200, errorType: "eof", billed: true, outcome: ledger.OutcomeTruncated}
	raw := simulator.RawBody
	return []fault{
		f("a captive portal", simulator.HTML(200), foreign, noMessage()),
		f("a text", raw(200, "text/plain", []byte("upstream connect error\n")), foreign, noMessage()),
		asked(inPlain(), f("a text without a type", raw(200, "", []byte("upstream connect error\n")), foreign, noMessage())),
		asked(inStream(), f("a text without a type", raw(200, "", []byte("upstream connect error\n")), ended, unsaid())),
		f("no content", simulator.NoContent(), try{status: 204, errorType: "not_json"}, noMessage()),
		f("an error with status 200", raw(200, "application/json", overloaded), try{status: 200, errorType: "overloaded_error"}, said(529)),
		f("JSON that is no message", raw(200, "application/json", []byte(`{"ok":true}`)), try{status: 200, errorType: "not_a_message"}, said(200)),
		f("a page labelled as JSON", raw(200, "application/json", page), try{status: 200, errorType: "not_a_message", billed: true}, noMessage()),
		f("a page labelled as a stream", raw(200, "text/event-stream", page), ended, unsaid()),
		f("a JSON error labelled as a stream", raw(200, "text/event-stream", overloaded), try{status: 200, errorType: "overloaded_error"}, said(529)),
	}
}

// oddities are answers that look wrong and are whole.
func oddities() []fault {
	ok := func(entry int, name string, ways []way, a simulator.Answer) fault {
		return fault{entry: entry, name: name, ways: ways, answer: a, tries: []try{{status: 200}}, alone: served()}
	}
	unread := func(name string, ways []way, a simulator.Answer) fault {
		f := ok(63, name, ways, a)
		f.alone.source, f.alone.note = "", "encoded_body"
		return f
	}
	return []fault{
		ok(55, "JSON instead of a stream", inStream(), reply(simulator.JSONInsteadOfStream())),
		ok(55, "a stream instead of JSON", inPlain(), reply(simulator.StreamInsteadOfJSON())),
		ok(55, "no content type", inStream(), reply(simulator.ContentType(""))),
		ok(55, "a body that ends with the connection", both(), reply(simulator.CloseDelimited())),
		unread("gzip that nobody asked for", both(), reply(simulator.Gzip())),
		unread("a bomb of 16 MiB", inStream(), simulator.GzipBomb(16)),
	}
}

// torn are bodies of JSON that break off. Until something went to the client the next upstream is
// asked, from then on nobody is.
func torn() []fault {
	large := []simulator.Part{simulator.BigLine(256 << 10), wanted()}
	after := func(name, typ string, a ...simulator.Part) fault {
		return fault{
			entry: 82, name: name, ways: inPlain(), answer: simulator.Reply(append(large, a...)...), tries: []try{{status: 200, errorType: typ, billed: true}},
			alone: end{see: broken, outcome: ledger.OutcomeTruncated},
		}
	}
	before := func(name, typ, outcome string, a ...simulator.Part) fault {
		f := after(name, typ)
		f.answer, f.next, f.alone = reply(a...), true, unreachable()
		f.tries[0].outcome, f.alone.outcome = outcome, outcome
		return f
	}
	const cut, failed = ledger.OutcomeTruncated, ledger.OutcomeError
	return []fault{
		after("most of a large JSON body, closed", "eof", simulator.CutAtByte(200<<10, simulator.CutFIN)),
		after("most of a large JSON body, reset", "reset", simulator.CutAtByte(200<<10, simulator.CutRST)),
		after("most of a large JSON body, in pieces", "eof", simulator.RandomChunks(3, 20<<10), simulator.CutAtByte(200<<10, simulator.CutFIN)),
		before("a byte of JSON, closed", "eof", cut, simulator.CutAtByte(1, simulator.CutFIN)),
		before("half of a JSON body, closed", "eof", cut, simulator.CutAtByte(120, simulator.CutFIN)),
		before("half of a JSON body, reset", "reset", cut, simulator.SlowChunks(60, 5*time.Millisecond), simulator.CutAtByte(120, simulator.CutRST)),
		before("half of a JSON body, in single bytes", "eof", cut, simulator.SlowChunks(1, 0), simulator.CutAtByte(120, simulator.CutFIN)),
		before("a JSON body that never comes, closed", "eof", failed, simulator.CutAfter(0, simulator.CutFIN)),
		before("a JSON body that never comes, reset", "reset", failed, simulator.CutAfter(0, simulator.CutRST)),
	}
}
