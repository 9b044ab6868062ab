package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"prism/internal/admin"
)

// Bounds of the dashboard port. Nothing that is asked there takes long.
const (
	dashboardClients = 16
	dashboardRead    = 10 * time.Second // a whole request
	dashboardWrite   = 30 * time.Second
	dashboardIdle    = time.Minute
	dashboardHeader  = 16 << 10 // bytes
)

// dashboardOff is the setting that opens no dashboard port.
const dashboardOff = "off"

// openDashboard opens the dashboard port, unless the settings say otherwise. Where it cannot be
// had the gateway runs without: nobody's request depends on it.
func (d *Daemon) openDashboard(ctx context.Context, done *cleanups) {
	ln, address := d.opt.Dashboard, d.opt.Settings.Dashboard
	if ln == nil {
		if address == dashboardOff || address == "" {
			return
		}
		var err error
		if ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err != nil {
			d.log.Warn().Err(portError(address, err)).Str(keyFix, "set dashboard: 127.0.0.1:PORT in prism.yaml, or dashboard: off").
				Msg("no dashboard port; requests are served all the same")
			return
		}
	}
	d.dashboard = ln.Addr().String()
	g := newGate(ln, dashboardClients, d.log)
	g.full = "clients of the dashboard port wait: too many at a time"
	monitor := d.monitor()
	if !d.opt.Settings.Telemetry.Scrape {
		monitor.Metrics = nil
	}
	server := &http.Server{
		Handler:           admin.DashboardHandler(monitor, hostsOf(ln.Addr())),
		ReadHeaderTimeout: min(d.opt.Settings.Timeouts.ReadHeader, dashboardRead),
		ReadTimeout:       dashboardRead,
		WriteTimeout:      dashboardWrite,
		IdleTimeout:       dashboardIdle,
		MaxHeaderBytes:    dashboardHeader,
		ConnState:         g.note,
		ErrorLog:          quietLog(d.log),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(g) }()
	done.add(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			d.log.Error().Err(err).Msg("dashboard port ended")
		}
	})
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
