package simulator

import (
	"cmp"
	"hash/crc32"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a [Server]. The zero Options are a simulator that accepts any
// credential and keeps everything.
type Options struct {
	Name    string           // of the simulator; "" = "simulator". Stands in ids, signatures and default answers
	Key     string           // the credential it demands; "" = any or none
	Now     func() time.Time // nil = time.Now; for bills and rate limit headers
	Seed    uint64           // of ids; two servers with the same name and seed give the same ones
	Default Replier          // the answer when no step is for a request; nil = a short text
	Models  []string         // what GET /v1/models lists; nil = those of November 2026
	MaxBody int64            // bytes of a request body, beyond which it answers 413; 0 = 32 MiB
	Record  Record           // how much bills keep

	Trace           bool // keep the time of every write in the bill
	CheckSignatures bool // answer 400 to thinking signatures that another simulator made

	Rules Rules // what it demands of requests in other dialects
}

// Server is a simulated provider. It is an http.Handler; [Server.Start] serves it.
type Server struct {
	name            string
	key             string
	now             func() time.Time
	seed            uint64
	fallback        *rule
	models          []string
	maxBody         int64
	record          Record
	trace           bool
	checkSignatures bool
	demands         Rules

	rules atomic.Pointer[[]*rule]
	seq   atomic.Uint64
	pool  sync.Pool    // of *scratch
	limit http.Header  // rate limit headers, shared by all answers and never changed
	other http.Header  // those of OpenAI
	gate  atomic.Value // of chan struct{}: while it is open, everything waits

	denied atomic.Int64 // requests without the credential that is demanded

	mu      sync.Mutex // guards what follows, and writers of rules
	bills   []Billed
	base    int // bills that were forgotten
	seen    int
	done    int
	closed  int           // bills that have ended, of those kept
	changed chan struct{} // closed when the next bill ends; nil if nobody waits
}

// New returns a simulator that serves nothing yet.
func New(o Options) *Server {
	s := &Server{
		name:            cmp.Or(o.Name, "simulator"),
		key:             o.Key,
		now:             o.Now,
		models:          o.Models,
		maxBody:         cmp.Or(o.MaxBody, 32<<20),
		record:          o.Record,
		trace:           o.Trace,
		checkSignatures: o.CheckSignatures,
		demands:         o.Rules,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.models == nil {
		s.models = []string{"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"}
	}
	s.seed = mix(o.Seed ^ uint64(crc32.ChecksumIEEE([]byte(s.name))))
	reply := o.Default
	if reply == nil {
		reply = Text("This is the answer of " + s.name + ".")
	}
	s.fallback = &rule{replier: reply, plan: reply.static(s.name), operation: OpMessages}
	s.rules.Store(&[]*rule{})
	s.pool.New = func() any { return new(scratch) }
	s.limit, s.other = limits(s.now().UTC()), otherLimits()
	return s
}

// limits returns the rate limit headers of a provider in good health.
func limits(now time.Time) http.Header {
	reset := []string{now.Add(time.Minute).Truncate(time.Second).Format(time.RFC3339)}
	h := http.Header{"Anthropic-Organization-Id": {"00000000-5151-4000-8000-000000000000"}}
	for _, l := range []struct{ name, limit, remaining string }{
		{"Requests", "4000", "3999"},
		{"Tokens", "4800000", "4793000"},
		{"Input-Tokens", "4000000", "3994000"},
		{"Output-Tokens", "800000", "799000"},
	} {
		h["Anthropic-Ratelimit-"+l.name+"-Limit"] = []string{l.limit}
		h["Anthropic-Ratelimit-"+l.name+"-Remaining"] = []string{l.remaining}
		h["Anthropic-Ratelimit-"+l.name+"-Reset"] = reset
	}
	return h
}

// Freeze stops all answering, on every connection and in the middle of streams, as when the
// provider's process is stopped or the network drops packets. The function it returns ends that.
func (s *Server) Freeze() (thaw func()) {
	gate := make(chan struct{})
	s.gate.Store(gate)
	return sync.OnceFunc(func() { close(gate) })
}

// thawed waits while the simulator is frozen; it reports false if done came first.
func (s *Server) thawed(done <-chan struct{}) bool {
	gate, ok := s.gate.Load().(chan struct{})
	if !ok {
		return true
	}
	select {
	case <-gate:
		return true
	case <-done:
		return false
	}
}
