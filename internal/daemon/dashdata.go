package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"prism/internal/admin"
	"prism/internal/dashboard"
	"prism/internal/ledger"
)

// Bounds of the questions of the dashboard.
const (
	freshFor    = time.Second                 // rows that wait are folded first, but not more often
	freshWithin = 400 * time.Millisecond      // and if it takes longer, the answer goes without them
	placeWait   = sqlDeadline + 2*time.Second // for a place among the queries
	gateWait    = 2 * time.Second             // for a fold; then the last answer is given
	firstWait   = 8 * time.Second             // for the first fold after a start, before which there is no last answer
	typedWait   = sqlDeadline + gateWait      // a person waits for the query of another one, and for the fold behind it
	holderWait  = 300                         // milliseconds: for another program that holds the ledger
)

// openData makes what answers the pages out of the ledger.
func (d *Daemon) openData(done *cleanups) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program file: %w", err)
	}
	command := d.opt.SQLWorker
	if len(command) == 0 {
		command = []string{self, "sql-worker"}
	}
	fresh := newFreshener(d.loop, d.journal)
	lane := func(long bool) ledgerLane {
		return ledgerLane{long: long, file: d.opt.Paths.LedgerFile, gate: d.readers, fresh: fresh, runner: NewSQLRunner(command...), files: NewSQLRunner(command...)}
	}
	d.data, err = dashboard.NewData(dashboard.DataOptions{
		Pages: lane(false), Typed: lane(true), File: d.opt.Paths.LedgerFile, Zone: d.opt.Zone, Redact: d.redact,
		Budgets: func() []admin.BudgetStatus { return budgetStatus(d.tally) }, Queries: d.opt.Queries, Now: d.opt.Now,
	})
	if err != nil {
		return err
	}
	done.add(func() {
		d.data.Close()
		fresh.close()
	})
	return nil
}

// registerSQL adds the queries of the dashboard to the control socket, for other programs of the user.
func (d *Daemon) registerSQL(mux *http.ServeMux) { d.data.RegisterSQL(mux, "/v1/sql") }

// ledgerLane asks the ledger, in children that are its own: what keeps one lane busy does not stand
// in the way of another.
type ledgerLane struct {
	file   string
	gate   *ledgerGate
	fresh  *freshener
	runner *SQLRunner
	files  *SQLRunner // of downloads, which keep their places as long as a slow browser reads
	long   bool       // its queries may take seconds
}

var _ dashboard.Ledger = ledgerLane{}

// Ask implements [dashboard.Ledger].
func (l ledgerLane) Ask(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
	in, problem, err := l.enter(ctx, l.runner)
	if err != nil || problem != nil {
		return admin.QueryAnswer{Problem: problem}, err
	}
	defer in.leave()
	b.File, b.WaitMS = l.file, holderWait
	return l.runner.run(ctx, b)
}

// Export implements [dashboard.Ledger].
func (l ledgerLane) Export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	in, problem, err := l.enter(ctx, l.files)
	if err != nil {
		return err
	}
	if problem != nil {
		return problem
	}
	defer in.leave()
	b.File, b.WaitMS = l.file, holderWait
	return l.files.export(ctx, b, func(head admin.QueryFile) io.Writer {
		in.read() // the child has closed the ledger; how slow the browser is concerns nobody else
		return to(head)
	})
}

// inside is a query that may run.
type inside struct {
	read  func() // ends the reading, once
	place func() // lets the next query in
}

func (in inside) leave() {
	in.read()
	in.place()
}

// enter has rows folded that wait, and waits for a place and until the ledger may be read, but not
// for ever. A query that waits for a place keeps no fold waiting.
func (l ledgerLane) enter(ctx context.Context, run *SQLRunner) (inside, *admin.Error, error) {
	l.fresh.wait(ctx)
	place, err := within(ctx, placeWait, run.enter)
	if err != nil {
		problem, err := late(ctx, err, "other questions to the ledger are still being answered")
		return inside{}, problem, err
	}
	patience, what := gateWait, "new rows are being written to the ledger"
	if l.long {
		patience = typedWait
	}
	if l.fresh.first() {
		patience, what = max(patience, firstWait), "the ledger is being brought up to date"
	}
	read, err := within(ctx, patience, func(ctx context.Context) (func(), error) { return l.gate.read(ctx, l.long) })
	if err != nil {
		place()
		problem, err := late(ctx, err, what)
		return inside{}, problem, err
	}
	return inside{sync.OnceFunc(read), place}, nil, nil
}

// within waits for something for so long at most.
func within(ctx context.Context, patience time.Duration, wait func(context.Context) (func(), error)) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return wait(ctx)
}

// late says why nothing was waited for any longer, unless it was who asked that gave up.
func late(ctx context.Context, err error, what string) (*admin.Error, error) {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return &admin.Error{Code: admin.CodeLedgerBusy, Message: what, Fix: "try again"}, nil
	}
	return nil, err
}

// freshener folds what waits before somebody reads, within bounds: a page that is a second behind is
// better than one that does not come.
type freshener struct {
	loop    *ledger.FoldLoop
	journal *ledger.Journal
	ctx     context.Context //nolint:containedctx // of the folds, which outlive the question that began them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex // guards what follows
	fold chan struct{}
	last time.Time // the end of the last fold
}

func newFreshener(loop *ledger.FoldLoop, journal *ledger.Journal) *freshener {
	f := &freshener{loop: loop, journal: journal}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// wait returns when what waited is folded, or soon.
func (f *freshener) wait(ctx context.Context) {
	fold := f.begin()
	if fold == nil {
		return
	}
	timer := time.NewTimer(freshWithin)
	defer timer.Stop()
	select {
	case <-fold:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// first tells whether nothing was folded since the start: the views may be those of an earlier version,
// and there may be much to fold.
func (f *freshener) first() bool { return f.loop.State().At.IsZero() }

// begin starts a fold unless one is under way or nothing is to be folded; the channel is closed at
// its end, nil is none.
func (f *freshener) begin() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fold != nil {
		return f.fold
	}
	if time.Since(f.last) < freshFor || !f.first() && f.journal.State().Waiting == 0 || f.ctx.Err() != nil {
		return nil
	}
	fold := make(chan struct{})
	f.fold = fold
	f.running.Go(func() {
		_, _ = f.loop.FoldNow(f.ctx) // the loop tells of folds that fail
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fold, f.last = nil, time.Now()
		close(fold)
	})
	return fold
}

// close ends the folds that were begun here, and waits for them.
func (f *freshener) close() {
	f.cancel()
	f.running.Wait()
}
