package proxy

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"prism/internal/attribution"
	"prism/internal/ledger"
	"prism/internal/router"
)

// Journal is where entries go. Open must return before the first byte goes upstream.
type Journal interface {
	Open(e *ledger.Entry) error
	Usage(e *ledger.Entry) error
	Close(e *ledger.Entry) error
}

// Limits bounds what one client, and all of them together, can cost.
type Limits struct {
	Body       int64         // bytes of a messages or count_tokens body; default 32 MiB
	FileBody   int64         // bytes of other bodies, which may go to a file; default 512 MiB
	BodyBudget int64         // bytes of all bodies in memory; default 256 MiB
	BodyStall  time.Duration // silence within a request body; 0 = no bound
	WriteStall time.Duration // a client that takes nothing; 0 = no bound

	FirstByte         time.Duration // until the head of a response, all attempts together; 0 = no bound
	FirstByteFallback time.Duration // the same for one attempt at a stream, where another upstream could answer
	Hold              time.Duration // how long the beginning of an answer is held back; default 2 s
	ErrorBody         time.Duration // from the head of an error until its end, past which the status alone counts; default 5 s

	Keepalive time.Duration // silence after which a client gets a comment, where its profile wants that; default 15 s
	Drain     time.Duration // how long an answer is read on after its client left, where its profile wants that; default 30 s
}

// Options configures a Proxy. Router and Journal are needed.
type Options struct {
	Router  *router.Router
	Journal Journal
	Hosts   []string // exact Host values that are answered, such as 127.0.0.1:3000
	Limits  Limits
	Logger  zerolog.Logger

	HostName string // of this machine, for the ledger
	Version  string // of prism, for the ledger

	// Attribution keeps project, directory and branch that a client sends.
	Attribution bool

	// Place tells where a session works whose requests do not say it; nil = nobody knows. It must
	// not wait.
	Place func(session string) (attribution.Place, bool)

	// Budgets is asked before a request is sent; nil = everything may be spent.
	Budgets Budgets

	// Finished sees every entry after its close record. It must not keep e.
	Finished func(e *ledger.Entry)

	Now   func() time.Time // default time.Now
	NewID func() string    // default a ULID
}

// Proxy is the handler of the data port.
type Proxy struct {
	opt      Options
	hosts    map[string]bool
	hostHint string
	bodies   bodies
	pool     sync.Pool // of *exchange

	requests   atomic.Int64
	refused    atomic.Int64
	inFlight   atomic.Int64
	handlers   running
	stopping   atomic.Bool
	translated atomic.Bool // an answer was translated: its thinking may stand in what comes
	quiet      refusalLog
	flights    flights
	repeats    repeats
	signed     signed
	drains     drains
}

// ErrOptions means that New was called without what it needs.
var ErrOptions = errors.New("proxy: Router, Journal and Hosts are needed")

