package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/router"
)

// reloadCall is one request for a reload. Whoever sends it gets the verdict.
type reloadCall struct {
	trigger string
	force   bool
	use     string // make this profile active first
	trust   string // confirm the host of this profile first
	reply   chan reloadReply
}

type reloadReply struct {
	verdict admin.Verdict
	err     error
}

// fileState is what is known of profiles.yaml. It is replaced whole.
type fileState struct {
	file     *File // the last text that was looked at
	live     *File // the text of the live table
	liveAt   time.Time
	active   string // that answers now
	from     string // where that stands
	problems config.Problems
}

// partialWaits is how long a file that does not read well may take to become whole: an
// editor that truncates and writes is caught in between. A new event cuts the wait.
var partialWaits = [...]time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 450 * time.Millisecond} //nolint:gochecknoglobals // a constant table

// reloadLoop does all reloads, one after the other, until ctx ends.
func (d *Daemon) reloadLoop(ctx context.Context) {
	var events <-chan struct{}
	if w := d.watcher.Load(); w != nil {
		events = w.C()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			d.fileChanged(ctx, events)
			d.tellStatus()
		case <-d.hup:
			d.reloadForManager(ctx)
		case call := <-d.reloads:
			v, err := d.serveCall(ctx, call)
			call.reply <- reloadReply{v, err}
			d.tellStatus()
		}
	}
}

// watch begins to watch profiles.yaml. Without it the gateway runs all the same.
func (d *Daemon) watch(done *cleanups) {
	w, err := config.NewWatcher(d.opt.Paths.Profiles, config.WatchOptions{Logger: d.log})
	if err != nil {
		d.log.Error().Err(err).Msg("profiles are not watched; prism reload still works")
		return
	}
	done.add(w.Close)
	d.watcher.Store(w)
}

