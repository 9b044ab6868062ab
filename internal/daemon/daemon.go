package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/alert"
	"prism/internal/attribution"
	"prism/internal/dashboard"
	"prism/internal/lang"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/router"
	"prism/internal/spend"
	"prism/internal/telemetry"
	"prism/internal/upstream"
)

// Options configures a Daemon.
type Options struct {
	Paths    config.Paths
	Settings config.Settings
	Version  string
	Logger   zerolog.Logger

	// Secrets learns the secrets of every file that is read; nil = nobody wants to know.
	Secrets *router.Redactor

	// Folder moves entries into DuckDB; nil = a child process of this program,
	// `prism fold-worker`.
	Folder ledger.Folder

	// Query runs the queries of alerts; nil = a child process of this program, `prism
	// alert-worker`.
	Query func(ctx context.Context, queries []string) ([]alert.Answer, error)

	// Clouds makes the credentials of profiles whose auth is sigv4 or google; nil = there can be none.
	Clouds func(*config.Profile) (upstream.Authorizer, error)

	// Listener is used instead of listening on Settings.Listen.
	Listener net.Listener

	// Dashboard and Control are used instead of listening on Settings.Dashboard and at the path of
	// the control socket.
	Dashboard, Control net.Listener

	// Zone names the zone in which days are counted, such as Europe/Berlin; "" = UTC.
	Zone string

	// SQLWorker is the program and the arguments of the child that runs queries; nil = this program,
	// `prism sql-worker`.
	SQLWorker []string

	// Queries are the named queries that the dashboard offers; nil = there are none.
	Queries func() ([]admin.NamedQuery, error)

	// Program is the file of this program, by the name that an upgrade replaces; "" = as the system
	// names it.
	Program string

	// Lang is the language of notices on the desktop; the zero one is English.
	Lang lang.Printer

	// CodeLife is how long a one-time code of the dashboard is good for; 0 = 30 seconds.
	CodeLife time.Duration

	// Manager is told how prism is; nil = nobody wants to know.
	Manager *Manager

	// Ready is called once requests are answered.
	Ready func(Ready)

	// Kill, when closed, ends the drain at once: the second signal.
	Kill <-chan struct{}
	// KeyTimeout bounds what a key service or a plugin may take; default ten seconds.
	KeyTimeout time.Duration

	Now func() time.Time // default time.Now
}

// Ready is what a person wants to know at the start.
type Ready struct {
	Listen   string // host:port of the data port
	Socket   string
	Status   admin.Status
	Verdict  admin.Verdict // of the first load
	Crashed  int           // exchanges that an earlier run left open
	Duration time.Duration // from New to here
}

// Errors of the start.
var (
	// ErrRunning means that another prism uses the same state directory.
	ErrRunning = errors.New("another prism uses this state directory")
	// ErrPort means that the data port cannot be had.
	ErrPort = errors.New("the port is in use")
)

// Daemon is the running gateway.
type Daemon struct {
	opt     Options
	log     zerolog.Logger
	began   time.Time
	started time.Time

	lock      *os.File
	pins      *config.Pins
	recovered *ledger.Recovery         // until it is closed
	base      atomic.Pointer[baseBook] // of the price book, below the rows of the file
	router    *router.Router
	journal   *ledger.Journal
	loop      *ledger.FoldLoop
	tally     *spend.Tally
	alerts    *alert.Watcher
	notices   *alert.Notifier
	proxy     *proxy.Proxy
	feed      *admin.Feed
	health    *healthNews
	pulse     pulse
	places    *attribution.Registry
	watcher   atomic.Pointer[config.Watcher]
	ln        net.Listener
	gate      *gate
	leaving   atomic.Bool // the stop has begun
	answering atomic.Bool // requests are, from the start on
	telemetry *telemetry.Telemetry
	dashboard string            // host:port of the dashboard port; "" = there is none
	pages     *dashboard.Server // nil = there is no dashboard port
	data      *dashboard.Data
	readers   *ledgerGate // of the ledger, among our own children
	sock      net.Listener

	reloads  chan reloadCall
	hup      chan os.Signal            // SIGHUP asks for a reload, and never ends the process
	file     atomic.Pointer[fileState] // what Status says of profiles.yaml
	swaps    swaps
	news     news
	unpriced unpriced
	program  *program
}

