package simulator

import (
	"bytes"
	"math/rand/v2"
	"net/http"
)

// send writes the body up to limit: each run of events that follow each other without a wait
// at once, or in pieces.
func (s *sender) send(w *wire, limit int, flush bool) {
	defer func() {
		if e := recover(); e != nil {
			s.bill()
			panic(e)
		}
	}()
	if w.random {
		s.rng = rand.New(rand.NewPCG(w.seed, 2))
	}
	text := &s.x.text
	for i := 0; i < len(text.ends) && s.sent < limit; {
		s.x.wait(text.events[i].Wait, false)
		for i++; i < len(text.ends) && text.events[i].Wait == 0; i++ {
		}
		s.run(w, text.out[s.sent:min(text.ends[i-1], limit)], flush)
	}
	if s.sent < limit {
		s.run(w, text.out[s.sent:limit], flush)
	}
}

// run writes one run of events.
func (s *sender) run(w *wire, b []byte, flush bool) {
	for first := true; len(b) > 0; first = false {
		n := len(b)
		if w.chunk > 0 {
			n = min(n, w.chunk)
		}
		if s.rng != nil {
			n = 1 + s.rng.IntN(n)
		}
		if !first {
			s.x.wait(w.chunkDelay, false)
		}
		if _, err := s.w.Write(b[:n]); err != nil {
			s.x.cancelled()
		}
		s.count(b[:n])
		b = b[n:]
		if flush {
			s.x.flush()
		}
	}
}

// count takes account of bytes that went out.
func (s *sender) count(b []byte) {
	s.sent += len(b)
	if s.sum != nil {
		_, _ = s.sum.Write(b)
	}
	if s.x.s.trace {
		s.x.bill.Writes = append(s.x.bill.Writes, Write{At: s.x.s.now(), Total: int64(s.sent)})
	}
}

// bill writes into the bill what was sent, and what usage it told.
func (s *sender) bill() {
	b, text := &s.x.bill, &s.x.text
	b.ResponseBytes = int64(s.sent)
	if s.sum != nil {
		s.sum.Sum(b.ResponseSHA256[:0])
	}
	if s.keep {
		b.ResponseBody = bytes.Clone(text.out[:s.sent])
	}
	for i := range text.ends {
		if text.ends[i] > s.sent {
			break
		}
		b.tell(&text.events[i])
	}
}

// tell takes into the bill the usage that an event told.
func (b *Billed) tell(e *Event) {
	if e.fails != "" {
		b.ErrorType = e.fails
	}
	if e.said == nil {
		return
	}
	b.Usage.say(e.said, e.form, e.whole)
	switch {
	case e.whole && e.Name == "message_start":
		b.Start.say(e.said, e.form, true)
		b.Source = SourcePartial
	case b.Dialect != DialectAnthropic && e.Name == "content_block_delta":
		b.Source = SourcePartial
	default:
		b.Source = SourceFinal
	}
	if e.form == UsageNull || e.form == UsageAbsent {
		b.Source = SourceNone
		if b.Usage.Output >= 0 || b.Usage.Input >= 0 {
			b.Source = SourcePartial
		}
	}
	b.Charged = b.Usage
	if b.Dialect != DialectAnthropic {
		return
	}
	if b.Source == SourceFinal {
		b.Charged = e.said.charged()
		for _, it := range b.Charged.Iterations {
			if it.Type == "fallback_message" {
				b.ResponseModel = it.Model
			}
		}
	}
}

// hijack writes the response by hand and closes the connection.
func (x *exchange) hijack(p *plan, stream bool) {
	c, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = c.Close() }()
	if p.wire.raw == nil {
		x.header(p, stream)
		head := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
		for _, line := range p.wire.rawHead {
			head.WriteString(line + "\r\n")
		}
		h := x.w.Header()
		h.Del("Content-Length")
		h.Del("Transfer-Encoding")
		h.Set("Connection", "close")
		_ = h.Write(head)
		head.WriteString("\r\n")
		if _, err := c.Write(head.Bytes()); err != nil {
			x.bill.Ending = EndCancelled
			return
		}
	}
	limit := x.limit(&p.wire)
	out := x.sender(c)
	out.send(&p.wire, limit, false)
	out.bill()
	if p.wire.cut == nil {
		return
	}
	x.bill.Ending = EndCut
	if *p.wire.cut == CutRST && x.conn != nil {
		x.conn.reset()
	}
}
