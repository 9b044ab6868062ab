package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// bytes is I2 and I7: the client got what one provider sent, in order, to its end or visibly not;
// or prism's own words alone.
func (c *checker) bytes() {
	v := c.v
	if v.status == 0 {
		return
	}
	if v.header.Get("X-Prism-Error") != "" {
		whole := v.err == nil
		if v.status < 400 || whole && (!json.Valid(v.got) || !bytes.Contains(v.got, []byte(`"type":"error"`))) {
			c.fail("I2: a refusal of prism says %.300q", v.got)
		}
		return
	}
	for i := range c.bills {
		b := &c.bills[i]
		if id := v.header.Get("Request-Id"); id != "" && id != b.RequestID {
			continue // where two have sent the same beginning
		}
		if b.Status == v.status && relayed(v, b.ResponseBody) {
			c.last(b)
			c.ends(b)
			return
		}
		if b.Status == 200 && v.status >= 400 && b.ErrorType != "" && (v.err != nil || told(v.got, b.ResponseBody)) {
			return
		}
	}
	c.fail("I7: no provider sent %.2000q", v.got)
}

// relayed tells whether the client saw what the provider sent.
func relayed(v *visit, sent []byte) bool {
	if v.err == nil {
		// A message that was complete may end before its upstream does.
		return bytes.Equal(v.got, sent) || bytes.HasPrefix(sent, v.got) && stopped(v.got)
	}
	n := 0
	for n < min(len(v.got), len(sent)) && v.got[n] == sent[n] {
		n++
	}
	// What follows is the error event, as far as the client took it. It may begin like the line
	// that it stands in the place of.
	line := bytes.LastIndexByte(v.got[:n], '\n') + 1
	return broken(v.got[n:]) || broken(v.got[line:])
}

// broken tells whether b is the end that prism gives to a stream that broke, or a part of it.
func broken(b []byte) bool {
	const event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\""
	b = bytes.TrimLeft(b, "\r\n")
	if len(b) < len(event) {
		return strings.HasPrefix(event, string(b))
	}
	return bytes.HasPrefix(b, []byte(event))
}

// told tells whether an error is that of an event in the stream, which the client sees as an answer
// with a status of its own while nothing else was sent.
func told(got, stream []byte) bool {
	flat := func(b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), nil)
	}
	return json.Valid(got) && bytes.Contains(bytes.ReplaceAll(flat(stream), []byte("{data: "), []byte("{")), flat(got))
}

// last is I3: the one whose answer the client began to see was the last to be tried.
func (c *checker) last(b *bill) {
	if b.Status != 200 {
		return // an error that is shown may be that of the first
	}
	e := c.row
	if e == nil || e.Outcome == ledger.OutcomeCrashed || len(e.Attempts) == 0 {
		return
	}
	name := e.Attempts[len(e.Attempts)-1].Profile
	if l := c.w.tables[e.Generation].lanes[name]; l.host != b.host || !slices.Contains(l.keys, b.Key) {
		c.fail("I3: %s was tried after the client had seen something of host %d", name, b.host)
	}
}

// stopped tells whether a stream has said why the message stops.
func stopped(b []byte) bool { return bytes.Contains(b, []byte(`"stop_reason":"`)) }

// passed is what a client got of the provider, without the error event that prism appends. A reset
// takes with it what prism had not read yet.
func passed(got []byte) []byte {
	if i := bytes.LastIndex(got, []byte("event: error\n")); i >= 0 {
		return got[:i]
	}
	return got
}

// ends checks that nothing that is not complete looks as if it were, and the other way round.
func (c *checker) ends(b *bill) {
	v := c.v
	sse := strings.HasPrefix(v.header.Get("Content-Type"), "text/event-stream") && v.header.Get("Content-Encoding") == ""
	if v.status != 200 || !sse {
		return
	}
	if v.err == nil && !stopped(v.got) && !bytes.Contains(v.got, []byte("event: error")) {
		c.fail("a stream that was not complete ended as if it were: %.2000q", v.got)
	}
	crashed := c.row == nil || c.row.Outcome == ledger.OutcomeCrashed
	if done := complete(b); v.err != nil && !v.left && !crashed && done > 0 && len(passed(v.got)) >= done {
		c.fail("a message that was complete ended as if it were not: %.2000q", v.got)
	}
}

// complete tells after how many bytes a message is complete; 0 if it never is.
func complete(b *bill) int {
	i := bytes.Index(b.ResponseBody, []byte(`"stop_reason":"`))
	if b.Source != simulator.SourceFinal || i < 0 {
		return 0
	}
	for _, blank := range []string{"\n\n", "\r\n\r\n"} {
		if n := bytes.Index(b.ResponseBody[i:], []byte(blank)); n >= 0 {
			return i + n + len(blank)
		}
	}
	return 0
}
