package model

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/upstream"
)

// gateway is one life of the gateway.
type gateway struct {
	router  *router.Router
	proxy   *proxy.Proxy
	journal *journal
	server  *http.Server
	addr    string
	die     context.CancelFunc
	served  chan struct{}
}

// journal is a journal that can be cut off from one moment to the next.
type journal struct {
	*ledger.Journal
	mu     sync.Mutex // held while a record is written, so that a crash is before or after it
	dead   bool
	closes map[string]int // by request: a reader of the journal would pass over the second
}

// record writes one record. In a process that was killed nothing goes on; the nearest thing is to
// end the exchange.
func (j *journal) record(write func(*ledger.Entry) error, e *ledger.Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dead {
		panic(http.ErrAbortHandler)
	}
	return write(e)
}

// Open implements proxy.Journal.
func (j *journal) Open(e *ledger.Entry) error { return j.record(j.Journal.Open, e) }

// Usage implements proxy.Journal.
func (j *journal) Usage(e *ledger.Entry) error { return j.record(j.Journal.Usage, e) }

// Close implements proxy.Journal.
func (j *journal) Close(e *ledger.Entry) error {
	return j.record(func(e *ledger.Entry) error {
		j.closes[e.RequestID]++
		return j.Journal.Close(e)
	}, e)
}

// kill ends all writing.
func (j *journal) kill() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dead = true
}

// timeouts are short enough for a schedule to wait for them.
func timeouts() upstream.Timeouts {
	return upstream.Timeouts{Dial: time.Second, FirstByte: 150 * time.Millisecond, Idle: 150 * time.Millisecond, Write: time.Second, IdleConn: time.Second}
}

// start starts a gateway on what is there.
func (w *world) start() error {
	j, found, err := ledger.OpenJournal(ledger.JournalOptions{Dir: filepath.Join(w.dir, "journal"), Now: w.now, Reserve: -1})
	if err != nil {
		return err
	}
	// What the daemon does at its start.
	for _, e := range found.Open {
		e.Outcome = ledger.OutcomeCrashed
		proxy.Price(w.book, proxy.Terms{Multiplier: "1"}, e)
		if err := j.Close(e); err != nil {
			return err
		}
	}
	ln, err := net.Listen("tcp", w.ip+":0")
	if err != nil {
		return err
	}
	g := &gateway{journal: &journal{Journal: j, closes: map[string]int{}}, addr: ln.Addr().String(), served: make(chan struct{})}
	// Half of the worlds may fail over as often as they have reason to.
	share := []int{0, 100}[w.next%2]
	g.router = router.New(router.Options{Timeouts: timeouts(), FailoverShare: share, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}) //nolint:nilnil // no proxy
	if g.proxy, err = proxy.New(proxy.Options{
		Router: g.router, Journal: g.journal, Hosts: []string{g.addr}, Now: w.now,
		Limits: proxy.Limits{BodyStall: time.Second, WriteStall: 2 * time.Second, FirstByte: 600 * time.Millisecond, FirstByteFallback: 150 * time.Millisecond, Hold: 30 * time.Millisecond},
	}); err != nil {
		return err
	}
	w.gates = append(w.gates, g)
	if err := w.load(g); err != nil {
		return err
	}
	ctx, die := context.WithCancel(context.Background())
	g.die = die
	g.server = &http.Server{Handler: g.proxy, ReadHeaderTimeout: time.Second, ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		defer close(g.served)
		_ = g.server.Serve(ln)
	}()
	return nil
}

// load makes the configuration live.
func (w *world) load(g *gateway) error {
	t, err := g.router.Compile(router.Source{
		Generation: w.next, Book: w.book,
		Profiles: &config.Profiles{Active: w.active, Profiles: slices.Clone(w.profile), ClientToken: config.NewSecret(token)},
	})
	if err != nil {
		return err
	}
	g.router.Swap(t)
	return nil
}

// end ends the gateway: as kill -9 does, or in good order.
func (g *gateway) end(killed bool) error {
	if killed {
		g.journal.kill()
		g.die()
	}
	err := g.server.Close()
	<-g.served
	g.die()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if waited := g.proxy.Wait(ctx); waited != nil {
		return fmt.Errorf("handlers still run: %w", waited)
	}
	g.router.Close()
	if err != nil {
		return err
	}
	return g.journal.Shutdown(ctx)
}
