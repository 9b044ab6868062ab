package simulator

import (
	"compress/gzip"
	"crypto/sha256"
	"hash"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// play gives the answer. It panics with http.ErrAbortHandler where the connection must not
// survive. req is nil for answers that are no message.
func (x *exchange) play(p *plan, req *Request) {
	w := &p.wire
	switch {
	case w.silence != nil:
		x.wait(*w.silence, *w.silence == 0)
		x.abort(CutFIN)
	case w.drop != nil:
		x.wait(w.delay, false)
		x.abort(*w.drop)
	}
	x.wait(w.delay, false)
	stream := x.render(p, req)
	if w.gzip {
		x.compress()
	}
	for range w.informational {
		x.w.WriteHeader(w.infoStatus)
	}
	if w.raw != nil || w.rawHead != nil {
		x.hijack(p, stream)
		return
	}
	x.header(p, stream)
	limit := x.limit(w)
	if w.cut != nil && (*w.cut != CutClean || limit < len(x.text.out)) {
		x.bill.Ending = EndCut
	}
	// A stream that goes on at once needs no flush: one write carries all of it.
	flush := w.chunk > 0 || x.waits() || x.bill.Ending == EndCut
	x.w.WriteHeader(x.bill.Status)
	if flush {
		x.flush()
	}
	out := x.sender(x.w)
	out.send(w, limit, flush)
	out.bill()
	if w.closeAfter != nil && x.conn != nil {
		x.conn.closing.Store(w.closeAfter)
	}
	if x.bill.Ending == EndCut && *w.cut != CutClean {
		x.abort(*w.cut)
	}
}

// render renders the body and tells whether it is a stream.
func (x *exchange) render(p *plan, req *Request) (stream bool) {
	b := &x.bill
	b.Status = p.status
	id := appendID(append(make([]byte, 0, 32), "req_011C"...), x.s.seed, x.seq, 20)
	b.RequestID = string(id)
	face := faceOf(b.Dialect)
	switch {
	case p.wire.raw != nil:
		x.text.raw(p.wire.raw)
		return false
	case p.form == formRaw:
		x.text.raw(p.body)
		return false
	case p.form == formError:
		b.ErrorType = p.errorType
		if face != nil {
			status, body := face.failure(p)
			b.Status = status
			x.text.raw(body)
			return false
		}
		x.text.raw(p.appendError(nil, b.RequestID))
		return false
	}
	m := message{
		id:   "msg_01" + string(appendID(make([]byte, 0, 24), x.s.seed, x.seq, 22)),
		seed: x.s.seed, seq: x.seq, model: p.model, usage: p.usage,
	}
	if m.model == "" {
		m.model = b.Model
	}
	if m.usage == nil {
		m.usage = p.derive(x.body.Bytes())
	}
	b.MessageID, b.ResponseModel, b.StopReason = m.id, m.model, p.stop()
	m.safeguards = req != nil && req.HasSafeguards && b.StopReason == "tool_use"
	stream = p.form == formStream || p.form == formAsAsked && b.Stream
	if face != nil {
		m.created = x.s.now().Unix()
		if req != nil {
			m.reportsUsage, m.encrypts = req.reportsUsage, req.encrypts
		}
		b.MessageID = otherID(b.Dialect, m.id)
		face.write(&x.text, p, &m, stream)
		return stream
	}
	if stream {
		x.text.stream(p, &m)
		return true
	}
	x.text.json(p, &m)
	return false
}

// appendError appends an error body.
func (p *plan) appendError(dst []byte, requestID string) []byte {
	dst = appendString(append(dst, `{"type":"error","error":{"type":`...), p.errorType)
	dst = appendString(append(dst, `,"message":`...), p.errorMessage)
	if p.errorDetails != "" {
		dst = append(append(dst, `,"details":`...), p.errorDetails...)
	}
	return append(appendString(append(dst, `},"request_id":`...), requestID), '}')
}

// header sets the response headers.
func (x *exchange) header(p *plan, stream bool) {
	h := x.w.Header()
	id := "Request-Id"
	if faceOf(x.bill.Dialect) != nil {
		id = "X-Request-Id"
		maps.Copy(h, x.s.other)
	} else {
		maps.Copy(h, x.s.limit)
	}
	h[id] = []string{x.bill.RequestID}
	typ := jsonType
	if stream {
		typ = streamType
		h["Cache-Control"] = []string{"no-cache"}
		h["Transfer-Encoding"] = []string{"chunked"}
	} else if x.bill.Status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(x.text.out))}
	}
	if p.contentType != nil {
		typ = *p.contentType
	}
	h["Content-Type"] = []string{typ}
	if typ == "" {
		h["Content-Type"] = nil
	}
	if p.wire.gzip {
		h["Content-Encoding"] = []string{"gzip"}
	}
	maps.Copy(h, p.header)
	x.bill.RequestID = h.Get(id)
}

// compress replaces the body by its gzip form: one event, as far as cuts go.
func (x *exchange) compress() {
	body := append([]byte(nil), x.text.out...)
	events := append([]Event(nil), x.text.events...)
	x.text.reset()
	z := gzip.NewWriter((*appender)(&x.text.out))
	_, _ = z.Write(body)
	_ = z.Close()
	for _, e := range events {
		e.Wait = 0
		x.text.events = append(x.text.events, e)
		x.text.ends = append(x.text.ends, len(x.text.out))
	}
}

// appender is a byte slice to write to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) { *a = append(*a, p...); return len(p), nil }

// limit returns how many bytes of the body are sent.
func (x *exchange) limit(w *wire) int {
	all := len(x.text.out)
	switch {
	case w.cut == nil:
		return all
	case w.cutBytes >= 0:
		return min(w.cutBytes, all)
	case w.cutEvents <= 0:
		return 0
	case w.cutEvents >= len(x.text.ends):
		return all
	}
	return x.text.ends[w.cutEvents-1]
}

// waits tells whether there is time between events.
func (x *exchange) waits() bool {
	for i := range x.text.events {
		if x.text.events[i].Wait > 0 {
			return true
		}
	}
	return false
}

// wait waits for d (without end if forever) and ends the exchange if the client leaves.
func (x *exchange) wait(d time.Duration, forever bool) {
	if d > 0 || forever {
		var timer <-chan time.Time
		if !forever {
			t := time.NewTimer(d)
			defer t.Stop()
			timer = t.C
		}
		select {
		case <-timer:
		case <-x.r.Context().Done():
			x.cancelled()
		}
	}
	if !x.s.thawed(x.r.Context().Done()) {
		x.cancelled()
	}
}

// cancelled ends the exchange because the client left.
func (x *exchange) cancelled() {
	x.bill.Ending = EndCancelled
	panic(http.ErrAbortHandler)
}

// abort ends the connection.
func (x *exchange) abort(how Cut) {
	x.bill.Ending = EndCut
	if how == CutRST && x.conn != nil {
		x.conn.reset()
	}
	panic(http.ErrAbortHandler)
}

func (x *exchange) flush() {
	if err := http.NewResponseController(x.w).Flush(); err != nil {
		x.cancelled()
	}
}

// sender writes a body and keeps account of what went out.
type sender struct {
	x    *exchange
	w    io.Writer
	sum  hash.Hash // nil where nothing is recorded
	keep bool
	sent int
	rng  *rand.Rand
}

func (x *exchange) sender(w io.Writer) *sender {
	s := &sender{x: x, w: w, keep: x.s.record == RecordAll}
	if x.s.record != RecordCount {
		s.sum = sha256.New()
	}
	return s
}
