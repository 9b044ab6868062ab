package daemon

import (
	"sync"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/alert"
	"prism/internal/ledger"
	"prism/internal/spend"
)

// How long nothing more is said of the same thing: a file that is saved every second, a profile
// that fails at every request.
const (
	quietFile     = 30 * time.Second
	quietFallback = 10 * time.Minute
	keptNews      = 256 // things that are remembered; beyond, the oldest are forgotten
)

// routeFallback is the route_reason of an exchange that another profile answered.
const routeFallback = "fallback"

// aboutMoney is the setting that leaves out what is not about money.
const aboutMoney = "money"

// news remembers what people were told, and when.
type news struct {
	mu   sync.Mutex
	told map[string]time.Time // guarded by mu
}

// due tells whether it may be said again.
func (n *news) due(what string, quiet time.Duration, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, known := n.told[what]; known && now.Sub(last) < quiet {
		return false
	}
	if n.told == nil || len(n.told) >= keptNews {
		n.told = map[string]time.Time{}
	}
	n.told[what] = now
	return true
}

// tellPeople passes a notice on, unless the same was said a short while ago: to who follows, and to
// where the settings say.
func (d *Daemon) tellPeople(n admin.Notice, quiet time.Duration) {
	if !d.news.due(n.Kind+" "+n.Profile, quiet, d.opt.Now()) {
		return
	}
	d.feed.PublishNotice(n)
	if d.opt.Settings.Notify.About != aboutMoney {
		d.notices.Say(alert.Notice{Kind: n.Kind, Message: n.String(), Fix: n.Fix})
	}
}

// tellRefused tells that the file on disk is not the one that counts.
func (d *Daemon) tellRefused(v *admin.Verdict) {
	st := admin.Status{Generation: v.Generation, File: admin.FileStatus{Problems: v.Problems}}
	for _, n := range admin.Notices(st) {
		d.tellPeople(n, quietFile)
	}
}

// tellHosts tells of keys that may go to a host which was never seen, on its first use. At the start
// that is how it always is.
func (d *Daemon) tellHosts(v *admin.Verdict, report config.PinReport) {
	if v.Trigger == "start" {
		return
	}
	for _, pin := range report.New {
		d.tellPeople(admin.Notice{
			Kind: admin.NoticeHostNew, Text: "the key of %s may now be sent to %s, for the first time", Args: []string{pin.Profile, pin.Origin},
			Fix: "prism trust --revoke " + pin.Profile, Profile: pin.Profile,
		}, 0)
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
	kind := admin.NoticeAlert
	switch {
	case ev.State == ledger.AlertCleared:
		return
	case ev.Rule == spend.RuleBudget && ev.State == ledger.AlertWarned:
		kind = admin.NoticeBudgetWarn
	case ev.Rule == spend.RuleBudget:
		kind = admin.NoticeBudgetOver
	}
	d.feed.PublishNotice(admin.Notice{Kind: kind, Text: "%s", Args: []string{ev.Message}, Fix: "prism spend --budget"})
}