// New checks what can be checked without touching anything.
func New(opt Options) (*Daemon, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Ready == nil {
		opt.Ready = func(Ready) {}
	}
	base, err := readBase("", nil)
	if err != nil {
		return nil, err
	}
	d := &Daemon{opt: opt, log: opt.Logger, began: opt.Now(), feed: admin.NewFeed(), health: newHealthNews(), readers: newLedgerGate(), reloads: make(chan reloadCall), hup: make(chan os.Signal, 1)}
	d.base.Store(base)
	d.unpriced.log = opt.Logger
	return d, nil
}

// cleanups run in reverse order.
type cleanups []func()

func (c *cleanups) add(f func()) { *c = append(*c, f) }

func (c *cleanups) run() {
	for _, f := range slices.Backward(*c) {
		f()
	}
}

// Run serves until ctx ends, then drains. It returns nil after an orderly stop.
func (d *Daemon) Run(ctx context.Context) error {
	harden()
	var done cleanups
	defer done.run()

	signal.Notify(d.hup, syscall.SIGHUP)
	done.add(func() { signal.Stop(d.hup) })
	if err := d.claim(ctx, &done); err != nil {
		return err
	}
	if err := d.prepare(&done); err != nil {
		return err
	}
	d.openTelemetry(&done) //nolint:contextcheck // the last of it is sent after ctx has ended
	if err := d.openData(&done); err != nil {
		return err
	}
	if err := d.openDashboard(ctx, &done); err != nil {
		return err
	}
	// Watching begins before reading: a save in between would be seen by neither.
	d.watch(&done) //nolint:contextcheck // the watch ends with the clean-ups
	verdict := d.load(ctx, "start", true)
	if !verdict.OK {
		return config.Problems(verdict.Problems)
	}
	crashed := d.closeCrashed()
	if err := d.listen(&done); err != nil { //nolint:contextcheck // it waits a second at most
		return err
	}

	// What is in flight when ctx ends has limits of its own.
	lasting := context.WithoutCancel(ctx)
	serving, stopServing := context.WithCancel(lasting)
	done.add(stopServing)
	d.gate = newGate(d.ln, clientsFor(descriptors()), d.log)
	d.started = d.opt.Now()
	server := d.server(serving)
	server.ConnState = d.gate.note
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(d.gate) }()
	control := d.control(serving)
	go func() { failed <- control.Serve(d.sock) }()

	background, stopBackground := context.WithCancel(lasting)
	loops := d.loops(background)
	d.answering.Store(true)
	d.opt.Ready(d.ready(lasting, verdict, crashed))
	d.log.Info().Str(keyListen, d.ln.Addr().String()).Str(keySocket, d.socket()).Str(keyActive, verdict.Active).
		Uint64(keyGeneration, verdict.Generation).Int(keyCrashed, crashed).Msg("gateway started")
	d.tellStatus("READY=1")

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	orderly := d.drain(lasting, server, stopServing)
	stopBackground()
	loops.Wait()
	_ = control.Close()
	d.saveTally()
	d.lastFold(lasting, orderly)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	d.log.Info().Int64(keyRequests, d.proxy.Counts().Requests).Msg("gateway stopped")
	return err
}

// claim takes what only one process can have: the lock first, before anything of another
// prism could be touched, then the port, before anything is written.
func (d *Daemon) claim(ctx context.Context, done *cleanups) error {
	p := d.opt.Paths
	if err := privateDirs(p.State, p.Data); err != nil {
		return err
	}
	if err := noLinks(&p); err != nil {
		return err
	}
	var err error
	if d.lock, err = TakeLock(p.Lock); err != nil {
		return err
	}
	done.add(func() { _ = d.lock.Close() })
	if d.ln = d.opt.Listener; d.ln == nil {
		if d.ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", d.opt.Settings.Listen); err != nil {
			return portError(d.opt.Settings.Listen, err)
		}
	} else if at := d.ln.Addr().String(); !sameAddress(at, d.opt.Settings.Listen) {
		d.log.Warn().Str(keyListen, at).Str(keyFix, "set listen: "+at+" in prism.yaml, or ListenStream="+d.opt.Settings.Listen+" in the socket unit").
			Msg("the inherited data port is not the one that the settings name")
	}
	done.add(func() { _ = d.ln.Close() })
	return nil
}

