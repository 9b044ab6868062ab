package admin

import (
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
)

// feedBuffer is how far a follower may fall behind before it is dropped.
const feedBuffer = 256

// Event is what followers are told: an exchange that has finished, or a change of health.
type Event struct {
	*Exchange
	Health *HealthChange `json:"health,omitempty"`
}

// HealthChange is a change of the health of a profile, or of one of its keys. The names are those
// of the columns of table health_events.
type HealthChange struct {
	EventAt time.Time  `json:"event_at"`
	Profile string     `json:"profile"`
	Key     string     `json:"key,omitempty"` // "" = the whole profile
	From    string     `json:"from_state"`
	To      string     `json:"to_state"`
	Why     string     `json:"why,omitempty"`
	Until   *time.Time `json:"until"` // when it is asked again; null = not by the clock
}

// HealthOf returns ev as followers see it.
func HealthOf(ev *ledger.HealthEvent) HealthChange {
	h := HealthChange{EventAt: ev.EventAt, Profile: ev.Profile, Key: ev.Key, From: ev.FromState, To: ev.ToState, Why: ev.Why}
	if !ev.Until.IsZero() {
		h.Until = &ev.Until
	}
	return h
}

// Feed hands finished exchanges and changes of health to whoever follows. Publishing never blocks and costs one
// atomic load while nobody follows: a slow follower is dropped, never waited for.
type Feed struct {
	followers atomic.Int32

	mu   sync.Mutex // guards subs
	subs map[chan Event]struct{}
}

// NewFeed returns a feed without followers.
func NewFeed() *Feed { return &Feed{subs: make(map[chan Event]struct{})} }

// Publish tells every follower of e, which it does not keep.
func (f *Feed) Publish(e *ledger.Entry) {
	if f.followers.Load() == 0 {
		return
	}
	x := ExchangeOf(e)
	f.publish(Event{Exchange: &x})
}

// PublishHealth tells every follower of a change of health.
func (f *Feed) PublishHealth(h HealthChange) {
	if f.followers.Load() > 0 {
		f.publish(Event{Health: &h})
	}
}

func (f *Feed) publish(ev Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.subs {
		select {
		case ch <- ev:
		default:
			f.drop(ch)
		}
	}
}

// subscribe returns a channel that is closed when its reader falls too far behind, and a
// function that ends the subscription.
func (f *Feed) subscribe() (<-chan Event, func()) {
	ch := make(chan Event, feedBuffer)
	f.mu.Lock()
	f.subs[ch] = struct{}{}
	f.followers.Add(1)
	f.mu.Unlock()
	return ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(ch)
	}
}

// drop needs f.mu.
func (f *Feed) drop(ch chan Event) {
	if _, ok := f.subs[ch]; !ok {
		return
	}
	delete(f.subs, ch)
	f.followers.Add(-1)
	close(ch)
}
