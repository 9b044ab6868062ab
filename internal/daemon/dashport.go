package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/dashboard"
)

// Bounds of the dashboard port. What takes longer there, a stream of events or a download, sets
// limits of its own.
const (
	dashboardClients = 64               // a browser opens six connections, and every open page holds one
	dashboardRead    = 10 * time.Second // a whole request
	dashboardWrite   = 30 * time.Second
	dashboardIdle    = time.Minute
	dashboardHeader  = 32 << 10 // bytes: a query of SQL is part of the address
)

// dashboardOff is the setting that opens no dashboard port.
const dashboardOff = "off"

// openDashboard opens the dashboard port, unless the settings say otherwise. Where it cannot be
// had the gateway runs without: nobody's request depends on it.
func (d *Daemon) openDashboard(ctx context.Context, done *cleanups) error {
	ln := d.dashboardListener(ctx)
	if ln == nil {
		return nil
	}
	d.dashboard = ln.Addr().String()
	var err error
	if d.pages, err = dashboard.New(d.dashboardOptions(ln)); err != nil {
		_ = ln.Close()
		return err
	}
	g := newGate(ln, dashboardClients, d.log)
	g.full = "clients of the dashboard port wait: too many at a time"
	server := &http.Server{
		Handler:           d.pages,
		ReadHeaderTimeout: min(d.opt.Settings.Timeouts.ReadHeader, dashboardRead),
		ReadTimeout:       dashboardRead,
		WriteTimeout:      dashboardWrite,
		IdleTimeout:       dashboardIdle,
		MaxHeaderBytes:    dashboardHeader,
		ConnState:         g.note,
		ConnContext:       d.pages.ConnContext,
		ErrorLog:          quietLog(d.log),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(g) }()
	done.add(func() {
		d.pages.Close()
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.log.Error().Err(err).Msg("dashboard port ended")
		}
	})
	return nil
}

// dashboardListener takes the socket that was opened for us, or opens one; nil = there is to be none, or
// none is to be had.
func (d *Daemon) dashboardListener(ctx context.Context) net.Listener {
	ln, address := d.opt.Dashboard, d.opt.Settings.Dashboard
	off := address == dashboardOff || address == ""
	switch {
	case ln != nil && off:
		_ = ln.Close()
		d.log.Warn().Str(keyListen, ln.Addr().String()).Str(keyFix, "disable the socket unit of the dashboard, or set dashboard: "+ln.Addr().String()+" in prism.yaml").
			Msg("the inherited dashboard port is not served: the settings say off")
		return nil
	case ln != nil:
		if at := ln.Addr().String(); !sameAddress(at, address) {
			d.log.Warn().Str(keyListen, at).Str(keyFix, "set dashboard: "+at+" in prism.yaml, or ListenStream="+address+" in the socket unit").
				Msg("the inherited dashboard port is not the one that the settings name")
		}
		return ln
	case off:
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		d.log.Warn().Err(portError(address, err)).Str(keyFix, "set dashboard: 127.0.0.1:PORT in prism.yaml, or dashboard: off").
			Msg("no dashboard port; requests are served all the same")
		return nil
	}
	return ln
}

func (d *Daemon) dashboardOptions(ln net.Listener) dashboard.Options {
	monitor := d.monitor()
	if !d.opt.Settings.Telemetry.Scrape {
		monitor.Metrics = nil
	}
	// The address itself comes first: prism ui leads there.
	address := ln.Addr().String()
	hosts := slices.DeleteFunc(hostsOf(ln.Addr()), func(h string) bool { return h == address })
	return dashboard.Options{
		Gateway: control{d}, Feed: d.feed, Monitor: monitor, Hosts: append([]string{address}, hosts...), Sessions: filepath.Join(d.opt.Paths.State, "dashboard.json"), Version: d.opt.Version, Logger: d.log,
		Data: d.data.Register, Ready: d.answering.Load, Own: d.own(), Profiles: d.liveProfiles, Sealed: d.liveSealed, Clouds: d.opt.Clouds, Redact: d.redact, Zone: d.opt.Zone, CodeLife: d.opt.CodeLife, Now: d.opt.Now,
	}
}

// liveProfiles are those of the live table; nil before the first load.
func (d *Daemon) liveProfiles() *config.Profiles {
	if t := d.router.Table(); t != nil {
		return t.Config
	}
	return nil
}

// liveSealed tells whether the text of the live table is sealed on the disk.
func (d *Daemon) liveSealed() bool {
	fs := d.file.Load()
	return fs != nil && fs.live != nil && fs.live.Sealed
}

// redact takes the keys of the live table, and of all files that were read lately, out of what a
// page is told.
func (d *Daemon) redact(b []byte) []byte {
	if t := d.router.Table(); t != nil {
		b = t.RedactBytes(b)
	}
	if d.opt.Secrets == nil {
		return b
	}
	return []byte(d.opt.Secrets.Redact(string(b)))
}

// plain is redact for a text.
func (d *Daemon) plain(s string) string { return string(d.redact([]byte(s))) }

// shown puts the errors before the warnings, and takes keys out of what is said about a file: it goes
// to the ledger, to a webhook and to desktops.
func (d *Daemon) shown(ps config.Problems) config.Problems {
	out := ordered(ps)
	for i := range out {
		texts := []*string{&out[i].Message, &out[i].Excerpt}
		if out[i].Code != config.CodePinMismatch { // there they are made of the name of the profile, which must stay one
			texts = append(texts, &out[i].Path, &out[i].Fix)
		}
		for _, text := range texts {
			*text = d.plain(*text)
		}
	}
	return out
}

// ordered is a copy in which the errors come first: what is shown of several is the first one.
func ordered(ps config.Problems) config.Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b config.Problem) int {
		switch grave := a.Severity == config.SeverityError; {
		case grave == (b.Severity == config.SeverityError):
			return 0
		case grave:
			return -1
		}
		return 1
	})
	return out
}

var _ admin.Pages = control{}

// Code makes a one-time code of the dashboard.
func (c control) Code() (admin.UICode, error) {
	if c.d.pages == nil {
		return admin.UICode{}, admin.NoDashboard()
	}
	return c.d.pages.Code(), nil
}

// monitor is what the dashboard port and the control socket answer to tools that watch services.
func (d *Daemon) monitor() *admin.Monitor {
	return &admin.Monitor{Ready: d.readiness, Metrics: d.telemetry}
}

// readiness tells whether requests are answered right now.
func (d *Daemon) readiness() admin.Readiness {
	var r admin.Readiness
	switch {
	case d.leaving.Load():
		r.Reasons = append(r.Reasons, "draining: prism stops")
	case !d.answering.Load():
		r.Reasons = append(r.Reasons, "starting: no requests are answered yet")
	default:
		r.Ready = true
	}
	if !r.Ready {
		return r
	}
	if h := d.journal.State(); h.Degraded != "" {
		r.Reasons = append(r.Reasons, "the journal cannot be written: "+h.Degraded)
		r.Ready = d.opt.Settings.Audit != "strict"
	}
	if fs := d.file.Load(); fs != nil && fs.problems.Err() != nil {
		r.Reasons = append(r.Reasons, "profiles.yaml was refused; the table before it answers")
	}
	return r
}