// New returns a Proxy.
func New(opt Options) (*Proxy, error) {
	if opt.Router == nil || opt.Journal == nil || len(opt.Hosts) == 0 {
		return nil, ErrOptions
	}
	if opt.Limits.Body == 0 {
		opt.Limits.Body = 32 << 20
	}
	if opt.Limits.FileBody == 0 {
		opt.Limits.FileBody = 512 << 20
	}
	if opt.Limits.BodyBudget == 0 {
		opt.Limits.BodyBudget = 256 << 20
	}
	if opt.Limits.ErrorBody == 0 {
		opt.Limits.ErrorBody = 5 * time.Second
	}
	if opt.Limits.Keepalive == 0 {
		opt.Limits.Keepalive = 15 * time.Second
	}
	if opt.Limits.Drain == 0 {
		opt.Limits.Drain = drainAtMost
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.NewID == nil {
		opt.NewID = func() string { return ledger.NewID(opt.Now()) }
	}
	if opt.Finished == nil {
		opt.Finished = func(*ledger.Entry) {}
	}
	p := &Proxy{opt: opt, hosts: make(map[string]bool, len(opt.Hosts)), hostHint: opt.Hosts[0]}
	for _, h := range opt.Hosts {
		p.hosts[strings.ToLower(h)] = true
	}
	p.bodies.budget = opt.Limits.BodyBudget
	p.repeats.seed = maphash.MakeSeed()
	p.signed.seed = maphash.MakeSeed()
	p.flights.set = make(map[*flight]struct{})
	p.quiet = refusalLog{logger: opt.Logger, now: opt.Now}
	return p, nil
}

// Counts is what happened since the start.
type Counts struct {
	Requests int64 // exchanges that were accepted
	Refused  int64 // requests that were turned away before
	InFlight int   // exchanges under way
}

// Counts returns what happened since the start.
func (p *Proxy) Counts() Counts {
	return Counts{Requests: p.requests.Load(), Refused: p.refused.Load(), InFlight: int(p.inFlight.Load())}
}

// Stop marks what ends from now on as ended by a shutdown. Cancel the server's base context
// after it.
func (p *Proxy) Stop() {
	p.stopping.Store(true)
	p.drains.stop()
}

// Wait returns when no handler runs any more, or with the context's error. A server's own
// Shutdown returns at its deadline with handlers still running; their entries count.
func (p *Proxy) Wait(ctx context.Context) error { return p.handlers.wait(ctx) }

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := p.opt.Now()
	p.handlers.add()
	defer p.handlers.done()
	p.armWrite(http.NewResponseController(w))
	if ref := p.guard(r); ref != nil {
		p.turnAway(w, r, ref)
		return
	}
	if local(r) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		return
	}
	table := p.opt.Router.Table()
	if table == nil {
		p.turnAway(w, r, &refusal{status: http.StatusServiceUnavailable, typ: "api_error", code: "starting", message: "prism: starting", retry: true, after: 1})
		return
	}
	if ref := admit(table, r.Header); ref != nil {
		p.turnAway(w, r, ref)
		return
	}
	t, ok := parseTarget(r.URL.Path)
	if !ok {
		p.turnAway(w, r, notFound("no_route", "prism: only paths under /v1/ and /p/PROFILE/v1/ are answered here"))
		return
	}
	x := p.newExchange(w, r, table, start)
	defer x.free()
	if ref := x.accept(&t); ref != nil {
		p.turnAway(w, r, ref)
		return
	}
	x.run() //nolint:contextcheck // the exchange holds the request, and with it the context
}

// armWrite bounds the next write, the one included with which net/http ends a body. The bound that
// stands may be over by now: silence within a stream is longer than a write may take.
func (p *Proxy) armWrite(rc *http.ResponseController) {
	if t := p.opt.Limits.WriteStall; t > 0 {
		_ = rc.SetWriteDeadline(time.Now().Add(t))
	}
}

// lastRead is how long the rest of a body is read whose request was refused and whose connection
// ends.
const lastRead = time.Second

// turnAway answers with a refusal, counts it, and logs it at a limited rate, so that nobody
// can fill the disk. Nothing is journaled.
func (p *Proxy) turnAway(w http.ResponseWriter, r *http.Request, ref *refusal) {
	p.refused.Add(1)
	if ref.close {
		// What the client still sends is not read; the connection ends.
		w.Header().Set("Connection", "close")
	}
	rc := http.NewResponseController(w)
	p.armWrite(rc)
	if t := p.opt.Limits.BodyStall; t > 0 {
		// net/http reads on for a while before it sends an answer that came early. On a connection
		// that ends there is little to wait for.
		if ref.close {
			t = min(t, lastRead)
		}
		_ = rc.SetReadDeadline(time.Now().Add(t))
	}
	ref.write(w, "")
	p.quiet.note(r, ref)
}

// refusalLog logs the first refusal and then at most one in ten seconds, with the number of
// those in between.
type refusalLog struct {
	logger zerolog.Logger
	now    func() time.Time
	mu     sync.Mutex
	last   time.Time
	hidden int
}

const refusalEvery = 10 * time.Second

func (l *refusalLog) note(r *http.Request, ref *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !l.last.IsZero() && now.Sub(l.last) < refusalEvery {
		l.hidden++
		return
	}
	l.logger.Warn().Str(keyCode, ref.code).Int(keyStatus, ref.status).Str(keyMethod, cut(r.Method, 16)).Str(keyPath, cut(r.URL.Path, 200)).
		Int(keyHidden, l.hidden).Msg("request refused")
	l.last, l.hidden = now, 0
}

// cut returns at most n bytes of s and does not cut a character in two.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
