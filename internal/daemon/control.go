package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"prism/config"
	"prism/config/sealed"
	"prism/internal/admin"
)

// control is the daemon as the admin API sees it.
type control struct{ d *Daemon }

var _ admin.Control = control{}

// Reload reads the file now.
func (c control) Reload(ctx context.Context, force bool) (admin.Verdict, error) {
	return c.d.ask(ctx, reloadCall{trigger: "reload", force: force})
}

// Use makes a profile active; "-" goes back.
func (c control) Use(ctx context.Context, name string) (admin.Verdict, error) {
	return c.d.ask(ctx, reloadCall{use: name})
}

// Trust confirms the host of a profile's key.
func (c control) Trust(ctx context.Context, profile string) (admin.Verdict, error) {
	return c.d.ask(ctx, reloadCall{trust: profile})
}

// Status says how everything is.
func (c control) Status(context.Context) (admin.Status, error) {
	d := c.d
	n := d.proxy.Counts()
	if t := d.router.Table(); t != nil {
		d.unpriced.settle(t.Book, d.opt.Now()) // a row may have come into force since the last swap
	}
	st := admin.Status{
		Running: true, PID: os.Getpid(), Version: d.opt.Version, StartedAt: d.started, Listen: d.ln.Addr().String(), Dashboard: d.dashboard, Socket: d.socket(),
		InFlight: n.InFlight, Requests: n.Requests, Refused: n.Refused, Unpriced: d.unpriced.all(), Ledger: d.ledgerStatus(),
		OtherBuild: d.program.replaced(),
	}
	d.moneyStatus(&st)
	fs, t := d.file.Load(), d.router.Table()
	if fs == nil || t == nil {
		return st, nil
	}
	st.Active, st.ActiveFrom, st.Generation = fs.active, fs.from, t.Generation
	st.File = admin.FileStatus{
		Path: fs.live.Path, RealPath: fs.file.State.RealPath, Hash: fs.live.Hash, LoadedAt: fs.liveAt,
		OK: fs.problems.Err() == nil, Problems: append([]config.Problem{}, fs.problems...), Dirs: []string{},
	}
	if w := d.watcher.Load(); w != nil {
		st.File.Mode, st.File.Dirs = w.Mode(), w.Dirs()
	}
	for i := range t.Config.Profiles {
		p := d.profileStatus(&t.Config.Profiles[i])
		p.Waits = waiting(fs.problems, p.Name)
		st.Profiles = append(st.Profiles, p)
	}
	return st, nil
}

// waiting is why a profile waits for prism trust; "" = it does not.
func waiting(problems config.Problems, profile string) string {
	for _, p := range problems {
		if p.Code == config.CodePinMismatch && p.Path == "profiles["+profile+"].base_url" {
			return p.Message
		}
	}
	return ""
}

func (d *Daemon) profileStatus(p *config.Profile) admin.ProfileStatus {
	s := admin.ProfileStatus{Name: p.Name, Origin: p.Origin(), Models: len(p.Models), Fallback: append([]string{}, p.Fallback...), Today: d.todayOf(p.Name)}
	_, s.Pinned = d.pins.Pinned(*p)
	d.healthStatus(&s, p)
	if !p.APIKey.IsZero() {
		s.KeyMasked, s.KeyFingerprint = p.APIKey.Masked(), p.APIKey.Fingerprint()
	}
	return s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d *Daemon) ledgerStatus() admin.LedgerStatus {
	h, last := d.journal.State(), d.loop.State()
	st := admin.LedgerStatus{
		File: d.opt.Paths.LedgerFile, JournalBytes: h.Bytes, Waiting: h.Waiting, Degraded: h.Degraded, Dropped: h.Dropped,
		LastFold: last.At, Holder: last.Result.Holder, FoldError: last.Result.Err,
	}
	return st
}

// use changes the one line of the file, or keeps the choice where that is not possible, and
// then reloads as if the user had saved it.
func (d *Daemon) use(ctx context.Context, name string) (admin.Verdict, error) {
	choice, err := admin.LoadChoice(d.opt.Paths.ActiveFile)
	if err != nil {
		return admin.Verdict{}, err
	}
	if name == "-" {
		if name = choice.Previous; name == "" {
			return admin.Verdict{}, &admin.Error{Code: admin.CodeNotFound, Message: "no profile was active before", Fix: "prism use NAME"}
		}
	}
	f := d.read(ctx)
	if f.Problems.Errors() > 0 {
		return d.refused("use", f.Problems), nil
	}
	if f.Profiles.Profile(name) == nil {
		return admin.Verdict{}, &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf("no profile is named %q", name), Fix: "prism profiles list"}
	}
	// Nothing is written that would then be refused: the file would say one thing and the answers another.
	if _, _, problems := d.compile(f, name, d.base.Load().book); problems.Errors() > 0 {
		return d.refused("use", problems), nil
	}
	now, _ := choice.Effective(f.Profiles.Active)
	var note string
	if now != name {
		opt := admin.SetOptions{
			Path: f.Path, Choice: d.opt.Paths.ActiveFile, Now: now, InFile: f.Profiles.Active, Src: f.Src, State: f.State, Splice: Splice,
		}
		set, err := admin.SetActive(ctx, opt, name)
		if err != nil {
			return admin.Verdict{}, useError(name, err)
		}
		note = set.Note(opt, f.Profiles.ActivePos.Line)
	}
	v := d.load(ctx, "use", false)
	if note != "" {
		v.Notes = append(v.Notes, note)
	}
	return v, nil
}

// refused says that the file on the disk is not one to go by.
func (d *Daemon) refused(trigger string, problems config.Problems) admin.Verdict {
	v := d.verdict(trigger)
	v.Problems = problems
	return v
}

func useError(name string, err error) error {
	if errors.Is(err, config.ErrChanged) {
		return &admin.Error{Code: "file_changed", Message: "profiles.yaml changed while it was being written; nothing was lost", Fix: fmt.Sprintf("prism use %s, once more", name)}
	}
	return err
}

// Splice replaces the one scalar of active:. A file whose MAC covers clear values goes
// through sops, which renews it.
func Splice(ctx context.Context, src []byte, name string) ([]byte, error) {
	if sealed.IsSealed(src) && sealed.FullMAC(src) {
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		out, err := sealed.SetScalar(ctx, src, "active", name)
		if errors.Is(err, sealed.ErrNoScalar) {
			// The splice knows whether it is missing or sealed.
			if _, why := config.SpliceActive(src, name); why != nil {
				err = why
			}
		}
		return out, err
	}
	return config.SpliceActive(src, name)
}

// trust confirms the host of a profile's key and reloads.
func (d *Daemon) trust(ctx context.Context, name string) (admin.Verdict, error) {
	f := d.read(ctx)
	if f.Problems.Errors() > 0 {
		return d.refused("trust", f.Problems), nil
	}
	p := f.Profiles.Profile(name)
	if p == nil {
		return admin.Verdict{}, &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf("no profile is named %q", name), Fix: "prism profiles list"}
	}
	if err := d.pins.Trust(*p); err != nil {
		return admin.Verdict{}, fmt.Errorf("trust %s: %w", name, err)
	}
	v := d.load(ctx, "trust", false)
	v.Notes = append(v.Notes, fmt.Sprintf("the key of %s may be sent to %s", p.Name, p.Origin()))
	return v, nil
}
