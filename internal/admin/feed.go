package admin

import (
	"sync"
	"sync/atomic"
	"time"

	"prism/internal/ledger"
)

// feedBuffer is how far a follower may fall behind before it is dropped.
const feedBuffer = 256

// Event is what followers are told: an exchange that has finished, a change of health, something
// that a person should know, or a swap.
type Event struct {
	*Exchange
	Health *HealthChange `json:"health,omitempty"`
	Notice *Notice       `json:"notice,omitempty"`
	Swap   *Swap         `json:"swap,omitempty"`
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

// Feed hands finished exchanges, changes of health and notices to whoever follows. Publishing never blocks and costs one
// atomic load while nobody follows: a slow follower is dropped, never waited for.
type Feed struct {
	followers atomic.Int32
	desktops  atomic.Int32

	mu   sync.Mutex // guards subs
	subs map[chan Event]struct{}
}

// NewFeed returns a feed without followers.
func NewFeed() *Feed { return &Feed{subs: make(map[chan Event]struct{})} }

// Followed tells whether anybody follows.
func (f *Feed) Followed() bool { return f.followers.Load() > 0 }

// Publish tells every follower of e, which it does not keep.
func (f *Feed) Publish(e *ledger.Entry) {
	if !f.Followed() {
		return
	}
	x := ExchangeOf(e)
	f.publish(Event{Exchange: &x})
}

// PublishHealth tells every follower of a change of health.
func (f *Feed) PublishHealth(h HealthChange) {
	if f.Followed() {
		f.publish(Event{Health: &h})
	}
}

// PublishNotice tells every follower of something that a person should know.
func (f *Feed) PublishNotice(n Notice) {
	if f.Followed() {
		f.publish(Event{Notice: &n})
	}
}

// PublishSwap tells every follower of a swap, of one that was refused, or of a file that is well again.
func (f *Feed) PublishSwap(s Swap) {
	if f.Followed() {
		f.publish(Event{Swap: &s})
	}
}

// OnDesktop counts a follower that shows notices on the desktop, until the function that it returns
// is called.
func (f *Feed) OnDesktop() (end func()) {
	f.desktops.Add(1)
	return func() { f.desktops.Add(-1) }
}

// ShownOnDesktop tells whether a follower shows notices on the desktop, so that nobody else need.
func (f *Feed) ShownOnDesktop() bool { return f.desktops.Load() > 0 }

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

// Subscribe returns a channel that is closed when its reader falls too far behind, and a
// function that ends the subscription.
func (f *Feed) Subscribe() (<-chan Event, func()) {
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
