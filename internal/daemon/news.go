package daemon

import (
	"maps"
	"slices"
	"sync"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/alert"
	"prism/internal/ledger"
	"prism/internal/spend"
)

// How long the same is not said again: a file that is saved every second, a profile that fails at
// every request.
const (
	quietFile     = 30 * time.Second
	quietFallback = 10 * time.Minute
	keptNews      = 256 // things that are remembered; beyond, the one told first is forgotten
)

// routeFallback is the route_reason of an exchange that another profile answered.
const routeFallback = "fallback"

// aboutMoney is the setting that leaves out what is not about money.
const aboutMoney = "money"

// news remembers what people were told, and when.
type news struct {
	mu   sync.Mutex
	told map[piece]time.Time // guarded by mu
}

// piece is one thing that people are told.
type piece struct{ kind, profile, text string }

// due tells whether it may be said again.
func (n *news) due(what piece, quiet time.Duration, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, known := n.told[what]; known && now.Sub(last) < quiet {
		return false
	}
	if n.told == nil {
		n.told = map[piece]time.Time{}
	}
	n.told[what] = now
	if len(n.told) > keptNews {
		oldest := what
		for other, at := range n.told {
			if at.Before(n.told[oldest]) {
				oldest = other
			}
		}
		delete(n.told, oldest)
	}
	return true
}

// forget has what was told of these kinds told again when it comes again: it was over meanwhile.
func (n *news) forget(kinds ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.told, func(p piece, _ time.Time) bool { return slices.Contains(kinds, p.kind) })
}

// tellPeople passes a notice on, unless the same was said a short while ago: to who follows, and to
// where the settings say, which may be on another machine.
func (d *Daemon) tellPeople(n admin.Notice, quiet time.Duration) {
	n = d.without(n)
	if !d.news.due(piece{n.Kind, n.Profile, n.String()}, quiet, d.opt.Now()) {
		return
	}
	d.feed.PublishNotice(n)
	if d.opt.Settings.Notify.About != aboutMoney {
		d.notices.Say(alert.Notice{Kind: n.Kind, Message: n.String(), Fix: n.Fix})
	}
}

// without takes keys out of a notice.
func (d *Daemon) without(n admin.Notice) admin.Notice {
	n.Args = slices.Clone(n.Args)
	for i := range n.Args {
		n.Args[i] = d.plain(n.Args[i])
	}
	n.Fix = d.plain(n.Fix)
	return n
}

// tellRefused tells that the file on disk is not the one that counts.
func (d *Daemon) tellRefused(v *admin.Verdict) {
	st := admin.Status{Generation: v.Generation, File: admin.FileStatus{Problems: v.Problems}}
	for _, n := range admin.Notices(st) {
		d.tellPeople(n, quietFile)
	}
}

// tellHosts tells of keys, and of requests of profiles without one, that may go to a host which was never
// seen, on its first use: once for all keys of a profile. At the start that is how it always is.
func (d *Daemon) tellHosts(v *admin.Verdict, report config.PinReport) {
	if v.Trigger == "start" {
		return
	}
	type way struct{ profile, origin string }
	told := map[way]bool{}
	for _, pin := range report.New {
		to := way{pin.Profile, pin.Origin}
		if told[to] {
			continue
		}
		told[to] = true
		n := admin.Notice{
			Kind: admin.NoticeHostNew, Text: "the key of %s may now be sent to %s, for the first time", Args: []string{pin.Profile, pin.Origin},
			Fix: "prism trust --revoke " + pin.Profile, Profile: pin.Profile,
		}
		if pin.Key == "" {
			n.Text = "requests of %s may now be sent to %s, for the first time"
		}
		d.tellPeople(n, 0)
	}
}

// tellFallback tells that another profile answered than the one that was asked first.
func (d *Daemon) tellFallback(e *ledger.Entry) {
	if e.RouteReason != routeFallback || len(e.Attempts) == 0 || e.Attempts[0].Profile == e.Profile {
		return
	}
	d.tellPeople(admin.Notice{
		Kind: admin.NoticeFallback, Text: "%s answers in place of %s", Args: []string{e.Profile, e.Attempts[0].Profile}, Fix: "prism status", Profile: e.Attempts[0].Profile,
	}, quietFallback)
}

// tellMoney shows followers what the notifier tells of a budget or an alert.
func (d *Daemon) tellMoney(ev *ledger.AlertEvent) {
	kind, fix := admin.NoticeAlert, "prism spend --budget"
	switch {
	case ev.State == ledger.AlertCleared:
		return
	case ev.Rule == spend.RuleBudget && ev.State == ledger.AlertWarned:
		kind = admin.NoticeBudgetWarn
	case ev.Rule == spend.RuleBudget:
		kind = admin.NoticeBudgetOver
	default:
		fix = "prism status"
	}
	d.feed.PublishNotice(d.without(admin.Notice{Kind: kind, Text: "%s", Args: []string{ev.Message}, Fix: fix}))
}
