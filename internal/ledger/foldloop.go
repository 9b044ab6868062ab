package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Folder moves what is new in the journal into the database, exactly once.
type Folder interface {
	Fold(ctx context.Context) (FoldResult, error)
}

// FoldResult is the outcome of one fold.
type FoldResult struct {
	Rows      int       `json:"rows"`                // exchanges and config events that were added
	Waiting   int       `json:"waiting"`             // records that are still not folded
	Holder    string    `json:"holder,omitempty"`    // who holds the database: "duckdb (PID 10367)"
	Err       string    `json:"error,omitempty"`     // why nothing was folded
	Notes     []string  `json:"notes,omitempty"`     // damage found, and what was done about it
	Archived  int       `json:"archived,omitempty"`  // segments moved to the archive
	Collected int       `json:"collected,omitempty"` // rows that were too old and were let go of
	Watermark Watermark `json:"watermark"`           // everything before it is folded
}

// Bounds of how long a fold waits for the next.
const (
	defaultFoldInterval = 3 * time.Second
	maxFoldBackoff      = time.Minute

	// Folds take about a hundredth of the time, but no row waits longer than maxFoldRest for
	// that: a gateway that is used lightly all day folds for every few requests, and most of
	// what a fold costs does not depend on their number.
	foldShare   = 100
	maxFoldRest = 10 * time.Second
)

// FoldLoopOptions are the collaborators of a fold loop.
type FoldLoopOptions struct {
	Journal  *Journal
	Folder   Folder
	Interval time.Duration    // between the first new record and its fold; default 3 s
	File     string           // the database, if a missing one is to be made again; "" = it is not looked at
	Logger   zerolog.Logger   // told of folds that failed
	Now      func() time.Time // default time.Now
}

// FoldLoop folds when there is something to fold, and only then. It is safe for concurrent use.
type FoldLoop struct {
	opt  FoldLoopOptions
	kick chan struct{}

	folding sync.Mutex // one fold at a time

	mu      sync.Mutex // guards what follows
	state   FoldState
	retries int
	rested  time.Time // before it no fold begins by itself
}

// FoldState is how the fold stands.
type FoldState struct {
	At     time.Time  // of the last fold that succeeded; zero = none yet
	Result FoldResult // of the last one, successful or not
}

// NewFoldLoop returns a loop that [FoldLoop.Run] drives.
func NewFoldLoop(opt FoldLoopOptions) (*FoldLoop, error) {
	if opt.Journal == nil || opt.Folder == nil {
		return nil, errors.New("fold loop needs a journal and a folder")
	}
	if opt.Interval <= 0 {
		opt.Interval = defaultFoldInterval
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &FoldLoop{opt: opt, kick: make(chan struct{}, 1)}, nil
}

// Run folds until ctx ends, which is no error. Its timer runs only while records wait.
func (l *FoldLoop) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	armed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.opt.Journal.Dirty():
			if !armed {
				timer.Reset(l.wait())
				armed = true
			}
			continue
		case <-l.kick:
		case <-timer.C:
			armed = false
			if l.opt.Journal.State().Waiting == 0 {
				continue // someone else has folded
			}
		}
		timer.Stop()
		armed = false
		res, err := l.FoldNow(ctx)
		switch {
		case err != nil || res.Holder != "":
			timer.Reset(l.backoff())
			armed = true
		case l.opt.Journal.State().Waiting > 0:
			timer.Reset(l.wait())
			armed = true
		}
	}
}

// Kick makes the loop fold at once, without waiting for it.
func (l *FoldLoop) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// FoldNow folds in the caller's goroutine and returns the result, after a fold that is running
// has ended. A database that someone else holds is a result with a holder, not an error. Where
// nothing came since a fold that succeeded, nothing is done.
func (l *FoldLoop) FoldNow(ctx context.Context) (FoldResult, error) {
	l.folding.Lock()
	defer l.folding.Unlock()
	waited := l.opt.Journal.mark()
	if last := l.State(); waited == 0 && !last.At.IsZero() && last.Result.Err == "" && last.Result.Holder == "" && !l.missing() {
		return FoldResult{Watermark: last.Result.Watermark}, nil
	}
	began := time.Now()
	res, err := l.opt.Folder.Fold(ctx)
	l.rest(time.Since(began))
	switch {
	case res.Holder != "":
		err = nil
	case err != nil:
		res.Err = err.Error()
	default:
		l.opt.Journal.folded(res.Watermark, waited)
	}
	res.Waiting = int(l.opt.Journal.mark())
	l.note(res, err)
	return res, err
}

// missing tells whether somebody took the database away.
func (l *FoldLoop) missing() bool {
	if l.opt.File == "" {
		return false
	}
	_, err := os.Stat(l.opt.File)
	return errors.Is(err, fs.ErrNotExist)
}

// rest keeps the next fold away for a while that depends on what this one took.
func (l *FoldLoop) rest(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rested = time.Now().Add(min(foldShare*took, max(maxFoldRest, l.opt.Interval)))
}

// wait is how long a new record waits for its fold.
func (l *FoldLoop) wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.opt.Interval, time.Until(l.rested))
}

// State returns how the fold stands.
func (l *FoldLoop) State() FoldState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *FoldLoop) note(res FoldResult, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.state.Result
	l.state.Result = res
	if err == nil && res.Holder == "" {
		l.state.At = l.opt.Now()
		l.retries = 0
		for _, text := range res.Notes {
			l.opt.Logger.Error().Str("note", text).Msg("ledger repaired")
		}
		if res.Collected > 0 {
			l.opt.Logger.Info().Int("rows", res.Collected).Msg("old rows let go of")
		}
		return
	}
	l.retries++
	switch {
	case err != nil && before.Err != res.Err:
		l.opt.Logger.Error().Err(err).Int("waiting", res.Waiting).Msg("fold failed")
	case err == nil && before.Holder != res.Holder:
		l.opt.Logger.Warn().Str("holder", res.Holder).Int("waiting", res.Waiting).Msg("ledger held by another process")
	}
}

// backoff doubles with every failure in a row, up to a minute.
func (l *FoldLoop) backoff() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := l.opt.Interval
	for range min(l.retries, 10) {
		wait = min(wait*2, max(maxFoldBackoff, l.opt.Interval))
	}
	return wait
}