// prepare opens what the exchanges are recorded in, and makes what routes and folds them.
func (d *Daemon) prepare(done *cleanups) error {
	p := d.opt.Paths
	var err error
	if d.pins, err = config.LoadPins(p.Pins); err != nil {
		return err
	}
	d.program = openProgram(d.opt.Program, d.opt.Now)
	done.add(d.program.close)
	d.openPlaces()
	d.unpriced.open(filepath.Join(p.State, "unpriced.json"))
	s := d.opt.Settings
	var found *ledger.Recovery
	d.journal, found, err = ledger.OpenJournal(ledger.JournalOptions{
		Dir: p.Journal, Archive: p.Archive, Durability: s.Durability, Logger: d.log, Now: d.opt.Now, Strict: s.Audit == "strict",
	})
	if err != nil {
		return err
	}
	d.recovered = found
	done.add(d.closeJournal)
	if err := errors.Join(d.openNotices(), d.openTally()); err != nil {
		return err
	}
	if err := d.openAlerts(); err != nil {
		return err
	}
	d.router = router.New(d.routing())
	done.add(d.router.Close)
	folder := d.opt.Folder
	if folder == nil {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find the program file: %w", err)
		}
		folder = &Worker{Command: []string{self, "fold-worker"}, Request: d.foldRequest}
	}
	d.loop, err = ledger.NewFoldLoop(ledger.FoldLoopOptions{Journal: d.journal, Folder: gatedFolder{d.readers, folder}, Interval: s.FoldInterval, File: d.opt.Paths.LedgerFile, Logger: d.log})
	return err
}

func (d *Daemon) foldRequest() FoldRequest {
	p := d.opt.Paths
	book := d.base.Load().book
	if t := d.router.Table(); t != nil {
		book = t.Book
	}
	return FoldRequest{File: p.LedgerFile, Journal: p.Journal, Archive: p.Archive, Prices: book.Rows(), Days: d.opt.Settings.Retention.Days()}
}

// listen opens the control socket and makes the handler of the data port.
func (d *Daemon) listen(done *cleanups) error {
	if err := d.openSocket(); err != nil {
		return err
	}
	done.add(func() { _ = d.sock.Close() })
	var err error
	d.proxy, err = proxy.New(proxy.Options{
		Router: d.router, Journal: d.journal, Hosts: hostsOf(d.ln.Addr()), Logger: d.log, HostName: hostName(), Version: d.opt.Version,
		Attribution: d.opt.Settings.Attribution, Place: d.places.Place, Budgets: purse{d}, Finished: d.finished, Now: d.opt.Now,
		Limits: proxy.Limits{
			Body: d.opt.Settings.MaxBody, BodyBudget: d.opt.Settings.BodyBudget,
			BodyStall: d.opt.Settings.Timeouts.BodyStall, WriteStall: d.opt.Settings.Timeouts.WriteStall,
			FirstByte: d.opt.Settings.Timeouts.FirstByte, FirstByteFallback: d.opt.Settings.Timeouts.FirstByteFallback,
		},
	})
	return err
}

// finished sees every entry after its close record.
func (d *Daemon) finished(e *ledger.Entry) {
	d.tally.Add(e)
	d.unpriced.see(e)
	d.feed.Publish(e)
	d.look(e)
	d.tellFallback(e)
	d.telemetry.Finished(e)
}

func (d *Daemon) server(base context.Context) *http.Server {
	t := d.opt.Settings.Timeouts
	return &http.Server{
		Handler:           http.HandlerFunc(d.serveData),
		ReadHeaderTimeout: t.ReadHeader,
		IdleTimeout:       t.ServerIdle,
		MaxHeaderBytes:    256 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          quietLog(d.log),
	}
}

func (d *Daemon) control(base context.Context) *http.Server {
	return &http.Server{
		Handler:           admin.Handler(admin.Options{Control: control{d}, Folder: d.loop, Feed: d.feed, Sessions: control{d}, Recorder: recorder{d}, Observer: control{d}, Monitor: d.monitor(), Pages: control{d}, Data: d.registerSQL}),
		ReadHeaderTimeout: d.opt.Settings.Timeouts.ReadHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          quietLog(d.log),
	}
}

func (d *Daemon) ready(ctx context.Context, v admin.Verdict, crashed int) Ready {
	st, _ := control{d}.Status(ctx)
	return Ready{Listen: d.ln.Addr().String(), Socket: d.socket(), Status: st, Verdict: v, Crashed: crashed, Duration: d.opt.Now().Sub(d.began)}
}
