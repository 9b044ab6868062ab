package daemon

import (
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"prism/internal/ledger"
	"prism/internal/router"
)

// How often the log tells of one profile.
const (
	changesEvery = 10 * time.Second
	changesBurst = 6
)

// calmLog logs changes of health. A profile that goes up and down many times a second fills no
// disk: what is too much is left out. The last change is told all the same, once its time has
// come, and one that takes a profile out of service is told at once.
type calmLog struct {
	log    zerolog.Logger
	quotas map[string]*quota
}

// quota is what the log may still say of a profile.
type quota struct {
	since   time.Time
	said    int
	skipped int
	held    map[string]router.Change // by key, the last change if it was skipped
}

func (l *calmLog) tell(c *router.Change) {
	if l.quotas == nil {
		l.quotas = map[string]*quota{}
	}
	q := l.quotas[c.Profile]
	if q == nil {
		q = &quota{since: time.Now(), held: map[string]router.Change{}}
		l.quotas[c.Profile] = q
	}
	if time.Since(q.since) >= changesEvery {
		l.catchUp(q)
		q.since, q.said = time.Now(), 0
	}
	out := c.Key == "" && (c.To == ledger.HealthDenied || c.To == ledger.HealthOpen)
	if q.said++; q.said > changesBurst && !out {
		q.skipped++
		q.held[c.Key] = *c
		return
	}
	delete(q.held, c.Key)
	l.line(c, q)
}

// rest tells what is still to be said of the profiles whose time has come; with all, of every
// one. It returns how long the next one has to wait, 0 = there is none.
func (l *calmLog) rest(all bool) (next time.Duration) {
	for _, name := range slices.Sorted(maps.Keys(l.quotas)) {
		q := l.quotas[name]
		wait := changesEvery - time.Since(q.since)
		switch {
		case len(q.held) == 0:
		case all || wait <= 0:
			l.catchUp(q)
		case next == 0 || wait < next:
			next = wait
		}
	}
	return next
}

// catchUp tells the last changes that were skipped.
func (l *calmLog) catchUp(q *quota) {
	for _, key := range slices.Sorted(maps.Keys(q.held)) {
		c := q.held[key]
		delete(q.held, key)
		q.skipped-- // this one is told
		l.line(&c, q)
	}
}

func (l *calmLog) line(c *router.Change, q *quota) {
	line := l.log.Info()
	if c.To == ledger.HealthDenied || c.To == ledger.HealthOpen {
		line = l.log.Warn()
	}
	line.Str(keyProfile, c.Profile).Str(keyFrom, c.From).Str(keyTo, c.To)
	if c.Key != "" {
		line.Str(keyKey, c.Key)
	}
	if c.Why != "" {
		line.Str(keyReason, c.Why)
	}
	if !c.Until.IsZero() {
		line.Time(keyUntil, c.Until)
	}
	if q.skipped > 0 {
		line.Int(keySkipped, q.skipped)
		q.skipped = 0
	}
	line.Msg("health changed")
}
