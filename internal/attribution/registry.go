package attribution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Session is one session of a client and where it works.
type Session struct {
	ID string `json:"session_id"`
	Place
	SeenAt time.Time `json:"seen_at"`
}

const (
	maxSessions = 4096 // the ones seen last are kept
	maxID       = 128  // bytes, as in the ledger
	lookEvery   = time.Second
	stillSeen   = time.Hour // how far the file may lag behind when a session was seen
	writeDelay  = 200 * time.Millisecond
)

// ErrSession means that a session has no id, or no place.
var ErrSession = errors.New("a session needs an id and a place")

// Registry remembers sessions. It is safe for concurrent use.
type Registry struct {
	path  string
	now   func() time.Time
	dirty chan struct{}

	mu       sync.RWMutex
	sessions map[string]Session // guarded by mu
	stamp    stamp              // of the file as it was read; guarded by mu
	lookedAt time.Time          // when somebody last looked at the file; guarded by mu
}

// Open returns a registry with what the file at path holds. It can be used also where the file
// cannot be read; the error says why.
func Open(path string, now func() time.Time) (*Registry, error) {
	r := &Registry{path: path, now: now, dirty: make(chan struct{}, 1), sessions: map[string]Session{}}
	err := r.reload()
	return r, err
}

// Place returns where the session works. One that nobody has told the registry about may stand
// in the file: the client's hook writes there while the gateway does not answer.
func (r *Registry) Place(id string) (Place, bool) {
	if id == "" {
		return Place{}, false
	}
	r.mu.RLock()
	s, ok := r.sessions[id]
	look := !ok && r.now().Sub(r.lookedAt) >= lookEvery
	r.mu.RUnlock()
	if look && r.reload() == nil {
		r.mu.RLock()
		s, ok = r.sessions[id]
		r.mu.RUnlock()
	}
	return s.Place, ok
}

// Note remembers a session as seen now.
func (r *Registry) Note(s Session) error {
	s, err := s.checked()
	if err != nil {
		return err
	}
	s.SeenAt = r.now()
	r.mu.Lock()
	was, known := r.sessions[s.ID]
	// What is said again and again is not written again and again.
	same := known && was.Place == s.Place
	if same && s.SeenAt.Sub(was.SeenAt) < stillSeen {
		r.mu.Unlock()
		return nil
	}
	r.sessions[s.ID] = s
	trim(r.sessions)
	r.mu.Unlock()
	select {
	case r.dirty <- struct{}{}:
	default:
	}
	return nil
}

func (s Session) checked() (Session, error) {
	s.Place = s.cut()
	s.ID = cut(s.ID, maxID)
	if s.ID == "" || !s.Known() {
		return s, ErrSession
	}
	return s, nil
}

// Run writes the file soon after something has changed, until ctx ends, and then what is left.
// An error is told to failed; the next change tries again.
func (r *Registry) Run(ctx context.Context, failed func(error)) {
	write := func() {
		if err := r.save(); err != nil {
			failed(err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			select {
			case <-r.dirty:
				write()
			default:
			}
			return
		case <-r.dirty:
		}
		select {
		case <-ctx.Done():
		case <-time.After(writeDelay): // sessions begin in groups
		}
		write()
	}
}

// save writes what both the registry and the file know.
func (r *Registry) save() error {
	r.mu.RLock()
	mine := maps.Clone(r.sessions)
	r.mu.RUnlock()
	all, at, err := update(r.path, mine)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	merge(r.sessions, all)
	r.stamp = at
	return nil
}

// reload takes in what others have written to the file.
func (r *Registry) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookedAt = r.now()
	at, err := stampOf(r.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && at == r.stamp {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the sessions: %w", err)
	}
	found, err := load(r.path)
	if err != nil {
		return err
	}
	r.stamp = at
	merge(r.sessions, found)
	trim(r.sessions)
	return nil
}

// Record writes one session to the file at path, for a process that ends right after.
func Record(path string, s Session) error {
	s, err := s.checked()
	if err != nil {
		return err
	}
	_, _, err = update(path, map[string]Session{s.ID: s})
	return err
}

// merge adds the sessions of from to into; of two, the one seen last stays.
func merge(into, from map[string]Session) {
	for id, s := range from {
		if was, ok := into[id]; !ok || s.SeenAt.After(was.SeenAt) {
			into[id] = s
		}
	}
}

// trim forgets the sessions that were not seen for the longest time.
func trim(sessions map[string]Session) {
	if len(sessions) <= maxSessions {
		return
	}
	for _, s := range ordered(sessions)[maxSessions:] {
		delete(sessions, s.ID)
	}
}

// ordered returns the sessions, the one seen last first.
func ordered(sessions map[string]Session) []Session {
	return slices.SortedFunc(maps.Values(sessions), func(a, b Session) int {
		return cmp.Or(b.SeenAt.Compare(a.SeenAt), cmp.Compare(a.ID, b.ID))
	})
}

// stamp tells one version of a file from the next.
type stamp struct {
	size int64
	at   time.Time
}

func stampOf(path string) (stamp, error) {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{st.Size(), st.ModTime()}, nil
}
