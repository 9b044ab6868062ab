package chaos

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// way is how an answer is asked for.
type way int

const (
	streamed way = iota
	plain
)

func (w way) String() string { return [...]string{"stream", "plain"}[w] }

// The requests of this package. Every provider must get these bytes, but for the model's name.
const (
	streamBody = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi \u00e4 日本"}],"max_tokens":100,"stream":true}`
	plainBody  = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi \u00e4 日本"}],"max_tokens":100}`
)

func (w way) body() string { return [...]string{streamBody, plainBody}[w] }

func both() []way     { return []way{streamed, plain} }
func inStream() []way { return []way{streamed} }
func inPlain() []way  { return []way{plain} }

// sight is what the client gets to see.
type sight int

const (
	exact   sight = iota // status and bytes of an upstream, to their end
	refused              // prism's own error
	stated               // an error that the upstream put into a stream, as an answer of its own
	marked               // what came, an error event on a boundary, an aborted connection
	broken               // what came, and an aborted connection
)

// end is how a request ends where nobody else is asked.
type end struct {
	see    sight
	status int               // 0 = 200
	typ    string            // error type that the client reads; of refused, stated and marked
	code   string            // x-prism-error
	final  bool              // prism says x-should-retry: false
	header map[string]string // headers of the upstream that must arrive as they are

	outcome   string
	errorType string // "" = that of the last try
	source    string // of the usage; "" = none
	note      string // one of usage_notes
}

// try is one attempt at the faulty profile, as the row must have it.
type try struct {
	status    int // 0 = no head of an answer came
	errorType string
	billed    bool   // maybe_billed
	told      bool   // its message_start told the tokens of the prompt
	outcome   string // "" = error
}

// fault is one thing that goes wrong at the first profile of a plan.
type fault struct {
	entry int // in the catalogue of faults
	name  string
	ways  []way

	answer  simulator.Answer                       // what the provider does, or
	worse   func(*testing.T) *wreck                // something that a simulator cannot do
	warm    int                                    // ordinary requests before, all at once, so that so many connections are kept
	prelude func(*scene)                           // just before the request
	profile func(*config.Profile)                  // settings of the faulty profile
	request func(way) (body string, h http.Header) // nil = the usual one

	tries []try
	next  bool // where there is a fallback it is asked
	alone end

	again string // why the same upstream is tried once more; "" = again

	hurried bool          // a bound has to run out
	eased   bool          // a bound must not run out, and nearly does
	within  time.Duration // 0 = 10 s
	then    func(*scene)  // more to check
}

// scene is one case while it is played.
type scene struct {
	*testing.T
	f        *fault
	way      way
	fallback bool
	house    *house
	work     *provider // the faulty one; it is not asked where there is a wreck
	wreck    *wreck
	spare    *provider
	sent     string // body of the request
	got      answer
	row      ledger.Entry
	bills    []simulator.Billed // of the faulty provider, warm-up left out
	spares   []simulator.Billed
}

// wanted is the usage that the faulty provider reports, spared that of the other one.
func wanted() simulator.Usage { return simulator.Usage{Input: 100, CacheRead: 50, Output: 9} }
func spared() simulator.Usage { return simulator.Usage{Input: 200, CacheRead: 70, Output: 11} }

// spareModel is what the fallback calls the model.
const spareModel = "claude-sonnet-5-5"

// spareCost is what its answer costs: 200 x 2 + 70 x 0.1 + 11 x 10 = 517 per million tokens.
const spareCost ledger.Money = 5_170_000

// reply is an answer of eleven events: message_start, content_block_start, six pieces of text,
// content_block_stop, message_delta, message_stop.
func reply(parts ...simulator.Part) simulator.Answer {
	return simulator.Reply(append([]simulator.Part{simulator.TextPieces("some words of an answer", 4), wanted()}, parts...)...)
}

