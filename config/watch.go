package config

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// WatchOptions tune a [Watcher]; zero values mean the defaults.
type WatchOptions struct {
	Poll  time.Duration // between two looks without events; 2 s
	Quiet time.Duration // without change before a change is told; 75 ms
	Max   time.Duration // after which a change is told although there was no quiet; 500 ms
	// Logger hears when events stop or come back. The zero value is silent.
	Logger zerolog.Logger
}

// Watcher tells when a file may have changed, in whatever way it was saved: written in place,
// renamed over, reached through links that were exchanged, deleted and created again.
//
// Events of the directories on the way only wake a look at the file's [FileState], which also
// happens every two seconds: network file systems send no events, and the number of watches
// is limited. The receiver reads the file and compares its contents; being told once too often
// costs one read.
type Watcher struct {
	path string
	opt  WatchOptions
	c    chan struct{}
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex // guards what the methods tell: mode, dirs
	mode string
	dirs []string
}

// The modes of a [Watcher].
const (
	WatchEvents = "inotify" // events, and the poll beside them
	WatchPoll   = "poll"    // the poll alone: there are no events to be had
)

// NewWatcher starts to watch the file at path, which need not exist.
func NewWatcher(path string, opt WatchOptions) (*Watcher, error) {
	return newWatcher(path, opt, newEvents)
}

func newWatcher(path string, opt WatchOptions, source func() *events) (*Watcher, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if opt.Poll <= 0 {
		opt.Poll = 2 * time.Second
	}
	if opt.Quiet <= 0 {
		opt.Quiet = 75 * time.Millisecond
	}
	if opt.Max <= 0 {
		opt.Max = 500 * time.Millisecond
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Watcher{path: path, opt: opt, c: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), mode: WatchPoll}
	l := &watchLoop{w: w, events: source()}
	l.arm()
	l.told = l.look()
	go func() {
		defer close(w.done)
		defer l.events.close()
		l.run(ctx)
	}()
	return w, nil
}

// C returns the channel that gets a value when the file may have changed. A second change
// before the first was received is one.
func (w *Watcher) C() <-chan struct{} { return w.c }

// Mode returns "inotify" while events arrive for every directory on the way, else "poll".
func (w *Watcher) Mode() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mode
}

// Dirs returns the directories on the way to the file, those of all links included.
func (w *Watcher) Dirs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dirs)
}

// Close stops watching and waits until it has stopped. The channel stays open.
func (w *Watcher) Close() {
	w.stop()
	<-w.done
}

// watchLoop is the one goroutine of a [Watcher].
type watchLoop struct {
	w      *Watcher
	events *events
	chain  chain
	told   FileState // what the receiver knows of
	seen   FileState // what the last look of a poll saw
	heard  bool      // an event told of the change, so that quiet means that no one writes
	first  time.Time // of the changes not told yet; zero if there are none
	timer  *time.Timer
}

func (l *watchLoop) run(ctx context.Context) {
	poll := time.NewTicker(l.w.opt.Poll)
	defer poll.Stop()
	l.timer = time.NewTimer(time.Hour)
	l.timer.Stop()
	defer l.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case name, ok := <-l.events.wake():
			if !ok || name == "" || slices.Contains(l.chain.names, name) || slices.Contains(l.chain.dirs, name) {
				l.heard = true
				l.delay()
			}
		case <-poll.C:
			l.arm()
			if now := l.look(); l.first.IsZero() && now != l.told {
				l.seen, l.heard = now, false
				l.delay()
			}
		case <-l.timer.C:
			l.settle()
		}
	}
}

// delay waits for quiet from now on, but not past the limit since the first change.
func (l *watchLoop) delay() {
	now := time.Now()
	if l.first.IsZero() {
		l.first = now
	}
	l.timer.Reset(max(min(l.w.opt.Quiet, l.w.opt.Max-now.Sub(l.first)), 0))
}

// settle tells the receiver, unless the file is on the move still or is what it was.
func (l *watchLoop) settle() {
	l.arm()
	now := l.look()
	late := time.Since(l.first) >= l.w.opt.Max
	if moved := now == (FileState{}) || !l.heard && now != l.seen; moved && now != l.told && !late {
		// Without events only a second look shows that no one writes; and a file that is gone
		// for a moment comes back.
		l.seen = now
		l.delay()
		return
	}
	l.first, l.seen, l.heard = time.Time{}, now, false
	if now != l.told {
		l.told = now
		select {
		case l.w.c <- struct{}{}:
		default:
		}
	}
	if age := time.Since(now.ModTime); age >= 0 && age < l.w.opt.Quiet {
		// The clock of the file system is coarse: the next write could leave the same time.
		l.told.ModTime = time.Time{}
		l.delay()
	}
}

// look returns the state of the file, the zero state if there is none.
func (l *watchLoop) look() FileState {
	st, err := Stat(l.w.path)
	if err != nil {
		return FileState{}
	}
	return st
}

// arm follows the links anew and watches the directories that are on the way now.
func (l *watchLoop) arm() {
	l.chain = resolveChain(l.w.path)
	mode := WatchPoll
	if l.events.watch(l.chain.dirs) {
		mode = WatchEvents
	}
	l.w.mu.Lock()
	was := l.w.mode
	l.w.mode, l.w.dirs = mode, l.chain.dirs
	l.w.mu.Unlock()
	if l.timer != nil && was != mode {
		l.w.opt.Logger.Warn().Str("mode", mode).Str("path", l.w.path).Msg("watch mode changed")
	}
}
