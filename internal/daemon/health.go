package daemon

import (
	"context"
	"sync"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// routing is what the router is told of the settings.
func (d *Daemon) routing() router.Options {
	s := &d.opt.Settings
	opt := router.Options{
		Timeouts: upstream.Timeouts{
			Dial: s.Timeouts.Dial, TLS: s.Timeouts.TLS, Write: s.Timeouts.BodyStall, FirstByte: s.Timeouts.FirstByte, Idle: s.Timeouts.Idle, IdleConn: s.Timeouts.UpstreamIdle,
		},
		Clouds: d.opt.Clouds, Changed: d.health.add, Affinity: s.Failover.Affinity, FailoverShare: s.Failover.Percent(),
	}
	// There, nothing said is the default.
	if opt.Affinity == 0 {
		opt.Affinity = -1
	}
	if opt.FailoverShare == 0 {
		opt.FailoverShare = -1
	}
	return opt
}

// keptChanges is how many changes of health may wait to be told.
const keptChanges = 1024

// healthNews carries changes of health from the request that notices one, which must not wait,
// to whoever is told.
type healthNews struct {
	mu      sync.Mutex
	waiting []router.Change // guarded by mu
	dropped int             // guarded by mu
	wake    chan struct{}
}

func newHealthNews() *healthNews { return &healthNews{wake: make(chan struct{}, 1)} }

// add never waits. What comes while too many wait is counted.
func (n *healthNews) add(c router.Change) {
	n.mu.Lock()
	if len(n.waiting) < keptChanges {
		n.waiting = append(n.waiting, c)
	} else {
		n.dropped++
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, and how many changes were dropped.
func (n *healthNews) take() ([]router.Change, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, dropped := n.waiting, n.dropped
	n.waiting, n.dropped = nil, 0
	return all, dropped
}

// tellHealth tells of every change of health until ctx ends, and then of what is left.
func (d *Daemon) tellHealth(ctx context.Context) {
	calm := calmLog{log: d.log}
	later := time.NewTimer(changesEvery)
	defer later.Stop()
	for done := false; !done; {
		select {
		case <-d.health.wake:
		case <-later.C:
		case <-ctx.Done():
			done = true
		}
		all, dropped := d.health.take()
		for i := range all {
			d.healthChanged(&all[i], &calm)
		}
		if wait := calm.rest(done); wait > 0 {
			later.Reset(wait)
		}
		if dropped > 0 {
			d.log.Warn().Int(keyDropped, dropped).Msg("changes of health not recorded")
		}
	}
}

// healthChanged tells the log, the ledger and the followers.
func (d *Daemon) healthChanged(c *router.Change, calm *calmLog) {
	calm.tell(c)
	ev := ledger.HealthEvent{EventAt: c.At, Profile: c.Profile, Key: c.Key, FromState: c.From, ToState: c.To, Why: c.Why, Until: c.Until}
	if err := d.journal.Health(&ev); err != nil {
		d.log.Warn().Err(err).Str(keyProfile, c.Profile).Msg("change of health not recorded")
	}
	d.telemetry.Health(&ev)
	d.feed.PublishHealth(admin.HealthOf(&ev))
}

// healthStatus adds how the profile and its keys are.
func (d *Daemon) healthStatus(s *admin.ProfileStatus, p *config.Profile) {
	now := d.opt.Now()
	h := d.router.Health(p.Name)
	v := h.View(now)
	s.State, s.Why, s.Until = v.State, v.Why, instant(v.Until)
	s.LastOK, s.LastError, s.LastErrorAt = instant(v.LastOK), v.LastError, instant(v.LastErrorAt)
	s.Requests1h, s.Errors1h, s.InFlight = v.Requests1h, v.Errors1h, v.InFlight
	s.TTFTP95MS = stream.Unknown
	if v.TTFTP95 > 0 {
		s.TTFTP95MS = stream.Count(v.TTFTP95.Milliseconds())
	}
	s.Keys = []admin.KeyStatus{}
	views := h.Keys(now)
	for i, k := range p.AllKeys() {
		if i < len(views) && !k.Secret.IsZero() {
			s.Keys = append(s.Keys, admin.KeyStatus{
				Name: k.Name, Masked: k.Secret.Masked(), Fingerprint: k.Secret.Fingerprint(),
				State: views[i].State, Why: views[i].Why, Until: instant(views[i].Until),
			})
		}
	}
}
