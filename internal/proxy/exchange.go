package proxy

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// relayBuffer is the size of the copy buffer. An SSE event is far smaller; a large one only
// needs more turns.
const relayBuffer = 16 << 10

// exchange is one client request and all that is done for it. It holds one table from its
// selection to its last attempt. Exchanges are pooled: nothing outside may keep one.
type exchange struct {
	p     *Proxy
	w     http.ResponseWriter
	rc    *http.ResponseController
	flush interface{ FlushError() error }
	r     *http.Request
	table *router.Table
	plan  router.Plan
	stop  *Stop // what stands against sending it; nil = nothing
	start time.Time

	request stream.Request
	// conversation is the key of the messages by which a repeat is known; 0 = there are none.
	conversation uint64

	raw      []byte   // the body in memory, owned by p.bodies
	file     *os.File // or in a file
	fileSize int64
	keepRaw  bool // someone may still read raw: leave it to the collector

	out       http.Request
	body      upstream.Body
	target    string // the model that is asked for upstream
	model     []byte // JSON of target
	meter     stream.Meter
	metered   stream.Kind
	entry     ledger.Entry
	buf       []byte
	walk      *router.Walk
	route     *router.Route // of the attempt under way
	lane      *router.Lane
	why       string          // why it goes there
	attempt   *ledger.Attempt // under way; nil once nothing can come of any
	served    int             // index of the attempt whose answer the client gets
	losses    []*lost         // the attempts before it
	timeouts  int             // attempts that waited in vain
	deadline  time.Time       // of all attempts, before the commit
	healed    bool            // thinking was cut out of the request, after a refusal
	mend      mend
	minted    int8            // 1 = the body holds thinking of a translated answer, -1 = not; 0 = not looked at
	told      stream.Teller   // the answer under way, where it is translated
	stated    string          // what the provider says the answer costs, in US dollars
	ctx       context.Context //nolint:containedctx // of the upstream; an exchange is one request
	cancel    context.CancelFunc
	committed *atomic.Bool // set where the context of the upstream may outlive the client
	outlives  bool         // the upstream is read on when the client leaves
	opened    bool         // the open record is written
	sent      bool         // the commit: something went to the client
	delivered bool         // the message was complete with what the client took
	usageLog  bool         // the usage record is written
	abort     bool         // the client must see that the answer is broken
	hasFailed bool         // it is remembered as one that the client may repeat
	headAt    time.Time    // response head
	lastAt    time.Time    // last bytes
	gap       time.Duration
	stallAt   time.Time // when the write deadline was last set
	flight    flight
}

func (p *Proxy) newExchange(w http.ResponseWriter, r *http.Request, t *router.Table, start time.Time) *exchange {
	x, ok := p.pool.Get().(*exchange)
	if !ok {
		x = &exchange{p: p}
	}
	x.w, x.r, x.table, x.start = w, r, t, start
	x.rc = http.NewResponseController(w)
	x.flush, _ = w.(interface{ FlushError() error })
	x.entry.Reset()
	x.entry.RequestBytes, x.entry.ResponseBytes = 0, 0
	x.resetMeter(stream.KindOpaque) // what the last exchange metered is not this one's
	return x
}

// free gives everything back. It runs last.
func (x *exchange) free() {
	x.releaseBody()
	entry, meter, buf, model := x.entry, x.meter, x.buf, x.model[:0]
	*x = exchange{p: x.p, entry: entry, meter: meter, buf: buf, model: model}
	x.p.pool.Put(x)
}

// releaseBody gives the request's body back. It happens at the commit: from there on nobody
// can need it, and a stream may run for an hour.
func (x *exchange) releaseBody() {
	if x.file != nil {
		_ = x.file.Close()
		x.file = nil
	}
	if x.raw == nil {
		return
	}
	if x.keepRaw {
		x.p.bodies.used.Add(-int64(cap(x.raw)))
	} else {
		x.p.bodies.put(x.raw)
	}
	x.raw = nil
	x.body = upstream.Body{}
	x.dropMended()
}