// play plays one case.
func (f *fault) play(t *testing.T, w way, fallback bool) {
	t.Helper()
	s := f.set(t, w, fallback)
	header := http.Header{}
	s.sent = w.body()
	if f.request != nil {
		s.sent, header = f.request(w)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.got = s.house.ask(ctx, s.sent, header)
	rows := s.house.rows(1)
	if len(rows) != 1+f.warm {
		t.Fatalf("%d rows, want %d", len(rows), 1+f.warm)
	}
	s.row = rows[f.warm]
	s.collect(ctx)
	s.checkTime()
	s.checkContacts()
	s.checkClient()
	s.checkRow()
	s.checkAttempts()
	if f.then != nil {
		f.then(s)
	}
}

// set builds the house of a case and brings it to where the fault begins.
func (f *fault) set(t *testing.T, w way, fallback bool) *scene {
	t.Helper()
	s := &scene{T: t, f: f, way: w, fallback: fallback}
	s.work = newProvider(t, "work", reply(), false)
	s.spare = newProvider(t, "spare", simulator.Reply(simulator.Text("the fallback answers instead"), spared()), false)
	first, second := s.work.profile(), s.spare.profile()
	if f.worse != nil {
		s.wreck = f.worse(t)
		first.BaseURL, first.CAFile = s.wreck.url, s.wreck.ca
	}
	second.Models = []config.ModelRule{{Match: "*", Use: spareModel}}
	opt := options{}
	if f.eased {
		opt.timeouts, opt.limits = eased()
	}
	if f.hurried {
		opt.timeouts, opt.limits = hurried(), hurry()
		second.Timeouts = config.Timeouts{FirstByte: patient().FirstByte, Idle: patient().Idle}
	}
	if f.profile != nil {
		f.profile(&first)
	}
	opt.profiles = []config.Profile{first, second}
	if fallback {
		opt.profiles[0].Fallback = []string{"spare"}
	}
	s.house = newHouse(t, opt)
	s.warm()
	if f.worse == nil {
		s.work.Script(simulator.Always(f.answer))
	}
	if f.prelude != nil {
		f.prelude(s)
	}
	return s
}

// warm makes the ordinary requests before the fault. The answers are late, so that none of them
// leaves its connection to another one.
func (s *scene) warm() {
	if s.f.warm == 0 {
		return
	}
	s.work.Script(simulator.Times(s.f.warm, reply(simulator.Delay(100*time.Millisecond))))
	var wait sync.WaitGroup
	for range s.f.warm {
		wait.Go(func() {
			if got := s.house.ask(s.Context(), s.way.body(), nil); got.status != http.StatusOK || got.err != nil {
				s.Errorf("warm-up: status %d, error %v: %s", got.status, got.err, got.body)
			}
		})
	}
	wait.Wait()
	s.house.rows(s.f.warm)
}

// collect waits for the bills of the providers.
func (s *scene) collect(ctx context.Context) {
	asked := func(p *provider, warm int) []simulator.Billed {
		seen, _ := p.Requests()
		bills, err := p.WaitBills(ctx, seen)
		if err != nil {
			s.Fatal(err)
		}
		return bills[min(warm, len(bills)):]
	}
	s.bills, s.spares = asked(s.work, s.f.warm), asked(s.spare, 0)
}

// moved tells whether the fallback has to answer.
func (s *scene) moved() bool { return s.fallback && s.f.next }

// cases calls fn for every case of f.
func (f *fault) cases(fn func(name string, w way, fallback bool)) {
	for _, w := range f.ways {
		for _, fallback := range []bool{false, true} {
			with := "alone"
			if fallback {
				with = "fallback"
			}
			fn(fmt.Sprintf("%d/%s/%s/%s", f.entry, f.name, w, with), w, fallback)
		}
	}
}

// hold sets how long the beginning of a stream is held.
func hold(d time.Duration) func(*config.Profile) {
	return func(p *config.Profile) { p.Timeouts.Hold = &d }
}

// kind is the error_type of a failure on the way.
func kind(k upstream.Kind) string { return string(k) }
