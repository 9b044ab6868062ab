package chaos

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// unreachable is how a request ends that no upstream has answered.
func unreachable() end {
	return end{see: refused, status: http.StatusBadGateway, typ: "api_error", code: "upstream_unreachable", outcome: ledger.OutcomeError}
}

// late is how a request ends that was not answered in time.
func late() end {
	return end{see: refused, status: http.StatusGatewayTimeout, typ: "timeout_error", code: "upstream_timeout", outcome: ledger.OutcomeError}
}

// served is how a request ends with the answer of the profile it was for.
func served() end { return end{see: exact, outcome: ledger.OutcomeOK, source: ledger.UsageFinal} }

// connections are the faults before a request could be sent: nothing was processed, so the same
// upstream is tried once more.
func connections() []fault {
	f := func(name string, k upstream.Kind, w func(*testing.T) *wreck) fault {
		once := try{errorType: kind(k)}
		return fault{entry: 51, name: name, ways: both(), worse: w, tries: []try{once, once}, next: true, alone: unreachable(), within: 5 * time.Second}
	}
	slow := func(f fault) fault { f.hurried, f.within = true, 2*waitDial+3*time.Second; return f }
	return []fault{
		f("refused", upstream.KindDial, refusing),
		f("a name that does not exist", upstream.KindDNS, nowhere("http://prism-test.invalid:1")),
		f("a certificate that nobody signed", upstream.KindTLS, badTLS(simulator.Certificate{}, false)),
		f("an expired certificate", upstream.KindTLS, badTLS(simulator.Certificate{NotAfter: -time.Hour}, true)),
		f("a certificate of another host", upstream.KindTLS, badTLS(simulator.Certificate{Hosts: []string{"elsewhere.example"}}, true)),
		f("garbage in place of a handshake", upstream.KindTLS, handshaking(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })),
		f("closed in the handshake", upstream.KindTLS, handshaking(func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })),
		slow(f("a handshake that is not answered", upstream.KindTLS, handshaking(mute))),
		slow(f("a black hole", upstream.KindDial, blackHole)),
	}
}

// silences are upstreams that take a request and do not answer it.
func silences() []fault {
	mutely := fault{
		entry: 52, ways: inStream(), tries: []try{{errorType: kind(upstream.KindTimeout), billed: true}}, next: true,
		alone: late(), hurried: true, within: waitAlone + 3*time.Second, then: (*scene).checkPatience,
	}
	f := func(name string, w func(*testing.T) *wreck) fault {
		f := mutely
		f.name, f.worse = name, w
		return f
	}
	never := mutely
	never.name, never.answer = "never answers", simulator.Silence(0)
	slow := fault{entry: 52, name: "a head that comes late", ways: both(), answer: reply(simulator.Delay(100 * time.Millisecond)), tries: []try{{status: 200}}, alone: served()}
	slow.eased = true
	// Without streaming the head comes when all is written: it may be many minutes of paid work.
	long := fault{entry: 52, name: "a whole answer that takes longer than a stream may", ways: inPlain(), eased: true, answer: reply(simulator.Delay(3 * ease * waitHead / 2)), tries: []try{{status: 200}}, alone: served()}
	died := f("a kept connection that died unnoticed", dozing)
	died.entry, died.warm = 65, 1
	return []fault{
		never, slow, long,
		f("a head that drips and never ends", talking(nil, dripping(20*time.Millisecond, "HTTP/1.1 200 OK\r\nX-A: ", "a"))),
		f("a status line that stops in the middle", talking(nil, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 20"); mute(c) })),
		died,
	}
}

// checkPatience: an upstream is waited for as long as it may take, and less where somebody else
// can be asked.
func (s *scene) checkPatience() {
	wait, most := waitAlone, waitAlone+2*time.Second
	if s.fallback {
		wait, most = waitHead, waitAlone
	}
	if took := time.Duration(s.row.Attempts[0].DurationMS) * time.Millisecond; took < wait-time.Millisecond || took > most {
		s.Errorf("the upstream was waited for %v, want %v", took, wait)
	}
}

// dozing answers the first request of every connection and none of the later ones, as a provider
// behind a network that went away.
func dozing(t *testing.T) *wreck {
	t.Helper()
	w := &wreck{}
	const message = `{"type":"message","id":"msg_1","role":"assistant","model":"m","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`
	up := simulator.RawListen(func(c net.Conn) {
		br := bufio.NewReader(c)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if n > 0 {
				w.count.Add(1)
				continue
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(message))+"\r\n\r\n"+message)
		}
	})
	t.Cleanup(up.Close)
	w.url = up.URL
	return w
}

