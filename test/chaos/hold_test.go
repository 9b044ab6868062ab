package chaos

import (
	"strings"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// The sizes around the bound on what is held of a stream: 16 KiB.
const (
	belowHold = 8 << 10
	aboveHold = 20 << 10
)

// commentsOf are n bytes of comment lines, which are no event.
func commentsOf(n int) string { return strings.Repeat(": 4567890123456789012345678901\n\n", n/32) }

// quiet are streams that fall silent. Before the commit the next upstream can be asked, after it
// the client is told.
func quiet() []fault {
	f := func(name string, told bool, alone end, a ...simulator.Part) fault {
		return fault{
			entry: 72, name: name, ways: inStream(), hurried: true, within: 6 * time.Second, answer: reply(a...),
			tries: []try{{status: 200, errorType: kind(upstream.KindTimeout), billed: true, told: told}}, alone: alone,
		}
	}
	return []fault{
		f("silence after the head", false, truncated(""), simulator.Pause(0, time.Minute)),
		f("silence after message_start", true, truncated(ledger.UsagePartial), simulator.Pause(1, time.Minute)),
		f("silence after pings", true, truncated(ledger.UsagePartial), simulator.Pings(4, 60*time.Millisecond), simulator.Pause(5, time.Minute)),
		f("silence after content", true, truncated(ledger.UsageEstimated), simulator.Pause(6, time.Minute)),
		f("silence within an event", true, truncated(ledger.UsageEstimated), simulator.Edit(half(6))),
	}
}

// half stops for a minute in the middle of the event after the first n ones.
func half(n int) func([]simulator.Event) []simulator.Event {
	return func(list []simulator.Event) []simulator.Event {
		e := list[n]
		frame := "event: " + e.Name + "\ndata: " + string(e.Data) + "\n\n"
		cut := len(frame) / 2
		return append(list[:n:n], simulator.Event{Raw: []byte(frame[:cut])}, simulator.Event{Raw: []byte(frame[cut:]), Wait: time.Minute})
	}
}

// alive are upstreams that say something, if only pings: nothing is cut.
func alive() []fault {
	f := func(name string, a ...simulator.Part) fault {
		return fault{entry: 72, name: name, ways: inStream(), eased: true, within: ease * 3 * time.Second, answer: reply(a...), tries: []try{{status: 200}}, alone: served()}
	}
	return []fault{
		f("pings only, longer than silence is borne", simulator.Pings(8, ease*waitIdle/6)),
		f("comments only, longer than silence is borne", simulator.CommentPings(8, ease*waitIdle/6)),
		f("a long silence that ends in time", simulator.Pause(6, ease*waitIdle/3)),
	}
}

// released are streams whose beginning was held for long enough: an error that comes then is
// passed on as it came.
func released() []fault {
	const typ = "overloaded_error"
	sent := func(name string, told bool, p func(*config.Profile), a ...simulator.Part) fault {
		f := fault{
			entry: 70, name: name, ways: inStream(), profile: p, answer: reply(a...), tries: []try{{status: 200, errorType: typ, billed: told, told: told}},
			alone: end{see: exact, outcome: ledger.OutcomeError},
		}
		if told {
			f.alone.source = ledger.UsagePartial
		}
		return f
	}
	kept := func(name string, told bool, p func(*config.Profile), a ...simulator.Part) fault {
		f := sent(name, told, p, a...)
		f.next = true
		f.alone.see, f.alone.status, f.alone.typ = stated, 529, typ
		return f
	}
	const soon, longer = 50 * time.Millisecond, 500 * time.Millisecond
	return []fault{
		sent("an error event first, hold: 0", false, hold(0), simulator.ErrorEventFirst(typ, words)),
		sent("an error event after message_start, hold: 0", true, hold(0), simulator.ErrorEventAfter(1, typ, words)),
		sent("an error event first, after the hold", false, hold(soon), simulator.ErrorEventFirst(typ, words), simulator.Pause(0, longer)),
		sent("an error event after message_start, after the hold", true, hold(soon), simulator.ErrorEventAfter(1, typ, words), simulator.Pause(1, longer)),
		sent("an error event behind 20 KiB of comments", true, nil, simulator.InsertRaw(1, commentsOf(aboveHold)), simulator.ErrorEventAfter(2, typ, words), simulator.Pause(2, soon)),
		kept("an error event first, within the hold", false, hold(time.Minute), simulator.ErrorEventFirst(typ, words), simulator.Pause(0, soon)),
		kept("an error event after message_start, within the hold", true, hold(time.Minute), simulator.ErrorEventAfter(1, typ, words), simulator.Pause(1, soon)),
		kept("an error event behind 8 KiB of comments", true, nil, simulator.InsertRaw(1, commentsOf(belowHold)), simulator.ErrorEventAfter(2, typ, words), simulator.Pause(2, soon)),
	}
}