// fileChanged reloads after a save. What does not read well is read again, since it may be
// half a file; but not where the time went to a key service that hangs, because every other
// reload waits behind this one.
func (d *Daemon) fileChanged(ctx context.Context, events <-chan struct{}) {
	f := d.read(ctx)
	for _, wait := range partialWaits {
		if f.Problems.Err() == nil || f.TimedOut {
			break
		}
		select {
		case <-events:
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		f = d.read(ctx)
	}
	d.apply(f, "file", false)
}

// ask hands a call to the reload loop and waits for its verdict.
func (d *Daemon) ask(ctx context.Context, call reloadCall) (admin.Verdict, error) {
	call.reply = make(chan reloadReply, 1)
	select {
	case d.reloads <- call:
	case <-ctx.Done():
		return admin.Verdict{}, ctx.Err()
	}
	select {
	case r := <-call.reply:
		return r.verdict, r.err
	case <-ctx.Done():
		return admin.Verdict{}, ctx.Err()
	}
}

func (d *Daemon) serveCall(ctx context.Context, c reloadCall) (admin.Verdict, error) {
	switch {
	case c.use != "":
		return d.use(ctx, c.use)
	case c.trust != "":
		return d.trust(ctx, c.trust)
	}
	return d.load(ctx, c.trigger, c.force), nil
}

// read looks at the file on disk.
func (d *Daemon) read(ctx context.Context) *File {
	choice, _ := admin.LoadChoice(d.opt.Paths.ActiveFile)
	f := Load(ctx, LoadOptions{
		Path: d.opt.Paths.Profiles, AllowPlaintext: d.opt.Settings.AllowPlaintext, Active: choice.Active, Own: d.own(), KeyTimeout: d.opt.KeyTimeout,
	})
	d.opt.Secrets.Learn(f.Profiles) // before a word is said about it
	f.Problems = d.shown(f.Problems)
	return f
}

// own lists the addresses that no profile may lead to. The ports are bound before the first
// file is read.
func (d *Daemon) own() []string {
	own := []string{d.ln.Addr().String()}
	if d.dashboard != "" {
		own = append(own, d.dashboard)
	}
	return own
}

// load reads the file and applies it.
func (d *Daemon) load(ctx context.Context, trigger string, force bool) admin.Verdict {
	return d.apply(d.read(ctx), trigger, force)
}

// apply is one reload: everything fallible first, the one store last. A file that is refused
// changes nothing.
func (d *Daemon) apply(f *File, trigger string, force bool) admin.Verdict {
	began := f.ReadAt
	old := d.file.Load()
	v := d.verdict(trigger)
	active, from, err := d.activeOf(f)
	if err != nil {
		f.Problems = append(f.Problems, config.Problem{Severity: config.SeverityError, Code: "internal", File: d.opt.Paths.ActiveFile, Message: err.Error(), Fix: "rm " + d.opt.Paths.ActiveFile})
	}
	base := d.nextBook()
	repriced := base != d.base.Load()
	if !force && !repriced && old != nil && old.live != nil && f.Problems.Err() == nil && f.Hash == old.live.Hash && active == old.active {
		return d.same(f, old, v, began)
	}
	table, report, problems := d.compile(f, active, base.book)
	v.Problems = append(v.Problems, problems...)
	if problems.Err() != nil {
		return d.refuse(f, old, v, began)
	}
	if err := d.pins.Commit(report); err != nil {
		v.Problems = append(v.Problems, config.Problem{Severity: config.SeverityError, Code: "internal", File: d.opt.Paths.Pins, Message: err.Error(), Fix: "prism doctor"})
		return d.refuse(f, old, v, began)
	}
	if err := d.keepGeneration(table.Generation); err != nil {
		d.log.Error().Err(err).Msg("generation not kept")
	}
	v.Draining = d.inFlight()
	d.router.Swap(table)
	d.setBudgets(table)
	d.base.Store(base)
	d.unpriced.settle(table.Book, d.opt.Now())
	v.OK, v.Generation, v.Active = true, table.Generation, active
	d.describeSwap(&v, old, f, report)
	if old != nil && old.live != nil && (repriced || !samePrices(old.live, f)) {
		v.Changed = append(v.Changed, "prices")
	}
	v.DurationMS = ms(began)
	if old != nil && old.problems.Err() != nil {
		d.news.forget(admin.NoticeFileRefused, admin.NoticeHostWaits)
	}
	d.announceSwap(v, f)
	d.tellHosts(&v, report)
	d.swapped(admin.Swap{At: d.opt.Now(), Verdict: v})
	d.file.Store(&fileState{file: f, live: f, liveAt: d.opt.Now(), active: active, from: from, problems: config.Problems(v.Problems)})
	return v
}

// verdict is one that says how it is.
func (d *Daemon) verdict(trigger string) admin.Verdict {
	v := admin.Verdict{Trigger: trigger, Changed: []string{}, Added: []string{}, Removed: []string{}, Problems: []config.Problem{}, Notes: []string{}}
	if old := d.file.Load(); old != nil {
		v.Active, v.Previous = old.active, old.active
	}
	if t := d.router.Table(); t != nil {
		v.Generation = t.Generation
	}
	return v
}

func (d *Daemon) inFlight() int {
	if d.proxy == nil {
		return 0
	}
	return d.proxy.Counts().InFlight
}

// same answers a reload that found nothing to do. A file that was refused before and is now
// as it was is well again.
func (d *Daemon) same(f *File, old *fileState, v admin.Verdict, began time.Time) admin.Verdict {
	next := *old
	next.file, next.problems = f, f.Problems
	d.file.Store(&next)
	v.OK, v.Problems, v.DurationMS = true, append(v.Problems, f.Problems...), ms(began)
	if old.problems.Err() != nil {
		d.news.forget(admin.NoticeFileRefused, admin.NoticeHostWaits)
		d.log.Info().Uint64(keyGeneration, v.Generation).Str(keyTrigger, v.Trigger).Msg("profiles are as before")
		d.feed.PublishSwap(admin.Swap{At: d.opt.Now(), Verdict: v})
	}
	return v
}

// refuse keeps the live table and says so everywhere: in the log, in Status, in the ledger.
func (d *Daemon) refuse(f *File, old *fileState, v admin.Verdict, began time.Time) admin.Verdict {
	v.DurationMS = ms(began)
	problems := config.Problems(v.Problems)
	known := old != nil && old.file != nil && old.file.Hash == f.Hash && old.problems.Err() != nil && problems.Error() == old.problems.Error()
	if !known || v.Trigger != "file" { // a file that stays broken is told of once
		first := firstError(problems)
		d.log.Error().Str(keyTrigger, v.Trigger).Str(keyFile, first.File).Int(keyLine, first.Line).Str(keyCode, first.Code).Str(keyReason, first.OneLine()).
			Str(keyFix, first.Fix).Int(keyProblems, problems.Errors()).Uint64(keyGeneration, v.Generation).Msg("profiles refused")
		d.record(&ledger.ConfigEvent{Generation: v.Generation, Trigger: v.Trigger, Hash: f.Hash, Reason: first.OneLine()})
		d.swapped(admin.Swap{At: d.opt.Now(), Verdict: v})
		d.tellRefused(&v)
	}
	// Last, so that whoever reads of it in the status finds it in the log and the ledger.
	if old != nil {
		next := *old
		next.file, next.problems = f, problems
		d.file.Store(&next)
	}
	return v
}

func firstError(ps config.Problems) config.Problem {
	for _, p := range ps {
		if p.Severity == config.SeverityError {
			return p
		}
	}
	return config.Problem{}
}

func (d *Daemon) record(ev *ledger.ConfigEvent) {
	ev.EventAt = d.opt.Now()
	d.telemetry.Swap(ev.Accepted)
	if err := d.journal.Config(ev); err != nil {
		d.log.Error().Err(err).Msg("config event not recorded")
	}
}

// activeOf tells which profile answers, and where that stands.
func (d *Daemon) activeOf(f *File) (name, from string, err error) {
	if f.Profiles == nil {
		return "", "", nil
	}
	choice, err := admin.LoadChoice(d.opt.Paths.ActiveFile)
	if err != nil {
		return f.Profiles.Active, "", err
	}
	name, chosen := choice.Effective(f.Profiles.Active)
	if chosen && f.Profiles.Profile(name) == nil && f.Profiles.Active != "" {
		// The choice names a profile that was removed: the file decides again.
		name, chosen = f.Profiles.Active, false
	}
	if chosen {
		return name, d.opt.Paths.ActiveFile, nil
	}
	return name, fmt.Sprintf("%s:%d", f.Path, f.Profiles.ActivePos.Line), nil
}

// compile checks what the file alone cannot tell, and builds the table.
func (d *Daemon) compile(f *File, active string, base *pricing.Book) (*router.Table, config.PinReport, config.Problems) {
	problems := f.Problems
	var report config.PinReport
	if problems.Err() != nil {
		return nil, report, problems
	}
	report, err := d.pins.Check(f.Profiles.Profiles, d.opt.Settings.Trust == "strict")
	if err != nil {
		problems = append(problems, config.Problem{Severity: config.SeverityError, Code: "internal", File: d.opt.Paths.Pins, Message: err.Error(), Fix: "prism doctor"})
	}
	problems = append(problems, report.Refused.Locate(f.Path, f.Src)...)
	book, bookProblems := BookOf(base, f)
	problems = append(problems, bookProblems...)
	if problems.Err() != nil {
		return nil, report, d.shown(problems)
	}
	table, err := d.router.Compile(router.Source{Generation: d.nextGeneration(), Hash: f.Hash, Profiles: f.Profiles, Active: active, Book: book})
	if err != nil {
		problems = append(problems, compileProblems(f, err)...)
	}
	return table, report, d.shown(problems)
}

// compileProblems gives an error of the router its place in the file.
func compileProblems(f *File, err error) config.Problems {
	var all []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	} else {
		all = []error{err}
	}
	var ps config.Problems
	for _, e := range all {
		p := config.Problem{Severity: config.SeverityError, Code: "config_invalid", File: f.Path, Message: e.Error(), Fix: "edit " + f.Path}
		if pe, ok := errors.AsType[*router.ProfileError](e); ok {
			if profile := f.Profiles.Profile(pe.Profile); profile != nil {
				p.Line, p.Column, p.Path = profile.Pos.Line, profile.Pos.Column, "profiles["+profile.Name+"]"
			}
		}
		ps = append(ps, p)
	}
	return ps.Locate(f.Path, f.Src)
}

func ms(began time.Time) float64 { return float64(time.Since(began).Microseconds()) / 1000 }
