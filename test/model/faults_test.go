package model

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"prism/internal/simulator"
)

// mixed is the script of a provider that is well or not, request by request.
const mixed = "mixed"

// text is an answer that is well, with a usage and a framing of its own.
func text(d dice, parts ...simulator.Part) simulator.Answer {
	words := "some words of an answer, \u6f22\u5b57 and an emoji \U0001f680 as well"
	list := []simulator.Part{
		simulator.TextPieces(words, 1+d.IntN(12)),
		simulator.Usage{Input: d.Int64N(10_000), Output: d.Int64N(1000), CacheRead: d.Int64N(100_000), CacheWrite5m: d.Int64N(100), CacheWrite1h: d.Int64N(100)},
	}
	for _, p := range []simulator.Answer{
		simulator.Comments(), simulator.UnknownEvents(), simulator.CRLF(), simulator.MultiLineData(), simulator.Pings(2, 0), simulator.BOM(),
		simulator.RandomChunks(d.Uint64(), 100), simulator.Jitter(d.Uint64(), 0, 4*time.Millisecond), simulator.Delay(d.upTo(10 * time.Millisecond)),
		simulator.BigLine(100 << 10), simulator.NoFinalBlankLine(),
	} {
		if d.oneIn(6) {
			list = append(list, p)
		}
	}
	return simulator.Reply(append(list, parts...)...)
}

// bound is longer than any time that the gateway of a schedule gives its providers.
const bound = 10 * time.Second

// faults are what a provider can do instead of being well.
func faults() map[string]func(d dice) simulator.Answer {
	cut := func(d dice) simulator.Cut { return simulator.Cut(d.IntN(3)) }
	list := map[string]func(d dice) simulator.Answer{
		"silence":            func(dice) simulator.Answer { return simulator.Silence(0) },
		"closed":             func(d dice) simulator.Answer { return simulator.CloseBeforeHeaders(cut(d)) },
		"closed at reuse":    func(d dice) simulator.Answer { return text(d, simulator.KeepAliveClose(cut(d))) },
		"closed after reply": func(d dice) simulator.Answer { return text(d, simulator.CloseAfterReply(cut(d))) },
		"cut after events":   func(d dice) simulator.Answer { return text(d, simulator.CutAfter(d.IntN(8), cut(d))) },
		"cut at byte":        func(d dice) simulator.Answer { return text(d, simulator.CutAtByte(d.IntN(2500), cut(d))) },
		"pause":              func(d dice) simulator.Answer { return text(d, simulator.Pause(d.IntN(9), bound)) },
		"header, no body":    func(dice) simulator.Answer { return simulator.HeaderThenClose() },
		"empty stream":       func(dice) simulator.Answer { return simulator.EmptyStream() },
		"error event first":  func(dice) simulator.Answer { return simulator.ErrorEventFirst("overloaded_error", "Overloaded") },
		"error event":        func(d dice) simulator.Answer { return text(d, simulator.ErrorEventAfter(d.IntN(6), "api_error", "m")) },
		"no message_delta":   func(d dice) simulator.Answer { return text(d, simulator.NoMessageDelta()) },
		"no message_stop":    func(d dice) simulator.Answer { return text(d, simulator.NoMessageStop()) },
		"late after stop": func(d dice) simulator.Answer {
			return text(d, simulator.InsertEvents(1000, simulator.Event{Raw: []byte(": late\n\n"), Wait: bound}))
		},
		"a page":          func(dice) simulator.Answer { return simulator.HTML(http.StatusOK) },
		"no content":      func(dice) simulator.Answer { return simulator.NoContent() },
		"a redirect":      func(dice) simulator.Answer { return simulator.Redirect("http://127.0.0.1:1/") },
		"garbage":         func(dice) simulator.Answer { return simulator.RawResponse("SSH-2.0-OpenSSH_9.9\r\n\r\n") },
		"a large header":  func(dice) simulator.Answer { return simulator.HeaderBomb(300 << 10) },
		"JSON for stream": func(d dice) simulator.Answer { return text(d, simulator.JSONInsteadOfStream()) },
		"stream for JSON": func(d dice) simulator.Answer { return text(d, simulator.StreamInsteadOfJSON()) },
		"compressed":      func(d dice) simulator.Answer { return text(d, simulator.Gzip()) },
		"half an event":   func(d dice) simulator.Answer { return text(d, simulator.BadJSON(d.IntN(6))) },
		"prompt too long": func(dice) simulator.Answer { return simulator.PromptTooLong(250_000, 200_000) },
		"a bad signature": func(dice) simulator.Answer { return simulator.BadSignature(1, 0) },
		"spend limit":     func(dice) simulator.Answer { return simulator.SpendLimited() },
		"limited": func(d dice) simulator.Answer {
			return simulator.RateLimited([]string{"", "0", "1", "-5", "999999999", "soon"}[d.IntN(6)])
		},
		"slow in pieces": func(d dice) simulator.Answer {
			return text(d, simulator.SlowChunks(100+d.IntN(400), 2*time.Millisecond))
		},
		"informational":    func(d dice) simulator.Answer { return text(d, simulator.Informational(103, 1+d.IntN(3))) },
		"closed delimited": func(d dice) simulator.Answer { return text(d, simulator.CloseDelimited()) },
	}
	for _, status := range []int{400, 401, 402, 403, 404, 408, 409, 413, 422, 500, 502, 503, 504, 529} {
		list[fmt.Sprint("status ", status)] = func(dice) simulator.Answer { return simulator.Error(status, "x_error", "in the provider's words", nil) }
	}
	return list
}

// faultNames are the names of the faults, in an order that does not change.
func faultNames() []string {
	var names []string
	for name := range faults() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// answer is what a provider does with a request.
func (s script) answer(r simulator.Request) simulator.Answer {
	d := newDice(s.seed, uint64(len(r.SessionID))<<32|hashOf(r.SessionID))
	fault := s.fault
	if fault == mixed {
		fault = ""
		if d.oneIn(2) {
			fault = s.names[d.IntN(len(s.names))]
		}
	}
	if fault == "" {
		return text(d)
	}
	return faults()[fault](d)
}

// hashOf is a number that depends on the text.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
