package proxy

import (
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

const (
	// repeatWithin is how long after a failure a client still comes back on its own. The longest
	// wait that was seen is 75 s, all of its tries take three minutes.
	repeatWithin = 10 * time.Minute

	repeatMax  = 1024     // failures that are remembered; the oldest give way
	repeatHead = 4 << 10  // bytes at the beginning of a conversation that tell it from others
	repeatTail = 32 << 10 // and at its end, where what is new stands
)

// repeats remembers the exchanges that did not give the client what it had asked for, by their
// conversation, so that the exchange which repeats one can name it. Nothing of a conversation is
// kept but a hash that means nothing outside this process.
type repeats struct {
	seed maphash.Seed
	kept atomic.Int64 // len(last), read without the mutex

	mu   sync.Mutex
	last map[uint64]failed // guarded by mu
	ring [repeatMax]failed // guarded by mu: in the order they came
	next int               // guarded by mu
}

// failed is an exchange that a client may repeat.
type failed struct {
	key       uint64
	id        string
	began, at time.Time // at = ended
}

// key tells conversations apart: whose it is, and what stands at its two ends. The messages
// alone count, because a client that falls back from a stream changes other parts of the body.
// It is never 0.
func (r *repeats) key(session, agent string, messages []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(session)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(agent)
	_ = h.WriteByte(0)
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(messages)))
	_, _ = h.Write(size[:])
	if len(messages) > repeatHead+repeatTail {
		_, _ = h.Write(messages[:repeatHead])
		messages = messages[len(messages)-repeatTail:]
	}
	_, _ = h.Write(messages)
	return max(h.Sum64(), 1)
}

// note remembers a failure.
func (r *repeats) note(f failed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = make(map[uint64]failed)
	}
	if old := r.ring[r.next]; r.last[old.key].id == old.id {
		delete(r.last, old.key)
	}
	r.ring[r.next], r.last[f.key] = f, f
	r.next = (r.next + 1) % repeatMax
	r.kept.Store(int64(len(r.last)))
}

// take returns the exchange that one with this key, begun at start, repeats, "" if there is none:
// it did not begin later. An exchange is repeated once: the next repeat is one of the repeat.
func (r *repeats) take(key uint64, start time.Time) string {
	if r.kept.Load() == 0 {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.last[key]
	if !ok || f.began.After(start) {
		return ""
	}
	delete(r.last, key)
	r.kept.Store(int64(len(r.last)))
	if start.Sub(f.at) > repeatWithin {
		return ""
	}
	return f.id
}

// link notes which exchange the client repeats with this one. A client that names no session
// must say itself that it tries again: many of those send the same body more than once.
func (x *exchange) link(h http.Header) {
	e := &x.entry
	if n, err := strconv.ParseUint(h.Get("X-Stainless-Retry-Count"), 10, 16); err == nil {
		e.RetryCount = stream.Count(n)
	}
	x.conversation = 0
	at := x.request.Messages
	if e.Operation != ledger.OpMessages || at.End == 0 {
		return
	}
	x.conversation = x.p.repeats.key(e.SessionID, e.AgentID, x.raw[at.Start:at.End])
	x.findRepeated()
}

// findRepeated looks for the exchange that this one repeats. It is done at the beginning and at the
// end: a client may be back before the exchange that failed it has ended here.
func (x *exchange) findRepeated() {
	e := &x.entry
	if x.conversation != 0 && !x.hasFailed && e.RetryOf == "" && (e.SessionID != "" || e.RetryCount > 0) {
		e.RetryOf = x.p.repeats.take(x.conversation, x.start)
	}
}

// remember keeps an exchange that the client may repeat: one that failed, and a message that
// came whole where a stream of it was asked for, of which a client does not make use.
func (x *exchange) remember() {
	whole := x.request.Stream && x.metered == stream.KindJSON
	if x.entry.Outcome != ledger.OutcomeOK || whole {
		x.failedAt(x.entry.EndedAt)
	}
}

// failedAt says when the client could know that the exchange has failed. It is said before the
// client learns of it: one that repeats at once may be done before this exchange has ended.
func (x *exchange) failedAt(at time.Time) {
	if x.conversation != 0 && !x.hasFailed {
		x.findRepeated() // from now on it would find itself
		x.hasFailed = true
		x.p.repeats.note(failed{x.conversation, x.entry.RequestID, x.start, at})
	}
}