// kept are connections that the provider closes at the moment they are used again.
func kept() []fault {
	var list []fault
	for how, k := range map[simulator.Cut]upstream.Kind{simulator.CutFIN: upstream.KindEOF, simulator.CutRST: upstream.KindReset} {
		lost := try{errorType: kind(k), billed: true}
		f := fault{entry: 53, ways: both(), warm: 1}
		with := func(name string, a simulator.Answer, second try, next bool, alone end) {
			f := f
			f.name, f.answer, f.tries, f.next, f.alone = name+", "+kind(k), a, []try{lost, second}, next, alone
			list = append(list, f)
		}
		with("closed at re-use", reply(simulator.KeepAliveClose(how)), try{status: 200}, false, served())
		with("two closed at re-use", reply(simulator.KeepAliveClose(how)), try{status: 200}, false, served())
		list[len(list)-1].warm = 2
		with("closed at re-use, then at once", simulator.CloseBeforeHeaders(how), lost, true, unreachable())
		with("closed at re-use, then overloaded", simulator.Overloaded().With(simulator.KeepAliveClose(how)), try{status: 529, errorType: "overloaded_error"}, true, said(529))
	}
	return list
}

// heads are answers whose head is none, on a fresh connection: the request was read.
func heads() []fault {
	f := func(entry int, name string, k upstream.Kind, a simulator.Answer) fault {
		return fault{entry: entry, name: name, ways: both(), answer: a, tries: []try{{errorType: kind(k), billed: true}}, next: true, alone: unreachable()}
	}
	ok := func(entry int, name string, a simulator.Answer) fault {
		return fault{entry: entry, name: name, ways: both(), answer: a, tries: []try{{status: 200}}, alone: served()}
	}
	raw := simulator.RawResponse
	flood := fault{
		entry: 66, name: "a storm of 103 without end", ways: both(), tries: []try{{errorType: kind(upstream.KindProtocol), billed: true}}, next: true, alone: unreachable(),
		worse: talking(nil, dripping(time.Millisecond, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")),
	}
	var many strings.Builder
	for i := range 10_000 {
		many.WriteString("X-Header-Of-Many-Others-" + strconv.Itoa(i) + ": m\r\n")
	}
	return []fault{
		f(53, "closed on a fresh connection", upstream.KindEOF, simulator.CloseBeforeHeaders(simulator.CutFIN)),
		f(53, "reset on a fresh connection", upstream.KindReset, simulator.CloseBeforeHeaders(simulator.CutRST)),
		f(62, "a header of 10 MiB", upstream.KindProtocol, simulator.HeaderBomb(10<<20)),
		f(62, "a header of 300 KiB", upstream.KindProtocol, simulator.HeaderBomb(300<<10)),
		f(62, "ten thousand headers", upstream.KindProtocol, raw("HTTP/1.1 200 OK\r\n"+many.String()+"\r\n")),
		f(62, "bad folding", upstream.KindProtocol, raw("HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n")),
		f(62, "two lengths", upstream.KindProtocol, raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}")),
		f(62, "not HTTP", upstream.KindProtocol, raw("SSH-2.0-OpenSSH_9.9\r\n\r\n")),
		ok(62, "a header of 200 KiB", reply(simulator.HeaderBomb(200<<10))),
		f(64, "HTTP/2 that nobody asked for", upstream.KindEOF, raw("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x04\x00\x01\x00\x00\x00\x06\x00\x00\x20\x00")),
		f(64, "a protocol switch", upstream.KindProtocol, raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")),
		f(66, "a flood of 103", upstream.KindProtocol, raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 20)+"HTTP/1.1 200 OK\r\n\r\n")),
		flood,
		ok(66, "four 103", reply(simulator.Informational(103, 4))),
		ok(66, "four 102", reply(simulator.Informational(102, 4))),
	}
}