// accept reads the body, chooses the route and fills what is known of the entry. A refusal
// leaves no trace but a count.
func (x *exchange) accept(t *target) *refusal {
	query, ref := t.query(x.r.URL.RawQuery)
	if ref != nil {
		return ref
	}
	if ref := x.readBody(t); ref != nil {
		return ref
	}
	x.request.MaxTokens = stream.Unknown
	if t.modelled() && x.r.Method == http.MethodPost {
		var err error
		if x.request, err = stream.Peek(x.raw); err != nil {
			return badRequest("bad_json", "prism: the body is not a JSON object with one model and one stream field")
		}
	}
	x.plan, ref = x.choose(t)
	if ref != nil {
		return ref
	}
	if !t.modelled() {
		x.plan.Routes = []*router.Route{x.plan.Routes[0].Alone()}
	}
	x.describe(t)
	x.hold()
	x.out = http.Request{Method: x.r.Method, Header: x.r.Header}
	u := *x.r.URL
	u.Path, u.RawPath, u.RawQuery = t.path, "", query
	x.out.URL = &u
	return nil
}

func (x *exchange) choose(t *target) (router.Plan, *refusal) {
	h := x.r.Header
	q := router.Query{
		Prefix: t.prefix, Named: h.Get("X-Prism-Profile"), Model: x.request.Model, Path: t.path, Header: h,
		Session: x.session(), Agent: h.Get("X-Claude-Code-Agent-Id"), Now: x.start,
	}
	if tags := h.Get("X-Prism-Tags"); tags != "" {
		x.entry.Tags = ParseTags(tags)
		q.Tags = x.entry.Tags
	}
	if t.modelled() && x.table.WeighsPrompts() {
		q.PromptTokens = router.PromptTokens(x.raw)
	}
	plan, err := x.table.Select(&q)
	if err != nil {
		name := q.Prefix
		if name == "" {
			name = q.Named
		}
		return plan, notFound("no_profile", "prism: there is no profile "+cut(name, 64)+" in profiles.yaml")
	}
	return plan, nil
}

// run journals the exchange, makes the attempts and relays the answer. The close record is
// written whatever happens, a panic and a client that left included.
func (x *exchange) run() {
	x.p.requests.Add(1)
	x.p.inFlight.Add(1)
	defer x.p.inFlight.Add(-1)
	defer x.end()
	x.entry.OverheadUS = stream.Count(time.Since(x.start).Microseconds())
	if err := x.p.opt.Journal.Open(&x.entry); err != nil {
		x.entry.Outcome, x.entry.ErrorType = ledger.OutcomeBlocked, "audit_unavailable"
		x.answer(&refusal{
			status: http.StatusServiceUnavailable, typ: "api_error", code: "audit_unavailable", retry: true, after: 5,
			message: "prism: the journal cannot be written and audit is strict",
		})
		return
	}
	x.opened = true
	if x.stop != nil {
		x.refuse()
		return
	}
	x.depart()
	defer x.accompany()()
	x.try()
}

// end writes the close record and lets an abort reach net/http. Recovering is only for the
// record: the panic goes on.
func (x *exchange) end() {
	if cause := recover(); cause != nil {
		x.entry.Outcome, x.entry.ErrorType = ledger.OutcomeError, "internal"
		x.p.opt.Logger.Error().Str(keyID, x.entry.RequestID).Str(keyStack, x.table.Redact(string(debug.Stack()))).Msg("exchange panicked")
		x.abort = true
	}
	x.arrive()
	if x.sent && !x.abort {
		x.p.armWrite(x.rc) // net/http writes the end of the body, maybe long after the last write
	}
	x.finish()
	if x.walk != nil {
		x.walk.End(x.p.opt.Now(), router.Result{}) // after a panic between two steps
	}
	if x.abort {
		panic(http.ErrAbortHandler)
	}
}

// answer sends prism's own words, if nothing was sent yet.
func (x *exchange) answer(ref *refusal) {
	if x.sent {
		return
	}
	x.sent = true
	x.entry.HTTPStatus = ref.status
	x.p.armWrite(x.rc)
	ref.write(x.w, x.entry.RequestID)
}

// gone tells why an exchange that was cancelled ended: the client left, or prism stops.
func (x *exchange) gone() string {
	if x.p.stopping.Load() {
		return ledger.OutcomeShutdown
	}
	return ledger.OutcomeClientAbort
}
