package simulator

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Metronome is a provider for load tests: every request gets a stream of events at a steady
// beat, in pieces that ignore events and lines, and each event says when it was sent. It keeps
// the hash of every stream and no more, so that a thousand of them for minutes cost nothing but
// their connections. It is an http.Handler; its zero value sends nothing.
type Metronome struct {
	Events int           // of content in a stream
	Beat   time.Duration // between two of them

	once  sync.Once
	epoch time.Time
	sums  sync.Map // session -> [sha256.Size]byte
}

// stamp comes before the time in an event, in nanoseconds since the metronome's epoch.
const stamp = `"text":"at `

// Late tells how long ago an event of the metronome was sent; false if the line has no stamp.
func (m *Metronome) Late(line []byte) (time.Duration, bool) {
	_, rest, _ := bytes.Cut(line, []byte(stamp))
	text, _, found := bytes.Cut(rest, []byte{'"'})
	at, err := strconv.ParseInt(string(text), 10, 64)
	if !found || err != nil {
		return 0, false
	}
	return time.Since(m.start()) - time.Duration(at), true
}

// Sum returns the hash of the stream of a session, once it was sent whole.
func (m *Metronome) Sum(session string) ([sha256.Size]byte, bool) {
	v, ok := m.sums.Load(session)
	if !ok {
		return [sha256.Size]byte{}, false
	}
	return v.([sha256.Size]byte), true
}

// start returns the moment that stamps count from.
func (m *Metronome) start() time.Time {
	m.once.Do(func() { m.epoch = time.Now() })
	return m.epoch
}

// ServeHTTP sends one stream.
func (m *Metronome) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session := r.Header.Get(sessionHeader)
	w.Header().Set("Content-Type", streamType)
	sum := sha256.Sum256([]byte(session))
	b := beat{w: w, rc: http.NewResponseController(w), sum: sha256.New(), rng: rand.New(rand.NewPCG(uint64(sum[0])<<8|uint64(sum[1]), uint64(sum[2])))}
	b.send(`event: message_start
data: {"type":"message_start","message":{"id":"msg_`+session+`","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

`, "")
	tick := time.NewTicker(max(m.Beat, 1))
	defer tick.Stop()
	for range m.Events {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		at := strconv.FormatInt(int64(time.Since(m.start())), 10)
		if !b.send("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","+stamp, at+"\"}}\n\n") {
			panic(http.ErrAbortHandler)
		}
	}
	ok := b.send(`event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":`+strconv.Itoa(max(m.Events, 1))+`}}

event: message_stop
data: {"type":"message_stop"}

`, "")
	if !ok {
		panic(http.ErrAbortHandler)
	}
	m.sums.Store(session, [sha256.Size]byte(b.sum.Sum(nil)))
}

// beat sends the events of one stream.
type beat struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	sum hash.Hash
	rng *rand.Rand
	buf []byte
}

// send sends text in two pieces, or in one; it reports false if the client has left.
func (b *beat) send(head, tail string) bool {
	b.buf = append(append(b.buf[:0], head...), tail...)
	_, _ = b.sum.Write(b.buf)
	n := len(b.buf)
	if b.rng.IntN(2) == 0 {
		n = 1 + b.rng.IntN(n)
	}
	for _, piece := range [][]byte{b.buf[:n], b.buf[n:]} {
		if len(piece) == 0 {
			continue
		}
		if _, err := b.w.Write(piece); err != nil {
			return false
		}
		if b.rc.Flush() != nil {
			return false
		}
	}
	return true
}
